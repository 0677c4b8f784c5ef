#include "log/log_file.h"

#include "base/access.h"
#include "base/owner.h"
#include "base/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often to reopen a file that was moved; a file may seem to have several inode numbers. */
enum { ATTEMPTS = 100 };

/* Milliseconds. */
enum { READER_PATIENCE = 1000 };

/* /dev/stderr is a link, and may lead to a regular file, which is not ours to rename. */
static int no_follow(const char *pathname)
{
    return access_is_system(pathname) ? 0 : O_NOFOLLOW;
}

static int refuse(const char *pathname, int descriptor, struct failure *failure)
{
    if (errno == ELOOP || errno == ENXIO || errno == EISDIR)
        fail(failure, 0, "cannot open log file \"%s\": it is not a regular file", pathname);
    else
        fail(failure, errno, "cannot open log file \"%s\"", pathname);
    if (descriptor >= 0)
        close(descriptor);
    return -1;
}

static int open_file(const struct log_file *file, struct stat *opened, struct failure *failure)
{
    const char *pathname = file->pathname;
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int descriptor = open(pathname, flags | no_follow(pathname), file->mode);
    if (descriptor < 0 || fstat(descriptor, opened) != 0)
        return refuse(pathname, descriptor, failure);
    if (no_follow(pathname) && !S_ISREG(opened->st_mode)) {
        errno = ENXIO;
        return refuse(pathname, descriptor, failure);
    }
    return descriptor;
}

/* ".NAME.lock", in the directory of the log. */
static void open_lock(struct log_file *file, const struct stat *log)
{
    char name[PATH_MAX];
    const char *pathname = file->pathname, *slash = strrchr(pathname, '/');
    const char *base = slash != NULL ? slash + 1 : pathname;
    int length =
        snprintf(name, sizeof name, "%.*s.%s.lock", (int)(base - pathname), pathname, base);
    if (length < 0 || (size_t)length >= sizeof name)
        file->lock = (struct lock_file){.descriptor = -1, .error = ENAMETOOLONG};
    else
        lock_file_open(&file->lock, AT_FDCWD, name, log);
}

/* The new file is for the same users as the old one, whoever rotates it. */
static void make_alike(const char *pathname, const struct stat *old)
{
    mode_t mode = old->st_mode & 0777;
    int made = open(pathname, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0700);
    if (made < 0)
        return; /* it is made when it is opened, or that says why not */
    if (!owner_give(made, old))
        mode &= 0707; /* nothing for a group that had nothing to do with it */
    fchmod(made, mode);
    close(made);
}

static void make_for_its_users(const struct log_file *file)
{
    struct stat like;
    const char *slash = strrchr(file->pathname, '/');
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%.*s.",
             slash != NULL ? (int)(slash + 1 - file->pathname) : 0, file->pathname);
    if (access_is_system(file->pathname))
        return;
    if (file->like != NULL && file->like->descriptor >= 0) {
        if (fstat(file->like->descriptor, &like) == 0 && S_ISREG(like.st_mode))
            make_alike(file->pathname, &like);
    } else if (geteuid() == 0 && stat(directory, &like) == 0) {
        like.st_mode = file->mode;
        make_alike(file->pathname, &like);
    }
}

bool log_file_open(struct log_file *file, struct failure *failure)
{
    struct stat opened;
    file->lock = (struct lock_file){.descriptor = -1};
    make_for_its_users(file);
    file->descriptor = open_file(file, &opened, failure);
    if (file->descriptor < 0)
        return false;
    if (access_is_system(file->pathname))
        file->lock.descriptor = fcntl(file->descriptor, F_DUPFD_CLOEXEC, 3);
    else
        open_lock(file, &opened);
    return true;
}

bool log_file_close(struct log_file *file, struct failure *failure)
{
    lock_file_close(&file->lock);
    int result = close(file->descriptor);
    file->descriptor = -1;
    return result == 0 || fail(failure, errno, "cannot close log file \"%s\"", file->pathname);
}

/* Keeps the old file if the new one cannot be opened, and the lock. */
static bool reopen(struct log_file *file, struct failure *failure)
{
    struct stat opened;
    int descriptor = open_file(file, &opened, failure);
    if (descriptor < 0)
        return false;
    int old = file->descriptor;
    file->descriptor = descriptor;
    return close(old) == 0 || fail(failure, errno, "cannot close log file \"%s\"", file->pathname);
}

/* Whether a path still leads to an open file. */
static bool leads_to(const char *pathname, const struct stat *opened)
{
    struct stat named;
    return fstatat(AT_FDCWD, pathname, &named, no_follow(pathname) ? AT_SYMLINK_NOFOLLOW : 0) ==
               0 &&
           named.st_dev == opened->st_dev && named.st_ino == opened->st_ino;
}

