#include "spool/locate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

#include "locate_steps.h"

static const char no_date[] = "22adfb61-f75b-11dc-b6be-001322999999"; /* at 22/ad/fb/61 */

static struct pair_location located(const char *id, enum located found)
{
    struct pair_location location;
    struct crash_id crash;
    struct failure failure = {0};
    assert_true(crash_id_parse(&crash, id));
    open_roots();
    locate(&roots, &crash, &location, &failure);
    assert_int_equal(location.found, found);
    if (found == LOCATED_FAILED)
        assert_true(*failure.text != '\0');
    return location;
}

static void expect_located(const char *id, enum located found, const char *day, int root)
{
    size_t before = open_descriptors();
    struct pair_location location = located(id, found);
    if (found == LOCATED_WHOLE || found == LOCATED_PART) {
        struct stat opened, there;
        char path[PAIR_DIRECTORY_SIZE];
        assert_string_equal(location.pair.day, day);
        assert_string_equal(location.pair.id.text, id);
        assert_ptr_equal(location.pair.spool, roots.spools[root]);
        pair_directory(&location.pair, path);
        assert_int_equal(fstat(location.directory, &opened), 0);
        assert_int_equal(fstatat(roots.spools[root]->root, path, &there, 0), 0);
        assert_int_equal(opened.st_ino, there.st_ino);
    }
    close_roots(&location);
    assert_int_equal(open_descriptors(), before);
}

static void what_is_nowhere_is_nowhere(void **state)
{
    (void)state;
    expect_located(ID, LOCATED_NOWHERE, NULL, 0);
    make_files(OTHER_ID, DAY, 0);
    make_name_link(ID, DAY, SLOT, 0);
    make_date_link(ID, DAY, SLOT, 0);
    expect_located(ID, LOCATED_NOWHERE, NULL, 0);
}

static void the_day_of_the_id_comes_first(void **state)
{
    (void)state;
    make_files(ID, "20081224", 0);
    expect_located(ID, LOCATED_WHOLE, "20081224", 0);
    make_files(ID, "20081226", 0);
    expect_located(ID, LOCATED_WHOLE, "20081226", 0);
    make_files(ID, DAY, 0);
    expect_located(ID, LOCATED_WHOLE, DAY, 0);
}

static void an_id_without_a_date_may_lie_under_any_day(void **state)
{
    (void)state;
    make_directories("20081226/name");
    make_files(no_date, "20081224", 0);
    expect_located(no_date, LOCATED_WHOLE, "20081224", 0);
}

static void the_storage_root_comes_before_the_deferred_one(void **state)
{
    (void)state;
    defer_files(ID, DAY);
    expect_located(ID, LOCATED_WHOLE, DAY, 1);
    make_files(ID, "20081224", 0);
    expect_located(ID, LOCATED_WHOLE, "20081224", 0);
}

static void a_whole_pair_is_preferred_wherever_it_is(void **state)
{
    (void)state;
    make_crash_file(ID, DAY, ".json", 0);
    expect_located(ID, LOCATED_PART, DAY, 0);
    make_files(ID, "20081220", 0);
    expect_located(ID, LOCATED_WHOLE, "20081220", 0);
}

static void a_whole_pair_is_preferred_even_in_the_deferred_root(void **state)
{
    (void)state;
    make_crash_file(ID, DAY, ".dump", 0);
    defer_files(ID, "20081220");
    expect_located(ID, LOCATED_WHOLE, "20081220", 1);
}

static void says_which_of_the_two_there_are(void **state)
{
    (void)state;
    make_crash_file(ID, DAY, ".dump", 0);
    struct pair_location location = located(ID, LOCATED_PART);
    assert_true(location.dump.found);
    assert_int_equal(location.dump.status.st_size, strlen(".dump"));
    assert_false(location.json.found);
    close_roots(&location);
    make_crash_file(ID, DAY, ".json", 0);
    location = located(ID, LOCATED_WHOLE);
    assert_true(location.dump.found);
    assert_true(location.json.found);
    close_roots(&location);
}

