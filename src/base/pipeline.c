#include "base/pipeline.h"

/* With the mutex, which is free during the work. */
static void work_on_next(struct pipeline *pipeline)
{
    size_t place = pipeline->worked % PIPELINE_LENGTH;
    pthread_mutex_unlock(&pipeline->mutex);
    bool result = pipeline->work(pipeline->context, pipeline->items[place]);
    pthread_mutex_lock(&pipeline->mutex);
    pipeline->results[place] = result;
    pipeline->worked++;
    pthread_cond_broadcast(&pipeline->changed);
}

static void *run(void *argument)
{
    struct pipeline *pipeline = argument;
    pthread_mutex_lock(&pipeline->mutex);
    while (true) {
        while (pipeline->worked == pipeline->put && !pipeline->closing)
            pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
        if (pipeline->worked == pipeline->put)
            break;
        work_on_next(pipeline);
    }
    pthread_mutex_unlock(&pipeline->mutex);
    return NULL;
}

void pipeline_init(struct pipeline *pipeline, bool (*work)(void *context, void *item),
                   void *context)
{
    *pipeline = (struct pipeline){.work = work, .context = context};
    pthread_mutex_init(&pipeline->mutex, NULL);
    pthread_cond_init(&pipeline->changed, NULL);
}

size_t pipeline_count(const struct pipeline *pipeline)
{
    return pipeline->put - pipeline->taken;
}

void pipeline_start(struct pipeline *pipeline)
{
    if (!pipeline->running)
        pipeline->running = pthread_create(&pipeline->thread, NULL, run, pipeline) == 0;
}

void pipeline_put(struct pipeline *pipeline, void *item)
{
    pipeline_start(pipeline);
    pthread_mutex_lock(&pipeline->mutex);
    pipeline->items[pipeline->put % PIPELINE_LENGTH] = item;
    pipeline->put++;
    pthread_cond_broadcast(&pipeline->changed);
    if (!pipeline->running)
        work_on_next(pipeline);
    pthread_mutex_unlock(&pipeline->mutex);
}

void *pipeline_oldest(const struct pipeline *pipeline)
{
    return pipeline->items[pipeline->taken % PIPELINE_LENGTH];
}

/* Until so many items have been worked on. */
static void await(struct pipeline *pipeline, size_t count)
{
    pthread_mutex_lock(&pipeline->mutex);
    while (pipeline->worked < count)
        pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
    pthread_mutex_unlock(&pipeline->mutex);
}

void *pipeline_take(struct pipeline *pipeline, bool *result)
{
    size_t place = pipeline->taken % PIPELINE_LENGTH;
    await(pipeline, ++pipeline->taken);
    *result = pipeline->results[place];
    return pipeline->items[place];
}

void pipeline_rest(struct pipeline *pipeline)
{
    await(pipeline, pipeline->put);
}

void pipeline_stop(struct pipeline *pipeline)
{
    if (!pipeline->running)
        return;
    pthread_mutex_lock(&pipeline->mutex);
    pipeline->closing = true;
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->mutex);
    pthread_join(pipeline->thread, NULL);
    pipeline->running = false;
}
