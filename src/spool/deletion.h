/* deletion.h - deletes the pairs of finished jobs (put_away.h) in both threads of a pipeline, and
 * has the disk write down what is gone meanwhile: a flush at the end alone would take as long as
 * all deletions. The caller is the thread; main takes over as soon as it can (pipeline_help()). */
#ifndef DELETION_H
#define DELETION_H

#include "base/pipeline.h"
#include "spool/finished_job.h"
#include "spool/flush.h"

#include <stdatomic.h>

/* Zero-initialise what is not given. */
struct deletion {
    struct finished_job *jobs; /* those whose pairs are unwanted, and whose rows are deleted */
    size_t count;
    const char *(*why_left)(void);    /* why no more are deleted; NULL: go on; for any thread */
    void (*meanwhile)(void *context); /* what the thread does once main deletes; NULL: nothing */
    void *context;
    const struct flush_set *changes;
    struct report *report;

    struct pipeline *pipeline;
    _Atomic size_t next;
    _Atomic bool is_whole;    /* no pair had to stay */
    _Atomic bool is_flushed;  /* no flush has failed; */
    struct failure unflushed; /* or why */
};

/* False if a pair had to stay: that is reported. */
bool deletion_run(struct deletion *deletion, struct pipeline *pipeline);

/* Flushes the rest. False with the reason if something that is gone could not be flushed. */
bool deletion_flush(struct deletion *deletion, struct failure *failure);

#endif
