#include "report/report.h"
#include "spool/date_dir.h"
#include "spool/retire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report_steps.h"
#include "scratch_spool.h"

static struct quarantine *quarantine;
static struct batch batch;
static struct date_dir *slot;

static int enter(void **state)
{
    if (enter_scratch_spool(state) != 0)
        return 1;
    begin_report();
    batches_init(&batch, 1, 4);
    quarantine = quarantine_new(NULL, spool, NULL);
    struct date_dir *date = date_dir_new(spool, NULL, DAY);
    slot = date_dir_new(spool, date, "12");
    date_dir_release(date);
    make_crash(ID, DAY, "12", 0);
    return quarantine == NULL || slot == NULL;
}

static int leave(void **state)
{
    log_close();
    batches_free(&batch, 1);
    quarantine_free(quarantine);
    date_dir_release(slot);
    return leave_scratch_spool(state);
}

#define with_crash(test) cmocka_unit_test_setup_teardown(test, enter, leave)

/* A candidate whose date link was found, with what has become of it. */
static struct candidate *add(enum outcome outcome)
{
    struct pair pair = pair_of(ID, DAY);
    assert_true(
        batch_add_found(&batch, &pair, pair_open_directory(&pair), slot, QUEUED, "the verdict"));
    struct candidate *candidate = &batch.items[batch.count - 1];
    crash_set(&candidate->crash, outcome, "the reason");
    candidate->processor = "p1";
    return candidate;
}

static void retire_it(const struct candidate *candidate)
{
    enum outcome outcome = candidate->crash.outcome;
    report_seen(&report, 1);
    retire(candidate, quarantine, &report);
    assert_true(tally_adds_up(&report.tally));
    assert_int_equal(candidate->crash.outcome, outcome);
}

static bool has_links(void)
{
    bool name = is_there(NAME_PATH "/" ID), date = is_there(DAY "/date/12/" ID);
    assert_int_equal(name, date);
    return name;
}

static bool has_files(void)
{
    bool json = is_there(NAME_PATH "/" ID ".json"), dump = is_there(NAME_PATH "/" ID ".dump");
    assert_int_equal(json, dump);
    return json;
}

static void one_that_is_queued_loses_its_links(void **state)
{
    (void)state;
    retire_it(add(QUEUED));
    assert_false(has_links());
    assert_true(has_files());
    expect_outcome(QUEUED, 1);
    assert_int_equal(report.code, EXIT_DONE);
    expect_log("DEBUG \"" ID "\": queued: for processor \"p1\"\n");
}

static void one_that_was_queued_already_does_so_too(void **state)
{
    (void)state;
    retire_it(add(ALREADY_QUEUED));
    assert_false(has_links());
    assert_true(has_files());
    expect_outcome(ALREADY_QUEUED, 1);
    expect_log("DEBUG \"" ID "\": already queued: the reason\n");
}

static void the_links_of_one_that_has_come_again_stay(void **state)
{
    (void)state;
    struct candidate *candidate = add(ALREADY_QUEUED);
    candidate->pair.looked = (struct timespec){.tv_sec = 1};
    retire_it(candidate);
    assert_true(has_links());
    expect_outcome(ALREADY_QUEUED, 1);
    assert_int_equal(report.code, EXIT_DONE);
    expect_log("DEBUG \"" ID "\": already queued: its links stay\n");
}

static void one_whose_links_lead_nowhere_does_so_too(void **state)
{
    (void)state;
    retire_it(add(UNLINKED));
    assert_false(has_links());
    expect_outcome(UNLINKED, 1);
    expect_log("DEBUG \"" ID "\": unlinked: the reason\n");
}

static void one_that_was_found_by_its_id_loses_its_links(void **state)
{
    (void)state;
    struct candidate *candidate = batch_add_request(&batch, ID);
    candidate->pair = pair_of(ID, DAY);
    candidate->processor = "p1";
    candidate->crash.outcome = QUEUED;
    retire_it(candidate);
    assert_false(has_links());
    assert_true(has_files());
    expect_outcome(QUEUED, 1);
}

static void one_that_must_not_be_queued_goes_to_quarantine(void **state)
{
    (void)state;
    retire_it(add(QUARANTINED));
    assert_false(has_links());
    assert_false(has_files());
    assert_true(is_there("quarantine/" DAY "/" ID "/" ID ".json"));
    expect_outcome(QUARANTINED, 1);
    expect_log("WARNING \"" ID "\": quarantined: the reason\n");
}

