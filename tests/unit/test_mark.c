#include "spool/mark.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch_directory.h"

#define UUID "0f8fad5b-d9cb-469f-a165-70867728950e"

static int here(void)
{
    int directory = open(".", O_PATH | O_DIRECTORY);
    assert_true(directory >= 0);
    return directory;
}

static void write_mark(const char *content, size_t length)
{
    int file = open(".crashmon", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_int_equal(write(file, content, length), length);
    assert_int_equal(close(file), 0);
}

static void expect_mark(const char *expected)
{
    char mark[MARK_SIZE];
    struct failure failure;
    int directory = here();
    assert_true(mark_read(PLACE_STORAGE, "/there", directory, mark, &failure));
    assert_string_equal(mark, expected);
    close(directory);
}

/* Asserts that it can be neither read nor made, and why. */
static void expect_refused(int error, const char *reason)
{
    char mark[MARK_SIZE];
    struct failure failure;
    int directory = here();
    assert_false(mark_read(PLACE_STORAGE, "/there", directory, mark, &failure));
    assert_int_equal(failure.error, error);
    assert_non_null(strstr(failure.text, "/there/.crashmon"));
    assert_non_null(strstr(failure.text, reason));
    assert_false(mark_make(PLACE_STORAGE, "/there", directory, mark, &failure));
    assert_int_equal(failure.error, error);
    close(directory);
}

static int count_entries(void)
{
    int count = 0;
    DIR *stream = opendir(".");
    while (readdir(stream) != NULL)
        count++;
    closedir(stream);
    return count - 2;
}

static void makes_one_and_reads_it(void **state)
{
    (void)state;
    char mark[MARK_SIZE], again[MARK_SIZE], line[64];
    struct failure failure;
    struct stat status;
    int directory = here();
    umask(0);
    expect_mark("");
    assert_true(mark_make(PLACE_STORAGE, ".", directory, mark, &failure));
    assert_int_equal(strlen(mark), 36);
    expect_mark(mark);
    snprintf(line, sizeof line, "crashmon 1 %s\n", mark);
    expect_content(".crashmon", line);
    assert_int_equal(stat(".crashmon", &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0644);
    assert_true(mark_make(PLACE_STORAGE, ".", directory, again, &failure));
    assert_string_equal(again, mark);
    assert_int_equal(count_entries(), 1);
    close(directory);
}

static void two_directories_have_two_marks(void **state)
{
    (void)state;
    char marks[2][MARK_SIZE];
    struct failure failure;
    for (int i = 0; i < 2; i++) {
        int directory = here();
        assert_true(mark_make(PLACE_STORAGE, ".", directory, marks[i], &failure));
        assert_int_equal(unlink(".crashmon"), 0);
        close(directory);
    }
    assert_string_not_equal(marks[0], marks[1]);
}

static void reads_what_another_has_written(void **state)
{
    (void)state;
    write_mark("crashmon 1 " UUID "\n", 48);
    expect_mark(UUID);
}

static void takes_nothing_else_for_a_mark(void **state)
{
    (void)state;
    static const char *const contents[] = {
        "",
        "\n",
        "crashmon 1 " UUID,
        "crashmon 1 " UUID "\n\n",
        "crashmon 1 " UUID " ",
        "crashmon 2 " UUID "\n",
        "Crashmon 1 " UUID "\n",
        "crashmon 1 0F8FAD5B-D9CB-469F-A165-70867728950E\n",
        "crashmon 1 0f8fad5b-d9cb-469f-a165-70867728950g\n",
        "crashmon 1 0f8fad5bd9cb-469f-a165-70867728-950e\n",
        "crashmon 1 0f8fad5b-d9cb-469f-a165\n",
    };
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        write_mark(contents[i], strlen(contents[i]));
        expect_refused(0, "with the line");
        expect_content(".crashmon", contents[i]);
    }
    write_mark("crashmon 1 0f8fad5b-d9cb-469f-a165-\0"
               "0867728950e\n",
               48);
    expect_refused(0, "with the line");
    assert_int_equal(truncate(".crashmon", (off_t)1 << 40), 0);
    expect_refused(0, "with the line");
}

static void follows_no_link_and_waits_for_no_writer(void **state)
{
    (void)state;
    write_mark("crashmon 1 " UUID "\n", 48);
    assert_int_equal(rename(".crashmon", "elsewhere"), 0);
    assert_int_equal(symlink("elsewhere", ".crashmon"), 0);
    expect_refused(0, "with the line");
    assert_int_equal(unlink(".crashmon"), 0);
    assert_int_equal(mkfifo(".crashmon", 0600), 0);
    expect_refused(0, "with the line");
    assert_int_equal(unlink(".crashmon"), 0);
    assert_int_equal(mkdir(".crashmon", 0700), 0);
    expect_refused(0, "with the line");
}

/* What a killed process may have left is in nobody's way. */
static void minds_no_leftover(void **state)
{
    (void)state;
    char mark[MARK_SIZE];
    struct failure failure;
    int directory = here();
    close(open(".crashmon." UUID, O_WRONLY | O_CREAT, 0644));
    assert_true(mark_make(PLACE_STORAGE, ".", directory, mark, &failure));
    expect_mark(mark);
    close(directory);
}

enum { MANY = 16 };

static void all_who_make_one_at_once_get_the_same(void **state)
{
    (void)state;
    char byte;
    int start[2], results[2], directory = here();
    assert_int_equal(pipe(start), 0);
    assert_int_equal(pipe(results), 0);
    for (int i = 0; i < MANY; i++) {
        if (fork() == 0) {
            char mark[MARK_SIZE] = "";
            struct failure failure;
            close(start[1]);
            bool good = read(start[0], &byte, 1) == 0 &&
                        mark_make(PLACE_STORAGE, ".", directory, mark, &failure) &&
                        write(results[1], mark, MARK_SIZE) == MARK_SIZE;
            _exit(!good);
        }
    }
    close(start[1]);
    for (int i = 0; i < MANY; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < MANY; i++) {
        char mark[MARK_SIZE];
        assert_int_equal(read(results[0], mark, MARK_SIZE), MARK_SIZE);
        expect_mark(mark);
    }
    assert_int_equal(count_entries(), 1);
    close(start[0]);
    close(results[0]);
    close(results[1]);
    close(directory);
}

static void a_directory_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    char mark[MARK_SIZE];
    struct failure failure;
    int directory = open("/proc/self", O_PATH | O_DIRECTORY);
    assert_false(mark_make(PLACE_STORAGE, "/there", directory, mark, &failure));
    assert_non_null(strstr(failure.text, "cannot make the mark \"/there/.crashmon\""));
    assert_int_not_equal(failure.error, 0);
    close(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_directory(makes_one_and_reads_it),
        in_scratch_directory(two_directories_have_two_marks),
        in_scratch_directory(reads_what_another_has_written),
        in_scratch_directory(takes_nothing_else_for_a_mark),
        in_scratch_directory(follows_no_link_and_waits_for_no_writer),
        in_scratch_directory(minds_no_leftover),
        in_scratch_directory(all_who_make_one_at_once_get_the_same),
        in_scratch_directory(a_directory_that_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
