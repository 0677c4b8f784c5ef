#include "bisect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report_steps.h"

enum { ALL = 90, MASKED = 6, ROW = 20 };

struct job {
    struct crash crash; /* first */
    bool is_bad;
    int commits;
    char name[8];
};

static struct job jobs[ALL];
static struct refusals refusals;

/* What the database does, and what was asked of it. */
static struct {
    size_t fatal_from;    /* a transaction that has this job ends with */
    enum db_status fatal; /* this */
    size_t last;          /* the job that was committed last */
    bool out_of_order;
    int transactions;
    enum db_status refusal; /* how one with a bad job ends */
} database;

static enum db_status end_with(enum db_status status, struct failure *failure, const char *why)
{
    *failure = (struct failure){0};
    strcpy(failure->text, why);
    return status;
}

static enum db_status transact(void *context, size_t first, size_t count, struct failure *failure)
{
    char why[20];
    assert_ptr_equal(context, &database);
    assert_true(count > 0);
    database.transactions++;
    for (size_t i = first; i < first + count; i++) {
        if (database.fatal != DB_OK && i >= database.fatal_from)
            return end_with(database.fatal, failure, "fatal");
        if (jobs[i].is_bad) {
            snprintf(why, sizeof why, "%s is bad", jobs[i].name);
            return end_with(database.refusal, failure, why);
        }
    }
    for (size_t i = first; i < first + count; i++) {
        database.out_of_order |= i < database.last;
        database.last = i;
        jobs[i].commits++;
        jobs[i].crash.outcome = QUEUED;
    }
    return DB_OK;
}

static const struct bisect work = {
    .report = &report,
    .refusals = &refusals,
    .crashes = jobs,
    .size = sizeof jobs[0],
    .transact = transact,
    .context = &database,
};

static int enter(void **state)
{
    if (enter_scratch_directory(state) != 0)
        return 1;
    begin_report();
    return 0;
}

static void clear_jobs(void)
{
    for (size_t i = 0; i < ALL; i++)
        crash_clear(&jobs[i].crash);
}

static int leave(void **state)
{
    log_close();
    clear_jobs();
    return leave_scratch_directory(state);
}

#define with_jobs(test) cmocka_unit_test_setup_teardown(test, enter, leave)

static void begin_jobs(void)
{
    clear_jobs();
    report_init(&report);
    memset(&database, 0, sizeof database);
    memset(&refusals, 0, sizeof refusals);
    database.refusal = DB_FAILED;
    for (size_t i = 0; i < ALL; i++) {
        jobs[i] = (struct job){.crash.outcome = OUTCOME_COUNT};
        snprintf(jobs[i].name, sizeof jobs[i].name, "%zu", i);
        jobs[i].crash.name = jobs[i].name;
    }
}

/* Asserts that each of the first jobs was committed once, or is bad, and has its reason. */
static void expect_each_done(size_t count)
{
    for (size_t i = 0; i < ALL; i++) {
        bool done = i < count && !jobs[i].is_bad;
        assert_int_equal(jobs[i].commits, done ? 1 : 0);
        assert_int_equal(jobs[i].crash.outcome, done ? QUEUED : i < count ? LEFT : OUTCOME_COUNT);
        if (i < count && jobs[i].is_bad) {
            char reason[20];
            snprintf(reason, sizeof reason, "%zu is bad", i);
            assert_non_null(jobs[i].crash.reason);
            assert_non_null(strstr(jobs[i].crash.reason, reason));
        }
    }
    assert_false(database.out_of_order);
}

static void a_good_batch_is_one_transaction(void **state)
{
    (void)state;
    begin_jobs();
    assert_true(bisect(&work, ALL - 1));
    assert_int_equal(database.transactions, 1);
    expect_each_done(ALL - 1);
    assert_true(bisect(&work, 0));
    assert_int_equal(database.transactions, 1);
    expect_log("");
}

static void every_subset_that_is_bad_is_found(void **state)
{
    (void)state;
    for (unsigned int mask = 0; mask < 1u << MASKED; mask++) {
        begin_jobs();
        for (size_t i = 0; i < MASKED; i++)
            jobs[i].is_bad = mask >> i & 1;
        assert_true(bisect(&work, MASKED));
        expect_each_done(MASKED);
        assert_int_equal(report.code, mask != 0 ? EXIT_LEFT : EXIT_DONE);
    }
}

static void one_that_is_bad_costs_few_transactions(void **state)
{
    (void)state;
    for (size_t bad = 0; bad < 64; bad++) {
        begin_jobs();
        jobs[bad].is_bad = true;
        assert_true(bisect(&work, 64));
        expect_each_done(64);
        assert_int_equal(database.transactions, 13); /* 1 + 4 * log4(64) */
        assert_int_equal(report.refusal, EXIT_INTERNAL);
    }
}

/* As a whole only: its parts are tried again anyway. */
static void what_may_work_when_it_is_tried_again_is_tried_again(void **state)
{
    (void)state;
    begin_jobs();
    jobs[1].is_bad = true;
    database.refusal = DB_AGAIN;
    assert_true(bisect(&work, 2));
    expect_each_done(2);
    assert_int_equal(database.transactions, 5 + 2);
    assert_int_equal(report.refusal, EXIT_NO_DATABASE);
}