static void every_other_one_stays_as_it_is(void **state)
{
    (void)state;
    for (enum outcome outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        if (outcome == QUEUED || outcome == ALREADY_QUEUED || outcome == QUARANTINED ||
            outcome == UNLINKED)
            continue;
        retire_it(add(outcome));
        expect_outcome(outcome, 1);
        assert_true(has_links());
        assert_true(has_files());
        batch_clear(&batch);
    }
    expect_missing("quarantine");
}

static void a_dry_run_changes_nothing(void **state)
{
    (void)state;
    report.dry_run = true;
    redirect_stdout(open("out", O_WRONLY | O_CREAT, 0600));
    retire_it(add(QUEUED));
    retire_it(add(ALREADY_QUEUED));
    retire_it(add(QUARANTINED));
    report_flush(&report);
    give_stdout_back();
    assert_true(has_links());
    assert_true(has_files());
    expect_missing("quarantine");
    expect_outcome(QUEUED, 1);
    expect_outcome(QUARANTINED, 1);
    expect_content("out", "\"" ID "\": queued: for processor \"p1\"\n"
                          "\"" ID "\": already queued: the reason\n"
                          "\"" ID "\": quarantined: the reason\n");
    expect_log("");
}

static void links_that_cannot_be_removed_are_an_error_of_the_run(void **state)
{
    (void)state;
    struct candidate *candidate = add(QUEUED);
    become_nobody();
    if (getuid() != 0)
        assert_int_equal(chmod(NAME_PATH, 0555), 0);
    retire_it(candidate);
    become_root_again();
    chmod(NAME_PATH, 0755);
    assert_true(has_links());
    expect_outcome(QUEUED, 1);
    assert_int_equal(report.code, EXIT_PERMISSION);
}

static void one_that_cannot_be_quarantined_is_left(void **state)
{
    (void)state;
    make_file("quarantine", "in the way", 0);
    retire_it(add(QUARANTINED));
    assert_true(has_links());
    assert_true(has_files());
    expect_outcome(QUARANTINED, 0);
    expect_outcome(LEFT, 1);
    assert_int_equal(report.code, EXIT_STORAGE);
}

static void a_batch_is_let_go_of(void **state)
{
    (void)state;
    int holders = slot->holders;
    add(LEFT);
    add(QUEUED);
    add(ALREADY_QUEUED);
    report_seen(&report, 3);
    retire_batch(&batch, quarantine, &report);
    assert_int_equal(slot->holders, holders);
    assert_true(tally_adds_up(&report.tally));
    expect_outcome(QUEUED, 1);
    expect_outcome(LEFT, 1);
    assert_false(has_links());
    retire_batch(&batch, quarantine, &report);
    assert_true(tally_adds_up(&report.tally));
    batch_clear(&batch);
    assert_int_equal(slot->holders, holders);
}

static void *retire_a_part(void *unused)
{
    (void)unused;
    retire_batch(&batch, quarantine, &report);
    return NULL;
}

static void several_threads_may_share_a_batch(void **state)
{
    (void)state;
    enum { ROUNDS = 20 };
    int holders = slot->holders;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t other;
        for (size_t i = 0; i < batch.size; i++)
            add(i == 0 ? QUEUED : LEFT);
        report_seen(&report, (long)batch.size);
        assert_int_equal(pthread_create(&other, NULL, retire_a_part, NULL), 0);
        retire_a_part(NULL);
        pthread_join(other, NULL);
        assert_int_equal(slot->holders, holders);
        batch_clear(&batch);
    }
    assert_true(tally_adds_up(&report.tally));
    expect_outcome(QUEUED, ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_crash(one_that_is_queued_loses_its_links),
        with_crash(one_that_was_queued_already_does_so_too),
        with_crash(the_links_of_one_that_has_come_again_stay),
        with_crash(one_whose_links_lead_nowhere_does_so_too),
        with_crash(one_that_was_found_by_its_id_loses_its_links),
        with_crash(one_that_must_not_be_queued_goes_to_quarantine),
        with_crash(every_other_one_stays_as_it_is),
        with_crash(a_dry_run_changes_nothing),
        with_crash(links_that_cannot_be_removed_are_an_error_of_the_run),
        with_crash(one_that_cannot_be_quarantined_is_left),
        with_crash(a_batch_is_let_go_of),
        with_crash(several_threads_may_share_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
