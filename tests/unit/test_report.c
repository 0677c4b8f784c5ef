#include "report/report.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report_steps.h"

enum { THREADS = 4, ROUNDS = 500 };

static void a_crash_has_its_line_and_is_counted(void **state)
{
    (void)state;
    begin_report();
    report_seen(&report, 2);
    report_seen(&report, 1);
    report_outcome(&report, LEVEL_DEBUG, "one", ALREADY_QUEUED, "in row %d", 7);
    report_outcome(&report, LEVEL_WARNING, "two", LEFT, "%s", "too young");
    report_outcome(&report, LEVEL_ERROR, "three", LEFT, "no room");
    assert_int_equal(report.tally.seen, 3);
    expect_outcome(ALREADY_QUEUED, 1);
    expect_outcome(LEFT, 2);
    assert_true(tally_adds_up(&report.tally));
    assert_int_equal(report.code, EXIT_DONE);
    expect_log("DEBUG \"one\": already queued: in row 7\n"
               "WARNING \"two\": left: too young\n"
               "ERROR \"three\": left: no room\n");
}

static void a_name_cannot_read_like_a_line_of_ours(void **state)
{
    (void)state;
    begin_report();
    report_outcome(&report, LEVEL_INFO, "x\": queued: \\\n\"y", REJECTED, "no id");
    expect_log("INFO \"x\\\": queued: \\\\\\n\\\"y\": rejected: no id\n");
}

static void a_crash_tells_its_own_reason(void **state)
{
    (void)state;
    struct crash crash = {.name = "x"};
    begin_report();
    crash_set(&crash, MISSING, "100%% %s", "gone");
    report_crash(&report, LEVEL_ERROR, &crash);
    crash_set(&crash, MISSING, "%%s%%n");
    report_crash(&report, LEVEL_ERROR, &crash);
    crash_clear(&crash);
    crash.outcome = DELETED;
    report_crash(&report, LEVEL_INFO, &crash);
    expect_outcome(MISSING, 2);
    expect_outcome(DELETED, 1);
    expect_log("ERROR \"x\": missing: 100% gone\n"
               "ERROR \"x\": missing: %s%n\n"
               "INFO \"x\": deleted: out of memory for the reason\n");
}

static void one_that_waits_counts_as_left_and_needs_nobody(void **state)
{
    (void)state;
    struct crash crash = {.name = "x"};
    begin_report();
    crash_wait(&crash, "not %s", "yet");
    report_seen(&report, 3);
    report_waiting(&report, "x", "not yet");
    report_crash(&report, LEVEL_DEBUG, &crash);
    expect_outcome(LEFT, 2);
    assert_false(tally_has_left(&report.tally));
    assert_true(tally_has_done(&report.tally));
    report_crash(&report, LEVEL_DEBUG, &crash);
    assert_false(tally_has_done(&report.tally));
    assert_true(tally_adds_up(&report.tally));
    crash_set(&crash, LEFT, "broken");
    report_seen(&report, 1);
    report_crash(&report, LEVEL_DEBUG, &crash);
    assert_true(tally_has_left(&report.tally));
    expect_log("DEBUG \"x\": left: not yet\nDEBUG \"x\": left: not yet\n"
               "DEBUG \"x\": left: not yet\nDEBUG \"x\": left: broken\n");
    crash_clear(&crash);
}

static void a_refusal_is_1_and_keeps_the_code_of_the_server(void **state)
{
    (void)state;
    begin_report();
    report_refusal(&report, EXIT_PERMISSION, "no %s", "right");
    assert_int_equal(report.code, EXIT_LEFT);
    assert_int_equal(report.refusal, EXIT_PERMISSION);
    expect_log("ERROR no right\n");
}

static void the_first_code_above_1_counts(void **state)
{
    (void)state;
    begin_report();
    assert_false(report_error(&report, EXIT_LEFT, "one"));
    assert_int_equal(report.code, EXIT_LEFT);
    assert_false(report_error(&report, EXIT_NO_DATABASE, "two: %s", "gone"));
    assert_int_equal(report.code, EXIT_NO_DATABASE);
    report_error(&report, EXIT_STORAGE, "three");
    report_error(&report, EXIT_LEFT, "four");
    report_error(&report, EXIT_NO_PROCESSOR, "five");
    assert_int_equal(report.code, EXIT_NO_DATABASE);
    assert_string_equal(report.error, "two: gone");
    expect_log("ERROR one\nERROR two: gone\nERROR three\nERROR four\nERROR five\n");
}

static void of_what_needs_attention_the_first_is_kept(void **state)
{
    struct crash crash = {.name = "two"};
    (void)state;
    begin_report();
    report_waiting(&report, "one", "too young");
    report_outcome(&report, LEVEL_DEBUG, "one", QUEUED, "to %s", "p1");
    assert_string_equal(report.error, "");
    crash_set(&crash, FAILED, "attempts: 6");
    report_crash(&report, LEVEL_DEBUG, &crash);
    crash_clear(&crash);
    assert_int_equal(report.code, EXIT_DONE);
    report_warning(&report, "a warning");
    report_refusal(&report, EXIT_PERMISSION, "no right");
    report_error(&report, EXIT_LEFT, "left");
    assert_string_equal(report.error, "\"two\": failed: attempts: 6");
    report_error(&report, EXIT_STORAGE, "a disk");
    assert_string_equal(report.error, "a disk");
    expect_log("DEBUG \"one\": left: too young\nDEBUG \"one\": queued: to p1\n"
               "DEBUG \"two\": failed: attempts: 6\nWARNING a warning\nERROR no right\n"
               "ERROR left\nERROR a disk\n");
}

