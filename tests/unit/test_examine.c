#include "spool/date_dir.h"
#include "spool/examine.h"
#include "spool/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

enum { SETTLE = 100, INCOMPLETE = 10000, YOUNG = 10, SETTLED = 1000, OLD = 20000 };

static struct examination result;

/* Examines the only thing that a walk comes upon. */
static enum examined examine_the_one(void)
{
    struct walk_entry entry;
    struct failure failure;
    struct walk *walk = walk_new(spool, true, &failure);
    assert_non_null(walk);
    assert_true(walk_next(walk, &entry));
    result = (struct examination){.directory = -2};
    enum examined examined = examine(&entry, SETTLE, INCOMPLETE, &result);
    assert_false(walk_next(walk, &entry));
    walk_free(walk);
    return examined;
}

static void expect_crash(enum outcome verdict, const char *reason)
{
    assert_int_equal(examine_the_one(), EXAMINED_CRASH);
    assert_int_equal(result.verdict, verdict);
    assert_string_equal(result.pair.id.text, ID);
    assert_ptr_equal(result.pair.spool, spool);
    if (verdict == QUEUED)
        assert_true(result.directory >= 0);
    else {
        assert_int_equal(result.directory, -1);
        assert_non_null(strstr(result.reason.text, reason));
    }
}

static void a_pair_that_is_ready_is_to_be_queued(void **state)
{
    (void)state;
    struct stat opened, there;
    make_crash(ID, DAY, SLOT, SETTLED);
    expect_crash(QUEUED, NULL);
    assert_string_equal(result.pair.day, DAY);
    assert_int_equal(fstat(result.directory, &opened), 0);
    assert_int_equal(stat(NAME_PATH, &there), 0);
    assert_int_equal(opened.st_ino, there.st_ino);
    close(result.directory);
}

static void the_day_is_that_of_the_link_and_not_of_the_id(void **state)
{
    (void)state;
    make_crash(ID, "20081226", SLOT, SETTLED);
    expect_crash(QUEUED, NULL);
    assert_string_equal(result.pair.day, "20081226");
    close(result.directory);
}

static void only_the_name_of_the_link_counts(void **state)
{
    (void)state;
    make_files(ID, DAY, SETTLED);
    make_link(DATES "/" ID, "/etc", SETTLED);
    expect_crash(QUEUED, NULL);
    close(result.directory);
}

static void a_pair_is_queued_even_if_its_link_is_very_old(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, OLD);
    expect_crash(QUEUED, NULL);
    close(result.directory);
}

static void a_pair_that_has_just_been_written_to_waits(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, SETTLED);
    set_age(NAME_PATH "/" ID ".dump", YOUNG);
    assert_int_equal(examine_the_one(), EXAMINED_WAITS);
    assert_int_equal(result.directory, -1);
    assert_true(*result.reason.text != '\0');
    set_age(NAME_PATH "/" ID ".dump", SETTLED);
    set_age(NAME_PATH "/" ID ".json", YOUNG);
    assert_int_equal(examine_the_one(), EXAMINED_WAITS);
}

/* It is no WAITS: perhaps it is in the queue, and its pair has been put away in part. */
static void half_a_pair_is_left_until_it_is_too_old(void **state)
{
    (void)state;
    make_date_link(ID, DAY, SLOT, SETTLED);
    make_crash_file(ID, DAY, ".json", SETTLED);
    expect_crash(LEFT, ".dump");
    set_age(NAME_PATH "/" ID ".json", OLD);
    set_age(DATES "/" ID, OLD);
    expect_crash(QUARANTINED, ".dump");
    assert_int_equal(rename(NAME_PATH "/" ID ".json", NAME_PATH "/" ID ".dump"), 0);
    expect_crash(QUARANTINED, ".json");
}

static void an_empty_file_is_half_a_pair(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, OLD);
    make_file(NAME_PATH "/" ID ".json", "", OLD);
    expect_crash(QUARANTINED, ".json");
}

static void half_a_pair_that_still_grows_is_not_too_old(void **state)
{
    (void)state;
    make_date_link(ID, DAY, SLOT, OLD);
    make_crash_file(ID, DAY, ".json", YOUNG);
    assert_int_equal(examine_the_one(), EXAMINED_WAITS);
    set_age(NAME_PATH "/" ID ".json", SETTLED);
    expect_crash(LEFT, ".dump");
}

static void a_link_alone_is_as_old_as_it_is(void **state)
{
    (void)state;
    make_files(OTHER_ID, DAY, OLD);
    make_date_link(ID, DAY, SLOT, YOUNG);
    assert_int_equal(examine_the_one(), EXAMINED_WAITS);
    set_age(DATES "/" ID, SETTLED);
    expect_crash(LEFT, "directory");
    set_age(DATES "/" ID, OLD);
    expect_crash(QUARANTINED, "directory");
    assert_int_equal(rename(DAY "/name", DAY "/names"), 0);
    assert_int_equal(examine_the_one(), EXAMINED_UNREADABLE);
    assert_non_null(strstr(result.reason.text, "has no name tree"));
}

