#include "spool/file.h"
#include "spool/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "scratch_spool.h"

enum { HOUR = 3600 };

static struct timespec later_by(long seconds)
{
    return (struct timespec){.tv_sec = spool->now.tv_sec + seconds, .tv_nsec = spool->now.tv_nsec};
}

static void a_time_is_past_when_it_is_so_long_ago(void **state)
{
    (void)state;
    const struct timespec then = later_by(-100);
    assert_true(spool_is_past(spool, &then, 90));
    assert_false(spool_is_past(spool, &then, 110));
    assert_false(spool_is_ahead(spool, &then));
}

static void a_time_that_lies_ahead_is_not_past(void **state)
{
    (void)state;
    const struct timespec then = later_by(HOUR);
    assert_false(spool_is_past(spool, &then, 0));
    assert_true(spool_is_ahead(spool, &then));
}

static void clocks_may_differ_a_little(void **state)
{
    (void)state;
    const struct timespec then = later_by(30);
    assert_false(spool_is_past(spool, &then, 0));
    assert_false(spool_is_ahead(spool, &then));
}

/* The clock of a file system goes in steps: until a file is newer than the spool was opened. */
static void the_clock_is_asked_again_for_what_is_newer(void **state)
{
    (void)state;
    struct stat status;
    do {
        write_file("new", "");
        assert_int_equal(stat("new", &status), 0);
    } while (time_is_past(&status.st_mtim, 0, &spool->now));
    assert_true(spool_is_past(spool, &status.st_mtim, 0));
}

static void a_clock_that_cannot_be_asked_again_says_nothing_of_what_is_newer(void **state)
{
    (void)state;
    const struct timespec ahead = later_by(HOUR);
    assert_int_equal(chmod(".", 0555), 0);
    become_nobody();
    assert_false(spool_is_ahead(spool, &ahead));
    assert_false(spool_is_past(spool, &ahead, 0));
    become_root_again();
    chmod(".", 0755);
    assert_true(spool_is_ahead(spool, &ahead));
}

static void without_a_file_of_its_own_its_clock_is_not_known(void **state)
{
    (void)state;
    struct failure failure;
    const struct timespec then = later_by(-30), ahead = later_by(HOUR), old = later_by(-100);
    assert_true(spool_has_clock(spool));
    assert_int_equal(chmod(".", 0555), 0);
    become_nobody();
    struct spool *other = spool_open(PLACE_STORAGE, scratch_directory, ".json", ".dump", &failure);
    become_root_again();
    chmod(".", 0755);
    assert_non_null(other);
    assert_false(spool_has_clock(other));
    assert_false(spool_is_past(other, &then, 0));
    assert_true(spool_is_past(other, &old, 0));
    assert_false(spool_is_ahead(other, &ahead));
    spool_close(other);
}

static void a_clock_that_is_lost_while_a_run_is_at_work_is_not_known_any_more(void **state)
{
    (void)state;
    const struct timespec then = later_by(-30);
    assert_int_equal(chmod(".", 0555), 0);
    become_nobody();
    spool_ask_clock(spool);
    become_root_again();
    chmod(".", 0755);
    assert_false(spool_has_clock(spool));
    assert_int_equal(errno, EACCES);
    assert_true(spool_is_past(spool, &then, 0)); /* as its time goes on */
    assert_false(spool_is_past(spool, &then, 31));
}

static struct timespec write_new_file(void)
{
    struct stat status;
    write_file("new", "");
    assert_int_equal(stat("new", &status), 0);
    return status.st_mtim;
}

/* A file from before is no newer, and one from after no older, but for a tick of the clock. */
static void the_time_goes_on_between_two_looks_at_the_clock(void **state)
{
    (void)state;
    spool_ask_clock(spool);
    const struct timespec end = spool_time_ago(spool, -100000);
    bool has_gone_on = false;
    for (int i = 0; i < 1000000 && !has_gone_on; i++) {
        struct timespec before = write_new_file();
        spool_ask_clock(spool);
        struct timespec now = spool_time(spool);
        struct timespec with_tick = spool_time_ago(spool, 0),
                        less_a_tick = spool_time_ago(spool, 20000);
        struct timespec after = write_new_file();
        assert_true(time_is_past(&before, 0, &with_tick));
        assert_true(time_is_past(&less_a_tick, 0, &after));
        has_gone_on = time_is_past(&end, 0, &now);
    }
    assert_true(has_gone_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(a_time_is_past_when_it_is_so_long_ago),
        in_scratch_spool(a_time_that_lies_ahead_is_not_past),
        in_scratch_spool(clocks_may_differ_a_little),
        in_scratch_spool(the_clock_is_asked_again_for_what_is_newer),
        in_scratch_spool(a_clock_that_cannot_be_asked_again_says_nothing_of_what_is_newer),
        in_scratch_spool(without_a_file_of_its_own_its_clock_is_not_known),
        in_scratch_spool(a_clock_that_is_lost_while_a_run_is_at_work_is_not_known_any_more),
        in_scratch_spool(the_time_goes_on_between_two_looks_at_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
