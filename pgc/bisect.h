/* bisect.h - repeats a refused transaction in parts, until the crash that is refused is alone: it
 * does not hold back the rest of its batch.
 *
 * After twenty crashes in a row that are refused, most likely all are. And the others have waited
 * long enough when what is refused has taken ten seconds more than what was done since. Then the
 * rest of the batch is left, and the program goes on once at any other place (bisect_jumps()): so
 * those that are refused again and again, and are met first, do not hold back what is behind them
 * for ever. When it is so again, and after any other failure, the run ends. */
#ifndef BISECT_H
#define BISECT_H

#include "db_status.h"
#include "report/report.h"

#include <stddef.h>

/* Of a run; zero at first. */
struct refusals {
    int in_a_row;
    double lost; /* seconds */
    bool has_jumped;
    _Atomic bool jumps;
};

struct bisect {
    struct report *report;
    struct refusals *refusals;
    void *crashes; /* array of items that begin with a struct crash */
    size_t size;   /* of an item, in bytes */

    /* The whole transaction for `count` items from `first` (session_try()), each time from scratch.
     */
    enum db_status (*transact)(void *context, size_t first, size_t count, struct failure *failure);
    void *context;

    /* Which outcomes nothing that comes after their commit can change: the run counts these crashes
     * at once, and reports each of them later. NULL: none. */
    bool (*counts)(enum outcome outcome);
};

/* In the thread of a transaction whose crashes count: adds their outcomes to *tally before the
 * commit; false if there are none. And counts them in the report, after it. */
bool bisect_add_outcomes(struct tally *tally);
void bisect_count_outcomes(void);

/* Processes the first `count` crashes, in one transaction if possible. A crash without a commit
 * becomes LEFT, with the reason. False when the run must end; the reason has been reported. */
bool bisect(const struct bisect *bisect, size_t count);

/* The same for `count` crashes from `first`. */
bool bisect_part(const struct bisect *work, size_t first, size_t count);

/* Makes these LEFT: their batch was not reached. */
void bisect_leave(const struct bisect *work, size_t first, size_t count);

/* Whether the next batch is to begin at a place that is chosen at random among all there are. True
 * once. */
bool bisect_jumps(struct refusals *refusals);

/* Whether it will be so: what was listed before is behind those that were refused. */
bool bisect_will_jump(const struct refusals *refusals);

/* Whether bisect() was false for the sake of refusals alone: then the run may do other work. */
bool bisect_was_refused(const struct refusals *refusals);

#endif
