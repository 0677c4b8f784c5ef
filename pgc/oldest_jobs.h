/* oldest_jobs.h - the oldest jobs of a storage, found by the indexes on them, as they may be behind
 * any number of others. */
#ifndef OLDEST_JOBS_H
#define OLDEST_JOBS_H

#include "db_status.h"

#include <stdbool.h>

/* Of the jobs that have ended, only this many are looked at, those with the lowest ids. If
 * finished, failed and missing ones together are as many, there may be more, and older ones. */
enum { OLDEST_JOBS_ENDED = 1000 };

/* Ages in seconds; below 0: there is none that has one. Of those that wait behind a thousand of
 * other storages, with the same owner and priority, none is seen. */
struct oldest_jobs {
    bool is_waiting; /* some job is */
    long long waiting, started, finished, failed, missing;
    int finished_count, failed_count, missing_count;
    bool has_starter; /* the oldest started one has an owner: */
    int starter;
};

enum db_status oldest_jobs_read(const char *storage, struct oldest_jobs *oldest,
                                struct failure *failure);

#endif
