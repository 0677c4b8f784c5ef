#include "base/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_list_of_names_grows_and_is_sorted(void **state)
{
    (void)state;
    struct names names = {0};
    char name[16];
    for (int i = 99; i >= 0; i--) {
        snprintf(name, sizeof name, "%02d", i);
        assert_true(names_add(&names, name));
    }
    names_sort(&names);
    assert_int_equal(names.count, 100);
    assert_string_equal(names.items[0], "00");
    assert_string_equal(names.items[99], "99");
    names_free(&names);
    assert_int_equal(names.count, 0);
}

static void a_name_is_a_copy(void **state)
{
    (void)state;
    struct names names = {0};
    char name[] = "first";
    assert_true(names_add(&names, name));
    memset(name, 'x', strlen(name));
    assert_true(names_add(&names, ""));
    assert_int_equal(names.count, 2);
    assert_string_equal(names.items[0], "first");
    assert_string_equal(names.items[1], "");
    names_free(&names);
}

/* In any locale. */
static void the_order_is_that_of_bytes(void **state)
{
    (void)state;
    static const char *const sorted[] = {"", "1", "10", "9", "B", "a", "a", "aa", "\xc3\xa4"};
    enum { COUNT = sizeof sorted / sizeof sorted[0] };
    struct names names = {0};
    for (size_t i = 0; i < COUNT; i++)
        assert_true(names_add(&names, sorted[i * 4 % COUNT]));
    names_sort(&names);
    for (size_t i = 0; i < COUNT; i++)
        assert_string_equal(names.items[i], sorted[i]);
    assert_string_equal(*names_find(&names, "aa"), "aa");
    assert_ptr_equal(names_find(&names, ""), &names.items[0]);
    assert_null(names_find(&names, "b"));
    names_free(&names);
    assert_null(names_find(&names, "a"));
}

static void what_was_freed_can_be_filled_again(void **state)
{
    (void)state;
    struct names names = {0};
    names_sort(&names);
    names_free(&names);
    for (int i = 0; i < 2; i++) {
        assert_true(names_add(&names, "name"));
        assert_int_equal(names.count, 1);
        names_free(&names);
        names_free(&names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_of_names_grows_and_is_sorted),
        cmocka_unit_test(a_name_is_a_copy),
        cmocka_unit_test(the_order_is_that_of_bytes),
        cmocka_unit_test(what_was_freed_can_be_filled_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