static void what_is_no_regular_file_of_one_name_cannot_be_judged(void **state)
{
    (void)state;
    make_crash_file(ID, DAY, ".json", 0);
    make_link(NAME_PATH "/" ID ".dump", ID ".json", 0);
    expect_located(ID, LOCATED_FAILED, DAY, 0);
    assert_int_equal(unlink(NAME_PATH "/" ID ".dump"), 0);
    assert_int_equal(mkdir(NAME_PATH "/" ID ".dump", 0755), 0);
    expect_located(ID, LOCATED_FAILED, DAY, 0);
    assert_int_equal(rmdir(NAME_PATH "/" ID ".dump"), 0);
    assert_int_equal(mkfifo(NAME_PATH "/" ID ".dump", 0600), 0);
    expect_located(ID, LOCATED_FAILED, DAY, 0);
    assert_int_equal(unlink(NAME_PATH "/" ID ".dump"), 0);
    make_file("outside", "x", 0);
    assert_int_equal(link("outside", NAME_PATH "/" ID ".dump"), 0);
    expect_located(ID, LOCATED_FAILED, DAY, 0);
}

static void follows_no_link_on_the_way(void **state)
{
    (void)state;
    make_files(ID, "20081220", 0);
    assert_int_equal(rename("20081220/name", "outside"), 0);
    make_link("20081220/name", "../outside", 0);
    make_link("20081219", "outside", 0);
    struct pair_location location;
    struct crash_id id;
    struct failure failure = {0};
    assert_true(crash_id_parse(&id, ID));
    open_roots();
    locate(&roots, &id, &location, &failure);
    assert_int_equal(location.found, LOCATED_FAILED);
    assert_int_equal(failure.error, ENOTDIR);
    close_roots(&location);
}

static void a_link_in_the_place_of_a_day_may_hide_it_and_a_file_may_not(void **state)
{
    (void)state;
    make_file("20081221", "x", 0);
    expect_located(ID, LOCATED_NOWHERE, NULL, 0);
    assert_int_equal(symlink("elsewhere", "20081220"), 0);
    expect_located(ID, LOCATED_FAILED, NULL, 0);
    make_crash_file(ID, DAY, ".json", 0);
    expect_located(ID, LOCATED_FAILED, NULL, 0);
    make_crash_file(ID, DAY, ".dump", 0);
    expect_located(ID, LOCATED_WHOLE, DAY, 0);
}

static void what_cannot_be_read_is_not_nowhere(void **state)
{
    (void)state;
    make_directories("20081220/name/22/ad");
    assert_int_equal(chmod("20081220/name/22", 0), 0);
    make_crash_file(ID, DAY, ".json", 0);
    open_roots(); /* which makes the second */
    roots_close(&roots);
    become_nobody();
    expect_located(ID, LOCATED_FAILED, NULL, 0);
    become_root_again();
    make_crash_file(ID, DAY, ".dump", 0);
    become_nobody();
    expect_located(ID, LOCATED_WHOLE, DAY, 0);
    become_root_again();
    chmod("20081220/name/22", 0755);
    /* Also when it comes before the part. */
    make_crash_file(ID, "20081220", ".json", 0);
    assert_int_equal(chmod(DAY "/name/22", 0), 0);
    become_nobody();
    expect_located(ID, LOCATED_FAILED, NULL, 0);
    become_root_again();
    chmod(DAY "/name/22", 0755);
}

static void expect_names(struct pair_location *location, const char *const names[], size_t count)
{
    struct pair_files files = {0};
    assert_true(location_list(location, &files));
    assert_int_equal(files.count, count);
    for (size_t i = 0; i < count; i++) {
        struct stat status;
        assert_string_equal(files.items[i].name, names[i]);
        assert_int_equal(fstatat(location->directory, names[i], &status, 0), 0);
        assert_int_equal(files.items[i].status.st_ino, status.st_ino);
    }
    pair_files_free(&files);
    close_roots(location);
}

