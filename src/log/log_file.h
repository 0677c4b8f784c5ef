/* log_file.h - a log file that several processes append to and rotate.
 *
 * Rotation is that of Python's RotatingFileHandler: the file becomes .1, .1 becomes .2, and so on;
 * the oldest is dropped. What is no regular file keeps its name, and is left out. The new file has
 * mode and, as far as permitted, owner and group of the old one.
 *
 * Writers lock a file beside it, .NAME.lock, which only those can open who may write to the log:
 * whoever may read it cannot hold them up. Before each write they check that the path still leads
 * to the open file, so logrotate may move it at any time. Without the lock (another writer stands
 * still, or the file cannot be made) lines are appended all the same, but the file not rotated.
 *
 * One thread at a time. */
#ifndef LOG_FILE_H
#define LOG_FILE_H

#include "base/failure.h"
#include "base/lock_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The caller fills in all but the descriptors. */
struct log_file {
    const char *pathname;        /* must live until log_file_close() */
    long maximum_size;           /* bytes; rotated before a line would reach it; 0: never */
    int backups;                 /* 0: never rotated, as in Python */
    mode_t mode;                 /* of a new file */
    const struct log_file *like; /* a new file gets owner and mode of this one; NULL: see below */
    int descriptor;
    bool is_unread; /* what is not a file takes no more, as nobody reads it */
    struct lock_file lock;
};

/* Opens the file for appending; creates it if missing; as root, for the owner of its directory, who
 * is to write to it, too. Refuses what is not a regular file, links
 * too, but for the system's (access.h), which is never rotated. Does not wait for the reader of a
 * FIFO. If false, the descriptors are -1. */
bool log_file_open(struct log_file *file, struct failure *failure);

/* Appends lines, each ending with a newline; a full file is rotated between two of them. A line is
 * written whole or not at all. It waits for a second for whoever is to read what is not a file, and
 * then no more until he has gone on. False also if the file could not be rotated or reopened: then
 * the lines went into the file that was open. */
bool log_file_write(struct log_file *file, const char *lines, size_t length,
                    struct failure *failure);

/* Everything is closed even if the result is false. */
bool log_file_close(struct log_file *file, struct failure *failure);

#endif
