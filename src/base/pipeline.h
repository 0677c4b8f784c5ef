/* pipeline.h - two things at a time: items are worked on in a thread of their own, one after the
 * other, while the owner prepares the next ones and finishes those that are done.
 *
 * crashmon-scan commits batches in one and removes their links in another, crashmon-cleanup flushes what
 * it has put away and deletes the rows: what has to wait for the disk or for the database does not keep
 * the rest from going on. The order of steps stays, for the owner gets an item back only when its work is
 * over. Items come back in the order in which they were put in. */
#ifndef PIPELINE_H
#define PIPELINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Items that are in it at most, worked on or not. Who has so many takes the oldest out right after
 * putting the last in: so the thread has work meanwhile, and one item is free to be prepared. */
enum { PIPELINE_LENGTH = 3 };

struct pipeline {
    bool (*work)(void *context, void *item); /* in the thread */
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void *items[PIPELINE_LENGTH]; /* the n-th item at n % PIPELINE_LENGTH */
    bool results[PIPELINE_LENGTH];
    size_t put, worked, taken; /* how many items ever were */
    bool running, closing;
};

void pipeline_init(struct pipeline *pipeline, bool (*work)(void *context, void *item),
                   void *context);

/* Starts the thread, so that the first item need not wait for it. pipeline_put() does, too: whoever is
 * not sure that an item will come should not pay for a thread. */
void pipeline_start(struct pipeline *pipeline);

size_t pipeline_count(const struct pipeline *pipeline);

/* The one that pipeline_take() would wait for; there must be one. Perhaps it is being worked on. */
void *pipeline_oldest(const struct pipeline *pipeline);

/* Puts an item in; there must be room. When there can be no thread its work is done at once. */
void pipeline_put(struct pipeline *pipeline, void *item);

/* Waits for the oldest item and takes it out; *result is what its work said. */
void *pipeline_take(struct pipeline *pipeline, bool *result);

/* Waits until the thread has nothing to do: then what it works with is the owner's. */
void pipeline_rest(struct pipeline *pipeline);

/* Ends the thread once it has nothing to do. Harmless when it was not started. */
void pipeline_stop(struct pipeline *pipeline);

#endif
