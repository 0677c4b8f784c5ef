/* With three arguments, FILE MAXIMUM BACKUPS, this is no test: it writes the lines of stdin to the
 * log file (log_rotation.bats). */
#include "log/log_file.h" /* before cmocka, which has a macro fail() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log_file_steps.h"

#include <fcntl.h>
#include <sys/stat.h>

static void makes_the_file_with_the_mode(void **state)
{
    (void)state;
    mode_t mask = umask(0);
    struct log_file file = open_log("log", 0, 0);
    umask(mask);
    struct stat status;
    assert_int_equal(stat("log", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_true(fcntl(file.descriptor, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(file.descriptor, F_GETFL) & O_APPEND);
    close_log(&file);
}

static void appends_to_what_is_there(void **state)
{
    (void)state;
    for (int run = 0; run < 2; run++) {
        struct log_file file = open_log("log", 1000, 5);
        write_line(&file, "one\n");
        write_line(&file, "two\n");
        close_log(&file);
    }
    expect_content("log", "one\ntwo\none\ntwo\n");
    expect_missing("log.1");
}

static void rotates_when_the_line_would_reach_the_maximum(void **state)
{
    (void)state;
    struct log_file file = open_log("log", 10, 5);
    write_line(&file, "1234\n");
    write_line(&file, "123\n"); /* 9 bytes: below the maximum */
    expect_missing("log.1");
    write_line(&file, "\n"); /* the tenth */
    expect_content("log.1", "1234\n123\n");
    expect_content("log", "\n");
    close_log(&file);
}

static void shifts_the_backups_and_drops_the_oldest(void **state)
{
    (void)state;
    struct log_file file = open_log("log", 2, 3);
    for (char letter = 'a'; letter <= 'e'; letter++) {
        char line[] = {letter, '\n', '\0'};
        write_line(&file, line);
    }
    close_log(&file);
    expect_content("log", "e\n");
    expect_content("log.1", "d\n");
    expect_content("log.2", "c\n");
    expect_content("log.3", "b\n");
    expect_missing("log.4");
}

static void moves_backups_across_a_gap(void **state)
{
    (void)state;
    struct log_file other = open_log("log.2", 0, 0);
    write_line(&other, "old\n");
    close_log(&other);
    struct log_file file = open_log("log", 2, 5);
    write_line(&file, "a\n");
    write_line(&file, "b\n");
    close_log(&file);
    expect_content("log.3", "old\n");
    expect_missing("log.2");
    expect_content("log.1", "a\n");
}

static void never_rotates_without_maximum_or_backups(void **state)
{
    (void)state;
    static const long limits[][2] = {{0, 5}, {5, 0}, {-1, 5}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct log_file file = open_log("log", limits[i][0], (int)limits[i][1]);
        write_line(&file, "more than five bytes\n");
        write_line(&file, "again\n");
        close_log(&file);
        expect_content("log", "more than five bytes\nagain\n");
        expect_missing("log.1");
        assert_int_equal(unlink("log"), 0);
    }
}

static void rotates_no_empty_file(void **state)
{
    (void)state;
    struct log_file file = open_log("log", 5, 5);
    write_line(&file, "more than five bytes\n");
    expect_missing("log.1");
    write_line(&file, "a\n");
    close_log(&file);
    expect_content("log.1", "more than five bytes\n");
    expect_content("log", "a\n");
    expect_missing("log.2");
}

static void follows_the_name_when_the_file_is_moved(void **state)
{
    (void)state;
    struct log_file file = open_log("log", 0, 0);
    write_line(&file, "one\n");
    assert_int_equal(rename("log", "moved"), 0);
    write_line(&file, "two\n");
    expect_content("moved", "one\n");
    expect_content("log", "two\n");

    struct log_file other = open_log("new", 0, 0);
    assert_int_equal(rename("new", "log"), 0);
    write_line(&file, "three\n");
    write_line(&other, "four\n");
    expect_content("log", "three\n");
    expect_content("new", "four\n");

    assert_int_equal(unlink("log"), 0);
    write_line(&file, "five\n");
    expect_content("log", "five\n");
    close_log(&file);
    close_log(&other);
}

static void two_writers_follow_each_others_rotation(void **state)
{
    (void)state;
    struct log_file first = open_log("log", 2, 5);
    struct log_file second = open_log("log", 2, 5);
    write_line(&first, "a\n");
    write_line(&second, "b\n");
    write_line(&first, "c\n");
    write_line(&second, "d\n");
    close_log(&first);
    close_log(&second);
    expect_content("log", "d\n");
    expect_content("log.1", "c\n");
    expect_content("log.2", "b\n");
    expect_content("log.3", "a\n");
    expect_missing("log.4");
}

static void new_file_is_for_the_same_users(void **state)
{
    (void)state;
    struct stat status;
    struct log_file file = open_log("log", 2, 5);
    write_line(&file, "a\n");
    assert_int_equal(chmod("log", 0604), 0);
    bool is_root = geteuid() == 0 && chown("log", 65534, 65533) == 0;
    write_line(&file, "b\n");
    assert_int_equal(stat("log", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0604);
    assert_int_equal(status.st_uid, is_root ? 65534 : geteuid());
    assert_int_equal(status.st_gid, is_root ? 65533 : getegid());
    expect_content("log", "b\n");
    close_log(&file);
}

static int write_lines_of_stdin(char **arguments)
{
    struct log_file file = {.pathname = arguments[1],
                            .maximum_size = strtol(arguments[2], NULL, 10),
                            .backups = (int)strtol(arguments[3], NULL, 10),
                            .mode = 0644};
    struct failure failure;
    long at_once = strtol(arguments[4], NULL, 10);
    char *line = NULL, *lines = NULL;
    size_t size = 0, lines_length = 0;
    ssize_t length;
    bool ok = log_file_open(&file, &failure);
    for (long n = 1; ok && (length = getline(&line, &size, stdin)) >= 0; n++) {
        if ((lines = realloc(lines, lines_length + (size_t)length)) == NULL)
            abort();
        memcpy(lines + lines_length, line, (size_t)length);
        lines_length += (size_t)length;
        if (n % at_once != 0)
            continue;
        ok = log_file_write(&file, lines, lines_length, &failure);
        lines_length = 0;
    }
    ok = ok && log_file_write(&file, lines, lines_length, &failure);
    free(lines);
    free(line);
    if (!ok || !log_file_close(&file, &failure)) {
        fprintf(stderr, "%s\n", failure.text);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5)
        return write_lines_of_stdin(argv);
    const struct CMUnitTest tests[] = {
        in_scratch_directory(makes_the_file_with_the_mode),
        in_scratch_directory(appends_to_what_is_there),
        in_scratch_directory(rotates_when_the_line_would_reach_the_maximum),
        in_scratch_directory(shifts_the_backups_and_drops_the_oldest),
        in_scratch_directory(moves_backups_across_a_gap),
        in_scratch_directory(never_rotates_without_maximum_or_backups),
        in_scratch_directory(rotates_no_empty_file),
        in_scratch_directory(follows_the_name_when_the_file_is_moved),
        in_scratch_directory(two_writers_follow_each_others_rotation),
        in_scratch_directory(new_file_is_for_the_same_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
