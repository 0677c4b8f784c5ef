/* oldest_jobs.h - the oldest jobs of a storage, found by the indexes on them, as they may be behind
 * any number of others. */
#ifndef OLDEST_JOBS_H
#define OLDEST_JOBS_H

#include "db_status.h"

#include <stdbool.h>

/* Ages in seconds; below 0: there is none that has one. The finished ones are those of the thousand
 * with the lowest ids: there may be older ones. Of those that wait behind a thousand of other
 * storages, with the same owner and priority, none is seen. */
struct oldest_jobs {
    bool is_waiting; /* some job is */
    long long waiting, started, finished, failed;
    bool has_starter; /* the oldest started one has an owner: */
    int starter;
};

enum db_status oldest_jobs_read(const char *storage, struct oldest_jobs *oldest,
                                struct failure *failure);

#endif
