#include "spool/quarantine.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

enum { THREADS = 3, ROUNDS = 5 };

#define PLACE "quarantine/" DAY "/"

static struct quarantine *begin(const char *path)
{
    struct quarantine *quarantine = quarantine_new(path, spool, NULL);
    assert_non_null(quarantine);
    return quarantine;
}

static void put_pair(struct quarantine *quarantine, const char *reason)
{
    struct pair pair = pair_of(ID, DAY);
    struct failure failure;
    if (!quarantine_pair(quarantine, &pair, reason, &failure))
        fail_msg("%s", failure.text);
}

/* Asserts that a file has a line with this text for each time, and no other. */
static void expect_lines(const char *path, const char *text, int count)
{
    char line[4096];
    int lines = 0;
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    for (; fgets(line, sizeof line, stream) != NULL; lines++)
        assert_non_null(strstr(line, text));
    fclose(stream);
    assert_int_equal(lines, count);
}

static void takes_all_of_a_crash_but_the_date_link(void **state)
{
    (void)state;
    struct stat before, after;
    struct quarantine *quarantine = begin(NULL);
    make_crash(ID, DAY, SLOT, 0);
    make_crash_file(ID, DAY, ".plugin.dump", 0);
    make_crash(OTHER_ID, DAY, SLOT, 0);
    make_file(NAME_PATH "/" OTHER_ID ".json", "other", 0);
    assert_int_equal(stat(NAME_PATH "/" ID ".dump", &before), 0);
    put_pair(quarantine, "it is \"bad\"");
    quarantine_free(quarantine);
    expect_content(PLACE ID "/" ID ".json", ".json");
    expect_content(PLACE ID "/" ID ".dump", ".dump");
    expect_content(PLACE ID "/" ID ".plugin.dump", ".plugin.dump");
    expect_lines(PLACE ID "/reason", "it is \"bad\"", 1);
    assert_int_equal(entries_in(PLACE ID), 4);
    assert_int_equal(stat(PLACE ID "/" ID ".dump", &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
    assert_true(is_there(DATES "/" ID));
    assert_int_equal(entries_in(NAME_PATH), 1);
    assert_int_equal(entries_in(DAY "/name/33/ad"), 3);
}

static void the_day_is_that_of_the_spool(void **state)
{
    (void)state;
    struct pair pair = pair_of(ID, "20081226");
    struct failure failure;
    struct quarantine *quarantine = begin(NULL);
    make_files(ID, "20081226", 0);
    assert_true(quarantine_pair(quarantine, &pair, "bad", &failure));
    quarantine_free(quarantine);
    assert_true(is_there("quarantine/20081226/" ID "/" ID ".json"));
}

static void the_reason_says_why_and_where_it_was(void **state)
{
    (void)state;
    struct quarantine *quarantine = begin(NULL);
    make_files(ID, DAY, 0);
    put_pair(quarantine, "no\nroom");
    quarantine_free(quarantine);
    expect_lines(PLACE ID "/reason", NAME_PATH, 1);
}

static void what_comes_later_has_a_case_of_its_own_and_a_line_is_not_repeated(void **state)
{
    (void)state;
    struct quarantine *quarantine = begin(NULL);
    make_crash_file(ID, DAY, ".json", 0);
    put_pair(quarantine, "bad");
    make_crash_file(ID, DAY, ".dump", 0); /* of the same crash, or of another */
    put_pair(quarantine, "also bad");
    for (int i = 0; i < 3; i++)
        put_pair(quarantine, "bad");
    quarantine_free(quarantine);
    assert_int_equal(entries_in("quarantine/" DAY), 2);
    expect_content(PLACE ID "/" ID ".json", ".json");
    expect_content(PLACE ID ".1/" ID ".dump", ".dump");
    expect_lines(PLACE ID "/reason", "bad", 1);
    expect_lines(PLACE ID ".1/reason", "also bad", 1);
}

static void a_second_crash_of_the_id_changes_nothing_of_the_first(void **state)
{
    (void)state;
    struct quarantine *quarantine = begin(NULL);
    for (int i = 0; i < 3; i++) {
        char content[20];
        snprintf(content, sizeof content, "%d", i);
        make_file(NAME_PATH "/" ID ".json", content, 0);
        put_pair(quarantine, "bad");
    }
    quarantine_free(quarantine);
    expect_content(PLACE ID "/" ID ".json", "0");
    expect_content(PLACE ID ".1/" ID ".json", "1");
    expect_content(PLACE ID ".2/" ID ".json", "2");
    expect_lines(PLACE ID ".2/reason", "bad", 1);
}

static void a_crash_of_which_nothing_is_left_is_no_failure(void **state)
{
    (void)state;
    struct quarantine *quarantine = begin(NULL);
    make_date_link(ID, DAY, SLOT, 0);
    put_pair(quarantine, "nothing there");
    make_name_link(ID, DAY, SLOT, 0);
    put_pair(quarantine, "nothing there");
    quarantine_free(quarantine);
    assert_false(is_there(NAME_PATH "/" ID));
    assert_true(is_there(DATES "/" ID));
}

static void a_path_may_lie_anywhere_and_is_made(void **state)
{
    (void)state;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.4000s/../elsewhere", scratch_directory);
    struct quarantine *quarantine = begin(path);
    expect_missing("../elsewhere");
    make_files(ID, DAY, 0);
    put_pair(quarantine, "bad");
    quarantine_free(quarantine);
    expect_content("../elsewhere/" DAY "/" ID "/" ID ".json", ".json");
    expect_missing("quarantine");
}

static void the_path_may_be_on_another_file_system(void **state)
{
    (void)state;
    struct quarantine *quarantine = begin(elsewhere());
    make_crash(ID, DAY, SLOT, 0);
    put_pair(quarantine, "bad");
    assert_int_equal(unlink(DATES "/" ID), 0);
    quarantine_free(quarantine);
    assert_int_equal(entries_in(NAME_PATH), 0);
    assert_int_equal(entries_in(DATES), 0);
    assert_int_equal(chdir(other_place), 0);
    expect_content(DAY "/" ID "/" ID ".json", ".json");
    expect_content(DAY "/" ID "/" ID ".dump", ".dump");
    assert_int_equal(entries_in(DAY "/" ID), 3);
}

static void however_many_crashes_of_an_id_there_are_each_has_a_place(void **state)
{
    (void)state;
    enum { MANY = 110 };
    char content[20];
    struct quarantine *quarantine = begin(NULL);
    for (int i = 0; i < MANY; i++) {
        snprintf(content, sizeof content, "%d", i);
        make_file(NAME_PATH "/" ID ".json", content, 0);
        put_pair(quarantine, "bad");
    }
    quarantine_free(quarantine);
    expect_missing(NAME_PATH "/" ID ".json");
    assert_int_equal(entries_in("quarantine/" DAY), MANY);
}

static void what_cannot_be_copied_stays_and_makes_no_directory(void **state)
{
    (void)state;
    struct failure failure = {0};
    struct pair pair = pair_of(ID, DAY);
    struct quarantine *quarantine = begin(elsewhere());
    make_crash(ID, DAY, SLOT, 0);
    make_file(NAME_PATH "/" ID ".more.dump/inside", "x", 0);
    assert_false(quarantine_pair(quarantine, &pair, "bad", &failure));
    assert_int_equal(failure.error, EXDEV);
    quarantine_note_failure(quarantine, &failure);
    assert_int_equal(quarantine_stuck(quarantine), 1);
    quarantine_free(quarantine);
    assert_int_equal(entries_in(NAME_PATH), 4);
    assert_int_equal(entries_in(other_place), 1); /* the lock */
}

static void the_place_below_the_root_is_no_link(void **state)
{
    (void)state;
    struct failure failure;
    struct pair pair = pair_of(ID, DAY);
    make_files(ID, DAY, 0);
    make_directories("elsewhere");
    make_link("quarantine", "elsewhere", 0);
    struct quarantine *quarantine = begin(NULL);
    assert_false(quarantine_pair(quarantine, &pair, "bad", &failure));
    assert_int_equal(failure.error, EIO);
    quarantine_free(quarantine);
    assert_int_equal(entries_in("elsewhere"), 0);
    assert_true(is_there(NAME_PATH "/" ID ".json"));
}

static void what_cannot_be_moved_stays_and_is_told(void **state)
{
    (void)state;
    struct failure failure = {0};
    struct pair pair = pair_of(ID, DAY);
    make_crash(ID, DAY, SLOT, 0);
    assert_int_equal(chmod(".", 0555), 0);
    become_nobody();
    struct quarantine *quarantine = begin(NULL);
    assert_false(quarantine_pair(quarantine, &pair, "bad", &failure));
    assert_int_equal(failure.error, EACCES);
    quarantine_free(quarantine);
    become_root_again();
    chmod(".", 0755);
    assert_int_equal(entries_in(NAME_PATH), 3);
    assert_true(is_there(DATES "/" ID));
}

static void nothing_was_needed(void **state)
{
    (void)state;
    size_t before = open_descriptors();
    quarantine_free(NULL);
    quarantine_free(begin(NULL));
    expect_missing("quarantine");
    make_files(ID, DAY, 0);
    struct quarantine *quarantine = begin(NULL);
    put_pair(quarantine, "bad");
    quarantine_free(quarantine);
    assert_int_equal(open_descriptors(), before);
}

static struct quarantine *shared;

static void *put_many(void *first)
{
    struct failure failure;
    char id[CRASH_ID_LENGTH + 1];
    for (int i = 0; i < ROUNDS; i++) {
        struct pair pair = {.spool = spool, .day = DAY};
        snprintf(id, sizeof id, "%08x-f75b-11dc-b6be-001322081225", *(int *)first + i);
        if (!crash_id_parse(&pair.id, id) || !quarantine_pair(shared, &pair, "bad", &failure))
            return "failed";
    }
    return NULL;
}

static void several_threads_may_use_it(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int firsts[THREADS];
    char id[CRASH_ID_LENGTH + 1];
    shared = begin(NULL);
    for (int i = 0; i < THREADS * ROUNDS; i++) {
        snprintf(id, sizeof id, "%08x-f75b-11dc-b6be-001322081225", i);
        make_files(id, DAY, 0);
    }
    for (int i = 0; i < THREADS; i++) {
        firsts[i] = i * ROUNDS;
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &firsts[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    quarantine_free(shared);
    assert_int_equal(entries_in("quarantine/" DAY), THREADS * ROUNDS);
    assert_int_equal(entries_in(DAY "/name/00/00"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(takes_all_of_a_crash_but_the_date_link),
        in_scratch_spool(the_day_is_that_of_the_spool),
        in_scratch_spool(the_reason_says_why_and_where_it_was),
        in_scratch_spool(what_comes_later_has_a_case_of_its_own_and_a_line_is_not_repeated),
        in_scratch_spool(a_second_crash_of_the_id_changes_nothing_of_the_first),
        in_scratch_spool(a_crash_of_which_nothing_is_left_is_no_failure),
        in_scratch_spool(however_many_crashes_of_an_id_there_are_each_has_a_place),
        in_scratch_spool(what_cannot_be_copied_stays_and_makes_no_directory),
        in_scratch_spool(a_path_may_lie_anywhere_and_is_made),
        in_scratch_spool(the_path_may_be_on_another_file_system),
        in_scratch_spool(the_place_below_the_root_is_no_link),
        in_scratch_spool(what_cannot_be_moved_stays_and_is_told),
        in_scratch_spool(nothing_was_needed),
        in_scratch_spool(several_threads_may_use_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
