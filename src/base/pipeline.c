#include "base/pipeline.h"

#include <pthread.h>
#include <stdlib.h>

/* Bytes for a thread, whatever `ulimit -s` says: a stage may call libraries that need 100 KiB. */
enum { STACK_SIZE = 1 << 20 };

struct stage {
    struct pipeline *pipeline;
    pipeline_stage *work;
    size_t done; /* items finished */
    pthread_t thread;
};

struct pipeline {
    struct stage stages[PIPELINE_STAGES];
    size_t count, length;
    void *context;
    pthread_mutex_t mutex; /* guards what follows, and every `done` */
    pthread_cond_t changed;
    void *items[PIPELINE_LENGTH + 1]; /* item n is at n % (PIPELINE_LENGTH + 1) */
    size_t put;
    pipeline_stage *shared; /* work that the owner may take part in, */
    void *shared_item;
    bool is_helping; /* and it does */
    bool started, has_threads, closing;
};

/* How many items have reached a stage: those that the stage before has finished. */
static size_t ready_for(const struct stage *stage)
{
    const struct pipeline *pipeline = stage->pipeline;
    return stage == pipeline->stages ? pipeline->put : stage[-1].done;
}

static void *run(void *argument)
{
    struct stage *stage = argument;
    struct pipeline *pipeline = stage->pipeline;
    pthread_mutex_lock(&pipeline->mutex);
    while (true) {
        while (stage->done == ready_for(stage) && !pipeline->closing)
            pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
        if (stage->done == ready_for(stage))
            break;
        void *item = pipeline->items[stage->done % (PIPELINE_LENGTH + 1)];
        pthread_mutex_unlock(&pipeline->mutex);
        stage->work(pipeline->context, item);
        pthread_mutex_lock(&pipeline->mutex);
        stage->done++;
        pthread_cond_broadcast(&pipeline->changed);
    }
    pthread_mutex_unlock(&pipeline->mutex);
    return NULL;
}

struct pipeline *pipeline_new(pipeline_stage *const stages[], size_t count, size_t length,
                              void *context)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (pipeline == NULL)
        return NULL;
    pipeline->count = count;
    pipeline->length = length;
    pipeline->context = context;
    for (size_t i = 0; i < count; i++)
        pipeline->stages[i] = (struct stage){.pipeline = pipeline, .work = stages[i]};
    pthread_mutex_init(&pipeline->mutex, NULL);
    pthread_cond_init(&pipeline->changed, NULL);
    return pipeline;
}

/* Ends the first `count` threads when they have no more work. */
static void end_threads(struct pipeline *pipeline, size_t count)
{
    pthread_mutex_lock(&pipeline->mutex);
    pipeline->closing = true;
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->mutex);
    for (size_t i = 0; i < count; i++)
        pthread_join(pipeline->stages[i].thread, NULL);
}

void pipeline_start(struct pipeline *pipeline)
{
    pthread_attr_t with_stack;
    if (pipeline->started)
        return;
    pipeline->started = pipeline->has_threads = true;
    pthread_attr_init(&with_stack);
    pthread_attr_setstacksize(&with_stack, STACK_SIZE);
    for (size_t i = 0; i < pipeline->count && pipeline->has_threads; i++) {
        struct stage *stage = &pipeline->stages[i];
        if (pthread_create(&stage->thread, &with_stack, run, stage) != 0) {
            end_threads(pipeline, i);
            pipeline->has_threads = false;
        }
    }
    pthread_attr_destroy(&with_stack);
}

void pipeline_share(struct pipeline *pipeline, pipeline_stage *work, pipeline_stage *help,
                    void *item)
{
    pthread_mutex_lock(&pipeline->mutex);
    pipeline->shared = help;
    pipeline->shared_item = item;
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->mutex);
    work(pipeline->context, item);
    pthread_mutex_lock(&pipeline->mutex);
    pipeline->shared = NULL;
    while (pipeline->is_helping)
        pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
    pthread_mutex_unlock(&pipeline->mutex);
}

bool pipeline_is_helped(struct pipeline *pipeline)
{
    pthread_mutex_lock(&pipeline->mutex);
    bool is_helping = pipeline->is_helping;
    pthread_mutex_unlock(&pipeline->mutex);
    return is_helping;
}

static void help(struct pipeline *pipeline)
{
    pipeline_stage *work = pipeline->shared;
    void *item = pipeline->shared_item;
    pipeline->shared = NULL;
    pipeline->is_helping = true;
    pthread_mutex_unlock(&pipeline->mutex);
    work(pipeline->context, item);
    pthread_mutex_lock(&pipeline->mutex);
    pipeline->is_helping = false;
    pthread_cond_broadcast(&pipeline->changed);
}

void pipeline_help(struct pipeline *pipeline)
{
    pthread_mutex_lock(&pipeline->mutex);
    if (pipeline->shared != NULL)
        help(pipeline);
    pthread_mutex_unlock(&pipeline->mutex);
}

/* Waits until at most `left` items are in the pipeline. */
static void await(struct pipeline *pipeline, size_t left)
{
    const struct stage *last = &pipeline->stages[pipeline->count - 1];
    pthread_mutex_lock(&pipeline->mutex);
    while (pipeline->put - last->done > left)
        if (pipeline->shared != NULL)
            help(pipeline);
        else
            pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
    pthread_mutex_unlock(&pipeline->mutex);
}

void pipeline_put(struct pipeline *pipeline, void *item)
{
    pipeline_start(pipeline);
    if (!pipeline->has_threads) {
        for (size_t i = 0; i < pipeline->count; i++)
            pipeline->stages[i].work(pipeline->context, item);
        return;
    }
    pthread_mutex_lock(&pipeline->mutex);
    pipeline->items[pipeline->put++ % (PIPELINE_LENGTH + 1)] = item;
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->mutex);
    await(pipeline, pipeline->length);
}

void pipeline_wait(struct pipeline *pipeline)
{
    await(pipeline, 0);
}

void pipeline_free(struct pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    pipeline_wait(pipeline);
    if (pipeline->has_threads)
        end_threads(pipeline, pipeline->count);
    pthread_mutex_destroy(&pipeline->mutex);
    pthread_cond_destroy(&pipeline->changed);
    free(pipeline);
}
