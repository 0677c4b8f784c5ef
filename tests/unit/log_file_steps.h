/* log_file_steps.h - what the tests of log_file.h do again and again. Include it after cmocka.h. */
#ifndef LOG_FILE_STEPS_H
#define LOG_FILE_STEPS_H

#include "log/log_file.h"
#include "scratch_directory.h"

static inline struct log_file open_log(const char *pathname, long maximum_size, int backups)
{
    struct log_file file = {
        .pathname = pathname, .maximum_size = maximum_size, .backups = backups, .mode = 0640};
    struct failure failure;
    if (!log_file_open(&file, &failure))
        fail_msg("%s", failure.text);
    return file;
}

static inline void write_line(struct log_file *file, const char *line)
{
    struct failure failure;
    if (!log_file_write(file, line, strlen(line), &failure))
        fail_msg("%s", failure.text);
}

static inline void refuse_line(struct log_file *file, const char *line, int error,
                               const char *reason)
{
    struct failure failure;
    assert_false(log_file_write(file, line, strlen(line), &failure));
    assert_int_equal(failure.error, error);
    assert_non_null(strstr(failure.text, reason));
}

static inline void close_log(struct log_file *file)
{
    struct failure failure;
    assert_true(log_file_close(file, &failure));
    assert_int_equal(file->descriptor, -1);
}

#endif
