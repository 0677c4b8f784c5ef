#include "bisect.h"

#include "base/pause.h"
#include "base/quote.h"
#include "base/signals.h"
#include "session.h"

#include <stdatomic.h>
#include <time.h>

/* In quarters rather than halves, as what waits for a lock waits once for each level. */
enum { PARTS = 4, ATTEMPTS = 5, REFUSALS_MAXIMUM = 20, LOST_MAXIMUM = 10 };

/* Milliseconds that a statement may take, in a part of a batch, and in a whole batch or for one
 * crash; where these are more, one for each. What a site's trigger does for one crash may take
 * long, and the others wait. */
enum { LIMIT_PART = 200, LIMIT = 1000 };

/* The crashes in whose transaction this thread is; NULL: in none whose outcomes count. Another
 * thread may have one of its own between two of these. */
static _Thread_local const struct bisect *current;
static _Thread_local size_t current_first, current_count;

static struct crash *crash_at(const struct bisect *bisect, size_t index)
{
    return (struct crash *)(void *)((char *)bisect->crashes + index * bisect->size);
}

static void leave(const struct bisect *bisect, size_t first, size_t count, const char *reason)
{
    for (size_t i = first; i < first + count; i++)
        crash_wait(crash_at(bisect, i), "%s", reason);
}

void bisect_leave(const struct bisect *bisect, size_t first, size_t count)
{
    leave(bisect, first, count, "its batch was not reached");
}

bool bisect_jumps(struct refusals *refusals)
{
    return atomic_exchange(&refusals->jumps, false);
}

bool bisect_will_jump(const struct refusals *refusals)
{
    return refusals->jumps;
}

bool bisect_was_refused(const struct refusals *refusals)
{
    return refusals->in_a_row >= REFUSALS_MAXIMUM || refusals->lost >= (double)LOST_MAXIMUM;
}

bool bisect_add_outcomes(struct tally *tally)
{
    bool any = false;
    for (size_t i = current_first; current != NULL && i < current_first + current_count; i++) {
        enum outcome outcome = crash_at(current, i)->outcome;
        bool counts = current->counts(outcome);
        tally->outcomes[outcome] += counts;
        tally->seen += counts;
        any = any || counts;
    }
    return any;
}

void bisect_count_outcomes(void)
{
    for (size_t i = current_first; current != NULL && i < current_first + current_count; i++)
        if (current->counts(crash_at(current, i)->outcome))
            report_commit(current->report, crash_at(current, i));
    current = NULL;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void note_success(struct refusals *refusals, double took)
{
    refusals->in_a_row = 0;
    refusals->lost = took < refusals->lost ? refusals->lost - took : 0;
}

static enum db_status transact_once(const struct bisect *bisect, size_t first, size_t count,
                                    struct failure *failure)
{
    current = bisect->counts != NULL ? bisect : NULL;
    current_first = first;
    current_count = count;
    enum db_status status = bisect->transact(bisect->context, first, count, failure);
    current = NULL;
    return status;
}

/* What may work when it is tried again is, as a whole: where only a part of it is refused, one
 * crash is to blame. */
static enum db_status transact(const struct bisect *bisect, size_t first, size_t count,
                               bool is_whole, struct failure *failure)
{
    long limit = is_whole || count == 1 ? LIMIT : LIMIT_PART;
    session_limit((long)count > limit ? (long)count : limit);
    enum db_status status = transact_once(bisect, first, count, failure);
    for (int retry = 1;
         retry < ATTEMPTS && (status == DB_CHANGED || (db_may_work_again(status) && is_whole));
         retry++) {
        log_info("%s; trying again", failure->text);
        if (status != DB_CHANGED)
            pause_before(retry);
        status = transact_once(bisect, first, count, failure);
    }
    return status;
}

/* What is only locked by somebody else waits as it should. */
static void keep(const struct bisect *bisect, size_t index, enum db_status status,
                 const char *reason)
{
    char name[QUOTE_SIZE];
    struct crash *crash = crash_at(bisect, index);
    quote(name, crash->name);
    if (status == DB_BUSY) {
        log_warning("%s; %s stays for the next run", reason, name);
        crash_wait(crash, "%s", reason);
    } else {
        report_refusal(bisect->report, db_exit_code(status), "%s; %s stays for the next run",
                       reason, name);
        crash_set(crash, LEFT, "%s", reason);
    }
}

/* How a part has ended: whether those behind it are tried, and whether the run goes on. */
enum ending { GO_ON, LEAVE_REST, END_RUN };

/* What is locked has been told to the log alone. */
static enum ending count_refusal(struct refusals *refusals, enum db_status status,
                                 const char *reason, struct report *report)
{
    refusals->in_a_row++;
    if (!bisect_was_refused(refusals))
        return GO_ON;
    const char *next = refusals->has_jumped ? "the run ends" : "the run goes on at another place";
    if (refusals->in_a_row >= REFUSALS_MAXIMUM && status == DB_BUSY)
        report_error(report, db_exit_code(status),
                     "%d crashes in a row were refused, at last: %s; %s", REFUSALS_MAXIMUM, reason,
                     next);
    else if (refusals->in_a_row >= REFUSALS_MAXIMUM)
        report_error(report, db_exit_code(status), "%d crashes in a row were refused; %s",
                     REFUSALS_MAXIMUM, next);
    else
        report_error(report, db_exit_code(status), "what was refused has taken more than %d s; %s",
                     LOST_MAXIMUM, next);
    if (refusals->has_jumped)
        return END_RUN;
    refusals->has_jumped = true;
    refusals->jumps = true;
    refusals->in_a_row = 0;
    refusals->lost = 0;
    return LEAVE_REST;
}

static enum ending try_part(const struct bisect *bisect, size_t first, size_t count, bool is_whole)
{
    struct failure failure;
    enum ending ending = GO_ON;
    double started = seconds();
    enum db_status status = transact(bisect, first, count, is_whole, &failure);
    double took = seconds() - started;
    if (status == DB_OK) {
        note_success(bisect->refusals, took);
        return GO_ON;
    }
    if (!db_is_refused(status)) {
        leave(bisect, first, count, "its batch stays for the next run");
        report_error(bisect->report, db_exit_code(status), "%s; the batch stays for the next run",
                     failure.text);
        return END_RUN;
    }
    bisect->refusals->lost += took;
    if (count == 1) {
        keep(bisect, first, status, failure.text);
        return count_refusal(bisect->refusals, status, failure.text, bisect->report);
    }
    for (size_t i = 1, begin = 0, end; i <= PARTS; i++, begin = end) {
        end = count * i / PARTS;
        if (ending == GO_ON && signals_caught() != 0)
            ending = LEAVE_REST;
        if (ending != GO_ON)
            bisect_leave(bisect, first + begin, end - begin);
        else if (end > begin)
            ending = try_part(bisect, first + begin, end - begin, false);
    }
    return ending;
}

bool bisect(const struct bisect *bisect, size_t count)
{
    return bisect_part(bisect, 0, count);
}

bool bisect_part(const struct bisect *bisect, size_t first, size_t count)
{
    return count == 0 || try_part(bisect, first, count, true) != END_RUN;
}
