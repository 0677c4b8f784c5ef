#include "spool/layout.h"
#include "spool/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

static char ours[PATH_MAX + NAME_MAX];

static bool is_known(struct failure *failure)
{
    const char *const paths[] = {NULL, ours};
    snprintf(ours, sizeof ours, "%s/ours/deep", scratch_directory);
    *failure = (struct failure){0};
    return layout_is_known(spool, paths, 2, failure);
}

static void expect_known(void)
{
    struct failure failure;
    if (!is_known(&failure))
        fail_msg("%s", failure.text);
}

static void expect_unknown(const char *why)
{
    struct failure failure;
    assert_false(is_known(&failure));
    assert_int_equal(failure.error, 0);
    assert_non_null(strstr(failure.text, why));
}

static void an_empty_root_is_known_and_what_is_ours_does_not_count(void **state)
{
    (void)state;
    expect_known();
    make_directories("quarantine");
    make_directories("lost+found");
    make_directories("ours");
    make_file(".crashmon", "", 0);
    expect_known();
    make_directories("our");
    expect_unknown("has no directory of a day (YYYYMMDD), but \"our\"");
    make_directories(DAY);
    expect_known();
}

static void the_last_day_that_is_not_empty_decides(void **state)
{
    (void)state;
    make_directories("20081224/branch");
    expect_unknown("\"branch\", but no directory \"name\"");
    make_directories("20081226");
    expect_unknown("20081224");
    make_directories("20081225/date");
    expect_known();
    make_directories("20081225/branch");
    expect_unknown("\"branch\", but no directory \"name\"");
    make_directories("20081225/name");
    expect_known();
    assert_int_equal(rmdir("20081225/date"), 0);
    expect_unknown("\"branch\", but no directory \"date\"");
    assert_int_equal(rmdir("20081225/branch"), 0);
    expect_known();
    make_link("20081227", "nowhere", 0);
    make_file("20081228", "", 0);
    expect_known();
}

static void a_root_that_cannot_be_read_is_a_failure(void **state)
{
    (void)state;
    struct failure failure;
    assert_int_equal(chmod(".", 0111), 0);
    become_nobody();
    assert_false(is_known(&failure));
    assert_int_equal(failure.error, EACCES);
    become_root_again();
    chmod(".", 0755);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(an_empty_root_is_known_and_what_is_ours_does_not_count),
        in_scratch_spool(the_last_day_that_is_not_empty_decides),
        in_scratch_spool(a_root_that_cannot_be_read_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
