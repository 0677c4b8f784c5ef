#include "log/log_format.h" /* before cmocka, which has a macro fail() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct log_event an_event(void)
{
    return (struct log_event){
        .name = "crashmon-scan",
        .level = 10,
        .time = {.tv_sec = 1230206700, .tv_usec = 123999},
        .process = 4711,
        .message = "hello",
    };
}

static void expect_event(const char *format, struct log_event event, const char *expected)
{
    char *line = NULL;
    size_t size = 0;
    struct failure failure = {0};
    if (!log_format_check(format, &failure))
        fail_msg("%s: %s", format, failure.text);
    long length = log_format_render(format, &event, &line, &size);
    assert_true(length > 0);
    assert_int_equal(strlen(line), length);
    assert_int_equal(line[length - 1], '\n');
    line[length - 1] = '\0';
    assert_string_equal(line, expected);
    free(line);
}

static void expect(const char *format, const char *expected)
{
    expect_event(format, an_event(), expected);
}

static void expect_message(const char *format, const char *message, const char *expected)
{
    struct log_event event = an_event();
    event.message = message;
    expect_event(format, event, expected);
}

static void expect_refusal(const char *format, const char *reason)
{
    struct failure failure = {.error = -1};
    assert_false(log_format_check(format, &failure));
    assert_string_equal(failure.text, reason);
    assert_int_equal(failure.error, 0);
}

static void renders_every_field(void **state)
{
    (void)state;
    expect("%(asctime)s %(levelname)s - %(message)s", "2008-12-25 12:05:00,123 DEBUG - hello");
    expect("%(name)s[%(process)d] %(levelno)d", "crashmon-scan[4711] 10");
    expect("%(process)s %(levelno)s %(levelno)i %(levelno)u", "4711 10 10 10");
    expect("%(levelno)ld %(message)hs", "10 hello");
}

static void asctime_is_local_time(void **state)
{
    (void)state;
    setenv("TZ", "XYZ-5:30", 1);
    tzset();
    expect("%(asctime)s", "2008-12-25 17:35:00,123");
    setenv("TZ", "UTC", 1);
    tzset();
    struct log_event event = an_event();
    event.time = (struct timeval){0, 7000};
    expect_event("%(asctime)s", event, "1970-01-01 00:00:00,007");
}

static void literal_text_stays(void **state)
{
    (void)state;
    expect("100%% \t\\n caf\xc3\xa9 (x)s", "100% \t\\n caf\xc3\xa9 (x)s");
    expect("%%(message)s", "%(message)s");
    expect("%%%(levelno)d%%", "%10%");
}

static void empty_format_is_the_message(void **state)
{
    (void)state;
    expect("", "hello");
}

static void strings_take_width_and_precision(void **state)
{
    (void)state;
    expect("%(levelname)-8s|", "DEBUG   |");
    expect("%(levelname)8s|", "   DEBUG|");
    expect("%(levelname)3s|", "DEBUG|");
    expect("%(levelname).4s|", "DEBU|");
    expect("%(levelname).9s|", "DEBUG|");
    expect("%(levelname).s|", "|");
    expect("%(name)10.3s|", "       cra|");
    expect("%(name)-10.3s|", "cra       |");
    expect("%(levelname)08s|", "   DEBUG|");
    expect("%(levelname)+# 6s|", " DEBUG|");
    expect("%(levelno)05s|%(levelno).1s", "   10|1");
    expect("%(asctime).10s", "2008-12-25");
}

static void numbers_take_flags_width_and_precision(void **state)
{
    (void)state;
    expect("%(levelno)05d", "00010");
    expect("%(levelno)5d|", "   10|");
    expect("%(process)-8d|", "4711    |");
    expect("%(process)-08d|", "4711    |");
}

static void numbers_render_as_in_python(void **state)
{
    (void)state;
    expect("%(levelno)+d", "+10");
    expect("%(levelno) d", " 10");
    expect("%(levelno)+ d", "+10");
    expect("%(levelno) 05d", " 0010");
    expect("%(levelno)-+6d|", "+10   |");
    expect("%(levelno)#d", "10");
    expect("%(levelno).5d", "00010");
    expect("%(levelno)8.5d", "   00010");
    expect("%(levelno)08.5d", "00000010");
    expect("%(levelno)+08.3d", "+0000010");
    expect("%(levelno).0d", "10");
    struct log_event event = an_event();
    event.level = -3;
    expect_event("%(levelno)+05d|%(levelno)8.3d|%(levelname)s", event, "-0003|    -003|Level -3");
    event.level = 0;
    expect_event("%(levelno).0d %(levelname)s", event, "0 NOTSET");
}

static void names_levels_as_python_does(void **state)
{
    (void)state;
    char buffer[32];
    assert_string_equal(log_level_name(10, buffer), "DEBUG");
    assert_string_equal(log_level_name(20, buffer), "INFO");
    assert_string_equal(log_level_name(30, buffer), "WARNING");
    assert_string_equal(log_level_name(40, buffer), "ERROR");
    assert_string_equal(log_level_name(50, buffer), "CRITICAL");
    assert_string_equal(log_level_name(15, buffer), "Level 15");
}

