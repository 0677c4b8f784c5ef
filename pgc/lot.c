#include "lot.h"

#include "base/milliseconds.h"
#include "base/signals.h"

enum { FIRST = 50, LOCKED = 100 /* ms */ };

/* One that was smaller, as no more jobs were left, does not tell how long a larger one takes. */
static void adapt(struct lot *lot, bool is_full, long locked)
{
    if (is_full && locked < LOCKED)
        lot->doublings++;
    for (; locked > LOCKED * 2 && lot->doublings > 0; locked /= 2)
        lot->doublings--;
}

bool lot_bisect(struct lot *lot, const struct bisect *work, size_t count)
{
    bool good = true, goes_on = true;
    for (size_t first = 0, size; first < count; first += size) {
        long started = milliseconds();
        size_t full = (size_t)FIRST << lot->doublings;
        size = full < count - first ? full : count - first;
        if (!goes_on) {
            bisect_leave(work, first, size);
            continue;
        }
        good = bisect_part(work, first, size);
        adapt(lot, size == full, milliseconds() - started);
        goes_on = good && signals_caught() == 0 && !bisect_will_jump(work->refusals);
    }
    return good;
}
