/* jobs.h - the queue: the rows of the table jobs. All within a transaction. */
#ifndef JOBS_H
#define JOBS_H

#include "array.h"
#include "session.h"

#include <stddef.h>

/* How a crash stands in the queue. */
enum job_state {
    JOB_NONE,  /* there is no row */
    JOB_SAME,  /* this very pair is queued */
    JOB_OTHER, /* the row is of another pair: of another storage, or under another day */
};

/* Begins as {0}. */
struct standing {
    enum job_state state;
    char *other; /* for JOB_OTHER: storage and pathname of the row; malloc'd */
};

/* Fills in how each of these crashes stands; what was there before is freed. A crash has its id in one
 * list and in the other the path of its metadata from the day on, as a root may be mounted elsewhere
 * tomorrow. */
enum db_status jobs_look_up(const char *storage, const struct array *uuids,
                            const struct array *relatives, struct standing *standings);

/* Rows to be made, with a list of each column. A pathname is <root><directory>/<uuid><suffix>: what most
 * have in common is sent once, as the size of the lists is what a batch costs both sides. */
struct new_jobs {
    const char *storage, *root, *suffix;
    struct array uuids, directories, owners;
};

/* Makes them, of crashes that have none, as far as is known. DB_AGAIN when there is one all the same,
 * DB_FAILED when a crash comes twice. */
enum db_status jobs_queue(const struct new_jobs *jobs);

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
