#include "spool/evidence.h"
#include "spool/file.h"
#include "spool/locate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

#include "locate_steps.h"

enum { OLD = 3600 };

static struct pair_location queued_from(const char *mark, const char *pathname, const char *id)
{
    struct pair_location location;
    struct crash_id crash;
    struct failure failure = {0};
    struct origin origin;
    assert_true(crash_id_parse(&crash, id));
    open_roots();
    strcpy(roots.spools[0]->mark, "storage");
    strcpy(roots.spools[1]->mark, "deferred");
    origin_read(&origin, &roots, &crash, mark, pathname);
    locate_queued(&roots, &crash, &origin, &location, &failure);
    assert_true(location.found != LOCATED_FAILED || *failure.text != '\0');
    return location;
}

static void expect_queued(const char *mark, const char *pathname, enum located found,
                          const char *day, int root)
{
    size_t before = open_descriptors();
    struct pair_location location = queued_from(mark, pathname, ID);
    assert_int_equal(location.found, found);
    if (day != NULL) {
        assert_string_equal(location.pair.day, day);
        assert_ptr_equal(location.pair.spool, roots.spools[root]);
        assert_string_equal(location.pair.id.text, ID);
    }
    close_roots(&location);
    assert_int_equal(open_descriptors(), before);
}

#define PATHNAME(day) "/somewhere/" day "/name/22/ad/" ID ".json"

static void a_row_says_under_which_day_and_in_which_root(void **state)
{
    (void)state;
    make_files(ID, DAY, 0);
    make_files(ID, "20081226", 0);
    defer_files(ID, DAY);
    expect_queued("storage", PATHNAME(DAY), LOCATED_WHOLE, DAY, 0);
    expect_queued("storage", PATHNAME("20081226"), LOCATED_WHOLE, "20081226", 0);
    expect_queued("deferred", PATHNAME(DAY), LOCATED_WHOLE, DAY, 1);
    /* Whatever the suffix was, and also if a part is all there is. */
    expect_queued("storage", "/20081226/name/22/ad/" ID ".meta", LOCATED_WHOLE, "20081226", 0);
    assert_int_equal(unlink("20081226/name/22/ad/" ID ".dump"), 0);
    expect_queued("storage", PATHNAME("20081226"), LOCATED_PART, "20081226", 0);
}

static void without_a_mark_the_pathname_says_in_which_root(void **state)
{
    (void)state;
    char pathname[2 * PATH_MAX], deferred[PATH_MAX];
    make_files(ID, DAY, OLD);
    make_files(ID, "20081226", OLD);
    defer_files(ID, DAY);
    assert_non_null(realpath("../deferred", deferred));
    snprintf(pathname, sizeof pathname, "%s/20081226/name/22/ad/" ID ".json", scratch_directory);
    expect_queued("", pathname, LOCATED_WHOLE, "20081226", 0);
    snprintf(pathname, sizeof pathname, "%s/" NAME_PATH "/" ID ".json", deferred);
    expect_queued("", pathname, LOCATED_WHOLE, DAY, 1);
    expect_queued("", PATHNAME("20081226"), LOCATED_FAILED, NULL, 0);
}

static void its_links_may_be_left_where_it_was_queued_from_and_nowhere_else(void **state)
{
    (void)state;
    make_crash(ID, DAY, SLOT, 0);
    expect_queued("storage", PATHNAME(DAY), LOCATED_WHOLE, DAY, 0);
    expect_queued("storage", PATHNAME("20081226"), LOCATED_NOWHERE, NULL, 0);
    expect_queued("deferred", PATHNAME(DAY), LOCATED_NOWHERE, NULL, 0);
    expect_queued("", "", LOCATED_NOWHERE, NULL, 0);
    /* The one that was moved is found beside it. */
    make_files(ID, "20081220", OLD);
    expect_queued("storage", PATHNAME("20081226"), LOCATED_WHOLE, "20081220", 0);
    expect_queued("", "", LOCATED_WHOLE, "20081220", 0);
}

static void of_several_that_may_be_meant_none_is(void **state)
{
    (void)state;
    make_crash_file(ID, "20081221", ".json", OLD);
    make_files(ID, "20081220", OLD);
    expect_queued("", "", LOCATED_WHOLE, "20081220", 0);
    make_crash_file(ID, DAY, ".dump", OLD);
    expect_queued("", "", LOCATED_WHOLE, "20081220", 0);
    defer_files(ID, "20081219");
    expect_queued("", "", LOCATED_FAILED, NULL, 0);
    expect_queued("storage", PATHNAME("20081226"), LOCATED_FAILED, NULL, 0);
    expect_queued("storage", PATHNAME("20081220"), LOCATED_WHOLE, "20081220", 0);
}

