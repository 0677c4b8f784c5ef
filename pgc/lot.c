#include "lot.h"

#include "base/milliseconds.h"
#include "base/signals.h"

static const size_t first_size = 50;
static const long aim = 100; /* ms */

/* How many of the jobs it takes. */
static size_t measure(const struct lot *lot, const struct finished_job *jobs, size_t count)
{
    size_t end = 0;
    for (size_t pairs = 0; end < count; end++) {
        pairs += jobs[end].move.unwanted;
        if (pairs > lot->size)
            break;
    }
    return end;
}

static size_t count_deleted(const struct finished_job *jobs, size_t count)
{
    size_t deleted = 0;
    for (size_t i = 0; i < count; i++)
        deleted += jobs[i].is_gone;
    return deleted;
}

/* Few take nearly as long as many, for the flush and the commit: that alone makes none smaller. */
static void adapt(struct lot *lot, size_t deleted, long locked)
{
    size_t next = deleted * (size_t)aim / (size_t)(locked + 1);
    if (next > lot->size || locked > aim)
        lot->size = next > first_size ? next : first_size;
}

bool lot_bisect(struct lot *lot, const struct bisect *work, const struct finished_job *jobs,
                size_t count)
{
    bool good = true, goes_on = true;
    if (lot->size == 0)
        lot->size = first_size;
    for (size_t first = 0, size; first < count; first += size) {
        long started = milliseconds();
        size = measure(lot, jobs + first, count - first);
        if (!goes_on) {
            bisect_leave(work, first, size);
            continue;
        }
        good = bisect_part(work, first, size);
        adapt(lot, count_deleted(jobs + first, size), milliseconds() - started);
        goes_on = good && signals_caught() == 0 && !bisect_will_jump(work->refusals);
    }
    return good;
}
