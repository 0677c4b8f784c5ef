#include "report/report.h"
#include "spool/put_away.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report_steps.h"
#include "scratch_spool.h"

#include "archive_steps.h"

enum { JOBS = 2 };

static struct roots roots;
static struct quarantine *quarantine;
static struct finished_job jobs[JOBS];
static enum missed missed; /* what the rows say of earlier runs, */
static long long queued;   /* and how long ago the crash was queued */

static int enter(void **state)
{
    if (enter_scratch_spool(state) != 0)
        return 1;
    begin_report();
    missed = MISSED_NEVER;
    queued = 0;
    return 0;
}

static int leave(void **state)
{
    for (int i = 0; i < JOBS; i++)
        finished_job_clear(&jobs[i]);
    memset(jobs, 0, sizeof jobs);
    end_archive();
    archive = NULL;
    quarantine_free(quarantine);
    quarantine = NULL;
    roots_close(&roots);
    log_close();
    return leave_scratch_spool(state);
}

#define with_spool(test) cmocka_unit_test_setup_teardown(test, enter, leave)

static void begin(const char *path)
{
    struct failure failure;
    make_archive(path);
    roots = (struct roots){0};
    assert_true(roots_open(&roots, scratch_directory, NULL, ".json", ".dump", &failure));
    quarantine = quarantine_new(NULL, roots.spools[0], NULL);
    assert_non_null(quarantine);
}

/* As if it had been queued from the spool, under DAY. */
static const char *pathname_of(const char *uuid)
{
    static char pathname[PATH_MAX + PAIR_PATH_SIZE];
    char path[PAIR_PATH_SIZE];
    struct pair pair = {.spool = roots.spools[0], .day = DAY};
    if (!crash_id_parse(&pair.id, uuid))
        return uuid;
    pair_path(&pair, path);
    snprintf(pathname, sizeof pathname, "%s/%s", scratch_directory, path);
    return pathname;
}

static struct finished_job *put(int index, const char *uuid, bool dry_run)
{
    struct finished_job *job = &jobs[index];
    finished_job_clear(job);
    struct archive *both[2] = {archive, archive};
    const struct finished_row row = {.id = 7 + index,
                                     .uuid = uuid,
                                     .success = true,
                                     .mark = "",
                                     .pathname = pathname_of(uuid),
                                     .missed = missed,
                                     .queued = queued};
    finished_job_init(job, &row, &roots, both);
    report.dry_run = dry_run;
    put_away(job, &roots, quarantine, &report);
    report.dry_run = false;
    return job;
}

static void expect_put(const char *uuid, enum outcome outcome)
{
    struct finished_job *job = put(0, uuid, false);
    assert_int_equal(job->crash.outcome, outcome);
    assert_int_equal(job->id, 7);
    assert_string_equal(job->crash.name, uuid);
    assert_ptr_equal(job->archive, archive);
}

/* Ends the log. */
static int errors_in_log(void)
{
    char line[4096];
    int errors = 0;
    log_close();
    FILE *log = fopen("log", "r");
    assert_non_null(log);
    while (fgets(line, sizeof line, log) != NULL)
        errors += strncmp(line, "ERROR", strlen("ERROR")) == 0;
    fclose(log);
    return errors;
}

static void a_pair_is_archived_by_a_rename(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, 0);
    begin(beside_spool("archive"));
    assert_int_equal(archive_state(archive), ARCHIVE_NOT_OPEN);
    expect_put(ID, ARCHIVED);
    assert_int_equal(archive_state(archive), ARCHIVE_OPEN);
    assert_false(put_away_has_copies(jobs, JOBS));
    assert_int_equal(entries_in(NAME_PATH), 0);
    expect_content("../archive/" NAME_PATH "/" ID ".json", ".json");
    assert_int_equal(report.code, EXIT_DONE);
}

static void a_pair_is_deleted_where_there_is_no_path(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, 0);
    begin(NULL);
    expect_put(ID, DELETED);
    assert_true(jobs[0].move.unwanted);
    assert_int_equal(entries_in(NAME_PATH), 2);
    expect_missing(DATES "/" ID);
    assert_true(put_away_delete(&jobs[0], NULL, &report));
    assert_int_equal(jobs[0].crash.outcome, DELETED);
    assert_false(jobs[0].move.unwanted);
    assert_int_equal(entries_in(NAME_PATH), 0);
}

