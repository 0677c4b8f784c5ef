/* lock_file.h - a lock between processes, on an empty file beside what it protects. That can be
 * opened by those alone who may write what is protected: with a lock on the thing itself, whoever
 * may read it could hold everybody up. */
#ifndef LOCK_FILE_H
#define LOCK_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

struct lock_file {
    int descriptor; /* -1: there is none, and `error` says why */
    int error;      /* an errno value */
    long waited; /* milliseconds, without getting it; from then on nobody waits until it is free */
};

/* Opens it, follows no link, and waits for nobody; with `like` it is made if missing, for the users
 * of what has that status. */
void lock_file_open(struct lock_file *lock, int directory, const char *name,
                    const struct stat *like);
void lock_file_close(struct lock_file *lock); /* keeps errno */

/* Takes the lock, waits up to a second for it. False with errno: EWOULDBLOCK if it is not free, or
 * why it cannot be used at all. */
bool lock_file_take(struct lock_file *lock);
void lock_file_release(const struct lock_file *lock); /* keeps errno */

#endif
