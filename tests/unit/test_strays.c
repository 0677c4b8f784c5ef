#include "report/report.h"
#include "spool/strays.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report_steps.h"
#include "scratch_spool.h"

#define PLACE "quarantine/" DAY "/strays/"

static struct strays strays;

static int enter(void **state)
{
    if (enter_scratch_spool(state) != 0)
        return 1;
    begin_report();
    strays = (struct strays){.size = 1000};
    return 0;
}

static int leave(void **state)
{
    log_close();
    strays_free(&strays);
    return leave_scratch_spool(state);
}

#define in_spool(test) cmocka_unit_test_setup_teardown(test, enter, leave)

/* Adds all that a walk comes upon. */
static void add_all(void)
{
    struct walk_entry entry;
    struct failure failure;
    struct walk *walk = walk_new(spool, true, &failure);
    assert_non_null(walk);
    while (walk_next(walk, &entry)) {
        report_seen(&report, 1);
        assert_true(strays_add(&strays, &entry, "no link"));
    }
    walk_free(walk);
}

/* The same, and moves it; returns how many were moved. */
static size_t move_to(const char *path)
{
    bool usable;
    struct quarantine *quarantine = quarantine_new(path, spool, NULL);
    add_all();
    size_t moved = strays_quarantine(&strays, quarantine, &report, &usable);
    assert_int_equal(strays.count, 0);
    assert_true(tally_adds_up(&report.tally));
    assert_true(usable);
    quarantine_free(quarantine);
    return moved;
}

/* How many lines of the reason contain a text. */
static int lines_with(const char *path, const char *text)
{
    char line[4096];
    int lines = 0;
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    while (fgets(line, sizeof line, stream) != NULL)
        lines += strstr(line, text) != NULL;
    fclose(stream);
    return lines;
}

static void those_of_any_kind_go_there_and_each_has_a_line(void **state)
{
    (void)state;
    char target[20] = "";
    make_file(DATES "/file", "x", 0);
    make_link(DATES "/link", "/etc/passwd", 0);
    make_file(DAY "/date/1/2/3/4/5/deep", "x", 0);
    make_directory(DAY "/date/1");
    assert_int_equal(mkfifo(DATES "/fifo", 0600), 0);
    assert_int_equal(move_to(NULL), 4);
    expect_content(PLACE "file", "x");
    expect_content(PLACE "5/deep", "x");
    assert_true(is_there(PLACE "fifo"));
    assert_int_equal(readlink(PLACE "link", target, sizeof target), strlen("/etc/passwd"));
    assert_string_equal(target, "/etc/passwd");
    assert_int_equal(entries_in(DATES), 0);
    assert_int_equal(lines_with(PLACE "reason", ": no link\n"), 4);
    assert_int_equal(lines_with(PLACE "reason", " " DATES "/file: no link\n"), 1);
    expect_outcome(QUARANTINED, 4);
}

static void names_may_be_the_same_as_often_as_they_like(void **state)
{
    (void)state;
    enum { MANY = 1100 };
    strays.size = MANY;
    for (int i = 0; i < MANY; i++) {
        char path[100], content[20];
        snprintf(path, sizeof path, DAY "/date/%d/stray", i);
        snprintf(content, sizeof content, "%d", i);
        make_file(path, content, 0);
    }
    assert_int_equal(move_to(NULL), MANY);
    assert_int_equal(entries_in("quarantine/" DAY "/strays"), MANY + 1);
    assert_int_equal(lines_with(PLACE "reason", "/stray"), MANY);
    make_file(DATES "/stray", "x", 0);
    assert_int_equal(move_to(NULL), 1);
    expect_content("quarantine/" DAY "/strays.1/stray", "x");
}

static void one_may_have_any_name(void **state)
{
    (void)state;
    char path[PATH_MAX], longest[NAME_MAX + 1];
    memset(longest, 'x', NAME_MAX);
    longest[NAME_MAX] = '\0';
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, DAY "/date/%d/%s", i, longest);
        make_file(path, i == 0 ? "x" : "other", 0);
    }
    make_file(DATES "/reason", "not one", 0);
    make_file(DATES "/.copy.tmp", "x", 0);
    assert_int_equal(move_to(NULL), 4);
    expect_content(PLACE "_reason", "not one");
    expect_content(PLACE "_copy", "x");
    assert_int_equal(entries_in("quarantine/" DAY "/strays"), 5);
}

