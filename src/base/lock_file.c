#include "base/lock_file.h"

#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 1000 }; /* milliseconds */

static int make(int directory, const char *name, int flags, const struct stat *like)
{
    int made =
        openat(directory, name, flags | O_CREAT | O_EXCL, (like->st_mode & 0222) | (mode_t)0200);
    if (made >= 0)
        owner_give(made, like);
    return made;
}

void lock_file_open(struct lock_file *lock, int directory, const char *name,
                    const struct stat *like)
{
    int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, why_not_made = ENOENT;
    *lock = (struct lock_file){.descriptor = -1};
    if (like != NULL) {
        lock->descriptor = make(directory, name, flags, like);
        why_not_made = errno;
    }
    if (lock->descriptor < 0)
        lock->descriptor = openat(directory, name, flags);
    if (lock->descriptor < 0)
        lock->error = errno == ENOENT ? why_not_made : errno;
}

void lock_file_close(struct lock_file *lock)
{
    int error = errno;
    if (lock->descriptor >= 0)
        close(lock->descriptor);
    lock->descriptor = -1;
    errno = error;
}

bool lock_file_take(struct lock_file *lock)
{
    static const struct timespec millisecond = {.tv_nsec = 1000000};
    while (flock(lock->descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (lock->descriptor < 0)
            errno = lock->error;
        if ((errno != EWOULDBLOCK && errno != EINTR) || lock->waited >= PATIENCE)
            return false;
        nanosleep(&millisecond, NULL);
        lock->waited++;
    }
    lock->waited = 0;
    return true;
}

void lock_file_release(const struct lock_file *lock)
{
    int error = errno;
    flock(lock->descriptor, LOCK_UN);
    errno = error;
}
