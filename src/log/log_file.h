/* log_file.h - a log file that several processes append to and rotate.
 *
 * Rotation is that of Python's RotatingFileHandler: the file becomes .1, .1 becomes .2, and so on;
 * the oldest is dropped. Writers lock the file, and check for each write that the path still leads
 * to it, so logrotate may move it at any time. One thread at a time. */
#ifndef LOG_FILE_H
#define LOG_FILE_H

#include "base/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The caller fills in all but the descriptor. */
struct log_file {
    const char *pathname; /* must live until log_file_close() */
    long maximum_size;    /* bytes; rotated before a line would reach it; 0: never */
    int backups;          /* 0: never rotated, as in Python */
    mode_t mode;          /* of a new file */
    long waited;          /* for the lock, milliseconds; initially 0 */
    int descriptor;
};

/* Opens the file for appending; creates it if missing. Does not wait for the reader of a FIFO. */
bool log_file_open(struct log_file *file, struct failure *failure);

/* Appends lines, each ending with a newline; a full file is rotated between two of them. A line is
 * written whole or not at all. False also if the file could not be rotated, reopened, or locked
 * within ten seconds: then the lines went into the file that was open. */
bool log_file_write(struct log_file *file, const char *lines, size_t length,
                    struct failure *failure);

/* The descriptor is closed even if the result is false. */
bool log_file_close(struct log_file *file, struct failure *failure);

#endif
