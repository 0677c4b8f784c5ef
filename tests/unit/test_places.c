#include "spool/pair.h"
#include "spool/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

static struct places places;

static int enter(void **state)
{
    places = (struct places){.mutex = PTHREAD_MUTEX_INITIALIZER};
    return enter_scratch_spool(state);
}

static int leave(void **state)
{
    for (int place = 0; place < PLACE_COUNT; place++)
        if (places.known[place].path != NULL)
            close(places.known[place].directory);
    return leave_scratch_spool(state);
}

static bool add(enum place place, const char *path, struct failure *failure)
{
    *failure = (struct failure){0};
    int directory = open(path, O_PATH | O_DIRECTORY);
    assert_true(directory >= 0);
    bool good = places_add(&places, place, path, directory, failure);
    close(directory);
    return good;
}

static void expect_added(enum place place, const char *path)
{
    struct failure failure;
    if (!add(place, path, &failure))
        fail_msg("%s", failure.text);
}

static void expect_refused(enum place place, const char *path, const char *why)
{
    struct failure failure;
    size_t before = open_descriptors();
    assert_false(add(place, path, &failure));
    assert_int_equal(failure.error, ENOTUNIQ);
    assert_non_null(strstr(failure.text, path));
    assert_non_null(strstr(failure.text, why));
    assert_int_equal(open_descriptors(), before);
}

static void no_two_are_the_same(void **state)
{
    (void)state;
    make_directories("../archive");
    assert_int_equal(symlink("archive", "../link"), 0);
    expect_added(PLACE_STORAGE, ".");
    expect_refused(PLACE_DEFERRED, "../spool",
                   "deferred storage root \"../spool\" is the same "
                   "directory as storage root \".\"");
    expect_added(PLACE_FAILED, "../archive");
    expect_refused(PLACE_QUARANTINE, "../link", "is the same directory as long-term storage");
    expect_added(PLACE_SUCCESSFUL, "../link");
}

static void one_that_is_known_may_come_again_or_move(void **state)
{
    (void)state;
    make_directories("../one");
    make_directories("../two");
    expect_added(PLACE_STORAGE, ".");
    expect_added(PLACE_QUARANTINE, "../one");
    size_t before = open_descriptors();
    expect_added(PLACE_QUARANTINE, "../one");
    expect_added(PLACE_QUARANTINE, "../two");
    assert_int_equal(open_descriptors(), before);
    expect_added(PLACE_FAILED, "../one");
}

static void none_lies_in_a_day_of_another(void **state)
{
    (void)state;
    make_directories(DATES "/deep");
    make_directories("quarantine/" DAY "/spool");
    expect_added(PLACE_STORAGE, ".");
    expect_refused(PLACE_QUARANTINE, DAY, "lies in a day of storage root");
    expect_refused(PLACE_QUARANTINE, DATES "/deep", "lies in a day of storage root");
    expect_added(PLACE_QUARANTINE, "quarantine");
    expect_refused(PLACE_DEFERRED, "quarantine/" DAY "/spool", "lies in a day of quarantine");
}

static void whichever_comes_first(void **state)
{
    (void)state;
    make_directories(DAY "/name");
    expect_added(PLACE_FAILED, DAY "/name");
    expect_refused(PLACE_STORAGE, ".", "lies in a day of storage root");
}

static void below_a_root_beside_its_days_is_fine(void **state)
{
    (void)state;
    make_directories("deep/archive/" DAY);
    make_directories("20081232/q");
    expect_added(PLACE_STORAGE, ".");
    expect_added(PLACE_FAILED, "deep/archive");
    expect_added(PLACE_QUARANTINE, "20081232/q");
    expect_added(PLACE_DEFERRED, "deep");
}

static void what_is_not_there_is_no_trouble(void **state)
{
    (void)state;
    char path[PATH_MAX + 8];
    struct failure failure;
    expect_added(PLACE_STORAGE, ".");
    make_link("link", "/", 0);
    for (const char *const *name = (const char *const[]){"/no", "/link", NULL}; *name != NULL;
         name++) {
        snprintf(path, sizeof path, "%s%s", scratch_directory, *name);
        assert_true(places_add_path(&places, PLACE_QUARANTINE, path, spool, &failure));
        assert_null(places.known[PLACE_QUARANTINE].path);
    }
    assert_false(places_add_path(&places, PLACE_QUARANTINE, scratch_directory, spool, &failure));
    assert_int_equal(failure.error, ENOTUNIQ);
}

static const char *below(const char *path)
{
    static char whole[2 * PATH_MAX];
    snprintf(whole, sizeof whole, "%s%s", scratch_directory, path);
    return spool_below(spool, whole);
}

static void what_is_below_the_root_is_known_by_whatever_path(void **state)
{
    (void)state;
    make_directories("a/b");
    assert_int_equal(symlink("spool", "../link"), 0);
    assert_string_equal(below("/q"), "q");
    assert_string_equal(below("/q/deep"), "q/deep");
    assert_string_equal(below("//q"), "q");
    assert_string_equal(below("/./q"), "q");
    assert_string_equal(below("/../spool/q"), "q");
    assert_string_equal(below("/../link/q"), "q");
    assert_string_equal(below("/a/b/../../q"), "q");
    assert_null(below(""));
    assert_null(below("/."));
    assert_null(below("/../q"));
    assert_null(below("/a/../../q"));
    assert_null(spool_below(spool, "/"));
}

static void the_root_in_whose_day_a_directory_lies_is_told_by_its_mark(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool is_in_day;
    } cases[] = {
        {".", false}, {"beside/days", false}, {"20081225", true}, {"20081225/name/22", true}};
    char mark[MARK_SIZE], found[MARK_SIZE];
    struct failure failure;
    make_directories("20081225/name/22");
    make_directories("beside/days");
    int root = open(".", O_PATH | O_DIRECTORY);
    for (int marked = 0; marked < 2; marked++) {
        assert_true(!marked || mark_make(PLACE_STORAGE, ".", root, mark, &failure));
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            size_t before = open_descriptors();
            int directory = open(cases[i].path, O_PATH | O_DIRECTORY);
            assert_true(places_find_above(PLACE_FAILED, "x", directory, found, &failure));
            assert_string_equal(found, marked && cases[i].is_in_day ? mark : "");
            close(directory);
            assert_int_equal(open_descriptors(), before);
        }
    }
    close(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_two_are_the_same, enter, leave),
        cmocka_unit_test_setup_teardown(one_that_is_known_may_come_again_or_move, enter, leave),
        cmocka_unit_test_setup_teardown(none_lies_in_a_day_of_another, enter, leave),
        cmocka_unit_test_setup_teardown(whichever_comes_first, enter, leave),
        cmocka_unit_test_setup_teardown(below_a_root_beside_its_days_is_fine, enter, leave),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_no_trouble, enter, leave),
        cmocka_unit_test_setup_teardown(the_root_in_whose_day_a_directory_lies_is_told_by_its_mark,
                                        enter, leave),
        cmocka_unit_test_setup_teardown(what_is_below_the_root_is_known_by_whatever_path, enter,
                                        leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
