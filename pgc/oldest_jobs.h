/* oldest_jobs.h - the oldest jobs of a storage, and those that have ended, found by the indexes on
 * them, as they may be behind any number of others. */
#ifndef OLDEST_JOBS_H
#define OLDEST_JOBS_H

#include "db_status.h"

#include <stdbool.h>

/* Ages in seconds; below 0: there is none that has one. Of those that wait behind a thousand of
 * other storages, with the same owner and priority, none is seen. */
struct oldest_jobs {
    bool is_waiting; /* some job is */
    long long waiting, started;
    bool has_starter; /* the oldest started one has an owner: */
    int starter;
};

enum db_status oldest_jobs_read(const char *storage, struct oldest_jobs *oldest,
                                struct failure *failure);

/* Some of the jobs that have ended. They may be anywhere in the table: more would take too long for
 * one statement where the disk has to be asked for each. */
enum { ENDED_JOBS_MAXIMUM = 5000 };

struct ended_jobs {
    long number;                                     /* less than the maximum: there are no more */
    long long last;                                  /* the highest id of them */
    long long finished, failed, missing;             /* how many of them; */
    long long finished_age, failed_age, missing_age; /* of the oldest, as above */
};

/* The next ones, in order of their ids, which are above `last`. */
enum db_status ended_jobs_read(const char *storage, long long last, struct ended_jobs *ended,
                               struct failure *failure);

#endif