static void the_link_of_a_crash_that_has_come_meanwhile_stays(void **state)
{
    (void)state;
    bool usable;
    struct quarantine *quarantine = quarantine_new(NULL, spool, NULL);
    make_file(DATES "/" ID, "x", 0);
    add_all();
    assert_int_equal(unlink(DATES "/" ID), 0);
    make_crash(ID, DAY, SLOT, 0);
    assert_int_equal(strays_quarantine(&strays, quarantine, &report, &usable), 0);
    quarantine_free(quarantine);
    assert_true(is_there(DATES "/" ID));
    expect_outcome(LEFT, 1);
    assert_int_equal(report.code, EXIT_DONE);
}

static void to_another_file_system_files_and_links_are_copied(void **state)
{
    (void)state;
    const char *there = elsewhere();
    make_file(DATES "/file", "x", 0);
    make_link(DATES "/link", "/etc/passwd", 0);
    assert_int_equal(move_to(there), 2);
    assert_int_equal(entries_in(DATES), 0);
    make_file(DATES "/file", "other", 0);
    assert_int_equal(move_to(there), 1);
    assert_int_equal(chdir(other_place), 0);
    expect_content(DAY "/strays/file", "x");
    assert_true(is_there(DAY "/strays/link"));
    assert_int_equal(entries_in(DAY "/strays"), 4);
    assert_int_equal(lines_with(DAY "/strays/reason", "no link"), 3);
}

/* A run was killed after the copy. */
static void a_copy_with_the_same_bytes_is_not_made_again(void **state)
{
    (void)state;
    const char *there = elsewhere();
    for (int i = 0; i < 2; i++) {
        make_file(DATES "/file", "x", 0);
        assert_int_equal(move_to(there), 1);
    }
    assert_int_equal(chdir(other_place), 0);
    assert_int_equal(entries_in(DAY "/strays"), 2);
}

static void what_cannot_be_copied_stays_and_adds_nothing(void **state)
{
    (void)state;
    const char *there = elsewhere();
    make_file(DATES "/file", "x", 0);
    make_file(DAY "/date/1/2/3/4/5/deep", "x", 0);
    assert_int_equal(mkfifo(DATES "/fifo", 0600), 0);
    assert_int_equal(move_to(there), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(move_to(there), 0);
    expect_outcome(LEFT, 8);
    assert_int_equal(report.code, EXIT_DONE);
    assert_true(is_there(DATES "/fifo"));
    assert_int_equal(chdir(other_place), 0);
    assert_int_equal(lines_with(DAY "/strays/reason", "no link"), 1);
}

static void what_cannot_be_moved_adds_nothing_and_the_first_ten_are_named(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        char path[100];
        snprintf(path, sizeof path, DATES "/stray%d", i);
        make_file(path, "x", 0);
    }
    make_file("20081226/date/stray", "x", 0);
    make_directory("quarantine");
    assert_int_equal(chmod("quarantine", 0777), 0);
    assert_int_equal(chmod("20081226/date", 0777), 0);
    become_nobody();
    assert_int_equal(move_to(NULL), 1);
    become_root_again();
    expect_content("quarantine/20081226/strays/stray", "x");
    assert_int_equal(entries_in(DATES), 12);
    assert_int_equal(lines_with("quarantine/20081226/strays/reason", "no link"), 1);
    assert_int_equal(access("quarantine/20081225", F_OK), -1);
    assert_int_equal(report.code, EXIT_PERMISSION);
    strays_report(&strays, &report);
    assert_int_equal(lines_with("log", "ERROR cannot quarantine \"stray"), 10);
    assert_int_equal(
        lines_with("log", "ERROR cannot quarantine others, too; they stay for the next run: 2"), 1);
}

static void without_a_quarantine_all_stay_and_it_is_told_once(void **state)
{
    (void)state;
    bool usable;
    make_file(DATES "/one", "x", 0);
    make_file(DATES "/two", "x", 0);
    make_file("quarantine", "in the way", 0);
    struct quarantine *quarantine = quarantine_new(NULL, spool, NULL);
    add_all();
    assert_int_equal(strays_quarantine(&strays, quarantine, &report, &usable), 0);
    quarantine_free(quarantine);
    assert_false(usable);
    assert_int_equal(report.code, EXIT_STORAGE);
    expect_outcome(LEFT, 2);
    assert_int_equal(entries_in(DATES), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_spool(those_of_any_kind_go_there_and_each_has_a_line),
        in_spool(names_may_be_the_same_as_often_as_they_like),
        in_spool(one_may_have_any_name),
        in_spool(the_link_of_a_crash_that_has_come_meanwhile_stays),
        in_spool(to_another_file_system_files_and_links_are_copied),
        in_spool(a_copy_with_the_same_bytes_is_not_made_again),
        in_spool(what_cannot_be_copied_stays_and_adds_nothing),
        in_spool(what_cannot_be_moved_adds_nothing_and_the_first_ten_are_named),
        in_spool(without_a_quarantine_all_stay_and_it_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
