#include "base/pipeline.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ITEMS = 200, RING = PIPELINE_LENGTH + 1, NOBODY_BASE = 1000000 };

/* The fields are plain: that only one thread has an item at a time is what the sanitizer checks. */
struct item {
    int number;
    int stages_done;
    pthread_t threads[PIPELINE_STAGES];
};

struct context {
    int seen[PIPELINE_STAGES]; /* how many items a stage has had */
    bool out_of_order;
    bool gated;           /* the second stage waits for the gate, once for each item */
    bool waits_for_first; /* the second stage waits until the first has done the next item */
    sem_t gate;
};

static void work(struct context *context, struct item *item, int stage)
{
    if (item->number != context->seen[stage] || item->stages_done != stage)
        context->out_of_order = true;
    context->seen[stage]++;
    item->threads[stage] = pthread_self();
    item->stages_done++;
}

static void first(void *context, void *item)
{
    work(context, item, 0);
    if (((struct context *)context)->waits_for_first)
        sem_post(&((struct context *)context)->gate);
}

static void second(void *context, void *item)
{
    struct context *all = context;
    if (all->gated)
        sem_wait(&all->gate);
    for (int i = 0; i < 2 && all->waits_for_first && ((struct item *)item)->number == 0; i++)
        sem_wait(&all->gate);
    work(context, item, 1);
}

static pipeline_stage *const both[] = {first, second};

static struct pipeline *begin(struct context *context, size_t length)
{
    sem_init(&context->gate, 0, 0);
    struct pipeline *pipeline = pipeline_new(both, 2, length, context);
    assert_non_null(pipeline);
    return pipeline;
}

static void put(struct pipeline *pipeline, struct item *item, int number)
{
    *item = (struct item){.number = number};
    pipeline_put(pipeline, item);
}

static void an_item_is_the_owners_again_after_length_more(void **state)
{
    (void)state;
    for (size_t length = 1; length <= PIPELINE_LENGTH; length++) {
        struct context context = {0};
        struct item items[RING] = {0};
        struct pipeline *pipeline = begin(&context, length);
        for (int i = 0; i < ITEMS; i++) {
            struct item *item = &items[(size_t)i % (length + 1)];
            assert_int_equal(item->stages_done, i <= (int)length ? 0 : 2);
            put(pipeline, item, i);
        }
        pipeline_free(pipeline);
        assert_int_equal(context.seen[0], ITEMS);
        assert_int_equal(context.seen[1], ITEMS);
        assert_false(context.out_of_order);
    }
}

static void *open_gate_soon(void *context)
{
    usleep(20000);
    sem_post(&((struct context *)context)->gate);
    return NULL;
}

static void put_waits_only_for_one_too_many(void **state)
{
    (void)state;
    struct context context = {.gated = true};
    struct item items[RING];
    pthread_t opener;
    struct pipeline *pipeline = begin(&context, PIPELINE_LENGTH);
    for (int i = 0; i < PIPELINE_LENGTH; i++)
        put(pipeline, &items[i], i);
    assert_int_equal(pthread_create(&opener, NULL, open_gate_soon, &context), 0);
    put(pipeline, &items[PIPELINE_LENGTH], PIPELINE_LENGTH);
    assert_int_equal(items[0].stages_done, 2);
    pthread_join(opener, NULL);
    for (int i = 0; i < PIPELINE_LENGTH; i++)
        sem_post(&context.gate);
    pipeline_free(pipeline);
    assert_int_equal(context.seen[1], RING);
}

static void stages_work_on_different_items_at_a_time(void **state)
{
    (void)state;
    struct context context = {.waits_for_first = true};
    struct item items[2];
    struct pipeline *pipeline = begin(&context, 2);
    put(pipeline, &items[0], 0);
    put(pipeline, &items[1], 1);
    pipeline_free(pipeline);
    assert_int_equal(context.seen[1], 2);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            assert_int_equal(pthread_equal(items[0].threads[i], items[1].threads[j]), i == j);
    assert_false(pthread_equal(items[0].threads[0], pthread_self()));
}

