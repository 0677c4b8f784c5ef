#include "base/signals.h"
#include "spool/date_dir.h"
#include "spool/discard.h"
#include "spool/sweep.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "scratch_spool.h"

enum { HOUR = 3600, OLD = 25 * HOUR, YOUNG = 23 * HOUR };

/* Makes directories below a day, with what is above them, all of the same age. */
static void make_old(const char *path, long age)
{
    char part[PATH_MAX];
    make_directories(path);
    strcpy(part, path);
    set_age(part, age);
    for (char *slash; (slash = strrchr(part, '/')) != NULL;) {
        *slash = '\0';
        set_age(part, age);
    }
}

/* A day that was over so many days ago, by the clock of UTC-12. */
static const char *day_before(long days)
{
    static char day[16];
    struct tm calendar;
    time_t then = spool->now.tv_sec - 12 * HOUR - (days + 1) * 24 * HOUR;
    assert_non_null(gmtime_r(&then, &calendar));
    strftime(day, sizeof day, "%Y%m%d", &calendar);
    return day;
}

static void a_day_is_over_when_it_is_over_everywhere(void **state)
{
    (void)state;
    spool->now.tv_sec = 1230292799; /* 2008-12-26 11:59:59 UTC */
    assert_false(spool_day_is_over(spool, "20081225", 0));
    assert_true(spool_day_is_over(spool, "20081224", 0));
    assert_false(spool_day_is_over(spool, "20081224", 1));
    spool->now.tv_sec++;
    assert_true(spool_day_is_over(spool, "20081225", 0));
    assert_true(spool_day_is_over(spool, "20081224", 1));
    assert_false(spool_day_is_over(spool, "20081226", 0));
    assert_false(spool_day_is_over(spool, "20091226", 0));
    assert_true(spool_day_is_over(spool, "17000101", 100000));
}

static struct swept swept;

static void expect_swept(long days, bool dry_run, long removed)
{
    assert_true(sweep(spool, days, NULL, NULL, dry_run, &swept));
    assert_int_equal(swept.removed, removed);
    assert_int_equal(swept.refused, 0);
}

static void removes_both_trees_and_the_day(void **state)
{
    (void)state;
    make_old(DAY "/name/22/ad/fb/61", OLD);
    make_old(DAY "/date/12/05/web01_0/0", OLD);
    make_old(DAY, OLD);
    expect_swept(2, false, 11);
    expect_missing(DAY);
}

static void a_day_stays_until_it_has_been_over_for_so_long(void **state)
{
    (void)state;
    for (long days = 0; days < 3; days++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/date/12", day_before(days));
        make_old(path, 1000 * HOUR);
    }
    expect_swept(3, false, 0);
    expect_swept(2, false, 3);
    expect_missing(day_before(2));
    expect_swept(1, false, 3);
    assert_true(is_there(day_before(0)));
    expect_swept(0, false, 3);
    make_old(day_before(-1), 1000 * HOUR);
    expect_swept(0, false, 0);
    assert_true(is_there(day_before(-1)));
}

static void what_has_changed_within_a_day_stays(void **state)
{
    (void)state;
    make_old(DAY "/name/22/ad", OLD);
    make_old(DAY "/name/33/ad", OLD);
    set_age(DAY "/name/33/ad", YOUNG);
    set_age(DAY "/name/33", OLD);
    set_age(DAY "/name", OLD);
    set_age(DAY, OLD);
    expect_swept(2, false, 2);
    assert_true(is_there(DAY "/name/33/ad"));
    expect_missing(DAY "/name/22");
}

static void below_what_is_young_the_old_goes(void **state)
{
    (void)state;
    make_old(DAY "/name/22/ad", OLD);
    set_age(DAY "/name", YOUNG);
    set_age(DAY, YOUNG);
    expect_swept(2, false, 2);
    assert_true(is_there(DAY "/name"));
    expect_missing(DAY "/name/22");
}

static void only_what_is_empty_goes(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, OLD);
    make_link(DAY "/date/13/link", "nowhere", OLD);
    make_old(DAY "/date/13", OLD);
    make_old(DAY "/date/14", OLD);
    expect_swept(2, false, 1);
    assert_true(is_there(DATES "/" ID));
    assert_true(is_there(NAME_PATH "/" ID ".json"));
    assert_true(is_link(DAY "/date/13/link"));
    expect_missing(DAY "/date/14");
}

