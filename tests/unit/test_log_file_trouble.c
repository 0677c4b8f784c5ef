#include "log/log_file.h" /* before cmocka, which has a macro fail() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log_file_steps.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

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

static void line_is_kept_when_a_backup_cannot_be_moved(void **state)
{
    (void)state;
    assert_int_equal(mkdir("log.1", 0700), 0);
    struct log_file file = open_log("log", 2, 1);
    write_line(&file, "a\n");
    refuse_line(&file, "b\n", EISDIR, "cannot rename log file \"log\" to \"log.1\": ");
    close_log(&file);
    expect_content("log", "a\nb\n");
}

static void nothing_is_overwritten_when_rotation_stops(void **state)
{
    (void)state;
    struct log_file file = open_log("log", 2, 3);
    write_line(&file, "a\n");
    write_line(&file, "b\n");
    write_line(&file, "c\n"); /* log.2, log.1 and log are there */
    assert_int_equal(mkdir("log.3", 0700), 0);
    refuse_line(&file, "d\n", EISDIR, "cannot rename log file \"log.2\" to \"log.3\": ");
    close_log(&file);
    expect_content("log.2", "a\n");
    expect_content("log.1", "b\n");
    expect_content("log", "c\nd\n");
}

static void line_is_kept_when_there_is_no_new_file(void **state)
{
    (void)state;
    struct log_file file = open_log("log", 0, 0);
    write_line(&file, "a\n");
    assert_int_equal(rename("log", "moved"), 0);
    assert_int_equal(mkdir("log", 0700), 0);
    refuse_line(&file, "b\n", EISDIR, "cannot open log file \"log\": ");
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

static void fifo_without_reader_does_not_hang(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("log", 0600), 0);
    struct log_file file = {.pathname = "log"};
    struct failure failure;
    assert_false(log_file_open(&file, &failure));
    assert_int_equal(failure.error, ENXIO);
}

static void fifo_is_not_rotated(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("log", 0600), 0);
    int reader = open("log", O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    struct log_file file = open_log("log", 2, 5);
    write_line(&file, "one\n");
    write_line(&file, "two\n");
    char text[16] = "";
    assert_int_equal(read(reader, text, sizeof text), 8);
    assert_string_equal(text, "one\ntwo\n");
    expect_missing("log.1");
    close_log(&file);
    close(reader);
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

static void name_too_long_for_a_backup_keeps_the_line(void **state)
{
    (void)state;
    char name[256];
    memset(name, 'n', 254);
    name[254] = '\0';
    struct log_file file = open_log(name, 2, 5);
    write_line(&file, "a\n");
    refuse_line(&file, "b\n", ENAMETOOLONG, "cannot rename log file");
    close_log(&file);
    expect_content(name, "a\nb\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_directory(says_why_it_cannot_open),
        in_scratch_directory(line_is_kept_when_a_backup_cannot_be_moved),
        in_scratch_directory(nothing_is_overwritten_when_rotation_stops),
        in_scratch_directory(line_is_kept_when_there_is_no_new_file),
        in_scratch_directory(full_disk_leaves_no_half_line),
        in_scratch_directory(fifo_without_reader_does_not_hang),
        in_scratch_directory(fifo_is_not_rotated),
        in_scratch_directory(system_names_are_not_rotated),
        in_scratch_directory(name_too_long_for_a_backup_keeps_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