static void wait_is_for_all_stages_and_then_more_can_come(void **state)
{
    (void)state;
    struct context context = {.gated = true};
    struct item items[PIPELINE_LENGTH];
    pthread_t openers[2 * PIPELINE_LENGTH];
    struct pipeline *pipeline = begin(&context, PIPELINE_LENGTH);
    pipeline_wait(pipeline);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < PIPELINE_LENGTH; i++) {
            put(pipeline, &items[i], round * PIPELINE_LENGTH + i);
            assert_int_equal(pthread_create(&openers[round * PIPELINE_LENGTH + i], NULL,
                                            open_gate_soon, &context),
                             0);
        }
        pipeline_wait(pipeline);
        assert_int_equal(context.seen[1], (round + 1) * PIPELINE_LENGTH);
    }
    pipeline_free(pipeline);
    for (int i = 0; i < 2 * PIPELINE_LENGTH; i++)
        pthread_join(openers[i], NULL);
    assert_false(context.out_of_order);
}

static void free_waits_likewise(void **state)
{
    (void)state;
    struct context context = {.gated = true};
    struct item item;
    pthread_t opener;
    struct pipeline *pipeline = begin(&context, 1);
    put(pipeline, &item, 0);
    assert_int_equal(pthread_create(&opener, NULL, open_gate_soon, &context), 0);
    pipeline_free(pipeline);
    assert_int_equal(item.stages_done, 2);
    pthread_join(opener, NULL);
}

static void needs_neither_items_nor_threads(void **state)
{
    (void)state;
    struct context context = {0};
    pipeline_free(NULL);
    pipeline_free(begin(&context, PIPELINE_LENGTH));
    struct pipeline *pipeline = begin(&context, PIPELINE_LENGTH);
    pipeline_start(pipeline);
    pipeline_wait(pipeline);
    pipeline_free(pipeline);
    assert_int_equal(context.seen[0], 0);
}

static void one_stage_is_a_pipeline_too(void **state)
{
    (void)state;
    struct context context = {0};
    struct item items[2] = {0};
    struct pipeline *pipeline = pipeline_new(both, 1, 1, &context);
    pipeline_start(pipeline);
    for (int i = 0; i < ITEMS; i++) {
        assert_int_equal(items[i % 2].stages_done, i < 2 ? 0 : 1);
        put(pipeline, &items[i % 2], i);
    }
    pipeline_free(pipeline);
    assert_int_equal(context.seen[0], ITEMS);
    assert_int_equal(context.seen[1], 0);
    assert_false(context.out_of_order);
}

/* Work that two threads can share. */
struct shared {
    pthread_t owner;
    sem_t owner_was_seen;
    bool waits_for_owner;
    struct pipeline *pipeline;
    atomic_int first_done, by_owner, by_thread, strangers, at_work, too_early, too_late;
};

static void prepare(void *context, void *item)
{
    (void)item;
    ((struct shared *)context)->first_done++;
}

static void do_a_part(void *context, void *item)
{
    struct shared *shared = context;
    shared->at_work++;
    shared->too_early += *(int *)item >= shared->first_done;
    shared->by_thread++;
    while (shared->waits_for_owner && !pipeline_is_helped(shared->pipeline))
        sched_yield();
    if (shared->waits_for_owner)
        sem_post(&shared->owner_was_seen);
    shared->at_work--;
}

static void help(void *context, void *item)
{
    struct shared *shared = context;
    shared->at_work++;
    shared->too_early += *(int *)item >= shared->first_done;
    shared->strangers += !pthread_equal(pthread_self(), shared->owner);
    if (shared->waits_for_owner)
        sem_wait(&shared->owner_was_seen);
    shared->by_owner++;
    shared->at_work--;
}

static void share(void *context, void *item)
{
    struct shared *shared = context;
    pipeline_share(shared->pipeline, do_a_part, help, item);
    shared->too_late += shared->at_work + pipeline_is_helped(shared->pipeline);
}

