#include "spool/candidate.h"
#include "spool/date_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "scratch_spool.h"

enum { SIZE = 5 };

static struct batch batch;
static struct date_dir *date;

static int enter(void **state)
{
    if (enter_scratch_spool(state) != 0)
        return 1;
    batches_init(&batch, 1, SIZE);
    date = date_dir_new(spool, NULL, DAY);
    return date == NULL;
}

static int leave(void **state)
{
    batches_free(&batch, 1);
    date_dir_release(date);
    return leave_scratch_spool(state);
}

static int a_directory(void)
{
    int directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(directory >= 0);
    return directory;
}

static bool is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) >= 0;
}

static void batches_begin_empty(void **state)
{
    (void)state;
    struct batch batches[3];
    batches_init(batches, 3, SIZE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(batches[i].count, 0);
        assert_int_equal(batches[i].size, SIZE);
        assert_in_range(batches[i].held, 0, SIZE);
        assert_false(batches[i].look_up);
    }
    batches_free(batches, 3);
}

static void a_crash_that_was_found_is_kept_whole(void **state)
{
    (void)state;
    char why[] = "no dump";
    struct pair pair = pair_of(ID, "20081226");
    assert_true(batch_add_found(&batch, &pair, -1, date, QUARANTINED, why));
    memset(why, 'x', strlen(why));
    struct candidate *candidate = &batch.items[0];
    assert_int_equal(batch.count, 1);
    assert_string_equal(candidate->crash.name, ID);
    assert_ptr_equal(candidate->pair.spool, spool);
    assert_string_equal(candidate->pair.id.text, ID);
    assert_string_equal(candidate->pair.day, "20081226");
    assert_int_equal(candidate->directory, -1);
    assert_ptr_equal(candidate->date_directory, date);
    assert_int_equal(candidate->verdict, QUARANTINED);
    assert_string_equal(candidate->why, "no dump");
    assert_null(candidate->processor);
    assert_null(candidate->request);
    /* The name does not depend on where the caller has the pair. */
    memset(&pair, 'x', sizeof pair);
    assert_string_equal(candidate->crash.name, ID);
}

static void a_pair_that_is_ready_needs_no_reason(void **state)
{
    (void)state;
    struct pair pair = pair_of(ID, DAY);
    assert_true(batch_add_found(&batch, &pair, -1, date, QUEUED, NULL));
    assert_null(batch.items[0].why);
}

static void the_first_ones_keep_their_directories_open(void **state)
{
    (void)state;
    size_t before = open_descriptors();
    struct pair pair = pair_of(ID, DAY);
    int directories[SIZE];
    batch.held = 2;
    for (int i = 0; i < SIZE; i++) {
        directories[i] = a_directory();
        assert_true(batch_add_found(&batch, &pair, directories[i], date, QUEUED, NULL));
        assert_int_equal(batch.items[i].directory, i < 2 ? directories[i] : -1);
    }
    assert_int_equal(batch.count, SIZE);
    assert_int_equal(open_descriptors(), before + 2);
    assert_true(is_open(directories[0]));
    assert_true(is_open(directories[1]));
    batch_clear(&batch);
    assert_int_equal(open_descriptors(), before);
}

/* In a process of its own, as the hard limit cannot be raised again. */
static int hold_as_many_as_may_be(rlim_t limit, size_t least, size_t most)
{
    struct rlimit files = {.rlim_cur = limit, .rlim_max = limit};
    struct batch batches[2];
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        return 2;
    batches_init(batches, 2, 500);
    size_t held = batches[0].held + batches[1].held;
    return held >= least && held <= most ? 0 : 1;
}