static void one_that_may_still_be_written_to_is_not_taken_for_it(void **state)
{
    (void)state;
    make_files(ID, DAY, 0);
    expect_queued("storage", PATHNAME("20081226"), LOCATED_FAILED, NULL, 0);
    expect_queued("", "", LOCATED_FAILED, NULL, 0);
    expect_queued("storage", PATHNAME(DAY), LOCATED_WHOLE, DAY, 0);
    make_name_link(ID, DAY, SLOT, 0);
    expect_queued("storage", PATHNAME("20081226"), LOCATED_NOWHERE, NULL, 0);
}

static void a_root_that_is_not_there_hides_it(void **state)
{
    (void)state;
    make_files(ID, DAY, 0);
    expect_queued("another", PATHNAME(DAY), LOCATED_FAILED, NULL, 0);
}

static void what_a_pathname_says_is_not_trusted(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "",
        " ",
        "/",
        "20081226/name/22/ad/" ID ".json",
        "/../../../name/22/ad/" ID ".json",
        "/20081399/name/22/ad/" ID ".json",
        "/x20081226/name/22/ad/" ID ".json",
        "/20081226/name/22/ad/" OTHER_ID ".json",
        "/20081226/name/22/ad/../ad/" ID ".json",
        "/name/22/ad/" ID ".json",
    };
    make_files(ID, "20081226", OLD);
    defer_files(ID, DAY);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        expect_queued("storage", hostile[i], LOCATED_FAILED, NULL, 0);
}

static void what_cannot_be_searched_where_it_was_queued_from_hides_it(void **state)
{
    (void)state;
    make_files(ID, "20081220", OLD);
    make_link(DAY, "20081220", 0);
    expect_queued("storage", PATHNAME(DAY), LOCATED_FAILED, NULL, 0);
    assert_int_equal(unlink(DAY), 0);
    expect_queued("storage", PATHNAME(DAY), LOCATED_WHOLE, "20081220", 0);
}

/* A job that was taken, and ended, a millisecond before the clock was asked; then goes on a tenth
 * of a second after that. */
static struct origin just_ended(void)
{
    struct origin origin;
    struct crash_id crash;
    struct stat status;
    assert_true(crash_id_parse(&crash, ID));
    open_roots();
    strcpy(roots.spools[0]->mark, "storage");
    origin_read(&origin, &roots, &crash, "storage", PATHNAME(DAY));
    origin.taken = origin.ended = origin.queued = 1000;
    const struct timespec due = spool_time_ago(roots.spools[0], -SECOND / 10);
    do {
        write_file("clock", "");
        assert_int_equal(stat("clock", &status), 0);
    } while (!time_is_past(&due, 0, &status.st_mtim));
    return origin;
}

static void expect_of(const struct origin *origin, enum located found)
{
    struct pair_location location;
    struct crash_id crash;
    struct failure failure = {0};
    assert_true(crash_id_parse(&crash, ID));
    locate_queued(&roots, &crash, origin, &location, &failure);
    assert_int_equal(location.found, found);
    close_roots(&location);
}

static void what_comes_while_a_batch_is_worked_at_came_after_the_end_of_its_job(void **state)
{
    (void)state;
    const struct origin origin = just_ended();
    make_crash(ID, DAY, SLOT, 0);
    expect_of(&origin, LOCATED_NOWHERE);
}

static void a_new_date_link_counts_beside_an_old_name_link(void **state)
{
    (void)state;
    make_files(ID, DAY, OLD);
    make_name_link(ID, DAY, SLOT, OLD);
    struct origin origin = just_ended();
    origin.ended = 0;
    assert_int_equal(chmod(NAME_PATH "/" ID ".json", 0640), 0);
    make_date_link(ID, DAY, "13/10/web01_0", 0);
    expect_of(&origin, LOCATED_NOWHERE);
}

static void one_that_may_be_where_nobody_can_look_is_not_another_one(void **state)
{
    (void)state;
    make_files(ID, "20081220", OLD);
    make_link(DAY, "20081220", 0);
    expect_queued("", "", LOCATED_FAILED, NULL, 0);
    assert_int_equal(unlink(DAY), 0);
    expect_queued("", "", LOCATED_WHOLE, "20081220", 0);
}

