#include "spool/date_dir.h"
#include "spool/pair.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

enum { THREADS = 4, ROUNDS = 30, HOLDS = 200 };

/* DAY/date, with the directory 12 below it. */
struct two {
    struct date_dir *date, *hour;
};

static struct two make_two(bool removable)
{
    struct two two;
    make_directories(DAY "/date/12");
    two.date = date_dir_new(spool, NULL, DAY);
    assert_non_null(two.date);
    two.hour = date_dir_new(spool, two.date, "12");
    assert_non_null(two.hour);
    two.date->removable = two.hour->removable = removable;
    return two;
}

static void knows_its_path_and_its_day(void **state)
{
    (void)state;
    char day[DAY_LENGTH + 1];
    struct two two = make_two(false);
    assert_string_equal(two.date->path, DAY "/date");
    assert_string_equal(two.hour->path, DAY "/date/12");
    date_dir_day(two.date, day);
    assert_string_equal(day, DAY);
    date_dir_day(two.hour, day);
    assert_string_equal(day, DAY);
    date_dir_release(two.hour);
    date_dir_release(two.date);
}

static void is_removed_when_the_last_holder_lets_go(void **state)
{
    (void)state;
    struct two two = make_two(true);
    assert_ptr_equal(date_dir_hold(two.hour), two.hour);
    date_dir_release(two.hour);
    assert_true(is_there(DAY "/date/12"));
    date_dir_release(two.hour);
    expect_missing(DAY "/date/12");
    assert_true(is_there(DAY "/date"));
    date_dir_release(two.date);
    expect_missing(DAY "/date");
    assert_true(is_there(DAY));
}

static void is_held_by_those_below_it(void **state)
{
    (void)state;
    struct two two = make_two(true);
    date_dir_release(two.date);
    assert_true(is_there(DAY "/date/12"));
    assert_string_equal(two.hour->parent->path, DAY "/date");
    date_dir_release(two.hour);
    expect_missing(DAY "/date");
}

static void stays_when_it_is_not_removable(void **state)
{
    (void)state;
    struct two two = make_two(false);
    date_dir_release(two.hour);
    date_dir_release(two.date);
    assert_true(is_there(DAY "/date/12"));
}

static void stays_when_it_is_not_empty(void **state)
{
    (void)state;
    struct two two = make_two(true);
    make_link(DAY "/date/12/x", "nowhere", 0);
    date_dir_release(two.hour);
    date_dir_release(two.date);
    assert_true(is_there(DAY "/date/12/x"));
}

static void one_that_has_vanished_is_let_go_of_all_the_same(void **state)
{
    (void)state;
    struct two two = make_two(true);
    assert_int_equal(rmdir(DAY "/date/12"), 0);
    date_dir_release(two.hour);
    date_dir_release(two.date);
    expect_missing(DAY "/date");
}

static void stays_open_until_all_have_let_go(void **state)
{
    (void)state;
    size_t before = open_descriptors();
    struct stat opened, there;
    struct two two = make_two(false);
    int descriptor = date_dir_open(two.hour);
    assert_true(descriptor >= 0);
    assert_int_equal(date_dir_open(two.hour), descriptor);
    assert_int_equal(fcntl(descriptor, F_GETFL) & O_PATH, O_PATH);
    assert_int_equal(fstat(descriptor, &opened), 0);
    assert_int_equal(stat(DAY "/date/12", &there), 0);
    assert_int_equal(opened.st_ino, there.st_ino);
    date_dir_hold(two.hour);
    date_dir_release(two.hour);
    assert_int_equal(fstat(descriptor, &opened), 0);
    date_dir_release(two.hour);
    date_dir_release(two.date);
    assert_int_equal(open_descriptors(), before);
}

static void opens_neither_a_link_nor_nothing(void **state)
{
    (void)state;
    struct two two = make_two(false);
    struct date_dir *none = date_dir_new(spool, two.date, "none");
    struct date_dir *link = date_dir_new(spool, two.date, "link");
    make_link(DAY "/date/link", "12", 0);
    assert_int_equal(date_dir_open(none), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(date_dir_open(link), -1);
    assert_int_equal(errno, ENOTDIR);
    date_dir_release(none);
    date_dir_release(link);
    date_dir_release(two.hour);
    date_dir_release(two.date);
}

static pthread_barrier_t together;

static void *hold_and_open(void *directory)
{
    pthread_barrier_wait(&together);
    int first = date_dir_open(directory);
    bool good = first >= 0;
    for (int i = 0; i < HOLDS; i++) {
        date_dir_release(date_dir_hold(directory));
        good = good && date_dir_open(directory) == first;
    }
    date_dir_release(directory);
    return good ? NULL : "another descriptor";
}

static void any_thread_may_hold_and_open_it(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    size_t before = open_descriptors();
    assert_int_equal(pthread_barrier_init(&together, NULL, THREADS), 0);
    for (int round = 0; round < ROUNDS; round++) {
        struct two two = make_two(true);
        for (int i = 0; i < THREADS; i++) {
            date_dir_hold(two.hour);
            assert_int_equal(pthread_create(&threads[i], NULL, hold_and_open, two.hour), 0);
        }
        date_dir_release(two.date);
        date_dir_release(two.hour);
        for (int i = 0; i < THREADS; i++) {
            void *trouble;
            pthread_join(threads[i], &trouble);
            assert_null(trouble);
        }
        expect_missing(DAY "/date");
        assert_int_equal(open_descriptors(), before);
    }
    pthread_barrier_destroy(&together);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(knows_its_path_and_its_day),
        in_scratch_spool(is_removed_when_the_last_holder_lets_go),
        in_scratch_spool(is_held_by_those_below_it),
        in_scratch_spool(stays_when_it_is_not_removable),
        in_scratch_spool(stays_when_it_is_not_empty),
        in_scratch_spool(one_that_has_vanished_is_let_go_of_all_the_same),
        in_scratch_spool(stays_open_until_all_have_let_go),
        in_scratch_spool(opens_neither_a_link_nor_nothing),
        in_scratch_spool(any_thread_may_hold_and_open_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
