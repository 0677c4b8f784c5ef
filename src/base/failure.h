/* failure.h - why a function failed.
 *
 * Public: access.h, failure.h, lock_file.h, milliseconds.h, names.h, owner.h, pause.h, pipeline.h,
 * quote.h, signals.h, utf8.h, version.h.
 *
 * Functions report, programs log: a function that can fail fills in its caller's struct failure,
 * returns false (or NULL, or -1), and prints nothing. */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdbool.h>

struct failure {
    int error;       /* the errno value, or 0 */
    char text[1024]; /* what was attempted, on what, and why it failed; one line, no newline */
};

/* Fills in `failure` with the text, and ": " strerror(error) unless error is 0. Returns false. */
bool fail(struct failure *failure, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds to the text, mostly what happens now: "; nothing was changed". Returns false. */
bool fail_further(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
