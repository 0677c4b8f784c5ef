/* log.h - the log: a file, one more for WARNING and above, and stderr.
 *
 * Public: log.h, log_format.h.
 * Private to this folder: log_file.h, log_line.h, mail.h.
 *
 * log4c routes events and applies levels; layout and appenders are crashmon's own (see log.c). No
 * other module includes log4c's headers.
 *
 * Levels and format strings are those of Python's logging module, as in Socorro's Monitor. Before
 * log_open(), and in a question, which has no log, warnings and errors go to stderr unformatted. */
#ifndef LOG_H
#define LOG_H

#include "base/failure.h"

#include <stdarg.h>
#include <stdbool.h>
#include <sys/types.h>

enum log_level {
    LEVEL_DEBUG = 10,
    LEVEL_INFO = 20,
    LEVEL_WARNING = 30,
    LEVEL_ERROR = 40,
    LEVEL_CRITICAL = 50,
};

/* Every string must live until log_close(). */
struct log_settings {
    const char *program;       /* %(name)s */
    const char *file_pathname; /* opened for appending, created if missing; NULL: none */
    long file_maximum_size;    /* bytes; rotated before it gets so large; 0: never */
    int file_backups;          /* rotated files to keep; 0: no rotation */
    const char *file_format;
    int file_level; /* events below it are not written */
    const char *stderr_format;
    int stderr_level;
    mode_t file_mode; /* of a new file; 0600 is always added */
};

/* For log_vlasting(): for `seconds`, what this command has written to stderr is not repeated there,
 * as long as its configuration file is not changed. */
void log_remember(char *const argv[], const char *config, long seconds);

/* Before all else: opens closed standard descriptors on /dev/null, lest the next file or socket
 * becomes stdout or stderr. False with the reason if there is no /dev/null. */
bool log_occupy_descriptors(struct failure *failure);

/* Opens the outputs. False with the reason if a format is invalid; a file that cannot be opened is
 * no reason to stop. Errors on stderr are ignored; signals.h takes care of SIGPIPE. */
bool log_open(const struct log_settings *settings, struct failure *failure);

/* Whether a log file can be written, and the one for WARNING and above beside it, as far as one can
 * tell without doing so. */
bool log_may_write(const char *file_pathname, struct failure *failure);

/* Writes one line; control characters are escaped. Keeps errno. If a file cannot be opened or
 * written, says so on stderr once, and the run continues. Lines below INFO reach the file with the
 * next line at INFO or above, in log_flush(), or 64 KiB at a time. WARNING and above also go to
 * the file NAME.errors. stderr, which cron mails, gets ten lines of a kind (mail.h), and in the end
 * the number of the others. Without log_open() stderr gets what is ERROR and above, bare. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_vwrite(enum log_level level, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* The same at ERROR for what is likely to be the same in the next run: it is not repeated on stderr
 * there (log_remember), where nobody sits at the terminal. */
void log_vlasting(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

#define log_info(...)    log_write(LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)   log_write(LEVEL_ERROR, __VA_ARGS__)

/* Shows a line on stderr, whatever its threshold, that has no newline and stays below what is
 * logged until the next one. With a newline it is like any other. */
void log_show(const char *line);

void log_flush(void);

/* Why a file could not be opened, written or rotated, for the first time; NULL: none has failed. */
const char *log_failure(void);

/* Flushes and closes. Harmless when log_open() failed or was never called. */
void log_close(void);

#endif
