#include "spool/archive.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "scratch_spool.h"

#include "archive_steps.h"

static void a_failure_of_one_pair_puts_nothing_out_of_order(void **state)
{
    (void)state;
    struct failure failure;
    make_crash(ID, DAY, SLOT, 0);
    make_crash(OTHER_ID, DAY, SLOT, 0);
    make_file("../archive/" DAY "/name/22", "in the way", 0);
    open_archive(beside_spool("archive"));
    for (int i = 0; i < 12; i++) {
        assert_false(move_crash(ID, &failure));
        assert_int_equal(archive_state(archive), ARCHIVE_OPEN);
    }
    assert_int_equal(failure.error, ENOTDIR);
    assert_true(is_there(NAME_PATH "/" ID ".json"));
    assert_true(is_there(NAME_PATH "/" ID ".dump"));
    assert_true(move_crash(OTHER_ID, &failure));
    end_archive();
}

static void one_that_cannot_be_opened_is_out_of_order(void **state)
{
    (void)state;
    struct failure failure;
    make_archive("/nowhere/at/all");
    assert_false(archive_open(archive, &failure));
    assert_int_equal(failure.error, ENOENT);
    assert_non_null(strstr(failure.text, "/nowhere/at/all"));
    assert_int_equal(archive_state(archive), ARCHIVE_OUT_OF_ORDER);
    end_archive();
    archive_free(NULL);
}

static char shared[] = "/tmp/crashmon_unit_shared.XXXXXX";

static int leave_shared(void **state)
{
    if (unlink(shared) != 0)
        rmdir(shared);
    return leave_scratch_spool(state);
}

static void expect_unsafe(void)
{
    struct failure failure;
    make_archive(shared);
    assert_true(archive_is_shared(archive));
    assert_false(archive_open(archive, &failure));
    assert_int_equal(failure.error, EPERM);
    assert_int_equal(archive_state(archive), ARCHIVE_OUT_OF_ORDER);
    archive_free(archive);
}

static void below_tmp_it_is_made_and_must_be_ones_own(void **state)
{
    (void)state;
    struct failure failure;
    assert_non_null(mkdtemp(shared));
    assert_int_equal(rmdir(shared), 0);
    make_archive(shared);
    settings.dry_run = true;
    archive_free(archive);
    archive = archive_new(&settings);
    archive_open(archive, &failure);
    expect_missing(shared);
    archive_free(archive);
    open_archive(shared);
    assert_true(archive_is_shared(archive));
    archive_free(archive);
    expect_mode(shared, 0700);
    open_archive(shared);
    archive_free(archive);
    if (getuid() == 0) {
        assert_int_equal(chown(shared, NOBODY, NOBODY), 0);
        expect_unsafe();
    }
    assert_int_equal(rmdir(shared), 0);
    assert_int_equal(symlink(scratch_directory, shared), 0);
    expect_unsafe();
    assert_int_equal(unlink(shared), 0);
    open_archive(beside_spool("archive"));
    assert_false(archive_is_shared(archive));
    archive_free(archive);
}

/* A disk of this size at "../small", in a process that nobody else shares mounts with. */
static bool mount_small(const char *size)
{
    return mkdir("../small", 0755) == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("small", "../small", "tmpfs", 0, size) == 0;
}

static void make_large_crash(const char *id, size_t size)
{
    char path[PAIR_PATH_SIZE], *bytes = calloc(1, size);
    struct pair pair = pair_of(id, DAY);
    make_files(id, DAY, 0);
    pair_path(&pair, path);
    int file = open(path, O_WRONLY);
    if (bytes == NULL || write(file, bytes, size) != (ssize_t)size || close(file) != 0)
        _exit(4);
    free(bytes);
}

/* An archive on a disk of its own. 0, or a step that failed; 99: no disk can be mounted. */
static int open_small_archive(const char *size)
{
    static char path[PATH_MAX];
    struct failure failure;
    if (!mount_small(size))
        return 99;
    if (realpath("../small", path) == NULL)
        return 98;
    make_archive(path);
    return archive_open(archive, &failure) ? 0 : 1;
}