static void one_that_is_there_already_counts_as_moved(void **state)
{
    (void)state;
    make_directories(NAME_PATH);
    make_file("../archive/" NAME_PATH "/" ID ".json", "x", 0);
    make_file("../archive/" NAME_PATH "/" ID ".dump", "x", 0);
    begin(beside_spool("archive"));
    expect_put(ID, ARCHIVED);
    assert_int_equal(report.code, EXIT_DONE);
}

static void one_that_is_nowhere_is_missing(void **state)
{
    (void)state;
    make_files(OTHER_ID, DAY, 0);
    begin(beside_spool("archive"));
    expect_put(ID, MISSING);
    assert_non_null(strstr(jobs[0].crash.reason, "the row stays for 24 hours"));
    assert_true(jobs[0].is_searched && jobs[0].is_missing);
    assert_false(finished_job_is_done(&jobs[0]));
}

static void one_that_is_missing_waits_for_a_day_and_then_its_row_goes(void **state)
{
    (void)state;
    begin(beside_spool("archive"));
    missed = MISSED_LATELY;
    expect_put(ID, LEFT);
    assert_false(finished_job_is_done(&jobs[0]));
    report_seen(&report, 2);
    finished_jobs_report(&jobs[0], 1, &report);
    assert_false(tally_has_left(&report.tally));
    missed = MISSED_FOR_A_DAY;
    expect_put(ID, MISSING);
    assert_non_null(strstr(jobs[0].crash.reason, "the row is removed"));
    assert_true(finished_job_is_done(&jobs[0]));
    finished_jobs_report(&jobs[0], 1, &report);
    assert_true(tally_has_left(&report.tally));
    assert_true(tally_adds_up(&report.tally));
    make_crash(ID, DAY, SLOT, 0);
    expect_put(ID, ARCHIVED);
    assert_false(jobs[0].is_missing);
    missed = MISSED_NEVER;
}

static void of_half_a_pair_the_rest_waits_for_a_day(void **state)
{
    (void)state;
    make_crash_file(ID, DAY, ".json", 0);
    begin(beside_spool("archive"));
    expect_put(ID, MISSING);
    assert_non_null(strstr(jobs[0].crash.reason, "its .dump file was not found; the rest and"));
    assert_true(jobs[0].is_missing && !finished_job_is_done(&jobs[0]));
    missed = MISSED_LATELY;
    expect_put(ID, LEFT);
    assert_int_equal(entries_in(NAME_PATH), 1);
    missed = MISSED_FOR_A_DAY;
    expect_put(ID, MISSING);
    assert_non_null(strstr(jobs[0].crash.reason, "the rest is in"));
    assert_true(finished_job_is_done(&jobs[0]));
    expect_content("../archive/" NAME_PATH "/" ID ".json", ".json");
    missed = MISSED_NEVER;
    expect_put(ID, MISSING);
    assert_non_null(strstr(jobs[0].crash.reason, "its .dump file was not found; the row stays"));
    make_crash_file(ID, DAY, ".dump", 0);
    expect_put(ID, ARCHIVED);
    assert_false(jobs[0].is_missing);
}

static void half_a_pair_does_not_complete_an_earlier_crash(void **state)
{
    (void)state;
    make_crash_file(ID, DAY, ".dump", 0);
    begin(beside_spool("archive"));
    missed = MISSED_FOR_A_DAY;
    expect_put(ID, MISSING);
    make_crash_file(ID, DAY, ".json", 0);
    queued = -2 * 3600LL * SECOND;
    expect_put(ID, QUARANTINED);
    assert_true(is_there("quarantine/" DAY "/" ID "/" ID ".json"));
    assert_false(is_there("../archive/" NAME_PATH "/" ID ".json"));
}

static void where_pairs_are_deleted_half_a_pair_elsewhere_stays(void **state)
{
    (void)state;
    make_crash_file(ID, DAY, ".json", 0);
    make_crash_file(OTHER_ID, "20081226", ".json", 3600);
    begin(NULL);
    expect_put(ID, DELETED);
    assert_int_equal(put(1, OTHER_ID, false)->crash.outcome, MISSING);
    assert_false(jobs[1].move.unwanted);
    missed = MISSED_FOR_A_DAY;
    assert_int_equal(put(1, OTHER_ID, false)->crash.outcome, MISSING);
    assert_true(!jobs[1].move.unwanted && finished_job_is_done(&jobs[1]));
    missed = MISSED_NEVER;
}

