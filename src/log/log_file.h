/* log_file.h - a log file that several processes append to and rotate.
 *
 * Rotation is that of Python's RotatingFileHandler: the file becomes .1, .1 becomes .2, and so on,
 * the oldest is dropped. A lock on the file itself keeps its writers apart, and each line looks
 * whether the name still leads to the file, so that logrotate may move it at any time.
 *
 * One thread at a time. */
#ifndef LOG_FILE_H
#define LOG_FILE_H

#include "base/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The caller fills in all but the descriptor. */
struct log_file {
    const char *pathname; /* must live until log_file_close() */
    long maximum_size;    /* rotated when the next line would reach it; 0: never */
    int backups;          /* 0: never rotated, as in Python */
    mode_t mode;          /* of a file that is made */
    long waited;          /* for the lock, in milliseconds; begins with 0 */
    int descriptor;
};

/* Opens the file for appending and makes it when missing. Does not wait for a FIFO's reader. */
bool log_file_open(struct log_file *file, struct failure *failure);

/* Appends lines, each of which ends with a newline: a line whole or not at all, and where they fill
 * the file, it is rotated between two of them. False also when the file could not be rotated,
 * reopened, or locked within ten seconds: then the lines went into the file that was open. */
bool log_file_write(struct log_file *file, const char *lines, size_t length,
                    struct failure *failure);

/* The descriptor is gone, even where the result is false. */
bool log_file_close(struct log_file *file, struct failure *failure);

#endif
