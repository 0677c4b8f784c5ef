/* log_format.h - a line of the log, after a format string of Python's logging module.
 *
 * Known fields: %(asctime)s (2008-12-25 12:05:00,123, local time), %(levelname)s, %(levelno)d,
 * %(name)s, %(process)d, %(message)s, and %% for a percent sign; each with the flags, the width
 * and the precision that Python's % operator takes. */
#ifndef LOG_FORMAT_H
#define LOG_FORMAT_H

#include "base/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

struct log_event {
    const char *name; /* the program */
    int level;        /* a level of log.h */
    struct timeval time;
    long process;
    const char *message; /* may hold anything: control characters are escaped in the line */
};

/* True when the format can be rendered; otherwise false, and the reason with the position. */
bool log_format_check(const char *format, struct failure *failure);

/* Renders one line with a newline at the end into *line (malloc'd, *size bytes, grown with
 * realloc when it is too short; both may start as NULL and 0). The format must have passed
 * log_format_check(). Returns the length of the line, or -1 when there is no memory. */
long log_format_render(const char *format, const struct log_event *event, char **line,
                       size_t *size);

/* A line of the message alone, escaped as in the log, with a newline at the end. Malloc'd; NULL
 * when there is no memory. */
char *log_format_plain(const char *message);

/* "DEBUG", "WARNING", ...; "Level 15" for a level without a name, as Python says it. `buffer`
 * holds the latter. */
const char *log_level_name(int level, char buffer[32]);

#endif
