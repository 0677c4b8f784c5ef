#include "base/failure.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* cmocka's, which is a macro without arguments */

static void the_reason_follows_the_text(void **state)
{
    struct failure failure;
    (void)state;
    assert_false(fail(&failure, ENOENT, "cannot open \"%s\"", "x"));
    assert_string_equal(failure.text, "cannot open \"x\": No such file or directory");
    assert_int_equal(failure.error, ENOENT);
    assert_false(fail(&failure, 0, "it is not a link"));
    assert_string_equal(failure.text, "it is not a link");
}

static void more_can_be_added_to_the_text(void **state)
{
    struct failure failure;
    (void)state;
    fail(&failure, ENOENT, "cannot open \"%s\"", "x");
    assert_false(fail_further(&failure, "; %d jobs stay", 2));
    assert_string_equal(failure.text, "cannot open \"x\": No such file or directory; 2 jobs stay");
    assert_int_equal(failure.error, ENOENT);
    for (int i = 0; i < 200; i++)
        fail_further(&failure, "; and so on");
    assert_int_equal(strlen(failure.text), sizeof failure.text - 1);
}

static void a_long_text_is_cut_and_its_reason_is_not(void **state)
{
    struct failure failure;
    char name[2 * sizeof failure.text];
    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (size_t shorter = 0; shorter < sizeof name; shorter++) {
        fail(&failure, EACCES, "%s", name + shorter);
        assert_non_null(strstr(failure.text, ": Permission denied"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reason_follows_the_text),
        cmocka_unit_test(more_can_be_added_to_the_text),
        cmocka_unit_test(a_long_text_is_cut_and_its_reason_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
