#include "spool/pair.h"
#include "spool/stranded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

#define NAMES DAY "/name/22/ad"

enum { AGE = 1000, OLD = 2000, YOUNG = 500 };

static void age_directory(long age)
{
    set_age(NAMES, age);
}

static enum stranded look(void)
{
    struct failure reason;
    const struct pair pair = pair_of(ID, DAY);
    return stranded_look(&pair, AGE, false, &reason);
}

static void a_whole_pair_or_a_part_of_one_without_a_date_link_is_stranded(void **state)
{
    (void)state;
    assert_int_equal(look(), STRANDED_NOT);
    make_crash_file(ID, DAY, ".json", OLD);
    age_directory(OLD);
    assert_int_equal(look(), STRANDED_HALF);
    make_crash_file(ID, DAY, ".dump", OLD);
    age_directory(OLD);
    assert_int_equal(look(), STRANDED_UNQUEUED);
    make_name_link(ID, DAY, SLOT, OLD);
    age_directory(OLD);
    assert_int_equal(look(), STRANDED_UNQUEUED);
    make_date_link(ID, DAY, SLOT, OLD);
    assert_int_equal(look(), STRANDED_NOT);
}

static void a_name_link_alone_is_stranded(void **state)
{
    (void)state;
    make_name_link(ID, DAY, SLOT, OLD);
    age_directory(OLD);
    assert_int_equal(look(), STRANDED_DANGLING);
    make_date_link(ID, DAY, SLOT, OLD);
    assert_int_equal(look(), STRANDED_NOT);
    assert_int_equal(unlink(NAMES "/" ID), 0);
    make_link(NAMES "/" ID, "/etc/passwd", OLD);
    age_directory(OLD);
    assert_int_equal(look(), STRANDED_DANGLING);
}

static void what_is_young_is_not_stranded(void **state)
{
    (void)state;
    make_files(ID, DAY, OLD);
    make_name_link(ID, DAY, SLOT, OLD);
    static const char *const paths[] = {NAMES, NAMES "/" ID, NAMES "/" ID ".json",
                                        NAMES "/" ID ".dump"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        age_directory(OLD);
        assert_int_equal(look(), STRANDED_UNQUEUED);
        set_age(paths[i], YOUNG);
        assert_int_equal(look(), STRANDED_NOT);
        set_age(paths[i], -OLD); /* in the future: its change counts, which is just now */
        assert_int_equal(look(), STRANDED_NOT);
        set_age(paths[i], OLD);
    }
    assert_int_equal(unlink(NAMES "/" ID ".dump"), 0);
    set_age(NAMES "/" ID ".json", YOUNG);
    age_directory(OLD);
    assert_int_equal(look(), STRANDED_NOT);
}

static void what_cannot_be_examined_is_unknown(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    make_files(ID, DAY, OLD);
    make_name_link(ID, DAY, SLOT, OLD);
    make_date_link(ID, DAY, SLOT, OLD);
    age_directory(OLD);
    assert_int_equal(chmod(DATES, 0), 0);
    become_nobody();
    enum stranded found = look();
    become_root_again();
    assert_int_equal(found, STRANDED_UNKNOWN);
    assert_int_equal(chmod(DAY "/name/22", 0), 0);
    become_nobody();
    found = look();
    become_root_again();
    assert_int_equal(found, STRANDED_UNKNOWN);
}

/* Their ids, as one text for each lot. */
static void expect_lots(size_t enough, const char *const expected[])
{
    struct failure failure;
    struct stranded_lot lot = {0};
    struct stranded_walk *walk = stranded_walk_new(spool, &failure);
    assert_non_null(walk);
    for (; *expected != NULL; expected++) {
        char found[1000] = "";
        assert_true(stranded_next(walk, enough, &lot));
        strcat(found, lot.day);
        for (size_t i = 0; i < lot.ids.count; i++)
            strcat(strcat(found, " "), lot.ids.items[i]);
        if (lot.is_unreadable)
            strcat(found, " unreadable");
        assert_string_equal(found, *expected);
    }
    assert_false(stranded_next(walk, enough, &lot));
    names_free(&lot.ids);
    stranded_walk_free(walk);
    stranded_walk_free(NULL);
}

