#include "spool/date_dir.h"
#include "spool/links.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

static const char name_link[] = NAME_PATH "/" ID, date_link[] = DATES "/" ID;

/* Where the date link of the crash lies. */
static struct date_dir *slot_of_crash(void)
{
    struct date_dir *date = date_dir_new(spool, NULL, DAY);
    struct date_dir *hour = date_dir_new(spool, date, "12");
    struct date_dir *minute = date_dir_new(spool, hour, "05");
    struct date_dir *head = date_dir_new(spool, minute, "web01_0");
    date_dir_release(date);
    date_dir_release(hour);
    date_dir_release(minute);
    assert_non_null(head);
    return head;
}

/* The four functions, from either end, with the directory of the pair open or not. */
enum way { FROM_DATE, FROM_DATE_IN, FROM_PAIR, FROM_PAIR_IN, WAYS };

static bool remove_links(enum way way, struct failure *failure)
{
    struct pair pair = pair_of(ID, DAY);
    int directory = way == FROM_DATE_IN || way == FROM_PAIR_IN ? pair_open_directory(&pair) : -1;
    bool done;
    if (way == FROM_PAIR)
        done = links_remove(&pair, failure);
    else if (way == FROM_PAIR_IN)
        done = links_remove_in(&pair, directory, failure);
    else {
        struct date_dir *slot = slot_of_crash();
        done = links_remove_from(&pair, directory, slot, failure);
        date_dir_release(slot);
    }
    if (directory >= 0)
        close(directory);
    return done;
}

static void expect_removed(enum way way)
{
    struct failure failure;
    if (!remove_links(way, &failure))
        fail_msg("%d: %s", way, failure.text);
    expect_missing(name_link);
}

static void removes_both_and_nothing_else(void **state)
{
    (void)state;
    make_crash(OTHER_ID, DAY, SLOT, 0);
    make_files(ID, DAY, 0);
    for (enum way way = 0; way < WAYS; way++) {
        make_name_link(ID, DAY, SLOT, 0);
        make_date_link(ID, DAY, SLOT, 0);
        expect_removed(way);
        assert_false(is_there(date_link));
    }
    assert_true(is_there(NAME_PATH "/" ID ".json"));
    assert_true(is_there(NAME_PATH "/" ID ".dump"));
    assert_true(is_there(DATES "/" OTHER_ID));
    assert_true(is_there(DAY "/name/33/ad/" OTHER_ID));
}

static void a_link_that_is_not_there_is_fine(void **state)
{
    (void)state;
    make_parents(name_link);
    for (enum way way = 0; way < WAYS; way++)
        expect_removed(way);
    make_parents(date_link);
    for (enum way way = 0; way < WAYS; way++) {
        make_name_link(ID, DAY, SLOT, 0);
        expect_removed(way);
    }
    for (enum way way = FROM_DATE; way <= FROM_DATE_IN; way++) {
        make_date_link(ID, DAY, SLOT, 0);
        expect_removed(way);
        assert_false(is_there(date_link));
    }
}

static void not_even_the_directories_need_be_there(void **state)
{
    (void)state;
    expect_removed(FROM_DATE);
    expect_removed(FROM_PAIR);
    make_date_link(ID, DAY, SLOT, 0);
    expect_removed(FROM_DATE);
    assert_false(is_there(date_link));
}

static void what_is_no_link_is_left_alone(void **state)
{
    (void)state;
    struct failure failure;
    make_file(name_link, "x", 0);
    make_file(date_link, "x", 0);
    for (enum way way = 0; way < WAYS; way++) {
        remove_links(way, &failure);
        expect_content(name_link, "x");
        expect_content(date_link, "x");
    }
}

static void a_date_link_that_is_no_link_is_left_alone(void **state)
{
    (void)state;
    struct failure failure;
    make_file(date_link, "x", 0);
    for (enum way way = 0; way < WAYS; way++) {
        make_name_link(ID, DAY, SLOT, 0);
        remove_links(way, &failure);
        expect_content(date_link, "x");
        unlink(name_link);
    }
}

