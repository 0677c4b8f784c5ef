/* bisect.h - repeats a refused transaction (DB_FAILED, DB_OVERTAKEN) in halves, until the crash
 * that is refused is alone: it does not hold back the rest of its batch. After ten refusals in a
 * batch, and after any other failure, the run ends. */
#ifndef BISECT_H
#define BISECT_H

#include "db_status.h"
#include "report/report.h"

#include <stddef.h>

struct bisect {
    struct report *report;
    void *crashes; /* array of items that begin with a struct crash */
    size_t size;   /* of an item, in bytes */

    /* The whole transaction for `count` items from `first`, each time from scratch. */
    enum db_status (*transact)(void *context, size_t first, size_t count, struct failure *failure);
    void *context;
};

/* Processes the first `count` crashes, in one transaction if possible. A crash without a commit
 * becomes LEFT, with the reason. False when the run must end; the reason has been reported. */
bool bisect(const struct bisect *bisect, size_t count);

/* Makes the first `count` crashes LEFT: their batch was not reached. */
void bisect_leave(const struct bisect *bisect, size_t count);

#endif
