#include "spool/date_dir.h"
#include "spool/pair.h"
#include "spool/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

static struct walk *begin_walk(bool keep_directories)
{
    struct failure failure;
    struct walk *walk = walk_new(spool, keep_directories, &failure);
    if (walk == NULL)
        fail_msg("%s", failure.text);
    return walk;
}

/* Asserts what the walk comes upon next: "KIND PATH"; NULL: the end. */
static void expect_next(struct walk *walk, const char *expected)
{
    static const char *const kinds[] = {
        [WALK_LINK] = "link", [WALK_OTHER] = "other", [WALK_UNREADABLE] = "unreadable"};
    struct walk_entry entry;
    char found[PATH_MAX];
    if (!walk_next(walk, &entry)) {
        assert_null(expected);
        return;
    }
    if (entry.kind == WALK_UNREADABLE) {
        assert_int_equal(entry.descriptor, -1);
        assert_non_null(strstr(entry.failure->text, entry.name));
        snprintf(found, sizeof found, "unreadable %s", entry.name);
    } else {
        struct stat status;
        assert_int_equal(fstatat(entry.descriptor, entry.name, &status, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(S_ISLNK(status.st_mode), entry.kind == WALK_LINK);
        snprintf(found, sizeof found, "%s %s/%s", kinds[entry.kind], entry.directory->path,
                 entry.name);
    }
    assert_string_equal(found, expected != NULL ? expected : "the end");
}

/* Goes to the end. */
static void walk_all(bool keep_directories)
{
    struct walk_entry entry;
    struct walk *walk = begin_walk(keep_directories);
    while (walk_next(walk, &entry))
        continue;
    walk_free(walk);
}

static void goes_from_the_oldest_to_the_newest(void **state)
{
    (void)state;
    static const char *const links[] = {
        "20081226/date/00/00/a", "20081225/date/23/55/web02_0/a", "20081225/date/23/55/web01_1/a",
        "20081225/date/09/10/a", "20081225/date/10/00/a",         "20071231/date/12/x/y/z/a",
        "20081225/date/09/05/a",
    };
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        make_link(links[i], "nowhere", 0);
    struct walk *walk = begin_walk(true);
    expect_next(walk, "link 20071231/date/12/x/y/z/a");
    expect_next(walk, "link 20081225/date/09/05/a");
    expect_next(walk, "link 20081225/date/09/10/a");
    expect_next(walk, "link 20081225/date/10/00/a");
    expect_next(walk, "link 20081225/date/23/55/web01_1/a");
    expect_next(walk, "link 20081225/date/23/55/web02_0/a");
    expect_next(walk, "link 20081226/date/00/00/a");
    expect_next(walk, NULL);
    expect_next(walk, NULL);
    walk_free(walk);
}

static void comes_upon_everything_in_a_directory_once(void **state)
{
    (void)state;
    enum { MANY = 300 };
    bool seen[MANY] = {0};
    char path[100];
    struct walk_entry entry;
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, DATES "/%03d", i);
        make_link(path, "nowhere", 0);
    }
    struct walk *walk = begin_walk(true);
    for (int i = 0; i < MANY; i++) {
        assert_true(walk_next(walk, &entry));
        int number = atoi(entry.name);
        assert_false(seen[number]);
        seen[number] = true;
        /* What it has come upon may be removed while the walk goes on. */
        assert_int_equal(unlinkat(entry.descriptor, entry.name, 0), 0);
    }
    expect_next(walk, NULL);
    walk_free(walk);
}

static void strays_come_up_at_each_level(void **state)
{
    (void)state;
    make_file("20081201/date/file", "", 0);
    make_file("20081202/date/12/file", "", 0);
    make_link("20081203/date/12/05/link", "/etc", 0);
    make_parents("20081204/date/12/05/web01_0/");
    assert_int_equal(mkfifo("20081204/date/12/05/web01_0/fifo", 0600), 0);
    make_link("20081205/date/1/2/3/4/link", "nowhere", 0);
    make_file("20081206/date/1/2/3/4/5/too_deep", "", 0);
    make_link("20081207/date/link", "12", 0);
    struct walk *walk = begin_walk(true);
    expect_next(walk, "other 20081201/date/file");
    expect_next(walk, "other 20081202/date/12/file");
    expect_next(walk, "link 20081203/date/12/05/link");
    expect_next(walk, "other 20081204/date/12/05/web01_0/fifo");
    expect_next(walk, "link 20081205/date/1/2/3/4/link");
    expect_next(walk, "other 20081206/date/1/2/3/4/5");
    expect_next(walk, "link 20081207/date/link");
    expect_next(walk, NULL);
    walk_free(walk);
}

static void what_is_not_below_date_is_not_its_business(void **state)
{
    (void)state;
    make_file("20081225/name/22/ad/file", "", 0);
    make_file("20081225/file", "", 0);
    make_file("20081301/date/12/file", "", 0);
    make_file("quarantine/date/12/file", "", 0);
    make_file("file", "", 0);
    struct walk *walk = begin_walk(false);
    expect_next(walk, NULL);
    walk_free(walk);
}