static void text_from_outside_can_forge_no_line(void **state)
{
    (void)state;
    expect_message("%(message)s|", "a\nb\x1b[2J", "a\\nb\\x1b[2J|");
    expect_message("%(message)-6.4s|", "\x01\x02", "\\x01  |");
    expect_message("%(message)s", "100%s %(name)s %n", "100%s %(name)s %n");
    struct log_event event = an_event();
    event.name = "x\ny";
    expect_event("%(name)s", event, "x\\ny");
}

static void width_and_precision_count_characters(void **state)
{
    (void)state;
    expect_message("%(message)5s|", "\xc3\xa9\xc3\xa9", "   \xc3\xa9\xc3\xa9|");
    expect_message("%(message)-4s|", "\xf0\x9f\x92\xa5", "\xf0\x9f\x92\xa5   |");
    expect_message("%(message).1s|", "\xe2\x82\xac\xe2\x82\xac", "\xe2\x82\xac|");
    expect_message("%(message)4.2s|", "\xc3\xa9\xc3\xa9\xc3\xa9", "  \xc3\xa9\xc3\xa9|");
}

static void refuses_unknown_fields(void **state)
{
    (void)state;
    expect_refusal("%(asctime)s %(foo)s", "unrecognized field 'foo' at position 15");
    expect_refusal("%(Message)s", "unrecognized field 'Message' at position 3");
    expect_refusal("%(mess)s", "unrecognized field 'mess' at position 3");
    expect_refusal("%()s", "unrecognized field '' at position 3");
    expect_refusal("%(message )s", "unrecognized field 'message ' at position 3");
    expect_refusal("%(ffffffffffffffffffffffffffffffffffffffffffffffffff)s",
                   "unrecognized field 'ffffffffffffffffffffffffffffffffffffffff' at position 3");
}

static void refuses_conversions_that_do_not_fit(void **state)
{
    (void)state;
    expect_refusal("%(levelname)d", "number conversion 'd' of field 'levelname' at position 13");
    expect_refusal("%(message)i", "number conversion 'i' of field 'message' at position 11");
    expect_refusal("%(message)n", "unrecognized conversion 'n' of field 'message' at position 11");
    expect_refusal("%(process)x", "unrecognized conversion 'x' of field 'process' at position 11");
    expect_refusal("%(message)%", "unrecognized conversion '%' of field 'message' at position 11");
}

static void refuses_what_ends_too_early(void **state)
{
    (void)state;
    expect_refusal("abc%", "'%' without '(field)' at position 4");
    expect_refusal("%%%", "'%' without '(field)' at position 3");
    expect_refusal("%s", "'%' without '(field)' at position 1");
    expect_refusal("%5(message)s", "'%' without '(field)' at position 1");
    expect_refusal("%(message", "'(' without ')' at position 2");
    expect_refusal("%(message)", "the format ends inside a conversion at position 11");
    expect_refusal("%(message)-5.3", "the format ends inside a conversion at position 15");
    expect_refusal("%(message)l", "the format ends inside a conversion at position 12");
}

static void bounds_width_and_precision(void **state)
{
    (void)state;
    char expected[1001];
    snprintf(expected, sizeof expected, "%1000s", "hello");
    expect("%(message)1000.1000s", expected);
    snprintf(expected, sizeof expected, "%01000d", 10);
    expect("%(levelno).1000d", expected);
    expect_refusal("%(message)1001s", "width or precision above 1000 at position 11");
    expect_refusal("%(message)5.1001s", "width or precision above 1000 at position 13");
    expect_refusal("%(message)99999999999999999999s",
                   "width or precision above 1000 at position 11");
    expect_refusal("%(message)*s", "'*' is not supported at position 11");
    expect_refusal("%(message)5.*s", "'*' is not supported at position 13");
}

static void reuses_the_line_and_lets_it_grow(void **state)
{
    (void)state;
    char *line = NULL;
    size_t size = 0;
    struct log_event event = an_event();
    assert_int_equal(log_format_render("%(message)s", &event, &line, &size), 6);
    size_t first_size = size;
    char *first = line;
    assert_int_equal(log_format_render("%(message)s", &event, &line, &size), 6);
    assert_ptr_equal(line, first);
    assert_int_equal(size, first_size);

    enum { LENGTH = 100000 };
    char *message = malloc(LENGTH + 1);
    assert_non_null(message);
    memset(message, 'm', LENGTH);
    message[LENGTH] = '\0';
    event.message = message;
    assert_int_equal(log_format_render("%(message)s", &event, &line, &size), LENGTH + 1);
    assert_memory_equal(line, message, LENGTH);
    assert_string_equal(line + LENGTH, "\n");
    free(message);
    free(line);
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_every_field),
        cmocka_unit_test(asctime_is_local_time),
        cmocka_unit_test(literal_text_stays),
        cmocka_unit_test(empty_format_is_the_message),
        cmocka_unit_test(strings_take_width_and_precision),
        cmocka_unit_test(numbers_take_flags_width_and_precision),
        cmocka_unit_test(numbers_render_as_in_python),
        cmocka_unit_test(names_levels_as_python_does),
        cmocka_unit_test(text_from_outside_can_forge_no_line),
        cmocka_unit_test(width_and_precision_count_characters),
        cmocka_unit_test(refuses_unknown_fields),
        cmocka_unit_test(refuses_conversions_that_do_not_fit),
        cmocka_unit_test(refuses_what_ends_too_early),
        cmocka_unit_test(bounds_width_and_precision),
        cmocka_unit_test(reuses_the_line_and_lets_it_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
