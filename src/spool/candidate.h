/* candidate.h - a crash in the hands of crashmon-scan or crashmon-priority, on its way from the
 * spool into the queue, and a batch of such crashes: one transaction's worth.
 *
 * It carries what the spool says of it (the verdict), and in the end what became of it (the
 * outcome), each with its reason. */
#ifndef CANDIDATE_H
#define CANDIDATE_H

#include "report/outcome.h"
#include "spool/pair.h"

struct date_dir;

struct candidate {
    struct crash crash; /* first, as bisect.h wants it; the outcome is set by enqueue.h */
    struct pair pair;   /* pair.spool NULL: there is no pair to be queued */
    int directory;      /* of its files, or -1 where it is not held open */
    struct date_dir
        *date_directory; /* where its date link was found; NULL: it was found by its id */

    /* What is to become of it if it is not in the queue: QUEUED when the pair is ready, LEFT when
     * it is not yet, QUARANTINED when it should have become one by now. Of a request also what has
     * become of it without a pair. */
    enum outcome verdict;
    char *why;             /* of the verdict; NULL for QUEUED */
    const char *processor; /* the name of the one that it was assigned to; NULL: to none */
    char *request;         /* the text of a request; NULL: nobody asked for it */
};

struct batch {
    struct candidate *items;
    size_t count, size;
    _Atomic size_t taken; /* by batch_take(): so many, the first ones, or more */
    size_t held;          /* so many, the first ones, keep their directories open */
    bool look_up;         /* before rows are made: not all of it is sure to be new, which is rare */
};

/* Makes `count` batches for `size` candidates each, all empty. They keep as many of the pairs'
 * directories open as there can be descriptors for: such a pair is looked at again, and its name
 * link is removed, where it was found, without another search. To be called while there is one
 * thread (see dir_reserve()). */
void batches_init(struct batch batches[], size_t count, size_t size);

/* Adds a crash that was found by its date link; there must be room. Takes over the directory of the
 * pair (-1: it is not open), holds the date directory (not NULL), and takes a copy of the reason.
 * False when there is no memory; then nothing is added, and the directory is closed. */
bool batch_add_found(struct batch *batch, const struct pair *pair, int directory,
                     struct date_dir *date_directory, enum outcome verdict, const char *why);

/* Adds a request, whatever its text is; there must be room. The candidate has no pair, and its
 * verdict is LEFT. NULL when there is no memory. */
struct candidate *batch_add_request(struct batch *batch, const char *text);

/* Gives a candidate another verdict; the reason (not NULL, and not its own) is copied. */
void candidate_judge(struct candidate *candidate, enum outcome verdict, const char *why);

/* A candidate that nobody else has taken, to be cleared in the end; NULL when all are taken.
 * Several threads may share a batch in this way. */
struct candidate *batch_take(struct batch *batch);

/* Lets go of all that a candidate holds: once, and only of one that was taken. */
void candidate_clear(struct candidate *candidate);

/* Empties a batch, and lets go of every candidate that has not been taken. */
void batch_clear(struct batch *batch);

void batches_free(struct batch batches[], size_t count);

#endif