static void what_is_locked_is_waited_for_once_and_waits_as_it_should(void **state)
{
    (void)state;
    begin_jobs();
    jobs[1].is_bad = true;
    database.refusal = DB_BUSY;
    assert_true(bisect(&work, 2));
    expect_each_done(2);
    assert_int_equal(database.transactions, 3);
    assert_true(jobs[1].crash.waits);
    assert_int_equal(report.code, EXIT_DONE);
    assert_int_equal(report.refusal, EXIT_DONE);
}

static void expect_left(size_t first, size_t end, const char *why)
{
    for (size_t i = first; i < end; i++) {
        assert_int_equal(jobs[i].crash.outcome, LEFT);
        assert_non_null(jobs[i].crash.reason);
        assert_non_null(strstr(jobs[i].crash.reason, why));
    }
}

static void too_many_in_a_row_that_are_bad_end_the_batch_and_later_the_run(void **state)
{
    (void)state;
    static const enum db_status statuses[] = {DB_BUSY, DB_FAILED, DB_DENIED};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        begin_jobs();
        database.refusal = statuses[i];
        for (size_t j = 0; j < ALL; j++)
            jobs[j].is_bad = true;
        assert_false(bisect_jumps(&refusals));
        assert_true(bisect(&work, ALL));
        expect_left(0, ROW, "is bad");
        expect_left(ROW, ALL, "was not reached");
        assert_int_equal(report.code, db_exit_code(statuses[i]));
        assert_true(bisect_jumps(&refusals));
        assert_false(bisect_jumps(&refusals));
        /* In a row, whatever the batch. */
        for (size_t j = 0; j < ROW - 1; j++)
            assert_true(bisect(&work, 1));
        assert_false(bisect(&work, 1));
    }
}

static void many_that_are_bad_with_a_good_one_between_them_do_not_end_the_run(void **state)
{
    (void)state;
    begin_jobs();
    for (size_t i = 0; i < ALL; i++)
        jobs[i].is_bad = i % ROW != 0;
    assert_true(bisect(&work, ALL));
    expect_each_done(ALL);
    assert_false(bisect_jumps(&refusals));
    assert_int_equal(report.code, EXIT_LEFT);
}

static void what_takes_too_long_to_refuse_ends_the_batch_and_later_the_run(void **state)
{
    (void)state;
    begin_jobs();
    for (size_t i = 0; i < ALL; i += 2)
        jobs[i].is_bad = true;
    refusals.lost = 10;
    assert_true(bisect(&work, ALL));
    expect_left(0, 1, "is bad");
    expect_left(1, ALL, "was not reached");
    assert_true(bisect_jumps(&refusals));
    /* What is done has taken some of that time, and it begins anew at the other place. */
    refusals.lost = 10;
    jobs[0].is_bad = false;
    assert_true(bisect(&work, 1));
    assert_true(refusals.lost < 10);
    jobs[0].is_bad = true;
    refusals.lost = 10;
    assert_false(bisect(&work, 1));
    assert_true(bisect_was_refused(&refusals));
}

static void a_fatal_end_in_the_middle_leaves_the_rest(void **state)
{
    (void)state;
    static const enum db_status fatal[] = {DB_LOST, DB_UNLOCKED, DB_MISCONFIGURED, DB_NO_DISK};
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        begin_jobs();
        jobs[7].is_bad = true;
        database.fatal = fatal[i]; /* as soon as the job that is bad is not there before it */
        database.fatal_from = 10;
        assert_false(bisect(&work, 20));
        for (size_t j = 0; j < 20; j++) {
            bool done = j < 10 && j != 7;
            assert_int_equal(jobs[j].commits, done ? 1 : 0);
            assert_int_equal(jobs[j].crash.outcome, done ? QUEUED : LEFT);
            if (!done)
                assert_non_null(jobs[j].crash.reason);
        }
        assert_int_equal(report.code, db_exit_code(fatal[i]));
    }
}

static void those_that_nobody_will_work_on_are_left(void **state)
{
    (void)state;
    begin_jobs();
    bisect_leave(&work, 0, 3);
    for (size_t i = 0; i < ALL; i++) {
        assert_int_equal(jobs[i].crash.outcome, i < 3 ? LEFT : OUTCOME_COUNT);
        assert_int_equal(jobs[i].crash.reason != NULL, i < 3);
    }
    assert_int_equal(database.transactions, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_jobs(a_good_batch_is_one_transaction),
        with_jobs(every_subset_that_is_bad_is_found),
        with_jobs(one_that_is_bad_costs_few_transactions),
        with_jobs(what_may_work_when_it_is_tried_again_is_tried_again),
        with_jobs(what_is_locked_is_waited_for_once_and_waits_as_it_should),
        with_jobs(too_many_in_a_row_that_are_bad_end_the_batch_and_later_the_run),
        with_jobs(many_that_are_bad_with_a_good_one_between_them_do_not_end_the_run),
        with_jobs(what_takes_too_long_to_refuse_ends_the_batch_and_later_the_run),
        with_jobs(a_fatal_end_in_the_middle_leaves_the_rest),
        with_jobs(those_that_nobody_will_work_on_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
