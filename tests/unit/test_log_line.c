#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log/log_line.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void expect_cut(const char *text, int maximum, const char *expected, int characters)
{
    char *data = NULL;
    size_t size = 0;
    struct log_line line = {.data = &data, .size = &size, .ok = true};
    assert_int_equal(log_line_append_escaped(&line, text, maximum), characters);
    log_line_append(&line, "", 1);
    assert_true(line.ok);
    assert_string_equal(data, expected);
    free(data);
}

static void expect(const char *text, const char *expected, int characters)
{
    expect_cut(text, INT_MAX, expected, characters);
}

static void escapes_control_characters(void **state)
{
    (void)state;
    expect("a\nb\r\tc", "a\\nb\\r\\tc", 9);
    expect("\x01\x1b[2J\x7f\x1f", "\\x01\\x1b[2J\\x7f\\x1f", 19);
    expect("a\xc2\x85z", "a\\xc2\\x85z", 10);
    expect("\xc2\x80\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9f\xc2\xa0", 17);
}

static void escapes_line_and_paragraph_separators(void **state)
{
    (void)state;
    expect("\xe2\x80\xa8", "\\xe2\\x80\\xa8", 12);
    expect("\xe2\x80\xa9", "\\xe2\\x80\\xa9", 12);
    expect("\xe2\x80\xa7\xe2\x80\xaf", "\xe2\x80\xa7\xe2\x80\xaf", 2);
}

/* Right-to-left override, zero-width space and joiner, byte order mark, soft hyphen, a tag. */
static void escapes_what_nobody_sees(void **state)
{
    (void)state;
    expect("\xe2\x80\xae", "\\xe2\\x80\\xae", 12);
    expect("\xe2\x80\x8b\xe2\x81\xa0", "\\xe2\\x80\\x8b\\xe2\\x81\\xa0", 24);
    expect("\xe2\x81\xa6\xef\xbb\xbf", "\\xe2\\x81\\xa6\\xef\\xbb\\xbf", 24);
    expect("\xc2\xad|\xd8\x9c", "\\xc2\\xad|\\xd8\\x9c", 17);
    expect("\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81", 16);
    expect("\xd7\x90\xd8\xa7", "\xd7\x90\xd8\xa7", 2); /* Hebrew, Arabic */
}

static void escapes_what_is_not_utf_8(void **state)
{
    (void)state;
    expect("\x80\xbf\xff", "\\x80\\xbf\\xff", 12);
    expect("\xc0\xaf|\xc1\xbf", "\\xc0\\xaf|\\xc1\\xbf", 17);
    expect("\xe0\x9f\xbf", "\\xe0\\x9f\\xbf", 12);
    expect("\xed\xa0\x80", "\\xed\\xa0\\x80", 12);
    expect("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf", 16);
    expect("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 16);
    expect("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80", 16);
    expect("\xc3(\xe2\x82z\xf0\x9f\x92", "\\xc3(\\xe2\\x82z\\xf0\\x9f\\x92", 26);
}

static void keeps_utf_8_and_backslashes(void **state)
{
    (void)state;
    expect("", "", 0);
    expect("C:\\new\\x0a", "C:\\new\\x0a", 10);
    expect("caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac", 6);
    expect("\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 3);
    expect("\xf0\x9f\x92\xa5\xf4\x8f\xbf\xbf", "\xf0\x9f\x92\xa5\xf4\x8f\xbf\xbf", 2);
}

static void maximum_cuts_no_character_and_no_escape(void **state)
{
    (void)state;
    expect_cut("abc", 0, "", 0);
    expect_cut("\xe2\x82\xac\xe2\x82\xac", 1, "\xe2\x82\xac", 1);
    expect_cut("a\nb", 3, "a\\n", 3);
    expect_cut("a\nb", 2, "a", 1);
    expect_cut("\x01\x02", 7, "\\x01", 4);
}

static void pads_on_either_side(void **state)
{
    (void)state;
    char *data = NULL;
    size_t size = 0;
    struct log_line line = {.data = &data, .size = &size, .ok = true};
    log_line_append(&line, "[", 1);
    log_line_append(&line, "\xc3\xa9", 2);
    log_line_pad(&line, 1, 1, 3, false);
    size_t start = line.length;
    log_line_append(&line, "b", 1);
    log_line_pad(&line, start, 1, 3, true);
    log_line_pad(&line, start, 3, 2, true);
    log_line_append_repeated(&line, '0', 2);
    log_line_append_repeated(&line, '0', -1);
    assert_true(line.ok);
    assert_int_equal(line.length, strlen("[  \xc3\xa9"
                                         "b  00"));
    assert_memory_equal(data,
                        "[  \xc3\xa9"
                        "b  00",
                        line.length);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_control_characters),
        cmocka_unit_test(escapes_line_and_paragraph_separators),
        cmocka_unit_test(escapes_what_nobody_sees),
        cmocka_unit_test(escapes_what_is_not_utf_8),
        cmocka_unit_test(keeps_utf_8_and_backslashes),
        cmocka_unit_test(maximum_cuts_no_character_and_no_escape),
        cmocka_unit_test(pads_on_either_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
