#include "base/signals.h"
#include "spool/file.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CHECK assert_true

#include "scratch_directory.h"
#include "scratch_tree.h"

#include <fcntl.h>

static void a_change_in_the_future_is_that_of_the_inode(void **state)
{
    (void)state;
    const struct timespec now = {.tv_sec = 1000};
    struct stat status = {.st_mtim = {.tv_sec = 900}, .st_ctim = {.tv_sec = 950}};
    assert_int_equal(file_changed(&status, &now).tv_sec, 900);
    status.st_mtim.tv_sec = 2000;
    assert_int_equal(file_changed(&status, &now).tv_sec, 950);
}

static void a_span_has_passed_when_it_is_full(void **state)
{
    (void)state;
    const struct timespec now = {.tv_sec = 100, .tv_nsec = 500};
    const struct timespec then = {.tv_sec = 95, .tv_nsec = 500};
    const struct timespec later = {.tv_sec = 95, .tv_nsec = 501};
    assert_true(time_is_past(&then, 5, &now));
    assert_false(time_is_past(&later, 5, &now));
    assert_true(time_is_past(&now, 0, &now));
}

static void a_file_gets_its_final_name_unless_there_is_one(void **state)
{
    (void)state;
    write_file(".new", "new");
    write_file("old", "old");
    assert_false(file_publish(AT_FDCWD, ".new", "old"));
    assert_int_equal(errno, EEXIST);
    expect_content("old", "old");
    assert_true(file_publish(AT_FDCWD, ".new", "name"));
    expect_content("name", "new");
    expect_missing(".new");
    assert_false(file_publish(AT_FDCWD, ".new", "other"));
    assert_int_equal(errno, ENOENT);
}

/* A file of 40 MiB with 64 KiB of bytes in the middle and 64 KiB at the end, where it has any. */
enum { SPARSE_SIZE = 40 << 20, STORED = 64 << 10 };

static void make_sparse(const char *name, bool with_end)
{
    static char bytes[STORED];
    int file = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    assert_true(file >= 0);
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(ftruncate(file, SPARSE_SIZE), 0);
    assert_int_equal(pwrite(file, bytes, STORED, SPARSE_SIZE / 2), STORED);
    if (with_end)
        assert_int_equal(pwrite(file, bytes, STORED, SPARSE_SIZE - STORED), STORED);
    close(file);
}

static bool copy_file(const char *name)
{
    const struct file_style style = {.mode = 0600, .group = (gid_t)-1};
    struct stat status;
    assert_int_equal(stat(name, &status), 0);
    return file_copy(AT_FDCWD, name, &status, AT_FDCWD, ".copy", &style);
}

static bool is_equal(const char *left, const char *right, const char *name)
{
    int directories[2] = {open(left, O_PATH | O_DIRECTORY), open(right, O_PATH | O_DIRECTORY)};
    bool equal = file_is_equal(directories[0], directories[1], name);
    int error = errno;
    close(directories[0]);
    close(directories[1]);
    errno = error;
    return equal;
}

static void holes_are_copied_as_holes(void **state)
{
    (void)state;
    struct stat status;
    for (int with_end = 0; with_end < 2; with_end++) {
        make_sparse("file", with_end);
        assert_true(copy_file("file"));
        assert_int_equal(stat(".copy", &status), 0);
        assert_int_equal(status.st_size, SPARSE_SIZE);
        assert_true(status.st_blocks * 512 < SPARSE_SIZE / 2);
        make_directory("one");
        make_directory("other");
        assert_int_equal(rename("file", "one/file"), 0);
        assert_int_equal(rename(".copy", "other/file"), 0);
        assert_true(is_equal("one", "other", "file"));
        assert_int_equal(unlink("one/file"), 0);
        assert_int_equal(unlink("other/file"), 0);
    }
}

static void bytes_of_a_hole_are_zeros(void **state)
{
    (void)state;
    int file;
    make_directory("one");
    make_directory("other");
    make_sparse("one/file", true);
    make_sparse("other/file", true);
    file = open("other/file", O_WRONLY);
    assert_int_equal(pwrite(file, "", 1, 1 << 20), 1);
    assert_true(is_equal("one", "other", "file"));
    assert_true(is_equal("other", "one", "file"));
    assert_int_equal(pwrite(file, "y", 1, 1 << 20), 1);
    assert_false(is_equal("one", "other", "file"));
    assert_int_equal(errno, 0);
    assert_false(is_equal("other", "one", "file"));
    assert_int_equal(errno, 0);
    close(file);
}

static void what_finds_no_room_is_not_begun(void **state)
{
    (void)state;
    int here = open(".", O_PATH | O_DIRECTORY);
    assert_true(file_has_room(here, 0));
    assert_false(file_has_room(here, INT64_MAX));
    assert_true(file_has_room(-1, INT64_MAX)); /* which cannot be told */
    close(here);
}

static void raise_signal(void)
{
    struct sigaction before;
    assert_int_equal(sigaction(SIGTERM, NULL, &before), 0);
    signals_catch();
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(sigaction(SIGTERM, &before, NULL), 0);
}

/* The last one: from here on this process has been asked to end. */
static void a_signal_ends_a_copy_and_a_long_comparison(void **state)
{
    (void)state;
    make_directory("one");
    make_directory("other");
    write_file("one/small", "small");
    write_file("other/small", "small");
    make_sparse("one/file", true);
    make_sparse("other/file", true);
    raise_signal();
    assert_false(copy_file("one/file"));
    assert_int_equal(errno, EINTR);
    expect_missing(".copy");
    assert_false(is_equal("one", "other", "file"));
    assert_int_equal(errno, EINTR);
    assert_true(is_equal("one", "other", "small"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_in_the_future_is_that_of_the_inode),
        cmocka_unit_test(a_span_has_passed_when_it_is_full),
        in_scratch_directory(a_file_gets_its_final_name_unless_there_is_one),
        in_scratch_directory(holes_are_copied_as_holes),
        in_scratch_directory(bytes_of_a_hole_are_zeros),
        in_scratch_directory(what_finds_no_room_is_not_begun),
        in_scratch_directory(a_signal_ends_a_copy_and_a_long_comparison),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
