#include "report/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct json json;
static char *text;
static size_t size;

static int open_stream(void **state)
{
    (void)state;
    json = (struct json){.stream = open_memstream(&text, &size)};
    return json.stream == NULL;
}

static int close_stream(void **state)
{
    (void)state;
    fclose(json.stream);
    free(text);
    return 0;
}

static void expect_json(const char *wanted)
{
    fflush(json.stream);
    assert_string_equal(text, wanted);
}

static void objects_and_arrays_nest_and_commas_come_by_themselves(void **state)
{
    (void)state;
    json_begin(&json, NULL, '{');
    json_begin(&json, "none", '{');
    json_end(&json, '}');
    json_begin(&json, "list", '[');
    json_number(&json, NULL, -1);
    json_begin(&json, NULL, '[');
    json_end(&json, ']');
    json_begin(&json, NULL, '{');
    json_bool(&json, "yes", true);
    json_bool(&json, "no", false);
    json_end(&json, '}');
    json_end(&json, ']');
    json_number(&json, "last", 9223372036854775807);
    json_end(&json, '}');
    expect_json("{\"none\": {}, \"list\": [-1, [], {\"yes\": true, \"no\": false}], "
                "\"last\": 9223372036854775807}");
}

static void what_is_not_known_is_null(void **state)
{
    (void)state;
    json_begin(&json, NULL, '[');
    json_text(&json, NULL, NULL);
    json_name(&json, NULL, "");
    json_name(&json, NULL, "a");
    json_known(&json, NULL, -1);
    json_known(&json, NULL, 0);
    json_end(&json, ']');
    expect_json("[null, null, \"a\", null, 0]");
}

static void strings_are_escaped(void **state)
{
    (void)state;
    json_begin(&json, NULL, '{');
    json_text(&json, "a\"b", "\"quoted\" \\ /\n\t\x01\x7f");
    json_text(&json, "none", NULL);
    json_text(&json, "", "");
    json_end(&json, '}');
    expect_json("{\"a\\\"b\": \"\\\"quoted\\\" \\\\ /\\u000a\\u0009\\u0001\\u007f\", "
                "\"none\": null, \"\": \"\"}");
}

static void what_is_utf8_stays_and_the_bytes_of_others_are_those_of_latin1(void **state)
{
    (void)state;
    json_begin(&json, NULL, '[');
    json_text(&json, NULL, "\u00e9\u20ac\U0001f600");
    json_text(&json, NULL, "zo\xe9\"");
    json_text(&json, NULL, "zo\xe8");
    json_text(&json, NULL, "\xe2\x82");
    json_end(&json, ']');
    expect_json("[\"\u00e9\u20ac\U0001f600\", \"zo\\u00e9\\\"\", \"zo\\u00e8\", "
                "\"\\u00e2\\u0082\"]");
}

static void seconds_have_three_digits_or_are_null(void **state)
{
    (void)state;
    json_begin(&json, NULL, '[');
    json_seconds(&json, NULL, 1.0004);
    json_seconds(&json, NULL, 0);
    json_seconds(&json, NULL, NAN);
    json_seconds(&json, NULL, -INFINITY);
    json_end(&json, ']');
    expect_json("[1.000, 0.000, null, null]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(objects_and_arrays_nest_and_commas_come_by_themselves,
                                        open_stream, close_stream),
        cmocka_unit_test_setup_teardown(what_is_not_known_is_null, open_stream, close_stream),
        cmocka_unit_test_setup_teardown(strings_are_escaped, open_stream, close_stream),
        cmocka_unit_test_setup_teardown(
            what_is_utf8_stays_and_the_bytes_of_others_are_those_of_latin1, open_stream,
            close_stream),
        cmocka_unit_test_setup_teardown(seconds_have_three_digits_or_are_null, open_stream,
                                        close_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
