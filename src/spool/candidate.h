/* candidate.h - a crash on its way from the spool into the queue, with a verdict, from the spool,
 * and in the end an outcome, each with its reason; and a batch of them, for one transaction. */
#ifndef CANDIDATE_H
#define CANDIDATE_H

#include "report/outcome.h"
#include "spool/pair.h"

struct date_dir;

struct candidate {
    struct crash crash;              /* first, for bisect.h; enqueue.h sets the outcome */
    struct pair pair;                /* pair.spool NULL: no pair to queue */
    int directory;                   /* of its files; -1: not held open */
    struct date_dir *date_directory; /* of its date link; NULL: found by its id */

    /* What to do if it is not in the queue: QUEUED when the pair is ready, LEFT when it is not yet,
     * QUARANTINED when it should be by now. For a request without a pair, its outcome. */
    enum outcome verdict;
    char *why;             /* of the verdict; NULL for QUEUED */
    const char *processor; /* name of the processor assigned, or NULL */
    char *request;         /* text of the request, or NULL; */
    char *since;           /* when it was made, as the server tells it, or NULL; */
    bool is_old;           /* and whether that is more than a day ago */
    bool is_finished;      /* it has a job, which is; set by enqueue.h */
    bool keeps_request;    /* although its job has been raised: somebody has locked it */
};

struct batch {
    struct candidate *items;
    size_t count, size;
    _Atomic size_t taken; /* calls of batch_take(): may exceed `count` */
    size_t held;          /* how many, the first ones, keep their directories open */
    bool look_up;         /* in the queue before inserting: some may not be new, which is rare */
};

/* Initialises `count` empty batches for `size` candidates each. They hold as many directories of
 * pairs open as possible, to save a second search. Call while there is one thread (dir_reserve). */
void batches_init(struct batch batches[], size_t count, size_t size);

/* Adds a crash that was found by its date link; there must be room. Takes over the directory of the
 * pair (-1: not open), holds the date directory (NULL: there is none), and copies the reason. False
 * when out of memory: then nothing is added, and the directory is closed. */
bool batch_add_found(struct batch *batch, const struct pair *pair, int directory,
                     struct date_dir *date_directory, enum outcome verdict, const char *why);

/* Adds a request of any text; there must be room. It has the verdict LEFT. NULL: out of memory. */
struct candidate *batch_add_request(struct batch *batch, const char *text);

/* The same for `count` of them; false when out of memory for one. */
bool batch_add_requests(struct batch *batch, char *const texts[], long count);

/* Changes the verdict; the reason (not NULL, and not its own) is copied. */
void candidate_judge(struct candidate *candidate, enum outcome verdict, const char *why);

/* Whether its date link came in the last `taken` microseconds, or its files did by
 * location_came_after(), or at a time that is still to come. From then on its links are removed
 * only if they are older than `taken`. */
bool candidate_came_within(struct candidate *candidate, long long taken, long long ended);

/* Logs how a batch has ended, and how many of it are LEFT. */
void batch_log(const struct batch *batch, bool done);

/* A candidate that nobody else has taken, for the caller to clear; NULL when all are taken. In this
 * way several threads may share a batch. */
struct candidate *batch_take(struct batch *batch);

/* Free what a candidate holds, once; what those of a batch hold that were not taken; all batches.
 */
void candidate_clear(struct candidate *candidate);
void batch_clear(struct batch *batch);
void batches_free(struct batch batches[], size_t count);

#endif
