#include "bisect.h"

#include "base/quote.h"

enum { REFUSALS_MAXIMUM = 10 }; /* for each batch */

static struct crash *crash_at(const struct bisect *bisect, size_t index)
{
    return (struct crash *)(void *)((char *)bisect->crashes + index * bisect->size);
}

static void leave(const struct bisect *bisect, size_t first, size_t count, const char *reason)
{
    for (size_t i = first; i < first + count; i++)
        crash_set(crash_at(bisect, i), LEFT, "%s", reason);
}

void bisect_leave(const struct bisect *bisect, size_t count)
{
    leave(bisect, 0, count, "its batch was not reached");
}

static bool try_part(const struct bisect *bisect, size_t first, size_t count, int *refusals)
{
    char name[QUOTE_SIZE];
    struct failure failure;
    enum db_status status = bisect->transact(bisect->context, first, count, &failure);
    if (status == DB_OK)
        return true;
    bool is_refused = status == DB_FAILED || status == DB_OVERTAKEN;
    if (is_refused && count > 1) {
        size_t half = count / 2;
        if (try_part(bisect, first, half, refusals))
            return try_part(bisect, first + half, count - half, refusals);
        leave(bisect, first + half, count - half, "its batch was not reached");
        return false;
    }
    leave(bisect, first, count, failure.text);
    if (!is_refused)
        return report_error(bisect->report, db_exit_code(status), "%s", failure.text);
    log_error("%s; %s stays for the next run", failure.text,
              quote(name, crash_at(bisect, first)->name));
    return ++*refusals < REFUSALS_MAXIMUM ||
           report_error(bisect->report, EXIT_INTERNAL,
                        "the database refuses too many crashes of a batch; the run ends");
}

bool bisect(const struct bisect *bisect, size_t count)
{
    int refusals = 0;
    return count == 0 || try_part(bisect, 0, count, &refusals);
}
