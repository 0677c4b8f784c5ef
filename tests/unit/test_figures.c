#include "report/figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void numbers_have_groups_of_three_digits(void **state)
{
    char text[FIGURE_SIZE];
    (void)state;
    assert_string_equal(figure_number(text, 0), "0");
    assert_string_equal(figure_number(text, 999), "999");
    assert_string_equal(figure_number(text, 1000), "1,000");
    assert_string_equal(figure_number(text, -1234567), "-1,234,567");
    assert_string_equal(figure_number(text, INT64_MIN), "-9,223,372,036,854,775,808");
}

static void a_count_says_whether_it_is_whole(void **state)
{
    char text[FIGURE_SIZE];
    struct count count = {.number = 1234};
    (void)state;
    assert_string_equal(figure_count(text, &count), "unknown");
    count.state = COUNT_PARTIAL;
    assert_string_equal(figure_count(text, &count), "more than 1,234");
    count.state = COUNT_COMPLETE;
    assert_string_equal(figure_count(text, &count), "1,234");
    count = (struct count){.state = COUNT_PARTIAL};
    assert_string_equal(figure_count(text, &count), "0 so far");
}

static void ages_have_two_units(void **state)
{
    char text[FIGURE_SIZE];
    (void)state;
    assert_string_equal(figure_age(text, -1), "none");
    assert_string_equal(figure_age(text, 59), "59 s");
    assert_string_equal(figure_age(text, 60), "1 min 0 s");
    assert_string_equal(figure_age(text, 3599), "59 min 59 s");
    assert_string_equal(figure_age(text, 3600), "1 h 0 min");
    assert_string_equal(figure_age(text, 86399), "23 h 59 min");
    assert_string_equal(figure_age(text, 90000), "1 d 1 h");
    assert_string_equal(figure_age(text, INT64_MAX), "106751991167300 d 15 h");
    assert_string_equal(figure_ago(text, 60), "1 min 0 s ago");
    assert_string_equal(figure_ago(text, -1), "none");
    assert_string_equal(figure_seconds(text, 0.123), "0.12 s");
    assert_string_equal(figure_seconds(text, 75.9), "1 min 15 s");
}

static void sizes_have_a_unit(void **state)
{
    char text[FIGURE_SIZE];
    (void)state;
    assert_string_equal(figure_size(text, 999), "999 B");
    assert_string_equal(figure_size(text, 1000), "1.0 kB");
    assert_string_equal(figure_size(text, 999949), "999.9 kB");
    assert_string_equal(figure_size(text, 999950), "1.0 MB");
    assert_string_equal(figure_size(text, 24900000000), "24.9 GB");
    assert_string_equal(figure_size(text, UINT64_MAX), "18.4 EB");
}

static void a_time_is_that_of_utc(void **state)
{
    char text[FIGURE_SIZE];
    (void)state;
    assert_string_equal(figure_time(text, 0), "1970-01-01T00:00:00Z");
    assert_string_equal(figure_time(text, 1230249600), "2008-12-26T00:00:00Z");
    assert_string_equal(figure_time(text, INT64_MAX), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_that_of_utc),
        cmocka_unit_test(numbers_have_groups_of_three_digits),
        cmocka_unit_test(a_count_says_whether_it_is_whole),
        cmocka_unit_test(ages_have_two_units),
        cmocka_unit_test(sizes_have_a_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