static void the_name_link_alone(void **state)
{
    (void)state;
    struct failure failure;
    struct pair pair = pair_of(ID, DAY);
    make_files(ID, DAY, 0);
    int directory = pair_open_directory(&pair);
    make_date_link(ID, DAY, SLOT, 0);
    for (int i = 0; i < 2; i++) {
        make_name_link(ID, DAY, SLOT, 0);
        assert_true(links_remove_name(&pair, i == 0 ? -1 : directory, &failure));
        expect_missing(name_link);
        assert_true(links_remove_name(&pair, i == 0 ? -1 : directory, &failure));
    }
    assert_true(is_there(date_link));
    close(directory);
}

/* A link of the same name elsewhere is no date link, wherever the name link points to. */
static void never_removes_anything_outside_the_date_tree(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "../../../../../outside",
        "../../../../outside",
        "../../../name/33/ad",
        "/tmp",
        "../../../date/../name/33/ad",
        "../../../date/link",
        "../../../../20081226/date/12",
        "",
        "../../../date",
        "date/12",
    };
    struct failure failure;
    make_link("../outside/" ID, "nowhere", 0);
    make_link("outside/" ID, "nowhere", 0);
    make_link(DAY "/name/33/ad/" ID, "nowhere", 0);
    make_link(DAY "/date/link", "../../outside", 0);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        if (*targets[i] != '\0')
            make_link(name_link, targets[i], 0);
        for (enum way way = FROM_PAIR; way <= FROM_PAIR_IN; way++)
            remove_links(way, &failure);
        unlink(name_link);
    }
    assert_true(is_there("../outside/" ID));
    assert_true(is_there("outside/" ID));
    assert_true(is_there(DAY "/name/33/ad/" ID));
    assert_true(is_there(DAY "/date/link"));
}

static void the_link_that_the_search_starts_from_goes_last(void **state)
{
    (void)state;
    struct failure failure = {0};
    make_crash(ID, DAY, SLOT, 0);
    if (getuid() == 0)
        assert_int_equal(chown(DATES, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(NAME_PATH, 0555), 0);
    become_nobody();
    for (enum way way = FROM_DATE; way <= FROM_DATE_IN; way++) {
        assert_false(remove_links(way, &failure));
        assert_int_equal(failure.error, EACCES);
        assert_non_null(strstr(failure.text, "cannot remove the name link from \"/"));
        assert_non_null(strstr(failure.text, "/" NAME_PATH "\": Permission denied"));
        assert_true(is_there(date_link));
    }
    become_root_again();
    if (getuid() == 0)
        assert_int_equal(chown(NAME_PATH, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(NAME_PATH, 0755), 0);
    assert_int_equal(chown(DATES, getuid(), getgid()), 0);
    assert_int_equal(chmod(DATES, 0555), 0);
    become_nobody();
    for (enum way way = FROM_PAIR; way <= FROM_PAIR_IN; way++) {
        assert_false(remove_links(way, &failure));
        assert_int_equal(failure.error, EACCES);
        assert_non_null(strstr(failure.text, "cannot remove the date link from \"/"));
        assert_non_null(strstr(failure.text, "/" DATES "\": Permission denied"));
        assert_true(is_there(name_link));
    }
    become_root_again();
    chmod(DATES, 0755);
}

static void a_directory_that_cannot_be_opened_is_named_in_quotes(void **state)
{
    (void)state;
    struct failure failure;
    struct pair pair = pair_of(ID, DAY);
    make_directories(DAY "/date");
    make_file(DAY "/date/x\": y", "in the way", 0);
    struct date_dir *date = date_dir_new(spool, NULL, DAY);
    struct date_dir *directory = date_dir_new(spool, date, "x\": y");
    assert_false(links_remove_from(&pair, -1, directory, &failure));
    assert_int_equal(failure.error, ENOTDIR);
    assert_non_null(strstr(failure.text, "/" DAY "/date/x\\\": y\": Not a directory"));
    assert_int_equal(strncmp(failure.text, "cannot open directory \"/", 24), 0);
    date_dir_release(directory);
    date_dir_release(date);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(removes_both_and_nothing_else),
        in_scratch_spool(a_link_that_is_not_there_is_fine),
        in_scratch_spool(not_even_the_directories_need_be_there),
        in_scratch_spool(what_is_no_link_is_left_alone),
        in_scratch_spool(a_date_link_that_is_no_link_is_left_alone),
        in_scratch_spool(the_name_link_alone),
        in_scratch_spool(never_removes_anything_outside_the_date_tree),
        in_scratch_spool(the_link_that_the_search_starts_from_goes_last),
        in_scratch_spool(a_directory_that_cannot_be_opened_is_named_in_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