static void what_is_not_ours_stays(void **state)
{
    (void)state;
    make_old(DAY "/notes/1", OLD);
    make_old(DAY "/name/11/22/33/44/55", OLD);
    make_old(DAY "/name/11/22/" ID ".dump", OLD);
    make_old("quarantine/" DAY, OLD);
    make_old("20080230/name", OLD);
    expect_swept(2, false, 0);
    assert_true(is_there(DAY "/notes/1"));
    assert_true(is_there(DAY "/name/11/22/33/44/55"));
    assert_true(is_there(DAY "/name/11/22/" ID ".dump"));
    assert_true(is_there("quarantine/" DAY));
    assert_true(is_there("20080230/name"));
}

static void no_link_is_entered(void **state)
{
    (void)state;
    make_old("../outside/22/ad", OLD);
    make_old("../outside/date/22", OLD);
    make_link(DAY "/name", "../../outside", OLD);
    make_link("20081224", "../outside", OLD);
    make_old(DAY "/date", OLD);
    make_link(DAY "/date/12", "../../../outside", OLD);
    expect_swept(2, false, 0);
    assert_true(is_there("../outside/22/ad"));
    assert_true(is_there("../outside/date/22"));
    assert_true(is_link("20081224"));
}

/* The mounts are gone before anything is asserted. */
static void a_mount_stays(void **state)
{
    (void)state;
    make_old(DAY "/name/22", OLD);
    make_old(DAY "/date/12", OLD);
    if (mount("none", DAY "/name", "tmpfs", 0, "size=64k") != 0)
        skip();
    make_old(DAY "/name/33/ad", OLD);
    sweep(spool, 2, NULL, NULL, false, &swept);
    bool stays = is_there(DAY "/name/33/ad");
    assert_int_equal(umount(DAY "/name"), 0);
    assert_true(stays);
    assert_int_equal(swept.removed, 2);
    assert_int_equal(swept.refused, 0);

    assert_int_equal(mount(DAY "/name", DAY "/name", NULL, MS_BIND, NULL), 0);
    set_age(DAY "/name", OLD);
    sweep(spool, 2, NULL, NULL, false, &swept);
    assert_int_equal(umount(DAY "/name"), 0);
    assert_true(is_there(DAY "/name"));
    assert_int_equal(swept.removed, 0);
    assert_int_equal(swept.refused, 0);
}

static void what_cannot_be_removed_is_told_once_and_the_rest_goes(void **state)
{
    (void)state;
    make_old(DAY "/name/22/ad", OLD);
    make_old(DAY "/name/22/ae", OLD);
    make_old(DAY "/name/33/ad", OLD);
    assert_int_equal(chmod(DAY, 0777), 0);
    assert_int_equal(chmod(DAY "/name", 0777), 0);
    assert_int_equal(chmod(DAY "/name/33", 0777), 0);
    become_nobody();
    assert_true(sweep(spool, 2, NULL, NULL, false, &swept));
    become_root_again();
    assert_int_equal(swept.removed, 2);
    assert_int_equal(swept.refused, 2);
    assert_int_equal(swept.failure.error, EACCES);
    assert_non_null(strstr(swept.failure.text, "cannot remove directory \"" DAY "/name/22/a"));
    assert_non_null(strstr(swept.failure.text, scratch_directory));
    expect_missing(DAY "/name/33");
}

static void what_cannot_be_read_is_told(void **state)
{
    (void)state;
    make_old(DAY "/name/22/ad", OLD);
    assert_int_equal(chmod(DAY "/name", 0), 0);
    become_nobody();
    assert_true(sweep(spool, 2, NULL, NULL, false, &swept));
    become_root_again();
    assert_int_equal(swept.refused, 1);
    assert_non_null(strstr(swept.failure.text, "cannot read directory \"" DAY "/name\""));
}

static void a_dry_run_counts_the_same_and_removes_nothing(void **state)
{
    (void)state;
    make_old(DAY "/name/22/ad", OLD);
    make_crash(OTHER_ID, DAY, SLOT, OLD);
    make_old(DAY "/date/13/00", OLD);
    set_age(DAY "/name", OLD);
    expect_swept(2, true, 4);
    assert_true(is_there(DAY "/name/22/ad"));
    expect_swept(2, false, 4);
    expect_missing(DAY "/name/22");
}