/* An empty file is never full: a line longer than the maximum has to go somewhere. */
static bool is_full(const struct log_file *file, const struct stat *opened, size_t length)
{
    return file->maximum_size > 0 && file->backups > 0 && S_ISREG(opened->st_mode) &&
           no_follow(file->pathname) && opened->st_size > 0 &&
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

static bool is_in_the_way(const char *name)
{
    struct stat status;
    return lstat(name, &status) == 0 && !S_ISREG(status.st_mode);
}

/* Oldest first, up to the first failure, so that only the oldest is overwritten. */
static bool move_backups(const struct log_file *file, struct failure *failure)
{
    char from[PATH_MAX], to[PATH_MAX] = "";
    bool is_oldest = true;
    for (int number = file->backups; number >= 0; number--) {
        if (!backup_name(file, number, from))
            return fail(failure, ENAMETOOLONG, "cannot rotate log file \"%s\"", file->pathname);
        if (number > 0 && is_in_the_way(from))
            continue;
        if (*to != '\0') {
            if (!move(from, to, is_oldest) && errno != ENOENT)
                return errno == EEXIST ||
                       fail(failure, errno, "cannot rename log file \"%s\" to \"%s\"", from, to);
            is_oldest = false;
        } else if (number == 0) {
            return fail(failure, 0, "cannot rotate log file \"%s\": \"%s.1\" is not a regular file",
                        file->pathname, file->pathname);
        }
        memcpy(to, from, sizeof to);
    }
    return true;
}

static bool rotate(const struct log_file *file, const struct stat *old, struct failure *failure)
{
    if (!move_backups(file, failure))
        return false;
    make_alike(file->pathname, old);
    return true;
}

static bool refuse_to_rotate(const struct log_file *file, struct failure *failure)
{
    const char *slash = strrchr(file->pathname, '/');
    return fail(failure, file->lock.error,
                "cannot rotate log file \"%s\": cannot open or make \".%s.lock\" beside it",
                file->pathname, slash != NULL ? slash + 1 : file->pathname);
}

/* Gets the file ready for a line of this length. The status is that of the open file. */
static bool prepare(struct log_file *file, size_t length, bool locked, struct stat *opened,
                    struct failure *failure)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (fstat(file->descriptor, opened) != 0)
            return fail(failure, errno, "cannot examine log file \"%s\"", file->pathname);
        if (!leads_to(file->pathname, opened)) {
            if (!reopen(file, failure))
                return false;
        } else if (!is_full(file, opened, length)) {
            return true;
        } else if (!locked) {
            return file->lock.descriptor >= 0 || refuse_to_rotate(file, failure);
        } else if (!rotate(file, opened, failure)) {
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

/* Whether more can be written soon to what is not a file, else EAGAIN. A run that is to end does
 * not wait. */
static bool is_read(struct log_file *file)
{
    struct pollfd end = {.fd = file->descriptor, .events = POLLOUT};
    file->is_unread =
        file->is_unread || signals_caught() != 0 || poll(&end, 1, READER_PATIENCE) <= 0;
    errno = EAGAIN;
    return !file->is_unread;
}

static bool fail_to_write(const struct log_file *file, int error, bool is_whole,
                          struct failure *failure)
{
    const char *part = is_whole ? "" : " (part of a line may stay in it)";
    return error == EAGAIN
               ? fail(failure, 0, "cannot write log file \"%s\"%s: nobody reads it", file->pathname,
                      part)
               : fail(failure, error, "cannot write log file \"%s\"%s", file->pathname, part);
}

static bool append(struct log_file *file, const char *lines, size_t length, bool locked,
                   struct failure *failure)
{
    size_t written = 0;
    while (written < length) {
        ssize_t count = write(file->descriptor, lines + written, length - written);
        if (count >= 0) {
            file->is_unread = false;
            written += (size_t)count;
        } else if (errno != EINTR && !(errno == EAGAIN && is_read(file))) {
            int error = errno;
            return fail_to_write(file, error, locked && take_back(file, lines, written), failure);
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
    bool locked = lock_file_take(&file->lock);
    while (good && length > 0) {
        struct stat opened;
        good = prepare(file, line_length(lines, length), locked, &opened, failure);
        size_t part = good ? fitting(file, &opened, lines, length) : length;
        good = append(file, lines, part, locked, failure) && good;
        lines += part;
        length -= part;
    }
    if (locked)
        lock_file_release(&file->lock);
    return good;
}
