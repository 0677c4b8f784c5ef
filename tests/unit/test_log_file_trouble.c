#include "log/log_file.h" /* before cmocka, which has a macro fail() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log_file_steps.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

static void says_why_it_cannot_open(void **state)
{
    (void)state;
    struct failure failure;
    struct log_file file = {.pathname = "missing/log"};
    assert_false(log_file_open(&file, &failure));
    assert_int_equal(failure.error, ENOENT);
    assert_string_equal(failure.text,
                        "cannot open log file \"missing/log\": No such file or directory");
}

static void line_is_kept_when_there_is_no_backup_name(void **state)
{
    (void)state;
    assert_int_equal(mkdir("log.1", 0700), 0);
    struct log_file file = open_log("log", 2, 1);
    write_line(&file, "a\n");
    refuse_line(&file, "b\n", 0, "\"log.1\" is not a regular file");
    close_log(&file);
    expect_content("log", "a\nb\n");
}

static void what_is_in_the_way_of_rotation_is_left_out(void **state)
{
    (void)state;
    assert_int_equal(mkdir("log.1", 0700), 0);
    assert_int_equal(mkfifo("log.3", 0700), 0);
    assert_int_equal(symlink("target", "log.5"), 0);
    struct log_file file = open_log("log", 2, 5);
    for (char line[] = "a\n"; *line <= 'd'; ++*line)
        write_line(&file, line);
    close_log(&file);
    expect_content("log", "d\n");
    expect_content("log.2", "c\n");
    expect_content("log.4", "b\n");
    struct stat status;
    assert_true(lstat("log.1", &status) == 0 && S_ISDIR(status.st_mode));
    assert_true(lstat("log.3", &status) == 0 && S_ISFIFO(status.st_mode));
    assert_true(lstat("log.5", &status) == 0 && S_ISLNK(status.st_mode));
}

static void line_is_kept_when_there_is_no_new_file(void **state)
{
    (void)state;
    struct log_file file = open_log("log", 0, 0);
    write_line(&file, "a\n");
    assert_int_equal(rename("log", "moved"), 0);
    assert_int_equal(mkdir("log", 0700), 0);
    refuse_line(&file, "b\n", 0, "cannot open log file \"log\": it is not a regular file");
    expect_content("moved", "a\nb\n");
    assert_int_equal(rmdir("log"), 0);
    write_line(&file, "c\n");
    expect_content("log", "c\n");
    close_log(&file);
}

static void full_disk_leaves_no_half_line(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = 10, .rlim_max = before.rlim_max};
    struct log_file file = open_log("log", 0, 0);
    write_line(&file, "123456\n");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    refuse_line(&file, "too long\n", EFBIG, "cannot write log file \"log\": ");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    expect_content("log", "123456\n");
    write_line(&file, "on\n");
    close_log(&file);
    expect_content("log", "123456\non\n");
}

