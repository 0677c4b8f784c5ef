#include "base/signals.h"
#include "log/log.h" /* before cmocka, which has a macro fail() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_directory.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Every test has its stderr in the file "stderr" of its scratch directory. */
static int real_stderr = -1;

static void use_as_stderr(int descriptor)
{
    assert_true(descriptor >= 0);
    assert_int_equal(dup2(descriptor, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(descriptor), 0);
}

static int set_up(void **state)
{
    real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    assert_int_equal(enter_scratch_directory(state), 0);
    use_as_stderr(open("stderr", O_WRONLY | O_CREAT | O_APPEND, 0600));
    return 0;
}

static int tear_down(void **state)
{
    log_close();
    use_as_stderr(real_stderr);
    return leave_scratch_directory(state);
}

static struct log_settings some_settings(void)
{
    return (struct log_settings){
        .program = "crashmon-scan",
        .file_pathname = "log",
        .file_maximum_size = 1000000,
        .file_backups = 5,
        .file_format = "%(levelname)s %(message)s",
        .file_level = 10,
        .stderr_format = "%(name)s: %(levelno)d %(message)s",
        .stderr_level = 40,
        .file_mode = 0644,
    };
}

static void open_log(struct log_settings settings)
{
    struct failure failure;
    if (!log_open(&settings, &failure))
        fail_msg("%s", failure.text);
}

static void each_output_has_its_threshold(void **state)
{
    (void)state;
    open_log(some_settings());
    log_write(LEVEL_DEBUG, "a");
    log_info("b %d", 1);
    log_warning("c");
    log_error("d %s", "x");
    log_write(LEVEL_CRITICAL, "e");
    log_close();
    expect_content("log", "DEBUG a\nINFO b 1\nWARNING c\nERROR d x\nCRITICAL e\n");
    expect_content("stderr", "crashmon-scan: 40 d x\ncrashmon-scan: 50 e\n");
}

static void thresholds_may_lie_between_and_above_levels(void **state)
{
    (void)state;
    struct log_settings settings = some_settings();
    settings.file_level = 31;
    settings.stderr_level = 51;
    open_log(settings);
    log_info("a");
    log_warning("b");
    log_write(LEVEL_CRITICAL, "c");
    log_close();
    expect_content("log", "CRITICAL c\n");
    expect_content("stderr", "");
}

static void before_opening_messages_go_to_stderr_as_they_are(void **state)
{
    (void)state;
    log_error("bad %s", "a\nb");
    log_close();
    expect_content("stderr", "bad a\\nb\n");
}

static void keeps_errno(void **state)
{
    (void)state;
    struct log_settings settings = some_settings();
    settings.file_pathname = "/dev/full";
    errno = ENOTTY;
    log_error("before");
    assert_int_equal(errno, ENOTTY);
    open_log(settings);
    errno = ENOTTY;
    log_error("full");
    assert_int_equal(errno, ENOTTY);
}

static void long_message_comes_out_whole(void **state)
{
    (void)state;
    enum { LENGTH = 100000 };
    static char message[LENGTH + 1];
    static char line[LENGTH + 64];
    memset(message, 'm', LENGTH);
    open_log(some_settings());
    log_error("%d %s %d", 1, message, 2);
    log_close();
    snprintf(line, sizeof line, "ERROR 1 %s 2\n", message);
    expect_content("log", line);
    snprintf(line, sizeof line, "crashmon-scan: 40 1 %s 2\n", message);
    expect_content("stderr", line);
}

static void line_to_stderr_is_one_write(void **state)
{
    (void)state;
    int pair[2];
    char line[64] = "";
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    use_as_stderr(pair[0]);
    open_log(some_settings());
    log_error("a");
    log_write(LEVEL_CRITICAL, "b");
    assert_int_equal(read(pair[1], line, sizeof line), strlen("crashmon-scan: 40 a\n"));
    assert_string_equal(line, "crashmon-scan: 40 a\n");
    close(pair[1]);
}

static void file_that_cannot_be_written_is_said_once(void **state)
{
    (void)state;
    struct log_settings settings = some_settings();
    settings.file_pathname = "/dev/full";
    settings.stderr_level = 50;
    open_log(settings);
    log_info("a");
    log_info("b");
    log_write(LEVEL_CRITICAL, "c");
    log_close();
    expect_content("stderr", "crashmon-scan: 40 cannot write log file \"/dev/full\": "
                             "No space left on device; the run goes on\ncrashmon-scan: 50 c\n");
}

static void refuses_bad_formats(void **state)
{
    (void)state;
    struct failure failure;
    struct log_settings settings = some_settings();
    settings.file_format = "%(foo)s";
    assert_false(log_open(&settings, &failure));
    assert_string_equal(failure.text, "unrecognized field 'foo' at position 3");
    settings = some_settings();
    settings.stderr_format = "%";
    assert_false(log_open(&settings, &failure));
    log_error("still here");
    expect_content("stderr", "still here\n");
}

static void file_that_cannot_be_opened_is_said_once_and_stops_nothing(void **state)
{
    (void)state;
    struct log_settings settings = some_settings();
    const char *why = "cannot open log file \"missing/log\": No such file or directory";
    settings.file_pathname = "missing/log";
    open_log(settings);
    assert_string_equal(log_failure(), why);
    log_info("a");
    log_error("b");
    log_close();
    expect_content("stderr", "crashmon-scan: 40 cannot open log file \"missing/log\": "
                             "No such file or directory; the run goes on\ncrashmon-scan: 40 b\n");
    assert_string_equal(log_failure(), why);
    open_log(some_settings());
    assert_null(log_failure());
}

static void without_a_file_there_is_stderr(void **state)
{
    (void)state;
    struct log_settings settings = some_settings();
    settings.file_pathname = NULL;
    open_log(settings);
    log_error("a");
    log_close();
    expect_content("stderr", "crashmon-scan: 40 a\n");
    assert_null(log_failure());
}

static void warnings_and_errors_have_a_file_of_their_own(void **state)
{
    (void)state;
    struct log_settings settings = some_settings();
    settings.file_maximum_size = 10;
    open_log(settings);
    log_info("a");
    expect_missing("log.errors");
    log_warning("b");
    log_write(LEVEL_DEBUG, "c");
    log_error("d");
    log_close();
    expect_content("log.errors", "ERROR d\n");
    expect_content("log.errors.1", "WARNING b\n");
    assert_null(log_failure());
}

static void stderr_gets_ten_lines_of_a_kind(void **state)
{
    (void)state;
    open_log(some_settings());
    for (int i = 0; i < 12; i++) {
        log_error("\"%d \\\" a b\": left: tried %d times", i, i);
        log_error("one of %d", i % 11);
    }
    log_error("other");
    log_close();
    char all[2000] = "", *end = all;
    for (int i = 0; i < 10; i++) {
        end += sprintf(end, "crashmon-scan: 40 \"%d \\\" a b\": left: tried %d times\n", i, i);
        end += sprintf(end, "crashmon-scan: 40 one of %d\n", i);
    }
    strcpy(end, "crashmon-scan: 40 other\n"
                "crashmon-scan: 40 and 2 more like this: \"...\": left: tried 0 times\n"
                "crashmon-scan: 40 and 2 more like this: one of 0\n");
    expect_content("stderr", all);
    FILE *stream = fopen("log", "r");
    int lines = 0;
    for (int c; (c = getc(stream)) != EOF;)
        lines += c == '\n';
    fclose(stream);
    assert_int_equal(lines, 25);
}

static void can_be_opened_again(void **state)
{
    (void)state;
    for (int run = 0; run < 3; run++) {
        open_log(some_settings());
        log_info("%d", run);
        log_close();
        log_close();
    }
    expect_content("log", "INFO 0\nINFO 1\nINFO 2\n");
}

static void new_file_gets_the_mode(void **state)
{
    (void)state;
    struct stat status;
    struct log_settings settings = some_settings();
    settings.file_mode = 0044;
    mode_t mask = umask(0);
    open_log(settings);
    umask(mask);
    assert_int_equal(stat("log", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
}

static void closed_stderr_does_no_harm(void **state)
{
    (void)state;
    struct failure failure;
    close(STDERR_FILENO);
    assert_true(log_occupy_descriptors(&failure));
    open_log(some_settings());
    int next = open("/dev/null", O_RDONLY);
    assert_true(next > STDERR_FILENO);
    close(next);
    log_error("a");
    log_close();
    expect_content("log", "ERROR a\n");
}

static void reader_of_stderr_may_go_away(void **state)
{
    (void)state;
    signals_catch();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    use_as_stderr(ends[1]);
    close(ends[0]);
    open_log(some_settings());
    log_error("a");
    log_close();
    expect_content("log", "ERROR a\n");
}

static void obeys_no_configuration_of_log4c(void **state)
{
    (void)state;
    FILE *planted = fopen("log4crc", "w");
    assert_non_null(planted);
    fputs("<log4c><category name=\"crashmon\" priority=\"fatal\"/></log4c>\n", planted);
    assert_int_equal(fclose(planted), 0);
    setenv("LOG4C_PRIORITY", "fatal", 1);
    setenv("LOG4C_APPENDER", "stdout", 1);
    open_log(some_settings());
    log_write(LEVEL_DEBUG, "a");
    log_close();
    expect_content("log", "DEBUG a\n");
}

static void *write_lines(void *argument)
{
    for (int i = 0; i < 500; i++)
        log_info("%s %d", "one two three", 4);
    return argument;
}

static void threads_tear_no_line(void **state)
{
    (void)state;
    pthread_t threads[4];
    open_log(some_settings());
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    FILE *stream = fopen("log", "r");
    char line[64];
    int lines = 0;
    assert_non_null(stream);
    for (; fgets(line, sizeof line, stream) != NULL; lines++)
        assert_string_equal(line, "INFO one two three 4\n");
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(lines, 2000);
}

#define quiet(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        quiet(each_output_has_its_threshold),
        quiet(thresholds_may_lie_between_and_above_levels),
        quiet(before_opening_messages_go_to_stderr_as_they_are),
        quiet(keeps_errno),
        quiet(long_message_comes_out_whole),
        quiet(line_to_stderr_is_one_write),
        quiet(file_that_cannot_be_written_is_said_once),
        quiet(refuses_bad_formats),
        quiet(file_that_cannot_be_opened_is_said_once_and_stops_nothing),
        quiet(without_a_file_there_is_stderr),
        quiet(warnings_and_errors_have_a_file_of_their_own),
        quiet(stderr_gets_ten_lines_of_a_kind),
        quiet(can_be_opened_again),
        quiet(new_file_gets_the_mode),
        quiet(closed_stderr_does_no_harm),
        quiet(reader_of_stderr_may_go_away),
        quiet(obeys_no_configuration_of_log4c),
        quiet(threads_tear_no_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
