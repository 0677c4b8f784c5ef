#include "report/problems.h"

#include "base/utf8.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *printed(const struct problems *problems)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    problems_print(problems, stream, "crashmon-scan", "all is well", "new=1");
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void expect(const struct problems *problems, const char *text)
{
    char *said = printed(problems);
    assert_string_equal(said, text);
    free(said);
}

static void without_a_problem_there_is_one_line(void **state)
{
    struct problems problems = {0};
    (void)state;
    expect(&problems, "CRASHMON SCAN OK - all is well|new=1\n");
}

static void critical_comes_before_warning_before_unknown(void **state)
{
    struct problems problems = {0};
    (void)state;
    problems_add(&problems, SEVERITY_UNKNOWN, "nobody knows");
    expect(&problems,
           "CRASHMON SCAN UNKNOWN - 1 problem: nobody knows|new=1\nUNKNOWN: nobody knows\n");
    problems_add(&problems, SEVERITY_WARNING, "it is %d", 7);
    assert_int_equal(problems.worst, SEVERITY_WARNING);
    problems_add(&problems, SEVERITY_CRITICAL, "it burns");
    problems_add(&problems, SEVERITY_WARNING, "it rains");
    expect(&problems,
           "CRASHMON SCAN CRITICAL - 4 problems: it burns; it is 7; it rains; nobody knows"
           "|new=1\nCRITICAL: it burns\nWARNING: it is 7\nWARNING: it rains\n"
           "UNKNOWN: nobody knows\n");
    problems_free(&problems);
}

static void notes_come_last_and_do_not_count(void **state)
{
    struct problems problems = {0};
    (void)state;
    problems_add(&problems, SEVERITY_OK, "by the way");
    expect(&problems, "CRASHMON SCAN OK - all is well|new=1\nOK: by the way\n");
    problems_add(&problems, SEVERITY_WARNING, "it rains");
    expect(&problems, "CRASHMON SCAN WARNING - 1 problem: it rains|new=1\n"
                      "WARNING: it rains\nOK: by the way\n");
    problems_free(&problems);
}

static void what_hinders_a_run_is_critical_but_what_one_may_not_see(void **state)
{
    static const struct {
        int error;
        enum exit_code code;
        enum severity severity;
    } cases[] = {{EIO, EXIT_STORAGE, SEVERITY_CRITICAL},
                 {EACCES, EXIT_PERMISSION, SEVERITY_UNKNOWN},
                 {EPERM, EXIT_PERMISSION, SEVERITY_CRITICAL},
                 {0, EXIT_PERMISSION, SEVERITY_CRITICAL}}; /* of the login */
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct failure failure = {.error = cases[i].error, .text = "no"};
        struct problems problems = {0};
        problems_add_failure(&problems, cases[i].code, &failure);
        assert_int_equal(problems.code, cases[i].code);
        assert_int_equal(problems.worst, cases[i].severity);
        problems_free(&problems);
    }
}

static void a_text_can_end_neither_its_line_nor_the_text(void **state)
{
    struct problems problems = {0};
    (void)state;
    problems_add(&problems, SEVERITY_WARNING, "a\nb|c\x1b");
    expect(&problems,
           "CRASHMON SCAN WARNING - 1 problem: a\\nb!c\\x1b|new=1\nWARNING: a\\nb!c\\x1b\n");
    assert_string_equal(problem_text(&problems.items[0]), "a\\nb|c\\x1b");
    problems_free(&problems);
}

static void the_first_line_ends_with_a_character(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct problems problems = {0};
        char text[1000] = "";
        strcpy(text, i == 0 ? "" : "x");
        while (strlen(text) + 2 < sizeof text)
            strcat(text, "\u00e9");
        problems_add(&problems, SEVERITY_WARNING, "%s", text);
        char *said = printed(&problems);
        assert_true(utf8_is_valid(said));
        free(said);
        problems_free(&problems);
    }
}

static void the_first_line_does_not_grow_without_end(void **state)
{
    struct problems problems = {0};
    (void)state;
    for (int i = 0; i < 100; i++)
        problems_add(&problems, SEVERITY_WARNING, "problem number %d", i);
    char *said = printed(&problems);
    assert_true(strchr(said, '\n') - said < 500);
    assert_non_null(strstr(said, " ...|new=1\n"));
    assert_non_null(strstr(said, "\nWARNING: problem number 99\n"));
    free(said);
    problems_free(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_problem_there_is_one_line),
        cmocka_unit_test(critical_comes_before_warning_before_unknown),
        cmocka_unit_test(notes_come_last_and_do_not_count),
        cmocka_unit_test(what_hinders_a_run_is_critical_but_what_one_may_not_see),
        cmocka_unit_test(a_text_can_end_neither_its_line_nor_the_text),
        cmocka_unit_test(the_first_line_ends_with_a_character),
        cmocka_unit_test(the_first_line_does_not_grow_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
