#include "report/exit_code.h"
#include "report/tally.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_key_is_the_word_without_spaces(void **state)
{
    (void)state;
    for (enum outcome outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        const char *word = outcome_word(outcome), *key = outcome_key(outcome);
        assert_int_equal(strlen(word), strlen(key));
        assert_true(*word != '\0');
        for (size_t i = 0; word[i] != '\0'; i++) {
            assert_true(islower((unsigned char)word[i]) || word[i] == ' ');
            assert_int_equal(key[i], word[i] == ' ' ? '_' : word[i]);
        }
    }
    assert_string_equal(outcome_word(ALREADY_QUEUED), "already queued");
    assert_string_equal(outcome_word(GIVEN_UP), "given up");
}

static void no_two_outcomes_have_one_word(void **state)
{
    (void)state;
    for (enum outcome one = 0; one < OUTCOME_COUNT; one++)
        for (enum outcome other = 0; other < one; other++)
            assert_string_not_equal(outcome_word(one), outcome_word(other));
}

static void a_new_reason_replaces_the_old_one(void **state)
{
    (void)state;
    struct crash crash = {.name = "x"};
    crash_set(&crash, LEFT, "cannot read %s: %d", "it", 5);
    assert_int_equal(crash.outcome, LEFT);
    assert_string_equal(crash.reason, "cannot read it: 5");
    crash_set(&crash, REJECTED, "was: %s", crash.reason);
    assert_int_equal(crash.outcome, REJECTED);
    assert_string_equal(crash.reason, "was: cannot read it: 5");
    crash_clear(&crash);
    assert_null(crash.reason);
    crash_clear(&crash);
}

static void a_tally_adds_up_when_each_seen_has_an_outcome(void **state)
{
    (void)state;
    struct tally tally = {0};
    assert_true(tally_adds_up(&tally));
    for (enum outcome outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        tally.outcomes[outcome] += outcome + 1;
        assert_false(tally_adds_up(&tally));
        tally.seen += outcome + 1;
        assert_true(tally_adds_up(&tally));
    }
    tally.seen++;
    assert_false(tally_adds_up(&tally));
}

static void somebody_should_look_at_all_but_what_went_well(void **state)
{
    (void)state;
    static const bool left[OUTCOME_COUNT] = {
        [LEFT] = true,    [QUARANTINED] = true, [GIVEN_UP] = true, [REJECTED] = true,
        [MISSING] = true, [UNLINKED] = true,    [FAILED] = true,
    };
    for (enum outcome outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        struct tally tally = {.seen = 1};
        tally.outcomes[outcome] = 1;
        assert_int_equal(tally_has_left(&tally), left[outcome]);
    }
    assert_false(tally_has_left(&(struct tally){0}));
    struct tally tally = {.seen = 2, .outcomes[LEFT] = 2, .waiting = 2};
    assert_false(tally_has_left(&tally));
    tally.waiting = 1;
    assert_true(tally_has_left(&tally));
}

static void expect_json(const struct tally *tally, const char *expected)
{
    char *text = NULL;
    size_t size;
    struct json json = {.stream = open_memstream(&text, &size)};
    assert_non_null(json.stream);
    tally_write_json(tally, &json, NULL);
    fclose(json.stream);
    assert_string_equal(text, expected);
    free(text);
}

static void prints_only_the_outcomes_that_there_are(void **state)
{
    (void)state;
    struct tally tally = {0};
    char text[TALLY_TEXT_SIZE];
    tally_print(&tally, text);
    assert_string_equal(text, "seen 0");
    expect_json(&tally, "{}");
    tally.seen = 24;
    tally.outcomes[QUEUED] = 20;
    tally.outcomes[ALREADY_QUEUED] = 3;
    tally.outcomes[LEFT] = 1;
    tally_print(&tally, text);
    assert_string_equal(text, "seen 24: queued 20, already queued 3, left 1");
    expect_json(&tally, "{\"queued\": 20, \"already_queued\": 3, \"left\": 1}");
}

static void the_largest_tally_fits(void **state)
{
    (void)state;
    struct tally tally = {.seen = LONG_MIN};
    char text[TALLY_TEXT_SIZE], expected[100];
    for (enum outcome outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        tally.outcomes[outcome] = LONG_MIN;
    tally_print(&tally, text);
    snprintf(expected, sizeof expected, ", failed %ld", LONG_MIN);
    assert_string_equal(text + strlen(text) - strlen(expected), expected);
}

static void a_right_that_is_missing_is_no_fault_of_the_storage(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of_errno(EACCES), EXIT_PERMISSION);
    assert_int_equal(exit_code_of_errno(EPERM), EXIT_PERMISSION);
    assert_int_equal(exit_code_of_errno(EIO), EXIT_STORAGE);
    assert_int_equal(exit_code_of_errno(ENOSPC), EXIT_STORAGE);
    assert_int_equal(exit_code_of_errno(EROFS), EXIT_STORAGE);
    assert_int_equal(exit_code_of_errno(ENOTDIR), EXIT_STORAGE);
    assert_int_equal(exit_code_of_errno(EMFILE), EXIT_INTERNAL);
    assert_int_equal(exit_code_of_errno(ENOMEM), EXIT_INTERNAL);
    assert_int_equal(exit_code_of_errno(EFBIG), EXIT_LEFT);
    assert_int_equal(exit_code_of_errno(ETXTBSY), EXIT_LEFT);
    assert_int_equal(exit_code_of_errno(EREMCHG), EXIT_LEFT);
    assert_int_equal(exit_code_of_errno(EXDEV), EXIT_LEFT);
    assert_int_equal(exit_code_of_errno(EINTR), EXIT_LEFT);
}

static void a_crash_may_be_at_fault_itself(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of_crash(0), EXIT_LEFT);
    assert_int_equal(exit_code_of_crash(ENOTDIR), EXIT_LEFT);
    assert_int_equal(exit_code_of_crash(ENOMEDIUM), EXIT_LEFT);
    assert_int_equal(exit_code_of_crash(EACCES), EXIT_PERMISSION);
    assert_int_equal(exit_code_of_crash(EIO), EXIT_STORAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_the_word_without_spaces),
        cmocka_unit_test(no_two_outcomes_have_one_word),
        cmocka_unit_test(a_new_reason_replaces_the_old_one),
        cmocka_unit_test(a_tally_adds_up_when_each_seen_has_an_outcome),
        cmocka_unit_test(somebody_should_look_at_all_but_what_went_well),
        cmocka_unit_test(prints_only_the_outcomes_that_there_are),
        cmocka_unit_test(the_largest_tally_fits),
        cmocka_unit_test(a_right_that_is_missing_is_no_fault_of_the_storage),
        cmocka_unit_test(a_crash_may_be_at_fault_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