static void a_link_is_never_followed(void **state)
{
    (void)state;
    make_link("outside/12/05/a", "nowhere", 0);
    make_link("20081224/date", "../outside", 0);
    make_link("20081225/date/12", "../../outside/12", 0);
    make_link("20081226", "20081225", 0);
    make_link("20081227/date/a", "nowhere", 0);
    struct walk *walk = begin_walk(true);
    expect_next(walk, "unreadable 20081224/date");
    expect_next(walk, "link 20081225/date/12");
    expect_next(walk, "unreadable 20081226/date");
    expect_next(walk, "link 20081227/date/a");
    expect_next(walk, NULL);
    walk_free(walk);
}

static void what_cannot_be_read_is_told_and_the_rest_goes_on(void **state)
{
    (void)state;
    make_link("20081225/date/11/a", "nowhere", 0);
    make_link("20081225/date/12/a", "nowhere", 0);
    make_link("20081225/date/13/a", "nowhere", 0);
    make_link("20081226/date/12/a", "nowhere", 0);
    make_link("20081227/date/12/a", "nowhere", 0);
    assert_int_equal(chmod("20081225/date/12", 0), 0);
    assert_int_equal(chmod("20081226/date", 0), 0);
    become_nobody();
    struct walk *walk = begin_walk(false);
    expect_next(walk, "link 20081225/date/11/a");
    expect_next(walk, "unreadable 20081225/date/12");
    expect_next(walk, "link 20081225/date/13/a");
    expect_next(walk, "unreadable 20081226/date");
    expect_next(walk, "link 20081227/date/12/a");
    expect_next(walk, NULL);
    walk_free(walk);
    become_root_again();
    chmod("20081225/date/12", 0755);
    chmod("20081226/date", 0755);
}

static void why_a_directory_cannot_be_read_is_said(void **state)
{
    (void)state;
    struct walk_entry entry;
    make_directories("20081225/date/12");
    assert_int_equal(chmod("20081225/date/12", 0), 0);
    become_nobody();
    struct walk *walk = begin_walk(false);
    assert_true(walk_next(walk, &entry));
    assert_int_equal(entry.kind, WALK_UNREADABLE);
    assert_int_equal(entry.failure->error, EACCES);
    walk_free(walk);
    become_root_again();
    chmod("20081225/date/12", 0755);
}

static void what_vanishes_in_the_meantime_is_no_trouble(void **state)
{
    (void)state;
    make_link("20081225/date/11/a", "nowhere", 0);
    make_link("20081225/date/12/a", "nowhere", 0);
    make_link("20081226/date/12/a", "nowhere", 0);
    make_link("20081227/date/12/a", "nowhere", 0);
    struct walk *walk = begin_walk(false);
    expect_next(walk, "link 20081225/date/11/a");
    assert_int_equal(unlink("20081225/date/11/a"), 0);
    assert_int_equal(unlink("20081225/date/12/a"), 0);
    assert_int_equal(rmdir("20081225/date/12"), 0);
    assert_int_equal(unlink("20081226/date/12/a"), 0);
    assert_int_equal(rmdir("20081226/date/12"), 0);
    assert_int_equal(rmdir("20081226/date"), 0);
    expect_next(walk, "link 20081227/date/12/a");
    expect_next(walk, NULL);
    walk_free(walk);
}

static void what_appears_in_the_meantime_hides_nothing(void **state)
{
    (void)state;
    char path[100];
    struct walk_entry entry;
    int old = 0;
    make_link("20081225/date/11/old", "nowhere", 0);
    make_link("20081225/date/12/old", "nowhere", 0);
    make_link("20081226/date/12/old", "nowhere", 0);
    struct walk *walk = begin_walk(false);
    for (int i = 0; walk_next(walk, &entry) && i < 100; i++) {
        assert_int_equal(entry.kind, WALK_LINK);
        old += strcmp(entry.name, "old") == 0;
        snprintf(path, sizeof path, "20081225/date/12/%d/new", i);
        make_link(path, "nowhere", 0);
    }
    walk_free(walk);
    assert_int_equal(old, 3);
}

static void removes_quiet_directories_that_are_empty(void **state)
{
    (void)state;
    make_directories("20081225/date/12/05/web01_0");
    set_age("20081225/date/12/05/web01_0", WALK_QUIET_TIME + 10);
    make_directories("20081225/date/12/10/web01_0");
    set_age("20081225/date/12/10/web01_0", WALK_QUIET_TIME - 10);
    set_age("20081225/date/12/10", WALK_QUIET_TIME + 10);
    walk_all(true);
    assert_true(is_there("20081225/date/12/05/web01_0"));
    walk_all(false);
    expect_missing("20081225/date/12/05/web01_0");
    assert_true(is_there("20081225/date/12/10/web01_0"));
}

