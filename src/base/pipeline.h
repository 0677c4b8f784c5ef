/* pipeline.h - items that go through several stages, each in a thread of its own.
 *
 * The owner prepares an item and puts it in. Each stage works on one item at a time, in the order
 * in which they were put in; an item reaches a stage when the stage before is done with it. So the
 * order of steps holds for each item, while different items are at different stages: what waits for
 * the database does not keep the disk from working.
 *
 *     struct pipeline *pipeline = pipeline_new(stages, 2, LENGTH, false, context);
 *     while (...) {
 *         prepare items[next];
 *         pipeline_put(pipeline, &items[next]);
 *         next = (next + 1) % (LENGTH + 1);
 *     }
 *     pipeline_free(pipeline);
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include <stdbool.h>
#include <stddef.h>

enum { PIPELINE_STAGES = 2, PIPELINE_LENGTH = 3 }; /* at most */

struct pipeline;

typedef void pipeline_stage(void *context, void *item);

/* A pipeline of `count` stages that holds up to `length` items. With `shares` the owner, while it
 * has to wait, does the last stage's work, too, on the item that is there: the work must be such
 * that two threads can share it. NULL when there is no memory. No thread is started yet: a run that
 * finds nothing needs none. */
struct pipeline *pipeline_new(pipeline_stage *const stages[], size_t count, size_t length,
                              bool shares, void *context);

/* Starts the threads, so that the first item need not wait for them; else pipeline_put() does. */
void pipeline_start(struct pipeline *pipeline);

/* Puts an item in, and waits until no more than `length` are in it: then the item that was put in
 * `length` items before is the owner's again. Where a thread cannot be started, the stages
 * are done at once, here. */
void pipeline_put(struct pipeline *pipeline, void *item);

/* Waits until every item has gone through all stages: then what the stages work with is the
 * owner's. */
void pipeline_wait(struct pipeline *pipeline);

/* Waits likewise, and ends the threads. Harmless with NULL. */
void pipeline_free(struct pipeline *pipeline);

#endif
