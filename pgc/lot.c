#include "lot.h"

#include "base/milliseconds.h"
#include "base/signals.h"

static const size_t first_size = 50;
static const long aim = 100; /* ms */

/* One that was smaller, as no more jobs were left, does not tell how long a larger one takes. */
static void adapt(struct lot *lot, size_t size, long locked)
{
    size_t next = size * (size_t)aim / (size_t)(locked + 1);
    if (size == lot->size || locked > aim)
        lot->size = next > first_size ? next : first_size;
}

bool lot_bisect(struct lot *lot, const struct bisect *work, size_t count)
{
    bool good = true, goes_on = true;
    if (lot->size == 0)
        lot->size = first_size;
    for (size_t first = 0, size; first < count; first += size) {
        long started = milliseconds();
        size = lot->size < count - first ? lot->size : count - first;
        if (!goes_on) {
            bisect_leave(work, first, size);
            continue;
        }
        good = bisect_part(work, first, size);
        adapt(lot, size, milliseconds() - started);
        goes_on = good && signals_caught() == 0 && !bisect_will_jump(work->refusals);
    }
    return good;
}