static void refuses_what_is_no_regular_file(void **state)
{
    (void)state;
    struct failure failure;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(mkfifo("read fifo", 0600), 0);
    int reader = open("read fifo", O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_int_equal(symlink("target", "link"), 0);
    assert_int_equal(mkdir("directory", 0700), 0);
    static const char *const names[] = {"fifo", "read fifo", "link", "directory"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct log_file file = {.pathname = names[i]};
        assert_false(log_file_open(&file, &failure));
        assert_int_equal(file.descriptor, -1);
        assert_non_null(strstr(failure.text, "is not a regular file"));
    }
    expect_missing("target");
    close(reader);
}

static void who_reads_the_log_cannot_hold_up_its_writers(void **state)
{
    (void)state;
    struct log_file file = open_log("log", 2, 5);
    int reader = open("log", O_RDONLY);
    assert_int_equal(flock(reader, LOCK_EX | LOCK_NB), 0);
    write_line(&file, "a\n");
    write_line(&file, "b\n");
    assert_int_equal(file.lock.waited, 0);
    expect_content("log.1", "a\n");
    struct stat status;
    assert_int_equal(stat(".log.lock", &status), 0);
    assert_int_equal(status.st_mode & 0777, 0200);
    close(reader);
    close_log(&file);
}

static void a_writer_that_stands_still_is_waited_for_once(void **state)
{
    (void)state;
    struct log_file file = open_log("log", 2, 5);
    int other = open(".log.lock", O_WRONLY);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
    write_line(&file, "a\n");
    assert_int_equal(file.lock.waited, 1000);
    write_line(&file, "b\n");
    assert_int_equal(file.lock.waited, 1000);
    expect_content("log", "a\nb\n"); /* which only who has the lock may rotate */
    close(other);
    write_line(&file, "c\n");
    expect_content("log", "c\n");
    close_log(&file);
}

static void without_a_lock_lines_are_written_up_to_the_maximum(void **state)
{
    (void)state;
    assert_int_equal(mkdir(".log.lock", 0700), 0);
    struct log_file file = open_log("log", 4, 5);
    write_line(&file, "a\n");
    refuse_line(&file, "b\n", EISDIR,
                "cannot rotate log file \"log\": cannot open or make \".log.lock\" beside it: ");
    close_log(&file);
    expect_content("log", "a\nb\n");
}

static void system_names_are_not_rotated(void **state)
{
    (void)state;
    struct log_file null = open_log("/dev/null", 2, 5);
    write_line(&null, "one\n");
    write_line(&null, "two\n");
    close_log(&null);

    int target = open("target", O_RDWR | O_CREAT, 0600);
    char name[2][32];
    snprintf(name[0], sizeof name[0], "/dev/fd/%d", target);
    snprintf(name[1], sizeof name[1], "/proc/self/fd/%d", target);
    for (int i = 0; i < 2; i++) {
        struct log_file file = open_log(name[i], 2, 5);
        write_line(&file, "one\n");
        write_line(&file, "two\n");
        close_log(&file);
    }
    close(target);
    expect_content("target", "one\ntwo\none\ntwo\n");
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void who_reads_a_pipe_is_waited_for_for_a_second_until_he_goes_on(void **state)
{
    (void)state;
    char name[32], line[4096];
    int ends[2];
    struct failure failure;
    memset(line, 'x', sizeof line - 2);
    memcpy(line + sizeof line - 2, "\n", 2);
    assert_int_equal(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    struct log_file file = open_log(name, 0, 0);
    double start = seconds();
    while (log_file_write(&file, line, strlen(line), &failure))
        ;
    assert_non_null(strstr(failure.text, "nobody reads it"));
    for (int i = 0; i < 100; i++)
        refuse_line(&file, line, 0, "nobody reads it");
    double took = seconds() - start;
    assert_true(took >= 0.9 && took < 2);
    assert_int_equal(read(ends[0], line, sizeof line), sizeof line);
    write_line(&file, "goes on\n");
    close(ends[0]);
    refuse_line(&file, "gone\n", EPIPE, "cannot write log file");
    close(ends[1]);
    close_log(&file);
}

static void name_too_long_for_a_backup_keeps_the_line(void **state)
{
    (void)state;
    char name[256];
    memset(name, 'n', 254);
    name[254] = '\0';
    struct log_file file = open_log(name, 2, 5);
    write_line(&file, "a\n");
    refuse_line(&file, "b\n", ENAMETOOLONG, "cannot rotate log file");
    close_log(&file);
    expect_content(name, "a\nb\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_directory(says_why_it_cannot_open),
        in_scratch_directory(line_is_kept_when_there_is_no_backup_name),
        in_scratch_directory(what_is_in_the_way_of_rotation_is_left_out),
        in_scratch_directory(line_is_kept_when_there_is_no_new_file),
        in_scratch_directory(full_disk_leaves_no_half_line),
        in_scratch_directory(refuses_what_is_no_regular_file),
        in_scratch_directory(who_reads_the_log_cannot_hold_up_its_writers),
        in_scratch_directory(a_writer_that_stands_still_is_waited_for_once),
        in_scratch_directory(without_a_lock_lines_are_written_up_to_the_maximum),
        in_scratch_directory(system_names_are_not_rotated),
        in_scratch_directory(who_reads_a_pipe_is_waited_for_for_a_second_until_he_goes_on),
        in_scratch_directory(name_too_long_for_a_backup_keeps_the_line),
    };
    signal(SIGPIPE, SIG_IGN); /* as the programs do */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