static void removes_a_quiet_branch_in_one_walk(void **state)
{
    (void)state;
    make_directories("20081225/date/12/05/web01_0");
    set_age("20081225/date/12/05/web01_0", WALK_QUIET_TIME + 10);
    set_age("20081225/date/12/05", WALK_QUIET_TIME + 10);
    set_age("20081225/date/12", WALK_QUIET_TIME + 10);
    make_directories("20081225/date/13");
    walk_all(false);
    expect_missing("20081225/date/12");
    assert_true(is_there("20081225/date/13"));
}

/* Makes the directory `date` of a day that is so many hours from now, as one that is quiet. */
static bool is_date_kept(int hours)
{
    char path[100];
    struct tm calendar;
    time_t then = time(NULL) + hours * 3600;
    strftime(path, sizeof path, "%Y%m%d/date", gmtime_r(&then, &calendar));
    make_directories(path);
    set_age(path, WALK_QUIET_TIME + 10);
    walk_all(false);
    return is_there(path);
}

static void keeps_the_directory_date_of_a_day_that_is_not_over(void **state)
{
    (void)state;
    assert_true(is_date_kept(0));
    assert_true(is_date_kept(24));
    assert_true(is_date_kept(-11)); /* in the west of the date line */
    assert_false(is_date_kept(-37));
}

static void a_directory_that_is_held_is_not_removed(void **state)
{
    (void)state;
    struct walk_entry entry;
    make_link(DATES "/a", "nowhere", 0);
    set_age(DATES, WALK_QUIET_TIME + 10);
    struct walk *walk = begin_walk(false);
    assert_true(walk_next(walk, &entry));
    struct date_dir *held = date_dir_hold(entry.directory);
    assert_int_equal(unlink(DATES "/a"), 0);
    expect_next(walk, NULL);
    walk_free(walk);
    assert_true(is_there(DATES));
    date_dir_release(held);
    expect_missing(DATES);
}

static void can_be_given_up_in_the_middle(void **state)
{
    (void)state;
    struct walk_entry entry;
    size_t before = open_descriptors();
    make_link("20081225/date/11/05/a/b", "nowhere", 0);
    make_link("20081225/date/11/05/a/c", "nowhere", 0);
    make_link("20081226/date/12/05/a", "nowhere", 0);
    for (int steps = 0; steps < 3; steps++) {
        struct walk *walk = begin_walk(false);
        for (int i = 0; i < steps; i++)
            assert_true(walk_next(walk, &entry));
        walk_free(walk);
        assert_int_equal(open_descriptors(), before);
    }
    walk_free(NULL);
}

static void says_when_the_root_cannot_be_read(void **state)
{
    (void)state;
    struct failure failure = {0};
    assert_int_equal(chmod(".", 0111), 0);
    become_nobody();
    assert_null(walk_new(spool, false, &failure));
    assert_int_equal(failure.error, EACCES);
    assert_non_null(strstr(failure.text, scratch_directory));
    become_root_again();
    chmod(".", 0755);
}

static void tells_how_old_an_entry_is(void **state)
{
    (void)state;
    struct walk_entry entry;
    make_link("20081225/date/11/a", "nowhere", 1000);
    make_link("20081225/date/12/a", "nowhere", 0);
    struct walk *walk = begin_walk(true);
    const struct timespec *now = &spool->now;
    assert_int_equal(now->tv_sec, spool->now.tv_sec);
    assert_int_equal(now->tv_nsec, spool->now.tv_nsec);
    assert_true(walk_next(walk, &entry));
    time_t changed = walk_entry_changed(&entry).tv_sec;
    assert_in_range(now->tv_sec - changed, 998, 1000);
    assert_true(walk_next(walk, &entry));
    assert_int_equal(unlink("20081225/date/12/a"), 0);
    assert_int_equal(walk_entry_changed(&entry).tv_sec, now->tv_sec);
    walk_free(walk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(goes_from_the_oldest_to_the_newest),
        in_scratch_spool(comes_upon_everything_in_a_directory_once),
        in_scratch_spool(strays_come_up_at_each_level),
        in_scratch_spool(what_is_not_below_date_is_not_its_business),
        in_scratch_spool(a_link_is_never_followed),
        in_scratch_spool(what_cannot_be_read_is_told_and_the_rest_goes_on),
        in_scratch_spool(why_a_directory_cannot_be_read_is_said),
        in_scratch_spool(what_vanishes_in_the_meantime_is_no_trouble),
        in_scratch_spool(what_appears_in_the_meantime_hides_nothing),
        in_scratch_spool(removes_quiet_directories_that_are_empty),
        in_scratch_spool(removes_a_quiet_branch_in_one_walk),
        in_scratch_spool(keeps_the_directory_date_of_a_day_that_is_not_over),
        in_scratch_spool(a_directory_that_is_held_is_not_removed),
        in_scratch_spool(can_be_given_up_in_the_middle),
        in_scratch_spool(says_when_the_root_cannot_be_read),
        in_scratch_spool(tells_how_old_an_entry_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
