#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "options/duration.h"

static void reads_hours_minutes_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long seconds;
    } good[] = {
        {"00:00:00", 0},       {"00:00:05", 5},      {"00:01:00", 60},
        {"00:05:00", 300},     {"24:00:00", 86400},  {"0:00:59", 59},
        {"100:59:59", 363599}, {"008:00:09", 28809}, {"99999:59:59", 359999999},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        long seconds = -1;
        assert_true(duration_parse(&seconds, good[i].text));
        assert_int_equal(seconds, good[i].seconds);
    }
}

static void refuses_everything_else(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "5",
        "00:05",
        "0:5:0",
        "00:60:00",
        "00:00:60",
        "-1:00:00",
        "+1:00:00",
        " 0:00:01",
        "00:00:01 ",
        "00:00:1x",
        "00:00:001",
        ":00:00",
        "1:2:3:4",
        "00-00-01",
        "0x1:00:00",
        "100000:00:00",
        "99999999999999999999:00:00",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        long seconds = -1;
        assert_false(duration_parse(&seconds, wrong[i]));
        assert_int_equal(seconds, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_hours_minutes_seconds),
        cmocka_unit_test(refuses_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
