/* log.h - what a run says, to its log file and to stderr.
 *
 * Public: log.h, log_format.h.
 * Private to this folder: log_file.h, log_line.h.
 *
 * log4c routes and gates; the layout and the appenders behind it are crashmon's own, because
 * log4c's fit no short-lived program (see log.c). No other module includes log4c's headers.
 *
 * Levels and format strings are those of Python's logging module, as Socorro's Monitor had them.
 * Until log_open() has succeeded nothing can be logged: messages go to stderr as they are. */
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
    const char *file_pathname; /* opened for appending, made when missing */
    long file_maximum_size;    /* bytes; the file is rotated before it gets so large; 0: never */
    int file_backups;          /* how many rotated files are kept; 0: none, and no rotation */
    const char *file_format;
    int file_level; /* an event below it is not written; 1 to 50 and above */
    const char *stderr_format;
    int stderr_level;
    mode_t file_mode; /* of a file that is made; 0600 is always added */
};

/* Opens both outputs. False with the reason when the file cannot be opened or a format is bad.
 *
 * From then on a standard descriptor that was closed leads to /dev/null: no file of the run's can
 * end up as its stderr. A reader of stderr who has gone is nothing to the log; that SIGPIPE does
 * not end the run is for stop.h. */
bool log_open(const struct log_settings *settings, struct failure *failure);

/* Writes one line, whatever the message contains: control characters are escaped. Keeps errno.
 * A file that cannot be written is said on stderr once, and the run goes on. Lines below INFO reach
 * the file with the next one at INFO or above, or at log_close(), or 64 KiB at a time. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_vwrite(enum log_level level, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

#define log_debug(...)    log_write(LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)     log_write(LEVEL_INFO, __VA_ARGS__)
#define log_warning(...)  log_write(LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)    log_write(LEVEL_ERROR, __VA_ARGS__)
#define log_critical(...) log_write(LEVEL_CRITICAL, __VA_ARGS__)

/* Flushes and closes. Harmless when log_open() failed or was never called. */
void log_close(void);

#endif