/* The job was taken twenty minutes ago, and the pair had come before, unless it is touched. */
static bool further_is_judged(bool is_touched, bool *leaves)
{
    struct failure failure;
    const struct origin origin = {.taken = 1200LL * SECOND};
    struct pair_location location = queued_from("storage", PATHNAME(DAY), ID);
    assert_int_equal(location.found, LOCATED_WHOLE);
    location.is_earlier = !is_touched;
    location_look_around(&location);
    location.pair.looked = spool_time_ago(location.pair.spool, origin.taken);
    bool good = evidence_of_further(&location, &origin, &failure);
    *leaves = pair_leaves(&location.pair, location.directory, ID ".plugin.dump");
    close_roots(&location);
    return good;
}

static void a_further_dump_that_came_since_waits_for_ten_minutes_or_for_a_link(void **state)
{
    (void)state;
    bool leaves;
    for (int touched = 0; touched < 2; touched++) {
        make_files(ID, DAY, OLD);
        assert_true(further_is_judged(touched, &leaves));
        make_crash_file(ID, DAY, ".plugin.dump", 540);
        assert_false(further_is_judged(touched, &leaves));
        make_crash_file(ID, DAY, ".plugin.dump", 660);
        assert_true(further_is_judged(touched, &leaves));
        assert_false(leaves);
        make_name_link(ID, DAY, SLOT, 0);
        assert_true(further_is_judged(touched, &leaves));
        assert_true(leaves);
        make_crash_file(ID, DAY, ".plugin.dump", OLD);
        assert_true(further_is_judged(touched, &leaves));
        assert_int_equal(leaves, !touched);
        assert_int_equal(unlink(NAME_PATH "/" ID), 0);
        assert_int_equal(unlink(NAME_PATH "/" ID ".plugin.dump"), 0);
    }
}

static void
what_comes_after_that_look_has_the_pair_wait_unless_a_new_link_says_whose_it_is(void **state)
{
    (void)state;
    struct failure failure;
    struct pair_files files = {0};
    const struct origin origin = {.taken = 1200LL * SECOND};
    make_files(ID, DAY, OLD);
    make_crash_file(ID, DAY, ".browser.dump", 660);
    struct pair_location location = queued_from("storage", PATHNAME(DAY), ID);
    location.pair.looked = spool_time_ago(location.pair.spool, origin.taken);
    assert_true(evidence_of_further(&location, &origin, &failure));
    for (int i = 0; /* until the clock has ticked */
         i < 100000 && !pair_leaves(&location.pair, location.directory, ID ".plugin.dump"); i++)
        make_crash_file(ID, DAY, ".plugin.dump", 0);
    assert_false(location_list(&location, &files)); /* whose it is nobody knows */
    assert_int_equal(errno, FURTHER_CAME);
    pair_files_free(&files);
    make_name_link(ID, DAY, SLOT, 0);
    assert_true(evidence_of_further(&location, &origin, &failure));
    assert_true(location_list(&location, &files));
    assert_int_equal(files.count, 2);
    pair_files_free(&files);
    close_roots(&location);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(a_row_says_under_which_day_and_in_which_root),
        in_scratch_spool(without_a_mark_the_pathname_says_in_which_root),
        in_scratch_spool(its_links_may_be_left_where_it_was_queued_from_and_nowhere_else),
        in_scratch_spool(of_several_that_may_be_meant_none_is),
        in_scratch_spool(one_that_may_still_be_written_to_is_not_taken_for_it),
        in_scratch_spool(a_root_that_is_not_there_hides_it),
        in_scratch_spool(what_a_pathname_says_is_not_trusted),
        in_scratch_spool(what_cannot_be_searched_where_it_was_queued_from_hides_it),
        in_scratch_spool(what_comes_while_a_batch_is_worked_at_came_after_the_end_of_its_job),
        in_scratch_spool(a_new_date_link_counts_beside_an_old_name_link),
        in_scratch_spool(a_further_dump_that_came_since_waits_for_ten_minutes_or_for_a_link),
        in_scratch_spool(
            what_comes_after_that_look_has_the_pair_wait_unless_a_new_link_says_whose_it_is),
        in_scratch_spool(one_that_may_be_where_nobody_can_look_is_not_another_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
