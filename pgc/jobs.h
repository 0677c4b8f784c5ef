/* jobs.h - the queue: the rows of the table jobs. All within a transaction. */
#ifndef JOBS_H
#define JOBS_H

#include "session.h"

#include <stddef.h>

/* How a crash stands in the queue. */
enum job_state {
    JOB_NONE,  /* there is no row */
    JOB_SAME,  /* this very pair is queued */
    JOB_OTHER, /* the row is of another pair: of another storage, or under another day */
};

/* A pair that is to be queued. All strings are the caller's. */
struct candidate {
    const char *uuid;
    char *pathname;       /* of its metadata */
    const char *relative; /* the same from the day on: it may be mounted elsewhere tomorrow */
    bool ready;       /* false: only ask how it stands */
    int owner;        /* the processor that it is assigned to */
    enum job_state state; /* JOB_NONE before jobs_look_up() */
    char *other;          /* for JOB_OTHER: storage and pathname of the row; malloc'd */
};

/* Fills in the state of each candidate. */
enum db_status jobs_look_up(const char *storage, struct candidate *candidates, size_t count);

/* Makes a row for each candidate that is ready and has none, as far as is known. DB_AGAIN when there is
 * one all the same, DB_FAILED when a crash comes twice. */
enum db_status jobs_queue(const char *storage, const struct candidate *candidates, size_t count);

/* A job that a processor has finished. */
struct finished_job {
    long long id;
    char uuid[50 * 4 + 1]; /* as it stands in the row: perhaps no crash id */
    bool success;
};

/* The next finished jobs of the storage, in order of id: those with an id above `after`, `size`
 * at most, how many in *count. */
enum db_status jobs_list_finished(const char *storage, long long after,
                                  struct finished_job *jobs, size_t size, size_t *count);

/* Deletes rows of finished jobs; `ids` is the text of an array. */
enum db_status jobs_delete(const char *storage, const char *ids);

#endif