static void a_link_that_is_no_crash_is_a_stray_when_it_is_old(void **state)
{
    (void)state;
    make_link(DATES "/" ID "x", "../../../../name/22/ad", SETTLED);
    assert_int_equal(examine_the_one(), EXAMINED_WAITS);
    set_age(DATES "/" ID "x", OLD);
    assert_int_equal(examine_the_one(), EXAMINED_STRAY);
    assert_int_equal(result.directory, -1);
    assert_true(*result.reason.text != '\0');
}

static void what_is_no_link_is_a_stray_when_it_is_old(void **state)
{
    (void)state;
    make_file(DATES "/" ID, "x", SETTLED);
    assert_int_equal(examine_the_one(), EXAMINED_WAITS);
    set_age(DATES "/" ID, OLD);
    assert_int_equal(examine_the_one(), EXAMINED_STRAY);
    assert_true(*result.reason.text != '\0');
}

static void a_directory_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    make_directories(DATES);
    assert_int_equal(chmod(DATES, 0), 0);
    become_nobody();
    assert_int_equal(examine_the_one(), EXAMINED_UNREADABLE);
    assert_int_equal(result.reason.error, EACCES);
    become_root_again();
    chmod(DATES, 0755);
}

static void a_pair_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, OLD);
    assert_int_equal(chmod(NAME_PATH, 0), 0);
    become_nobody();
    assert_int_equal(examine_the_one(), EXAMINED_UNREADABLE);
    assert_int_equal(result.directory, -1);
    assert_int_equal(result.reason.error, EACCES);
    become_root_again();
    chmod(NAME_PATH, 0755);
}

static struct roots roots;

static bool is_ready_by_id(struct pair *pair, struct failure *reason)
{
    struct crash_id id;
    struct failure failure;
    assert_true(crash_id_parse(&id, ID));
    if (roots.spools[0] == NULL)
        assert_true(roots_open(&roots, scratch_directory, NULL, ".json", ".dump", &failure));
    assert_true(roots_refresh(&roots, &failure));
    *reason = (struct failure){0};
    return examine_by_id(&roots, &id, SETTLE, pair, reason);
}

static void close_roots(void)
{
    roots_close(&roots);
    roots = (struct roots){0};
}

static void by_its_id_it_is_ready_or_the_reason_is_told(void **state)
{
    (void)state;
    struct pair pair;
    struct failure reason;
    size_t before = open_descriptors();
    assert_false(is_ready_by_id(&pair, &reason));
    assert_int_equal(reason.error, 0);
    assert_true(*reason.text != '\0');
    make_crash_file(ID, "20081226", ".json", SETTLED);
    assert_false(is_ready_by_id(&pair, &reason));
    assert_int_equal(reason.error, 0);
    assert_non_null(strstr(reason.text, ".dump"));
    make_crash_file(ID, "20081226", ".dump", YOUNG);
    assert_false(is_ready_by_id(&pair, &reason));
    assert_int_equal(reason.error, 0);
    set_age("20081226/name/22/ad/" ID ".dump", SETTLED);
    assert_true(is_ready_by_id(&pair, &reason));
    assert_ptr_equal(pair.spool, roots.spools[0]);
    assert_string_equal(pair.day, "20081226");
    assert_string_equal(pair.id.text, ID);
    close_roots();
    assert_int_equal(open_descriptors(), before);
}

static void by_its_id_what_cannot_be_told_has_an_error(void **state)
{
    (void)state;
    struct pair pair;
    struct failure reason;
    make_files(ID, DAY, SETTLED);
    assert_int_equal(chmod(NAME_PATH, 0), 0);
    become_nobody();
    assert_false(is_ready_by_id(&pair, &reason));
    assert_int_equal(reason.error, EACCES);
    become_root_again();
    chmod(NAME_PATH, 0755);
    close_roots();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(a_pair_that_is_ready_is_to_be_queued),
        in_scratch_spool(the_day_is_that_of_the_link_and_not_of_the_id),
        in_scratch_spool(only_the_name_of_the_link_counts),
        in_scratch_spool(a_pair_is_queued_even_if_its_link_is_very_old),
        in_scratch_spool(a_pair_that_has_just_been_written_to_waits),
        in_scratch_spool(half_a_pair_is_left_until_it_is_too_old),
        in_scratch_spool(an_empty_file_is_half_a_pair),
        in_scratch_spool(half_a_pair_that_still_grows_is_not_too_old),
        in_scratch_spool(a_link_alone_is_as_old_as_it_is),
        in_scratch_spool(a_link_that_is_no_crash_is_a_stray_when_it_is_old),
        in_scratch_spool(what_is_no_link_is_a_stray_when_it_is_old),
        in_scratch_spool(a_directory_that_cannot_be_read_is_told),
        in_scratch_spool(a_pair_that_cannot_be_read_is_told),
        in_scratch_spool(by_its_id_it_is_ready_or_the_reason_is_told),
        in_scratch_spool(by_its_id_what_cannot_be_told_has_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