static void one_whose_root_is_not_there_is_left(void **state)
{
    (void)state;
    make_files(ID, DAY, 0);
    begin(beside_spool("archive"));
    struct archive *both[2] = {archive, archive};
    const struct finished_row row = {.uuid = ID, .mark = OTHER_ID, .pathname = ""};
    finished_job_init(&jobs[0], &row, &roots, both);
    put_away(&jobs[0], &roots, quarantine, &report);
    assert_int_equal(jobs[0].crash.outcome, LEFT);
    assert_false(jobs[0].is_missing);
    assert_int_equal(report.code, EXIT_LEFT);
    assert_int_equal(entries_in(NAME_PATH), 2);
}

static void the_other_crash_of_its_id_stays_as_it_is(void **state)
{
    (void)state;
    make_crash(ID, "20081226", SLOT, 0);
    begin(beside_spool("archive"));
    expect_put(ID, MISSING);
    assert_int_equal(entries_in("20081226/name/22/ad"), 3);
    make_files(ID, DAY, 0);
    expect_put(ID, ARCHIVED);
    assert_int_equal(entries_in("20081226/name/22/ad"), 3);
    assert_true(is_there("20081226/date/" SLOT "/" ID));
}

static void a_link_in_the_place_of_its_day_is_no_fault_of_the_storage(void **state)
{
    (void)state;
    make_files(ID, "20081220", 0);
    make_link(DAY, "20081220", 0);
    begin(beside_spool("archive"));
    expect_put(ID, LEFT);
    assert_int_equal(report.code, EXIT_LEFT);
    assert_false(jobs[0].is_missing);
    assert_int_equal(entries_in("20081220/name/22/ad"), 2);
}

static void a_row_that_holds_no_id_is_rejected(void **state)
{
    (void)state;
    static const char hostile[] = "../../../etc/passwd\": archived: \n";
    char longest[sizeof jobs[0].uuid];
    make_files(ID, DAY, 0);
    begin(beside_spool("archive"));
    expect_put(hostile, REJECTED);
    assert_non_null(jobs[0].crash.reason);
    expect_put("", REJECTED);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    expect_put(longest, REJECTED);
}

static void what_cannot_be_looked_at_is_left(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, 0);
    begin(beside_spool("archive"));
    assert_int_equal(chmod(NAME_PATH, 0), 0);
    become_nobody();
    expect_put(ID, LEFT);
    become_root_again();
    chmod(NAME_PATH, 0755);
    assert_non_null(jobs[0].crash.reason);
    assert_int_equal(report.code, EXIT_PERMISSION);
    assert_int_equal(entries_in(NAME_PATH), 3);
}

static void a_destination_that_is_not_there_leaves_all(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, 0);
    begin("/nowhere/at/all");
    expect_put(ID, LEFT);
    assert_int_equal(report.code, EXIT_STORAGE);
    expect_put(ID, LEFT);
    assert_int_equal(entries_in(NAME_PATH), 3);
    assert_true(is_there(DATES "/" ID));
    assert_int_equal(errors_in_log(), 1);
}

static void a_dry_run_changes_nothing(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, 0);
    begin(beside_spool("archive"));
    assert_int_equal(put(0, ID, true)->crash.outcome, ARCHIVED);
    assert_int_equal(put(0, OTHER_ID, true)->crash.outcome, MISSING);
    assert_int_equal(put(0, "no id", true)->crash.outcome, REJECTED);
    assert_int_equal(entries_in(NAME_PATH), 3);
    assert_true(is_there(DATES "/" ID));
    assert_int_equal(entries_in("../archive"), 0);
}

/* To another file system, whose path it returns. */
static const char *copy_two_crashes(void)
{
    const char *path = elsewhere();
    make_crash(ID, DAY, SLOT, 0);
    make_crash(OTHER_ID, DAY, SLOT, 0);
    begin(path);
    expect_put(ID, ARCHIVED);
    assert_int_equal(put(1, OTHER_ID, false)->crash.outcome, ARCHIVED);
    return path;
}

