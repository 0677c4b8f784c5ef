/* report_steps.h - a report whose lines go to the file "log" of the scratch directory, as
 * "LEVEL MESSAGE". Include it after cmocka.h, and
 * report.h before that, as both have a fail(). */
#ifndef REPORT_STEPS_H
#define REPORT_STEPS_H

#include "scratch_directory.h"

#include <sys/stat.h>

static struct report report;
static int real_stdout;

static inline void begin_report(void)
{
    static const struct log_settings settings = {
        .program = "test",
        .file_pathname = "log",
        .file_format = "%(levelname)s %(message)s",
        .file_level = LEVEL_DEBUG,
        .stderr_format = "%(message)s",
        .stderr_level = LEVEL_CRITICAL + 1,
        .file_mode = 0600,
    };
    /* Tests that give up root's rights write to it, too. */
    FILE *errors = fopen("log.errors", "w");
    if (errors == NULL || fchmod(fileno(errors), 0666) != 0 || fclose(errors) != 0)
        fail_msg("log.errors: %s", strerror(errno));
    struct failure failure;
    if (!log_open(&settings, &failure))
        fail_msg("%s", failure.text);
    report = (struct report){0};
    report_init(&report);
}

/* Ends the log, and asserts what is in it. */
static inline void expect_log(const char *expected)
{
    log_close();
    expect_content("log", expected);
}

static inline void expect_outcome(enum outcome outcome, long count)
{
    assert_int_equal(report.tally.outcomes[outcome], count);
}

/* From here on what is printed goes to `descriptor`, which is taken over. */
static inline void redirect_stdout(int descriptor)
{
    assert_int_equal(fflush(stdout), 0);
    real_stdout = dup(STDOUT_FILENO);
    assert_true(real_stdout >= 0 && descriptor >= 0);
    assert_int_equal(dup2(descriptor, STDOUT_FILENO), STDOUT_FILENO);
    close(descriptor);
}

static inline void give_stdout_back(void)
{
    fflush(stdout);
    clearerr(stdout);
    assert_int_equal(dup2(real_stdout, STDOUT_FILENO), STDOUT_FILENO);
    close(real_stdout);
}

#endif
