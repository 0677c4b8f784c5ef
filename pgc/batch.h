/* batch.h - crashes on their way from the spool into the queue, one transaction's worth.
 *
 * The spool and the database know nothing of each other; a batch is where they meet. */
#ifndef BATCH_H
#define BATCH_H

#include "jobs.h"
#include "options/options.h"
#include "spool/pair.h"
#include "processors.h"
#include "spool/walk.h"

/* A crash that was found in a spool. */
struct arrival {
    struct pair pair;
    int directory;             /* of its files, or -1 where it is not held open */
    struct branch *branch;     /* where its date link was found; NULL: found by its id */
    char *reason;              /* why it is no pair; NULL: it is one */
    bool overdue;              /* it should have become one by now */
    const char *processor;     /* the name of the one that it was assigned to, or NULL */
    struct standing *standing; /* in the queue */
};

struct batch {
    const char *storage, *suffix; /* of the metadata */
    bool dry_run;                 /* make no rows */
    struct arrival *arrivals;
    struct standing *standings; /* in step */
    size_t count, size;
    _Atomic size_t taken; /* by batch_take(): so many, the first ones; more when there was none left */
    size_t held; /* so many of its crashes, the first ones, keep their directories open */
    bool look_up; /* before rows are made: not all in it is sure to be new, which is rare */
    bool has_processors; /* filled in by batch_queue(): somebody was alive */
};

/* A batch of crashes, `held` of which keep their directories open (see dir_reserve()): such a crash is
 * looked at again, and its name link is removed, where it was found, without another search. The options
 * must live on. */
void batch_init(struct batch *batch, const struct options *options, size_t held);

/* Adds a crash; there must be room. Takes over its directory (-1: it is not open), to close it sooner or
 * later; takes a copy of the reason and holds the branch. False when there is no memory; then nothing
 * is added. */
bool batch_add(struct batch *batch, const struct pair *pair, int directory, struct branch *branch,
               const char *reason, bool overdue);

/* Within a transaction: of `count` crashes from the one at `first`, assigns those that are ready and
 * not yet queued to live processors, and makes their rows. Without a live processor no row is made.
 * DB_AGAIN when a crash is queued already, as the next attempt will know, or was put away since it was
 * found; then it is ready no more. */
enum db_status batch_queue(struct batch *batch, size_t first, size_t count,
                           struct processors *processors);

/* A crash that is the caller's from now on, who lets go of it in the end; NULL when all are taken.
 * Several threads may take from a batch. */
struct arrival *batch_take(struct batch *batch);
void arrival_clear(struct arrival *arrival);

/* Lets go of everything in it that has not been taken. */
void batch_clear(struct batch *batch);

void batch_free(struct batch *batch);

#endif
