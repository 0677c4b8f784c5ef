#include "spool/archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

#include "archive_steps.h"

static void move_it(void)
{
    struct failure failure;
    if (!move_crash(ID, &failure))
        fail_msg("%s", failure.text);
}

static void expect_found(enum located found)
{
    struct failure failure;
    struct pair pair = pair_of(ID, DAY);
    struct pair_location location;
    struct origin origin = {0};
    assert_int_equal(archive_find(archive, &pair.id, &origin, &location, &failure), found);
    assert_int_equal(location.directory, -1);
}

static void a_move_on_one_file_system_is_one_step(void **state)
{
    (void)state;
    struct stat before, after;
    make_crash(ID, DAY, SLOT, 0);
    make_crash_file(ID, DAY, ".plugin.dump", 0);
    assert_int_equal(stat(NAME_PATH "/" ID ".dump", &before), 0);
    open_archive(beside_spool("archive"));
    expect_found(LOCATED_NOWHERE);
    move_it();
    assert_false(moved.copied);
    assert_int_equal(moved.files.count, 3);
    for (size_t i = 0; i < moved.files.count; i++)
        assert_int_equal(moved.files.items[i].state, PAIR_FILE_RENAMED);
    expect_found(LOCATED_WHOLE);
    assert_int_equal(entries_in(NAME_PATH), 0);
    expect_missing(DATES "/" ID);
    assert_int_equal(chdir("../archive"), 0);
    assert_int_equal(stat(NAME_PATH "/" ID ".dump", &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(entries_in(NAME_PATH), 3);
    assert_int_equal(entries_in(DAY), 1);
    expect_mode(NAME_PATH "/" ID ".json", 0640);
    expect_mode(NAME_PATH "/" ID ".plugin.dump", 0640);
    expect_mode(NAME_PATH, 0750);
    expect_mode(DAY, 0750);
    end_archive();
}

static void the_day_is_that_of_the_id(void **state)
{
    (void)state;
    make_crash(ID, "20081231", SLOT, 0);
    open_archive(beside_spool("archive"));
    move_it();
    expect_content("../archive/" NAME_PATH "/" ID ".json", ".json");
    assert_int_equal(entries_in("../archive"), 1);
    end_archive();
}

static void a_pair_of_which_a_part_was_moved_is_finished(void **state)
{
    (void)state;
    make_crash_file(ID, DAY, ".json", 0);
    make_file("../archive/" NAME_PATH "/" ID ".dump", "there", 0);
    open_archive(beside_spool("archive"));
    expect_found(LOCATED_PART);
    move_it();
    expect_found(LOCATED_WHOLE);
    expect_content("../archive/" NAME_PATH "/" ID ".dump", "there");
    expect_missing(NAME_PATH "/" ID ".json");
    end_archive();
}

static void what_is_older_than_the_row_is_of_another_crash(void **state)
{
    (void)state;
    struct failure failure;
    struct pair_location location;
    struct origin origin = {0};
    struct pair pair = pair_of(ID, DAY);
    make_directories(NAME_PATH);
    make_file("../archive/" NAME_PATH "/" ID ".json", "x", 0);
    open_archive(beside_spool("archive"));
    origin.queued = -30LL * SECOND;
    assert_int_equal(archive_find(archive, &pair.id, &origin, &location, &failure), LOCATED_PART);
    assert_true(location.json.found && !location.dump.found);
    origin.queued = -90LL * SECOND;
    assert_int_equal(archive_find(archive, &pair.id, &origin, &location, &failure),
                     LOCATED_NOWHERE);
    origin.queued = 100000000000LL * SECOND;
    assert_int_equal(archive_find(archive, &pair.id, &origin, &location, &failure), LOCATED_PART);
    end_archive();
}

static void an_older_pair_elsewhere_does_not_hide_half_of_its_own(void **state)
{
    (void)state;
    struct failure failure;
    struct pair_location location;
    struct pair pair = pair_of(ID, DAY);
    struct origin origin = {.queued = -59LL * SECOND}; /* by the tolerance: a second ago */
    make_directories(NAME_PATH);
    make_file("../archive/20091231/name/22/ad/" ID ".json", "x", 0);
    make_file("../archive/20091231/name/22/ad/" ID ".dump", "x", 0);
    open_archive(beside_spool("archive"));
    usleep(1100000);
    archive_ask_clock(archive);
    assert_int_equal(archive_find(archive, &pair.id, &origin, &location, &failure),
                     LOCATED_NOWHERE);
    assert_true(location.json.is_older && location.dump.is_older);
    make_file("../archive/" NAME_PATH "/" ID ".json", "x", 0);
    archive_ask_clock(archive);
    assert_int_equal(archive_find(archive, &pair.id, &origin, &location, &failure), LOCATED_PART);
    assert_true(location.json.found && !location.dump.found);
    assert_string_equal(location.pair.day, DAY);
    end_archive();
}

static void without_a_path_pairs_are_deleted(void **state)
{
    (void)state;
    struct failure failure;
    make_crash(ID, DAY, SLOT, 0);
    make_crash_file(ID, DAY, ".plugin.dump", 0);
    make_crash(OTHER_ID, DAY, SLOT, 0);
    open_archive(NULL);
    assert_null(archive_path(archive));
    assert_false(archive_is_shared(archive));
    expect_found(LOCATED_NOWHERE);
    move_it();
    assert_false(moved.copied);
    assert_true(moved.unwanted);
    assert_int_equal(entries_in(NAME_PATH), 3);
    expect_missing(DATES "/" ID);
    assert_true(archive_remove_originals(archive, &moved, &failure));
    assert_int_equal(entries_in(NAME_PATH), 0);
    assert_int_equal(entries_in(DAY "/name/33/ad"), 3);
    end_archive();
}

static void a_file_that_has_changed_is_not_deleted(void **state)
{
    (void)state;
    struct failure failure;
    make_crash(ID, DAY, SLOT, 0);
    open_archive(NULL);
    move_it();
    make_crash_file(ID, DAY, ".json", 0);
    assert_false(archive_remove_originals(archive, &moved, &failure));
    assert_int_equal(failure.error, 0);
    expect_content(NAME_PATH "/" ID ".json", ".json");
    end_archive();
}

static void to_another_file_system_it_takes_three_steps(void **state)
{
    (void)state;
    struct failure failure;
    const char *path = elsewhere();
    make_crash(ID, DAY, SLOT, 0);
    make_crash_file(ID, DAY, ".plugin.dump", 0);
    open_archive(path);
    assert_string_equal(archive_path(archive), path);
    move_it();
    assert_true(moved.copied);
    for (size_t i = 0; i < moved.files.count; i++)
        assert_int_equal(moved.files.items[i].state, PAIR_FILE_COPIED);
    expect_found(LOCATED_NOWHERE);
    assert_int_equal(entries_in(NAME_PATH), 3 + NOTE);
    expect_missing(DATES "/" ID);
    assert_true(archive_commit_copies(archive, &moved, &failure));
    expect_found(LOCATED_WHOLE);
    assert_int_equal(entries_in(NAME_PATH), 3 + NOTE);
    assert_true(archive_remove_originals(archive, &moved, &failure));
    assert_int_equal(entries_in(NAME_PATH), 0);
    assert_int_equal(chdir(path), 0);
    assert_int_equal(entries_in(NAME_PATH), 3);
    expect_content(NAME_PATH "/" ID ".json", ".json");
    expect_content(NAME_PATH "/" ID ".dump", ".dump");
    expect_content(NAME_PATH "/" ID ".plugin.dump", ".plugin.dump");
    expect_mode(NAME_PATH "/" ID ".dump", 0640);
    expect_mode(NAME_PATH, 0750);
    end_archive();
}

static void copies_can_be_dropped(void **state)
{
    (void)state;
    const char *path = elsewhere();
    make_crash(ID, DAY, SLOT, 0);
    open_archive(path);
    move_it();
    assert_true(archive_drop_copies(archive, &moved, NULL));
    assert_int_equal(entries_in(NAME_PATH), 2);
    expect_content(NAME_PATH "/" ID ".dump", ".dump");
    assert_int_equal(chdir(path), 0);
    assert_int_equal(entries_in(NAME_PATH), 0);
    end_archive();
}

static void every_step_can_be_done_again_after_a_kill(void **state)
{
    (void)state;
    struct failure failure;
    const char *path = elsewhere();
    make_crash(ID, DAY, SLOT, 0);
    for (int steps = 1; steps <= 3; steps++) {
        open_archive(path);
        move_it();
        if (steps >= 2)
            assert_true(archive_commit_copies(archive, &moved, &failure));
        if (steps == 3)
            assert_true(archive_remove_originals(archive, &moved, &failure));
        end_archive();
        moved = (struct archive_move){0};
    }
    assert_int_equal(entries_in(NAME_PATH), 0);
    assert_int_equal(chdir(path), 0);
    expect_content(NAME_PATH "/" ID ".json", ".json");
    expect_content(NAME_PATH "/" ID ".dump", ".dump");
    assert_int_equal(entries_in(NAME_PATH), 2);
}

static void the_metadata_gets_its_name_last(void **state)
{
    (void)state;
    struct failure failure;
    const char *path = elsewhere();
    make_crash(ID, DAY, SLOT, 0);
    open_archive(path);
    move_it();
    /* The metadata cannot get its name: then the dump has its own, and both are in the spool. */
    assert_int_equal(chdir(path), 0);
    make_directories(NAME_PATH "/" ID ".json");
    assert_false(archive_commit_copies(archive, &moved, &failure));
    assert_non_null(strstr(failure.text, ".json"));
    assert_true(is_there(NAME_PATH "/" ID ".dump"));
    assert_int_equal(chdir(scratch_directory), 0);
    assert_int_equal(entries_in(NAME_PATH), 2 + NOTE);
    end_archive();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(a_move_on_one_file_system_is_one_step),
        in_scratch_spool(the_day_is_that_of_the_id),
        in_scratch_spool(a_pair_of_which_a_part_was_moved_is_finished),
        in_scratch_spool(what_is_older_than_the_row_is_of_another_crash),
        in_scratch_spool(an_older_pair_elsewhere_does_not_hide_half_of_its_own),
        in_scratch_spool(without_a_path_pairs_are_deleted),
        in_scratch_spool(a_file_that_has_changed_is_not_deleted),
        in_scratch_spool(to_another_file_system_it_takes_three_steps),
        in_scratch_spool(copies_can_be_dropped),
        in_scratch_spool(every_step_can_be_done_again_after_a_kill),
        in_scratch_spool(the_metadata_gets_its_name_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
