/* failure.h - how a function says why it failed.
 *
 * Public: failure.h, names.h, pipeline.h, quote.h, signals.h, utf8.h.
 *
 * Functions report, programs decide and log: a function that can fail takes a struct failure of
 * its caller's, fills it in, and returns false (or NULL, or -1). It prints nothing. */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdbool.h>

struct failure {
    int error;       /* the errno value behind it, 0 where there is none */
    char text[1024]; /* what was attempted, on what, and why it failed; one line, no newline */
};

/* Fills in `failure`: the formatted text, and ": " strerror(error) when error is not 0.
 * Always returns false, so that a caller can write `return fail(...)`. */
bool fail(struct failure *failure, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