static void opens_no_more_than_it_closes(void **state)
{
    (void)state;
    size_t before = open_descriptors();
    removes_both_trees_and_the_day(state);
    only_what_is_empty_goes(state);
    assert_int_equal(open_descriptors(), before);
}

/* --- a throttled crash */

static bool discard_crash(struct failure *failure)
{
    struct date_dir *date = date_dir_new(spool, NULL, DAY);
    struct date_dir *hour = date_dir_new(spool, date, "12");
    struct date_dir *slot = date_dir_new(spool, hour, "05");
    struct date_dir *head = date_dir_new(spool, slot, "web01_0");
    const struct candidate candidate = {.pair = pair_of(ID, DAY), .date_directory = head};
    bool good = discard(&candidate, 0, false, failure);
    date_dir_release(head);
    date_dir_release(slot);
    date_dir_release(hour);
    date_dir_release(date);
    return good;
}

static void all_of_a_crash_is_discarded_and_nothing_else(void **state)
{
    (void)state;
    struct failure failure;
    size_t before = open_descriptors();
    make_crash(ID, DAY, SLOT, OLD);
    make_crash_file(ID, DAY, ".browser.dump", OLD);
    make_crash_file(ID, DAY, ".notes", OLD);
    make_crash(ID, "20081224", SLOT, OLD);
    make_file(NAME_PATH "/x", "x", OLD);
    assert_true(discard_crash(&failure));
    assert_int_equal(entries_in(NAME_PATH), 2);
    assert_true(is_there(NAME_PATH "/" ID ".notes"));
    assert_int_equal(entries_in(DATES), 0);
    assert_int_equal(entries_in("20081224/name/22/ad"), 3);
    assert_true(is_link("20081224/date/" SLOT "/" ID));
    assert_int_equal(open_descriptors(), before);
}

static void what_a_kill_has_left_is_discarded(void **state)
{
    (void)state;
    struct failure failure;
    make_date_link(ID, DAY, SLOT, OLD);
    assert_true(discard_crash(&failure));
    assert_int_equal(entries_in(DATES), 0);
    make_date_link(ID, DAY, SLOT, OLD);
    make_name_link(ID, DAY, SLOT, OLD);
    make_crash_file(ID, DAY, ".json", OLD);
    assert_true(discard_crash(&failure));
    assert_int_equal(entries_in(DATES) + entries_in(NAME_PATH), 0);
}

static void what_is_not_a_regular_file_keeps_the_crash(void **state)
{
    (void)state;
    struct failure failure;
    make_crash_file(ID, DAY, ".json", OLD);
    make_date_link(ID, DAY, SLOT, OLD);
    make_directories(NAME_PATH "/" ID ".dump");
    assert_false(discard_crash(&failure));
    assert_int_equal(failure.error, 0);
    assert_true(is_there(NAME_PATH "/" ID ".json"));
    assert_true(is_link(DATES "/" ID));
}

static void a_signal_ends_the_sweep(void **state)
{
    (void)state;
    make_old(DAY "/name/22/ad", OLD);
    signals_catch();
    assert_int_equal(raise(SIGTERM), 0);
    assert_false(sweep(spool, 2, NULL, NULL, false, &swept));
    assert_int_equal(swept.removed, 0);
    assert_true(is_there(DAY "/name/22/ad"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(a_day_is_over_when_it_is_over_everywhere),
        in_scratch_spool(removes_both_trees_and_the_day),
        in_scratch_spool(a_day_stays_until_it_has_been_over_for_so_long),
        in_scratch_spool(what_has_changed_within_a_day_stays),
        in_scratch_spool(below_what_is_young_the_old_goes),
        in_scratch_spool(only_what_is_empty_goes),
        in_scratch_spool(what_is_not_ours_stays),
        in_scratch_spool(no_link_is_entered),
        in_scratch_spool(a_mount_stays),
        in_scratch_spool(what_cannot_be_removed_is_told_once_and_the_rest_goes),
        in_scratch_spool(what_cannot_be_read_is_told),
        in_scratch_spool(a_dry_run_counts_the_same_and_removes_nothing),
        in_scratch_spool(opens_no_more_than_it_closes),
        in_scratch_spool(all_of_a_crash_is_discarded_and_nothing_else),
        in_scratch_spool(what_a_kill_has_left_is_discarded),
        in_scratch_spool(what_is_not_a_regular_file_keeps_the_crash),
        in_scratch_spool(a_signal_ends_the_sweep), /* the last one, as it is noted for good */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