/* 0, or at which step it was otherwise; 99: no disk can be mounted. */
static int fill(void)
{
    char id[CRASH_ID_LENGTH + 1];
    struct failure failure;
    int trouble = open_small_archive("size=128k");
    if (trouble != 0)
        return trouble;
    for (int i = 0; i < 19; i++) {
        bool is_small = i == 8; /* which fits, so that ten in succession come after it */
        if (archive_state(archive) != ARCHIVE_OPEN)
            return 10 + i;
        snprintf(id, sizeof id, "%08x-f75b-11dc-b6be-001322081225", i);
        if (is_small)
            make_files(id, DAY, 0);
        else
            make_large_crash(id, 1 << 20);
        if (move_crash(id, &failure) != is_small || (!is_small && failure.error != ENOSPC))
            return 40 + i;
    }
    return archive_state(archive) == ARCHIVE_OUT_OF_ORDER ? 0 : 2;
}

/* More than ten that would fit into an empty disk at most, and a small one. */
static int come_too_large(void)
{
    char id[CRASH_ID_LENGTH + 1];
    struct failure failure;
    int trouble = open_small_archive("size=2m");
    if (trouble != 0)
        return trouble;
    for (int i = 0; i < 12; i++) {
        snprintf(id, sizeof id, "%08x-f75b-11dc-b6be-001322081225", i);
        make_large_crash(id, 3 << 20);
        if (move_crash(id, &failure) || failure.error != ENOSPC)
            return 40 + i;
        if (archive_state(archive) != ARCHIVE_OPEN)
            return 10 + i;
    }
    make_files(ID, DAY, 0);
    return move_crash(ID, &failure) ? 0 : 2;
}

/* A pair from a disk that is read-only. */
static int come_from_read_only(void)
{
    struct failure failure;
    make_crash(ID, DAY, SLOT, 0);
    make_crash(OTHER_ID, "20081226", SLOT, 0);
    make_archive(beside_spool("archive"));
    if (!archive_open(archive, &failure))
        return 1;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(DAY, DAY, NULL, MS_BIND, NULL) != 0 ||
        mount(NULL, DAY, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)
        return 99;
    spool_close(spool); /* which does not see the mount */
    spool = spool_open(PLACE_STORAGE, scratch_directory, ".json", ".dump", &failure);
    if (move_crash(ID, &failure))
        return 2;
    return failure.error == EROFS && archive_state(archive) == ARCHIVE_OPEN ? 0 : 3;
}

static int make_read_only(void)
{
    struct failure failure;
    make_crash(ID, DAY, SLOT, 0);
    int trouble = open_small_archive("size=128k");
    if (trouble != 0)
        return trouble;
    if (mount("small", "../small", NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
        return 99;
    if (move_crash(ID, &failure))
        return 2;
    if (failure.error != EROFS || archive_state(archive) != ARCHIVE_OUT_OF_ORDER)
        return 3;
    return is_there(NAME_PATH "/" ID ".json") && is_there(NAME_PATH "/" ID ".dump") ? 0 : 4;
}

static void expect_from_child(int (*run)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(run());
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
        skip();
    assert_int_equal(status, 0);
}

static void ten_without_room_in_succession_put_it_out_of_order(void **state)
{
    (void)state;
    expect_from_child(fill);
}

static void pairs_that_are_too_large_keep_no_small_one_back(void **state)
{
    (void)state;
    expect_from_child(come_too_large);
}

static void a_pair_on_a_disk_that_is_read_only_keeps_no_other_back(void **state)
{
    (void)state;
    expect_from_child(come_from_read_only);
}

static void one_that_is_read_only_is_out_of_order_at_once(void **state)
{
    (void)state;
    expect_from_child(make_read_only);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(a_failure_of_one_pair_puts_nothing_out_of_order),
        in_scratch_spool(one_that_cannot_be_opened_is_out_of_order),
        cmocka_unit_test_setup_teardown(below_tmp_it_is_made_and_must_be_ones_own,
                                        enter_scratch_spool, leave_shared),
        in_scratch_spool(ten_without_room_in_succession_put_it_out_of_order),
        in_scratch_spool(pairs_that_are_too_large_keep_no_small_one_back),
        in_scratch_spool(a_pair_on_a_disk_that_is_read_only_keeps_no_other_back),
        in_scratch_spool(one_that_is_read_only_is_out_of_order_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