static void copies_get_their_names_and_then_the_originals_go(void **state)
{
    (void)state;
    const char *path = copy_two_crashes();
    assert_true(put_away_has_copies(jobs, JOBS));
    assert_true(put_away_has_copies(jobs, 1));
    assert_false(put_away_has_copies(jobs, 0));
    put_away_copies(jobs, JOBS, archive_commit_copies, &report);
    assert_int_equal(entries_in(NAME_PATH), 2 + NOTE);
    assert_int_equal(chdir(path), 0);
    expect_content(NAME_PATH "/" ID ".json", ".json");
    expect_content(DAY "/name/33/ad/" OTHER_ID ".json", ".json");
    assert_int_equal(chdir(scratch_directory), 0);
    put_away_copies(jobs, JOBS, archive_remove_originals, &report);
    assert_int_equal(entries_in(NAME_PATH), 0);
    assert_int_equal(entries_in(DAY "/name/33/ad"), 0);
    assert_int_equal(jobs[0].crash.outcome, ARCHIVED);
    assert_int_equal(jobs[1].crash.outcome, ARCHIVED);
    assert_int_equal(report.code, EXIT_DONE);
}

static void copies_can_be_dropped(void **state)
{
    (void)state;
    const char *path = elsewhere();
    make_crash(ID, DAY, SLOT, 0);
    begin(path);
    expect_put(ID, ARCHIVED);
    put_away_copies(jobs, JOBS, archive_drop_copies, &report);
    assert_int_equal(entries_in(NAME_PATH), 2);
    assert_int_equal(chdir(path), 0);
    assert_int_equal(entries_in(NAME_PATH), 0);
}

static void a_copy_that_cannot_get_its_name_leaves_the_job(void **state)
{
    (void)state;
    const char *path = copy_two_crashes();
    assert_int_equal(chdir(path), 0);
    make_directories(NAME_PATH "/" ID ".json");
    assert_int_equal(chdir(scratch_directory), 0);
    put_away_copies(jobs, JOBS, archive_commit_copies, &report);
    assert_int_equal(jobs[0].crash.outcome, LEFT);
    assert_non_null(jobs[0].crash.reason);
    assert_int_equal(jobs[1].crash.outcome, ARCHIVED);
    put_away_copies(jobs, JOBS, archive_remove_originals, &report);
    assert_int_equal(entries_in(NAME_PATH), 2 + NOTE);
    assert_int_equal(entries_in(DAY "/name/33/ad"), 0);
}

static void what_became_of_it_is_told_and_counted(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, 0);
    begin(beside_spool("archive"));
    report_seen(&report, 3);
    finished_jobs_report(put(0, ID, false), 1, &report);
    expect_outcome(ARCHIVED, 1);
    finished_jobs_report(put(0, OTHER_ID, false), 1, &report);
    expect_outcome(MISSING, 1);
    finished_jobs_report(put(0, "no id", false), 1, &report);
    expect_outcome(REJECTED, 1);
    assert_true(tally_adds_up(&report.tally));
    log_close();
    char line[4096];
    FILE *log = fopen("log", "r");
    assert_non_null(fgets(line, sizeof line, log));
    assert_non_null(strstr(line, " \"" ID "\": archived: "));
    assert_non_null(fgets(line, sizeof line, log));
    assert_non_null(strstr(line, " \"" OTHER_ID "\": missing: "));
    assert_non_null(fgets(line, sizeof line, log));
    assert_non_null(strstr(line, " \"no id\": rejected: "));
    assert_null(fgets(line, sizeof line, log));
    fclose(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_spool(a_pair_is_archived_by_a_rename),
        with_spool(a_pair_is_deleted_where_there_is_no_path),
        with_spool(one_that_is_there_already_counts_as_moved),
        with_spool(one_that_is_nowhere_is_missing),
        with_spool(one_that_is_missing_waits_for_a_day_and_then_its_row_goes),
        with_spool(of_half_a_pair_the_rest_waits_for_a_day),
        with_spool(half_a_pair_does_not_complete_an_earlier_crash),
        with_spool(where_pairs_are_deleted_half_a_pair_elsewhere_stays),
        with_spool(one_whose_root_is_not_there_is_left),
        with_spool(the_other_crash_of_its_id_stays_as_it_is),
        with_spool(a_link_in_the_place_of_its_day_is_no_fault_of_the_storage),
        with_spool(a_row_that_holds_no_id_is_rejected),
        with_spool(what_cannot_be_looked_at_is_left),
        with_spool(a_destination_that_is_not_there_leaves_all),
        with_spool(a_dry_run_changes_nothing),
        with_spool(copies_get_their_names_and_then_the_originals_go),
        with_spool(copies_can_be_dropped),
        with_spool(a_copy_that_cannot_get_its_name_leaves_the_job),
        with_spool(what_became_of_it_is_told_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