#define IN_SAME "22adfb61-f75b-11dc-b6be-001322081226" /* next to ID, but for the day */
#define DEEPER  "22adfb61-f75b-11dc-b6be-001324081225"
#define HIGHER  "22adfb61-f75b-11dc-b6be-001321081225"

static void comes_upon_each_crash_once_whatever_is_left_of_it(void **state)
{
    (void)state;
    make_files(ID, DAY, OLD);
    make_crash_file(ID, DAY, ".browser.dump", OLD);
    make_name_link(ID, DAY, SLOT, OLD);
    make_crash_file(OTHER_ID, DAY, ".dump", OLD);
    make_name_link(IN_SAME, DAY, SLOT, OLD);
    make_files(DEEPER, DAY, OLD);
    make_files(HIGHER, DAY, OLD);
    make_files(ID, "20081226", OLD);
    make_file(NAMES "/README", "", OLD);
    make_file(NAMES "/" ID "x", "", OLD);
    make_date_link(ID, DAY, SLOT, OLD);
    static const char *const all[] = {
        DAY " " HIGHER " " ID " " IN_SAME " " DEEPER " " OTHER_ID,
        "20081226 " ID,
        NULL,
    };
    static const char *const few[] = {
        DAY " " HIGHER " " ID " " IN_SAME,
        DAY " " DEEPER " " OTHER_ID,
        "20081226 " ID,
        NULL,
    };
    expect_lots(100, all);
    size_t before = open_descriptors();
    expect_lots(1, few);
    assert_int_equal(open_descriptors(), before);
}

static void a_directory_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    make_files(ID, DAY, OLD);
    make_files(HIGHER, DAY, OLD);
    make_files(OTHER_ID, DAY, OLD);
    assert_int_equal(chmod(NAMES, 0), 0);
    static const char *const lots[] = {DAY " " HIGHER " unreadable", DAY " " OTHER_ID, NULL};
    become_nobody();
    expect_lots(100, lots);
    become_root_again();
}

static void finds_date_links_anywhere_on_their_day(void **state)
{
    (void)state;
    struct failure failure;
    bool any, linked[3] = {false};
    struct names ids = {0};
    assert_true(names_add(&ids, HIGHER) && names_add(&ids, ID) && names_add(&ids, OTHER_ID));
    make_date_link(OTHER_ID, "20081226", SLOT, OLD);
    assert_true(stranded_find_date_links(spool, DAY, &ids, linked, &any, &failure));
    assert_false(any);
    make_date_link(IN_SAME, DAY, SLOT, OLD);
    assert_true(stranded_find_date_links(spool, DAY, &ids, linked, &any, &failure));
    assert_true(any);
    assert_false(linked[0] || linked[1] || linked[2]);
    make_date_link(ID, DAY, "23/55/x/y", OLD);
    assert_true(stranded_find_date_links(spool, DAY, &ids, linked, &any, &failure));
    assert_true(!linked[0] && linked[1] && !linked[2]);
    names_free(&ids);
    assert_int_equal(entries_in(DATES), 1);
    assert_true(stranded_find_date_links(spool, DAY, &ids, linked, &any, &failure));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(a_whole_pair_or_a_part_of_one_without_a_date_link_is_stranded),
        in_scratch_spool(a_name_link_alone_is_stranded),
        in_scratch_spool(what_is_young_is_not_stranded),
        in_scratch_spool(what_cannot_be_examined_is_unknown),
        in_scratch_spool(comes_upon_each_crash_once_whatever_is_left_of_it),
        in_scratch_spool(a_directory_that_cannot_be_read_is_told),
        in_scratch_spool(finds_date_links_anywhere_on_their_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
