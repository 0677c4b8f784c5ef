/* pipeline.h - items pass through stages, each of which runs in a thread of its own.
 *
 * A stage works on one item at a time, in the order in which they were put in, and gets an item
 * when the stage before has finished it. So each item goes through its steps in order, and the disk
 * works on one item while another waits for the database. The owner uses `length` + 1 items by
 * turns. */
#ifndef PIPELINE_H
#define PIPELINE_H

#include <stdbool.h>
#include <stddef.h>

enum { PIPELINE_STAGES = 2, PIPELINE_LENGTH = 3 }; /* at most */

struct pipeline;

typedef void pipeline_stage(void *context, void *item);

/* A pipeline of `count` stages and up to `length` items; NULL when out of memory. It starts no
 * thread: a run that finds nothing needs none. */
struct pipeline *pipeline_new(pipeline_stage *const stages[], size_t count, size_t length,
                              void *context);

/* Starts the threads, so that the first item does not wait for them; else pipeline_put() does. */
void pipeline_start(struct pipeline *pipeline);

/* Puts an item in and waits until at most `length` are in the pipeline: then the next one in turn
 * is the owner's again. If a thread cannot be started, runs the stages itself. */
void pipeline_put(struct pipeline *pipeline, void *item);

/* Calls work(context, item); if the owner waits or asks meanwhile, it calls help(context, item),
 * once, at the same time. For one of the stages only. Returns when both are done. */
void pipeline_share(struct pipeline *pipeline, pipeline_stage *work, pipeline_stage *help,
                    void *item);

/* The owner, busy with something else, asks whether it can help: it does, or goes on at once. */
void pipeline_help(struct pipeline *pipeline);

/* In such work: whether the owner helps by now. */
bool pipeline_is_helped(struct pipeline *pipeline);

/* Waits until every item has passed all stages; then the owner may use what they use.
 * pipeline_free() also ends the threads; NULL is harmless. */
void pipeline_wait(struct pipeline *pipeline);
void pipeline_free(struct pipeline *pipeline);

#endif