static void lists_the_dump_first_and_the_metadata_last(void **state)
{
    (void)state;
    static const char *const names[] = {ID ".dump", ID ".plugin.dump", ID ".json"};
    make_crash(ID, DAY, SLOT, 0);
    make_crash_file(ID, DAY, ".plugin.dump", 0);
    make_crash_file(ID, DAY, ".txt", 0);
    make_link(NAME_PATH "/" ID ".link.dump", "/etc/passwd", 0);
    make_file(NAME_PATH "/x" ID ".dump", "x", 0);
    struct pair_location location = located(ID, LOCATED_WHOLE);
    expect_names(&location, names, 3);
}

static void lists_what_there_is_of_a_part(void **state)
{
    (void)state;
    static const char *const names[] = {ID ".plugin.dump", ID ".json"};
    make_crash_file(ID, DAY, ".json", 0);
    make_crash_file(ID, DAY, ".plugin.dump", 0);
    struct pair_location location = located(ID, LOCATED_PART);
    expect_names(&location, names, 2);
}

static void expect_around(bool link, bool notes, bool further)
{
    struct pair_location location = located(ID, LOCATED_WHOLE);
    location_look_around(&location);
    assert_int_equal(location.has_no_link, !link);
    assert_int_equal(location.has_no_notes, !notes);
    assert_int_equal(location.has_no_further, !further);
    close_roots(&location);
}

static void one_look_around_tells_what_else_there_is(void **state)
{
    (void)state;
    make_files(ID, DAY, 0);
    make_file(NAME_PATH "/x" ID ".dump", "x", 0);
    expect_around(false, false, false);
    make_link(NAME_PATH "/.moving." ID, "successful 1", 0);
    expect_around(false, true, false);
    make_crash_file(ID, DAY, ".plugin.dump", 0);
    expect_around(false, true, true);
    make_link(NAME_PATH "/" ID, "../../../date/00/00", 0);
    expect_around(true, true, true);
}

static void one_root_is_enough_but_one_that_is_named_must_be_there(void **state)
{
    (void)state;
    struct failure failure = {0};
    struct roots one = {0}, two = {0};
    assert_true(roots_open(&one, scratch_directory, NULL, ".json", ".dump", &failure));
    assert_true(roots_refresh(&one, &failure));
    assert_non_null(one.spools[0]);
    assert_null(one.spools[1]);
    roots_close(&one);
    assert_false(
        roots_open(&two, scratch_directory, "/nowhere/at/all", ".json", ".dump", &failure));
    assert_int_equal(failure.error, ENOENT);
    assert_non_null(strstr(failure.text, "/nowhere/at/all"));
    roots_close(&two);
}

static void a_day_is_seen_after_the_next_refresh(void **state)
{
    (void)state;
    struct pair_location location = located(ID, LOCATED_NOWHERE);
    struct crash_id id;
    struct failure failure;
    make_files(ID, "20081220", 0);
    assert_true(crash_id_parse(&id, ID));
    assert_true(roots_refresh(&roots, &failure));
    locate(&roots, &id, &location, &failure);
    assert_int_equal(location.found, LOCATED_WHOLE);
    close_roots(&location);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(what_is_nowhere_is_nowhere),
        in_scratch_spool(the_day_of_the_id_comes_first),
        in_scratch_spool(an_id_without_a_date_may_lie_under_any_day),
        in_scratch_spool(the_storage_root_comes_before_the_deferred_one),
        in_scratch_spool(a_whole_pair_is_preferred_wherever_it_is),
        in_scratch_spool(a_whole_pair_is_preferred_even_in_the_deferred_root),
        in_scratch_spool(says_which_of_the_two_there_are),
        in_scratch_spool(what_is_no_regular_file_of_one_name_cannot_be_judged),
        in_scratch_spool(follows_no_link_on_the_way),
        in_scratch_spool(a_link_in_the_place_of_a_day_may_hide_it_and_a_file_may_not),
        in_scratch_spool(what_cannot_be_read_is_not_nowhere),
        in_scratch_spool(lists_the_dump_first_and_the_metadata_last),
        in_scratch_spool(lists_what_there_is_of_a_part),
        in_scratch_spool(one_look_around_tells_what_else_there_is),
        in_scratch_spool(one_root_is_enough_but_one_that_is_named_must_be_there),
        in_scratch_spool(a_day_is_seen_after_the_next_refresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
