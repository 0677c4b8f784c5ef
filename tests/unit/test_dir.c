#include "spool/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch_directory.h"

static const struct dir_style plain = {.mode = 0750, .group = (gid_t)-1};

static int here(void)
{
    int directory = open(".", O_PATH | O_DIRECTORY);
    assert_true(directory >= 0);
    return directory;
}

/* Asserts that a path cannot be opened, and why. */
static void expect_refused(const char *path, int error)
{
    int at = here();
    errno = 0;
    assert_int_equal(dir_open(at, path), -1);
    assert_int_equal(errno, error);
    close(at);
}

static void makes_and_opens_what_is_below(void **state)
{
    (void)state;
    int at = here();
    struct stat made, opened;
    umask(0);
    int directory = dir_make(at, "20081225/name/22/ad", &plain);
    assert_true(directory >= 0);
    assert_int_equal(fstat(directory, &made), 0);
    assert_int_equal(made.st_mode & 07777, 0750);
    close(directory);
    directory = dir_open(at, "20081225/name/22/ad");
    assert_int_equal(fstat(directory, &opened), 0);
    assert_int_equal(made.st_ino, opened.st_ino);
    close(directory);
    close(at);
}

static void gives_the_bits_that_mkdir_does_not(void **state)
{
    (void)state;
    const struct dir_style with_group = {.mode = 02770, .group = getegid()};
    struct stat made;
    int at = here();
    int directory = dir_make(at, "a/b", &with_group);
    assert_int_equal(fstat(directory, &made), 0);
    assert_int_equal(made.st_mode & 07777, 02770);
    close(directory);
    close(at);
}

static void goes_nowhere_but_down(void **state)
{
    (void)state;
    int at = here();
    close(dir_make(at, "a/b", &plain));
    expect_refused("..", EINVAL);
    expect_refused("a/..", EINVAL);
    expect_refused("a/./b", EINVAL);
    expect_refused("a//b", EINVAL);
    expect_refused("/etc", EINVAL);
    expect_refused("a/c", ENOENT);
    close(at);
}

static void follows_no_link(void **state)
{
    (void)state;
    int at = here();
    close(dir_make(at, "real/inside", &plain));
    assert_int_equal(symlink("real", "link"), 0);
    assert_int_equal(symlink("/etc", "real/etc"), 0);
    expect_refused("link", ENOTDIR);
    expect_refused("link/inside", ENOTDIR);
    expect_refused("real/etc", ENOTDIR);
    errno = 0;
    assert_int_equal(dir_make(at, "link/new", &plain), -1);
    assert_int_equal(errno, ENOTDIR);
    assert_int_equal(access("real/new", F_OK), -1);
    close(at);
}

static void tells_what_is_there(void **state)
{
    (void)state;
    int at = here();
    int directory = dir_make(at, "a/b", &plain);
    assert_int_equal(mkdirat(directory, "inside", 0700), 0);
    assert_int_equal(symlinkat("nowhere", directory, "link"), 0);
    close(directory);
    assert_true(dir_has(at, "a/b"));
    assert_true(dir_has(at, "a/b/inside"));
    assert_true(dir_has(at, "a/b/link"));
    assert_false(dir_has(at, "a/b/none"));
    assert_int_equal(errno, ENOENT);
    assert_false(dir_has(at, "a/none/inside"));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(symlink("a", "link"), 0);
    assert_false(dir_has(at, "link/b"));
    assert_int_equal(errno, ENOTDIR);
    close(at);
}

static void reads_what_is_removed_meanwhile_as_empty(void **state)
{
    (void)state;
    int at = here();
    struct dir_reader reader;
    close(dir_make(at, "gone", &plain));
    assert_true(dir_begin(&reader, at, "gone"));
    assert_int_equal(unlinkat(at, "gone", AT_REMOVEDIR), 0);
    errno = EIO;
    assert_null(dir_next(&reader));
    assert_int_equal(errno, 0);
    dir_end(&reader);
    close(at);
}

static void tells_another_mount_from_its_own(void **state)
{
    (void)state;
    int at = here();
    close(dir_make(at, "below", &plain));
    assert_false(dir_is_mounted(at, at, "below"));
    assert_false(dir_is_mounted(at, at, ""));
    assert_true(dir_is_mounted(at, AT_FDCWD, "/proc"));
    assert_true(dir_is_mounted(at, at, "nothing"));
    close(at);
}

/* In a process of its own, as the hard limit cannot be raised again. */
static void reserves_as_many_as_it_may(void **state)
{
    (void)state;
    struct rlimit limit = {.rlim_cur = 80, .rlim_max = 200};
    pid_t child = fork();
    if (child == 0) {
        size_t free = 200 - (size_t)here(), most;
        bool good = setrlimit(RLIMIT_NOFILE, &limit) == 0 && dir_reserve(100) == 100 &&
                    (most = dir_reserve(1000)) > 100 && most < free &&
                    getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 200;
        limit.rlim_cur = limit.rlim_max = 30;
        _exit(good && setrlimit(RLIMIT_NOFILE, &limit) == 0 && dir_reserve(100) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_directory(makes_and_opens_what_is_below),
        in_scratch_directory(gives_the_bits_that_mkdir_does_not),
        in_scratch_directory(goes_nowhere_but_down),
        in_scratch_directory(follows_no_link),
        in_scratch_directory(tells_what_is_there),
        in_scratch_directory(reads_what_is_removed_meanwhile_as_empty),
        in_scratch_directory(tells_another_mount_from_its_own),
        cmocka_unit_test(reserves_as_many_as_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
