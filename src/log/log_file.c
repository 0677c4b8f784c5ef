#include "log/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How often to reopen a file that was moved; a file may seem to have several inode numbers. */
enum { ATTEMPTS = 100 };

/* Milliseconds to wait for the lock. After that, no line waits until it is free again. */
enum { PATIENCE = 10000 };

bool log_file_open(struct log_file *file, struct failure *failure)
{
    int descriptor =
        open(file->pathname, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
             file->mode);
    if (descriptor < 0)
        return fail(failure, errno, "cannot open log file \"%s\"", file->pathname);
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) != 0) {
        fail(failure, errno, "cannot set up log file \"%s\"", file->pathname);
        close(descriptor);
        return false;
    }
    file->descriptor = descriptor;
    return true;
}

bool log_file_close(struct log_file *file, struct failure *failure)
{
    int result = close(file->descriptor);
    file->descriptor = -1;
    return result == 0 || fail(failure, errno, "cannot close log file \"%s\"", file->pathname);
}

/* Keeps the old file if the new one cannot be opened. Closing releases its lock. */
static bool reopen(struct log_file *file, struct failure *failure)
{
    struct log_file old = *file;
    return log_file_open(file, failure) && log_file_close(&old, failure);
}

static bool lock(struct log_file *file, struct failure *failure)
{
    static const struct timespec millisecond = {.tv_nsec = 1000000};
    while (flock(file->descriptor, LOCK_EX | LOCK_NB) != 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || file->waited >= PATIENCE)
            return fail(failure, errno, "cannot lock log file \"%s\"", file->pathname);
        nanosleep(&millisecond, NULL);
        file->waited++;
    }
    file->waited = 0;
    return true;
}

/* Whether the path still leads to the open file. */
static bool is_current(const struct log_file *file, const struct stat *opened)
{
    struct stat named;
    return stat(file->pathname, &named) == 0 && named.st_dev == opened->st_dev &&
           named.st_ino == opened->st_ino;
}

/* /dev/stderr may lead to a regular file, which is not ours to rename. */
static bool is_system_name(const char *pathname)
{
    return strncmp(pathname, "/dev/", 5) == 0 || strncmp(pathname, "/proc/", 6) == 0;
}

/* An empty file is never full: a line longer than the maximum has to go somewhere. */
static bool is_full(const struct log_file *file, const struct stat *opened, size_t length)
{
    return file->maximum_size > 0 && file->backups > 0 && S_ISREG(opened->st_mode) &&
           !is_system_name(file->pathname) && opened->st_size > 0 &&
           opened->st_size >= file->maximum_size - (off_t)length;
}

static bool backup_name(const struct log_file *file, int number, char name[PATH_MAX])
{
    int length = number == 0 ? snprintf(name, PATH_MAX, "%s", file->pathname)
                             : snprintf(name, PATH_MAX, "%s.%d", file->pathname, number);
    return length >= 0 && length < PATH_MAX;
}

/* On a file system that cannot rename without replacing, replaces. */
static bool move(const char *from, const char *to, bool replace)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, replace ? 0 : RENAME_NOREPLACE) == 0 ||
           (errno == EINVAL && rename(from, to) == 0);
}

/* Oldest first, up to the first failure, so that only the oldest is overwritten. */
static bool rotate(const struct log_file *file, struct failure *failure)
{
    for (int number = file->backups - 1; number >= 0; number--) {
        char from[PATH_MAX];
        char to[PATH_MAX];
        if (!backup_name(file, number, from) || !backup_name(file, number + 1, to))
            return fail(failure, ENAMETOOLONG, "cannot rotate log file \"%s\"", file->pathname);
        if (!move(from, to, number + 1 == file->backups) && errno != ENOENT)
            return errno == EEXIST ||
                   fail(failure, errno, "cannot rename log file \"%s\" to \"%s\"", from, to);
    }
    return true;
}

/* Locks the file of that name, and makes room for a line of this length. *opened is its status. */
static bool prepare(struct log_file *file, size_t length, struct stat *opened,
                    struct failure *failure)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (!lock(file, failure))
            return false;
        if (fstat(file->descriptor, opened) != 0)
            return fail(failure, errno, "cannot look at log file \"%s\"", file->pathname);
        if (!is_current(file, opened)) {
            if (!reopen(file, failure))
                return false;
        } else if (!is_full(file, opened, length)) {
            return true;
        } else if (!rotate(file, failure)) {
            return false;
        }
    }
    return fail(failure, 0, "log file \"%s\" is moved again and again", file->pathname);
}

/* Removes an incomplete last line, unless another process wrote after it. False if it remains. */
static bool take_back(const struct log_file *file, const char *lines, size_t written)
{
    struct stat now;
    size_t half = 0;
    while (half < written && lines[written - half - 1] != '\n')
        half++;
    off_t end = lseek(file->descriptor, 0, SEEK_CUR);
    return half == 0 || (end >= 0 && fstat(file->descriptor, &now) == 0 && now.st_size == end &&
                         ftruncate(file->descriptor, end - (off_t)half) == 0);
}

static bool append(const struct log_file *file, const char *lines, size_t length,
                   struct failure *failure)
{
    size_t written = 0;
    while (written < length) {
        ssize_t count = write(file->descriptor, lines + written, length - written);
        if (count >= 0) {
            written += (size_t)count;
        } else if (errno != EINTR) {
            int error = errno;
            return fail(failure, error,
                        take_back(file, lines, written)
                            ? "cannot write log file \"%s\""
                            : "cannot write log file \"%s\" (part of a line stays in it)",
                        file->pathname);
        }
    }
    return true;
}

static size_t line_length(const char *lines, size_t length)
{
    const char *end = memchr(lines, '\n', length);
    return end != NULL ? (size_t)(end - lines) + 1 : length;
}

/* How many bytes of whole lines fit into the file; the first line always fits. Anything but a
 * regular file gets one line at a time, so that lines of several writers do not mix. */
static size_t fitting(const struct log_file *file, struct stat *opened, const char *lines,
                      size_t length)
{
    size_t fits = 0, next = line_length(lines, length);
    do {
        fits += next;
        opened->st_size += (off_t)next;
        next = line_length(lines + fits, length - fits);
    } while (fits < length && S_ISREG(opened->st_mode) && !is_full(file, opened, next));
    return fits;
}

bool log_file_write(struct log_file *file, const char *lines, size_t length,
                    struct failure *failure)
{
    bool good = true;
    while (good && length > 0) {
        struct stat opened;
        bool prepared = prepare(file, line_length(lines, length), &opened, failure);
        size_t part = prepared ? fitting(file, &opened, lines, length) : length;
        bool written = append(file, lines, part, failure);
        bool unlocked = flock(file->descriptor, LOCK_UN) == 0 || !prepared ||
                        fail(failure, errno, "cannot unlock log file \"%s\"", file->pathname);
        good = prepared && written && unlocked;
        lines += part;
        length -= part;
    }
    return good;
}
