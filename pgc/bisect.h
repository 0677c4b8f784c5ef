/* bisect.h - a transaction that is refused (DB_FAILED) for one crash's sake, tried in halves.
 *
 * One bad crash never keeps the others back: a batch that is refused is tried again with each of
 * its halves, and so on, until that crash is alone. When ten of a batch are refused it is not
 * theirs: the run ends. So it does with every other status: transact itself tries again after
 * DB_AGAIN. */
#ifndef BISECT_H
#define BISECT_H

#include "db_status.h"
#include "report/report.h"

#include <stddef.h>

struct bisect {
    struct report *report;
    void *crashes; /* an array whose items begin with a struct crash, */
    size_t size;   /* and have so many bytes */

    /* Does the whole transaction for `count` of them from the one at `first`, each time from
     * scratch. */
    enum db_status (*transact)(void *context, size_t first, size_t count, struct failure *failure);
    void *context;
};

/* Works on the first `count` crashes, as one transaction if that is possible. A crash for which
 * nothing was committed becomes LEFT, with the reason. False when the run cannot go on; the reason
 * has been told. */
bool bisect(const struct bisect *bisect, size_t count);

/* Makes the first `count` crashes LEFT, as nobody will work on them in this run. */
void bisect_leave(const struct bisect *bisect, size_t count);

#endif
