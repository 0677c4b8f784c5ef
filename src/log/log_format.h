/* log_format.h - a line of the log, from a format string of Python's logging module.
 *
 * Fields: %(asctime)s (2008-12-25 12:05:00,123, local time), %(levelname)s, %(levelno)d, %(name)s,
 * %(process)d and %(message)s, with the flags, width and precision of Python's % operator. */
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
    const char *message; /* anything; control characters are escaped in the line */
};

/* Whether the format is valid; if not, the reason with the position. */
bool log_format_check(const char *format, struct failure *failure);

/* Renders a line with its newline into *line (malloc'd, *size bytes, grown as needed; initially
 * NULL and 0). The format must be valid. Returns the length, or -1 when out of memory. */
long log_format_render(const char *format, const struct log_event *event, char **line,
                       size_t *size);

/* The message alone as a line, escaped as in the log. Malloc'd; NULL when out of memory. */
char *log_format_plain(const char *message);

/* "DEBUG", "WARNING", ...; for another level "Level 15", as in Python, in `buffer`. */
const char *log_level_name(int level, char buffer[32]);

#endif