static void put_numbers(struct shared *shared, size_t length)
{
    static pipeline_stage *const stages[] = {prepare, share};
    int numbers[PIPELINE_LENGTH + 1];
    sem_init(&shared->owner_was_seen, 0, 0);
    shared->owner = pthread_self();
    struct pipeline *pipeline = shared->pipeline = pipeline_new(stages, 2, length, shared);
    for (int i = 0; i < ITEMS; i++) {
        numbers[(size_t)i % (length + 1)] = i;
        pipeline_put(pipeline, &numbers[(size_t)i % (length + 1)]);
    }
    pipeline_free(pipeline);
    assert_int_equal(shared->by_thread, ITEMS);
    assert_int_equal(shared->strangers, 0);
    assert_int_equal(shared->too_early, 0);
    assert_int_equal(shared->too_late, 0);
}

static void an_owner_who_has_to_wait_takes_part_in_what_is_shared(void **state)
{
    (void)state;
    for (size_t length = 1; length <= PIPELINE_LENGTH; length++) {
        struct shared always = {.waits_for_owner = true}, maybe = {0};
        put_numbers(&always, length);
        assert_int_equal(always.by_owner, ITEMS); /* once for each item */
        put_numbers(&maybe, length);
        assert_true(maybe.by_owner <= ITEMS);
    }
}

static void an_owner_who_is_busy_takes_part_when_it_asks(void **state)
{
    (void)state;
    static pipeline_stage *const stages[] = {prepare, share};
    struct shared shared = {.waits_for_owner = true, .owner = pthread_self()};
    int numbers[ITEMS];
    sem_init(&shared.owner_was_seen, 0, 0);
    shared.pipeline = pipeline_new(stages, 2, 1, &shared);
    pipeline_help(shared.pipeline); /* there is nothing */
    for (int i = 0; i < ITEMS; i++) {
        numbers[i] = i;
        pipeline_put(shared.pipeline, &numbers[i]);
        while (shared.by_owner == i)
            pipeline_help(shared.pipeline);
    }
    pipeline_free(shared.pipeline);
    assert_int_equal(shared.by_owner, ITEMS);
    assert_int_equal(shared.strangers + shared.too_early + shared.too_late, 0);
}

/* In a process whose user may have `processes` in all, and has no other. */
static int run_with_few_threads(rlim_t processes, bool start)
{
    struct rlimit limit = {.rlim_cur = processes, .rlim_max = processes};
    struct context context = {0};
    struct item items[RING];
    bool good = true;
    if (getuid() == 0 && setuid(NOBODY_BASE + (uid_t)getpid()) != 0)
        return 2;
    if (setrlimit(RLIMIT_NPROC, &limit) != 0)
        return 3;
    sem_init(&context.gate, 0, 0);
    struct pipeline *pipeline = pipeline_new(both, 2, PIPELINE_LENGTH, &context);
    if (start)
        pipeline_start(pipeline);
    for (int i = 0; i < ITEMS; i++) {
        struct item *item = &items[i % RING];
        put(pipeline, item, i);
        good = good && item->stages_done == 2 && pthread_equal(item->threads[0], pthread_self()) &&
               pthread_equal(item->threads[1], pthread_self());
    }
    pipeline_wait(pipeline);
    pipeline_free(pipeline);
    return good && context.seen[1] == ITEMS && !context.out_of_order ? 0 : 1;
}

static void without_threads_the_owner_does_the_stages(void **state)
{
    (void)state;
    /* Nobody but root can be a user who has no other process. */
    for (rlim_t processes = 1; processes <= (getuid() == 0 ? 2 : 1); processes++)
        for (int start = 0; start < 2; start++) {
            int status;
            pid_t child = fork();
            if (child == 0)
                _exit(run_with_few_threads(processes, start));
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_int_equal(status, 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_is_the_owners_again_after_length_more),
        cmocka_unit_test(put_waits_only_for_one_too_many),
        cmocka_unit_test(stages_work_on_different_items_at_a_time),
        cmocka_unit_test(wait_is_for_all_stages_and_then_more_can_come),
        cmocka_unit_test(free_waits_likewise),
        cmocka_unit_test(needs_neither_items_nor_threads),
        cmocka_unit_test(one_stage_is_a_pipeline_too),
        cmocka_unit_test(an_owner_who_has_to_wait_takes_part_in_what_is_shared),
        cmocka_unit_test(an_owner_who_is_busy_takes_part_when_it_asks),
        cmocka_unit_test(without_threads_the_owner_does_the_stages),
    };
    alarm(20); /* what waits for ever fails */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
