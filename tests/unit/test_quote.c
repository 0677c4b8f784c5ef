#include "base/quote.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect_quoted(const char *text, const char *expected)
{
    char buffer[QUOTE_SIZE];
    assert_ptr_equal(quote(buffer, text), buffer);
    assert_string_equal(buffer, expected);
}

static void a_name_stands_in_quotes(void **state)
{
    (void)state;
    expect_quoted("", "\"\"");
    expect_quoted("web01", "\"web01\"");
    expect_quoted("a: queued", "\"a: queued\"");
}

static void quotes_and_backslashes_in_it_are_escaped(void **state)
{
    (void)state;
    expect_quoted("\"", "\"\\\"\"");
    expect_quoted("\\", "\"\\\\\"");
    expect_quoted("a\": queued: \\", "\"a\\\": queued: \\\\\"");
}

/* Of quotes, which take the most room, and of each length around the one that just fits. */
static void what_is_too_long_ends_with_dots(void **state)
{
    (void)state;
    char text[2 * QUOTE_SIZE], buffer[QUOTE_SIZE];
    for (size_t length = QUOTE_SIZE / 2 - 20; length < QUOTE_SIZE / 2 + 20; length++) {
        memset(text, '"', length);
        text[length] = '\0';
        quote(buffer, text);
        size_t used = strlen(buffer);
        assert_true(used < QUOTE_SIZE);
        assert_int_equal(buffer[used - 1], '"');
        assert_true(used == 2 * length + 2 || strcmp(buffer + used - 4, "...\"") == 0);
    }
}

/* One of two bytes, at each place where the end may come. */
static void no_character_is_cut(void **state)
{
    (void)state;
    char text[2 * QUOTE_SIZE] = "", buffer[QUOTE_SIZE];
    for (int i = 0; i < 2; i++) {
        strcpy(text, i == 0 ? "" : "x");
        while (strlen(text) + 2 < sizeof text)
            strcat(text, "\u00e9");
        assert_true(utf8_is_valid(quote(buffer, text)));
    }
}

/* Bytes that only look like parts of a character, behind a quote, at each place of the end. */
static void no_escaped_quote_is_cut(void **state)
{
    (void)state;
    char text[2 * QUOTE_SIZE], buffer[QUOTE_SIZE];
    for (size_t quotes = QUOTE_SIZE / 2 - 20; quotes < QUOTE_SIZE / 2 + 20; quotes++) {
        memset(text, 0x80, sizeof text);
        memset(text, '"', quotes);
        text[sizeof text - 1] = '\0';
        quote(buffer, text);
        assert_int_equal(strcspn(buffer + 1, "\200.") % 2, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_stands_in_quotes),
        cmocka_unit_test(quotes_and_backslashes_in_it_are_escaped),
        cmocka_unit_test(what_is_too_long_ends_with_dots),
        cmocka_unit_test(no_character_is_cut),
        cmocka_unit_test(no_escaped_quote_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
