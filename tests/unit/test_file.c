#include "spool/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CHECK assert_true

#include "scratch_directory.h"
#include "scratch_tree.h"

#include <fcntl.h>

static void a_change_in_the_future_is_that_of_the_inode(void **state)
{
    (void)state;
    const struct timespec now = {.tv_sec = 1000};
    struct stat status = {.st_mtim = {.tv_sec = 900}, .st_ctim = {.tv_sec = 950}};
    assert_int_equal(file_changed(&status, &now).tv_sec, 900);
    status.st_mtim.tv_sec = 2000;
    assert_int_equal(file_changed(&status, &now).tv_sec, 950);
}

static void a_span_has_passed_when_it_is_full(void **state)
{
    (void)state;
    const struct timespec now = {.tv_sec = 100, .tv_nsec = 500};
    const struct timespec then = {.tv_sec = 95, .tv_nsec = 500};
    const struct timespec later = {.tv_sec = 95, .tv_nsec = 501};
    assert_true(time_is_past(&then, 5, &now));
    assert_false(time_is_past(&later, 5, &now));
    assert_true(time_is_past(&now, 0, &now));
}

static void a_file_gets_its_final_name_unless_there_is_one(void **state)
{
    (void)state;
    write_file(".new", "new");
    write_file("old", "old");
    assert_false(file_publish(AT_FDCWD, ".new", "old"));
    assert_int_equal(errno, EEXIST);
    expect_content("old", "old");
    assert_true(file_publish(AT_FDCWD, ".new", "name"));
    expect_content("name", "new");
    expect_missing(".new");
    assert_false(file_publish(AT_FDCWD, ".new", "other"));
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_in_the_future_is_that_of_the_inode),
        cmocka_unit_test(a_span_has_passed_when_it_is_full),
        in_scratch_directory(a_file_gets_its_final_name_unless_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
