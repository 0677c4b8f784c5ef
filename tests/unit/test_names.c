#include "base/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_of_names_grows_and_is_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