static void holds_no_more_directories_than_there_can_be_descriptors(void **state)
{
    (void)state;
    static const struct {
        rlim_t limit;
        size_t least, most;
    } cases[] = {{20, 0, 0}, {500, 2, 499}, {4000, 1000, 1000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(hold_as_many_as_may_be(cases[i].limit, cases[i].least, cases[i].most));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

static void the_date_directory_is_held_until_the_batch_is_cleared(void **state)
{
    (void)state;
    struct pair pair = pair_of(ID, DAY);
    assert_true(batch_add_found(&batch, &pair, -1, date, QUEUED, NULL));
    assert_true(batch_add_found(&batch, &pair, -1, date, QUEUED, NULL));
    assert_int_equal(date->holders, 3);
    batch_clear(&batch);
    assert_int_equal(date->holders, 1);
}

static void a_request_may_have_any_text(void **state)
{
    (void)state;
    char text[] = "'); DROP TABLE jobs; --";
    struct candidate *candidate = batch_add_request(&batch, text);
    memset(text, 'x', strlen(text));
    assert_ptr_equal(candidate, &batch.items[0]);
    assert_int_equal(batch.count, 1);
    assert_string_equal(candidate->request, "'); DROP TABLE jobs; --");
    assert_string_equal(candidate->crash.name, "'); DROP TABLE jobs; --");
    assert_null(candidate->pair.spool);
    assert_int_equal(candidate->directory, -1);
    assert_null(candidate->date_directory);
    assert_int_equal(candidate->verdict, LEFT);
    assert_null(candidate->processor);
    assert_string_equal(batch_add_request(&batch, "")->request, "");
}

static void a_new_verdict_replaces_the_old_one(void **state)
{
    (void)state;
    char why[] = "too young";
    struct candidate *candidate = batch_add_request(&batch, ID);
    candidate_judge(candidate, GIVEN_UP, why);
    memset(why, 'x', strlen(why));
    assert_int_equal(candidate->verdict, GIVEN_UP);
    assert_string_equal(candidate->why, "too young");
    candidate_judge(candidate, RAISED, "it is in the queue");
    assert_int_equal(candidate->verdict, RAISED);
    assert_string_equal(candidate->why, "it is in the queue");
}

static void a_batch_is_filled_again_as_if_it_were_new(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < SIZE; i++) {
            struct candidate *candidate = batch_add_request(&batch, ID);
            assert_ptr_equal(candidate, &batch.items[i]);
            assert_null(candidate->why);
            assert_null(candidate->crash.reason);
            candidate_judge(candidate, REJECTED, "no id");
            crash_set(&candidate->crash, REJECTED, "no id");
        }
        batch_clear(&batch);
        assert_int_equal(batch.count, 0);
    }
}

static void each_candidate_is_taken_once_and_is_the_takers_then(void **state)
{
    (void)state;
    struct pair pair = pair_of(ID, DAY);
    for (int round = 0; round < 2; round++) {
        assert_null(batch_take(&batch));
        batch_clear(&batch);
        for (int i = 0; i < 3; i++)
            assert_true(batch_add_found(&batch, &pair, -1, date, QUEUED, NULL));
        assert_int_equal(date->holders, 4);
        assert_ptr_equal(batch_take(&batch), &batch.items[0]);
        assert_ptr_equal(batch_take(&batch), &batch.items[1]);
        candidate_clear(&batch.items[0]);
        candidate_clear(&batch.items[1]);
        assert_int_equal(date->holders, 2);
        if (round == 0) {
            assert_ptr_equal(batch_take(&batch), &batch.items[2]);
            assert_null(batch_take(&batch));
            assert_null(batch_take(&batch));
            candidate_clear(&batch.items[2]);
        }
        batch_clear(&batch); /* which lets go of the others only */
        assert_int_equal(batch.count, 0);
        assert_int_equal(date->holders, 1);
    }
}

#define with_batch(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_batch(batches_begin_empty),
        with_batch(a_crash_that_was_found_is_kept_whole),
        with_batch(a_pair_that_is_ready_needs_no_reason),
        with_batch(the_first_ones_keep_their_directories_open),
        with_batch(holds_no_more_directories_than_there_can_be_descriptors),
        with_batch(the_date_directory_is_held_until_the_batch_is_cleared),
        with_batch(a_request_may_have_any_text),
        with_batch(a_new_verdict_replaces_the_old_one),
        with_batch(each_candidate_is_taken_once_and_is_the_takers_then),
        with_batch(a_batch_is_filled_again_as_if_it_were_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