static void a_failure_has_the_code_of_its_errno(void **state)
{
    (void)state;
    struct failure failure = {.error = EACCES, .text = "cannot read 100% of \"x\""};
    begin_report();
    assert_false(report_failure(&report, &failure));
    assert_int_equal(report.code, EXIT_PERMISSION);
    report_init(&report);
    failure = (struct failure){.error = EIO, .text = "cannot read"};
    report_failure(&report, &failure);
    assert_int_equal(report.code, EXIT_STORAGE);
    expect_log("ERROR cannot read 100% of \"x\"\n"
               "ERROR cannot read\n");
}

static void a_note_is_a_line_and_no_more(void **state)
{
    (void)state;
    begin_report();
    report_note(&report, LEVEL_WARNING, "%d days", 5);
    assert_int_equal(report.code, EXIT_DONE);
    assert_true(tally_adds_up(&report.tally));
    expect_log("WARNING 5 days\n");
}

static void a_dry_run_tells_crashes_on_stdout_alone(void **state)
{
    (void)state;
    struct crash crash = {.name = "two"};
    begin_report();
    crash_set(&crash, LEFT, "too young");
    report.dry_run = true;
    redirect_stdout(open("out", O_WRONLY | O_CREAT, 0600));
    report_outcome(&report, LEVEL_DEBUG, "one", QUEUED, "to %s", "p1");
    report_crash(&report, LEVEL_ERROR, &crash);
    report_note(&report, LEVEL_INFO, "a note");
    report_error(&report, EXIT_STORAGE, "an error");
    report_flush(&report);
    expect_content("out", "\"one\": queued: to p1\n\"two\": left: too young\na note\n");
    give_stdout_back();
    crash_clear(&crash);
    expect_outcome(QUEUED, 1);
    expect_outcome(LEFT, 1);
    assert_false(report.is_reader_gone);
    expect_log("ERROR an error\n");
}

/* Tells so many crashes to a reader who has gone already. */
static void tell_nobody(int count)
{
    int ends[2];
    begin_report();
    report.dry_run = true;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    redirect_stdout(ends[1]);
    for (int i = 0; i < count; i++)
        report_outcome(&report, LEVEL_INFO, "one", QUEUED, "to p1");
    report_flush(&report);
    give_stdout_back();
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(report.code, EXIT_DONE);
    expect_log("");
}

static void a_reader_that_has_gone_is_noticed_and_no_error(void **state)
{
    (void)state;
    tell_nobody(1); /* which only the flush finds out */
    tell_nobody(10000);
    assert_true(report.is_reader_gone);
}

static void a_disk_that_is_full_is_an_error(void **state)
{
    (void)state;
    begin_report();
    report.dry_run = true;
    redirect_stdout(open("/dev/full", O_WRONLY));
    report_outcome(&report, LEVEL_INFO, "one", QUEUED, "to p1");
    report_flush(&report);
    give_stdout_back();
    assert_int_equal(report.code, EXIT_STORAGE);
    expect_log("ERROR cannot write to the standard output: No space left on device\n");
}

static void *tell_many(void *number)
{
    char name[20];
    struct crash crash = {.name = name};
    snprintf(name, sizeof name, "%d", *(int *)number);
    for (int i = 0; i < 3 * ROUNDS; i++)
        report_seen(&report, 1);
    for (int i = 0; i < ROUNDS; i++) {
        report_outcome(&report, LEVEL_INFO, name, QUEUED, "round %d", i);
        crash_set(&crash, LEFT, "round %d", i);
        report_crash(&report, LEVEL_INFO, &crash);
        report_outcome(&report, LEVEL_INFO, name, (enum outcome)(i % OUTCOME_COUNT), "round %d", i);
        report_error(&report, (enum exit_code)(EXIT_LEFT + i), "round %d", i);
    }
    crash_clear(&crash);
    return NULL;
}

static void any_thread_may_tell(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    begin_report();
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, tell_many, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    log_close();
    assert_int_equal(report.tally.seen, 3 * THREADS * ROUNDS);
    assert_true(tally_adds_up(&report.tally));
    assert_true(report.tally.outcomes[QUEUED] > THREADS * ROUNDS);
    assert_int_equal(report.code, EXIT_LEFT + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_directory(a_crash_has_its_line_and_is_counted),
        in_scratch_directory(a_name_cannot_read_like_a_line_of_ours),
        in_scratch_directory(a_crash_tells_its_own_reason),
        in_scratch_directory(one_that_waits_counts_as_left_and_needs_nobody),
        in_scratch_directory(a_refusal_is_1_and_keeps_the_code_of_the_server),
        in_scratch_directory(the_first_code_above_1_counts),
        in_scratch_directory(of_what_needs_attention_the_first_is_kept),
        in_scratch_directory(a_failure_has_the_code_of_its_errno),
        in_scratch_directory(a_note_is_a_line_and_no_more),
        in_scratch_directory(a_dry_run_tells_crashes_on_stdout_alone),
        in_scratch_directory(a_reader_that_has_gone_is_noticed_and_no_error),
        in_scratch_directory(a_disk_that_is_full_is_an_error),
        in_scratch_directory(any_thread_may_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
