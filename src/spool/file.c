#include "spool/file.h"

#include "base/owner.h"
#include "base/signals.h"
#include "spool/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* How much is copied or compared before signals are asked for. */
enum { COPY_CHUNK = 16 << 20 };

bool file_is_regular(const struct stat *status)
{
    return S_ISREG(status->st_mode) && status->st_nlink == 1;
}

bool file_is_same(const struct stat *left, const struct stat *right)
{
    return left->st_ino == right->st_ino && left->st_dev == right->st_dev;
}

static bool is_later(const struct timespec *left, const struct timespec *right)
{
    return left->tv_sec != right->tv_sec ? left->tv_sec > right->tv_sec
                                         : left->tv_nsec > right->tv_nsec;
}

struct timespec file_changed(const struct stat *status, const struct timespec *now)
{
    return is_later(&status->st_mtim, now) ? status->st_ctim : status->st_mtim;
}

bool time_is_past(const struct timespec *then, long seconds, const struct timespec *now)
{
    struct timespec due = {.tv_sec = then->tv_sec + seconds, .tv_nsec = then->tv_nsec};
    return !is_later(&due, now);
}

void time_keep_latest(struct timespec *latest, struct timespec candidate)
{
    if (is_later(&candidate, latest))
        *latest = candidate;
}

/* Never waits for a FIFO, never follows a link. */
static int open_any_regular(int directory, const char *name, struct stat *status)
{
    int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0) {
        errno = errno == ELOOP || errno == ENXIO ? FILE_CHANGED : errno;
        return -1;
    }
    if (fstat(file, status) == 0) {
        if (S_ISREG(status->st_mode))
            return file;
        errno = FILE_CHANGED;
    }
    close_keeping_errno(file);
    return -1;
}

/* The same for a file with a single name. */
static int open_regular(int directory, const char *name, struct stat *status)
{
    int file = open_any_regular(directory, name, status);
    if (file < 0 || file_is_regular(status))
        return file;
    close(file);
    errno = FILE_CHANGED;
    return -1;
}

static bool has_style(const struct stat *status, const struct file_style *style)
{
    return (style->group == (gid_t)-1 || style->group == status->st_gid) &&
           (status->st_mode & 07777) == style->mode;
}

static bool apply_style(int file, const struct file_style *style)
{
    return owner_set_style(file, style->mode, style->group);
}

bool file_is_unchanged(const struct stat *left, const struct stat *right)
{
    return file_is_same(left, right) && file_is_regular(left) && file_is_regular(right) &&
           left->st_size == right->st_size && left->st_mtim.tv_sec == right->st_mtim.tv_sec &&
           left->st_mtim.tv_nsec == right->st_mtim.tv_nsec;
}

/* Through a descriptor, as the name may by now be another file's. */
static bool apply_style_by_name(int from, const char *name, const struct stat *expected,
                                const struct file_style *style)
{
    struct stat status;
    int file = open_regular(from, name, &status);
    if (file < 0)
        return false;
    errno = FILE_CHANGED;
    bool good = file_is_unchanged(&status, expected) && apply_style(file, style);
    close_keeping_errno(file);
    return good;
}

enum file_renamed file_rename(int from, int to, const char *name, const struct stat *status,
                              const struct file_style *style)
{
    struct stat found;
    if (!has_style(status, style)) {
        if (fstat(to, &found) < 0)
            return FILE_FAILED;
        if (found.st_dev != status->st_dev)
            return FILE_NEEDS_COPY;
        if (!apply_style_by_name(from, name, status, style))
            return owner_is_refusal(errno) ? FILE_NEEDS_COPY : FILE_FAILED;
    }
    if (!file_move(from, name, to, name))
        return errno == EEXIST                    ? FILE_EXISTS
               : errno == EXDEV || errno == EPERM ? FILE_NEEDS_COPY
                                                  : FILE_FAILED;
    if (fstatat(to, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
        return FILE_FAILED;
    return file_is_unchanged(&found, status) ? FILE_RENAMED : FILE_STRANGER;
}

static bool is_asked_to_end(void)
{
    errno = EINTR;
    return signals_caught() != 0;
}

/* Where the bytes go on that are stored, which those of a hole are not: `size` when there are none
 * any more. -1 with errno. */
static off_t next_data(int file, off_t at, off_t size)
{
    off_t data = at < size ? lseek(file, at, SEEK_DATA) : size;
    return data >= 0 ? (data < size ? data : size) : errno == ENXIO ? size : -1;
}

/* The next stored bytes behind *end: false at the end of the file (errno 0) and on error. */
static bool next_extent(int file, off_t size, off_t *start, off_t *end)
{
    if (is_asked_to_end())
        return false;
    *start = next_data(file, *end, size);
    errno = *start < 0 ? errno : 0;
    if (*start < 0 || *start == size)
        return false;
    off_t hole = lseek(file, *start, SEEK_HOLE);
    *end = hole < size ? hole : size;
    return hole >= 0;
}

/* Some file systems do not say what is free. */
bool file_has_room(int directory, off_t bytes)
{
    struct statvfs status;
    return fstatvfs(directory, &status) < 0 || status.f_blocks == 0 ||
           (unsigned long long)bytes <= (unsigned long long)status.f_bavail * status.f_frsize;
}

/* Asked before the first byte is written: a file that finds no room must not take it from others
 * for as long as that takes. */
static bool has_room(int source, int copy, off_t size)
{
    off_t start, end = 0, bytes = 0;
    if (size <= FILE_SMALL)
        return true;
    while (next_extent(source, size, &start, &end))
        bytes += end - start;
    if (errno != 0)
        return false;
    errno = ENOSPC;
    return file_has_room(copy, bytes);
}

static bool copy_extent(int source, int copy, off_t start, off_t end)
{
    bool good = start == 0 || lseek(copy, start, SEEK_SET) >= 0;
    while (good && start < end && !is_asked_to_end()) {
        off_t left = end - start;
        ssize_t copied =
            sendfile(copy, source, &start, left < COPY_CHUNK ? (size_t)left : COPY_CHUNK);
        good = copied > 0 || (copied < 0 && errno == EINTR);
        if (copied == 0)
            errno = FILE_CHANGED; /* it was truncated */
    }
    return good && start >= end;
}

/* Holes become holes: a file of terabytes may take no room at all. What has been truncated
 * meanwhile would look like one. */
static bool copy_bytes(int source, int copy, off_t size)
{
    struct stat status;
    off_t start, end = 0;
    while (next_extent(source, size, &start, &end))
        if (!copy_extent(source, copy, start, end))
            return false;
    if (errno != 0 || (end < size && ftruncate(copy, size) < 0) || fstat(source, &status) < 0)
        return false;
    errno = FILE_CHANGED;
    return status.st_size >= size;
}

static int create(int directory, const char *temporary)
{
    int file =
        openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file >= 0)
        owner_inherit(directory, file);
    return file;
}

/* Closes what was created, or removes it if that or anything before was not `good`. */
static bool complete(int file, bool good, int directory, const char *temporary)
{
    int error = errno;
    if (close(file) < 0 && good) {
        error = errno;
        good = false;
    }
    if (!good)
        unlinkat(directory, temporary, 0);
    errno = error;
    return good;
}

static bool copy_to(int source, const struct stat *status, int to, const char *temporary,
                    const struct file_style *style)
{
    int copy = create(to, temporary);
    return copy >= 0 &&
           complete(copy,
                    has_room(source, copy, status->st_size) &&
                        copy_bytes(source, copy, status->st_size) && apply_style(copy, style),
                    to, temporary);
}

bool file_write(int directory, const char *temporary, const char *text,
                const struct file_style *style)
{
    int file = create(directory, temporary);
    return file >= 0 && complete(file, dprintf(file, "%s", text) >= 0 && apply_style(file, style),
                                 directory, temporary);
}

bool file_copy(int from, const char *name, const struct stat *expected, int to,
               const char *temporary, const struct file_style *style)
{
    struct stat status;
    int source = open_regular(from, name, &status);
    if (source < 0)
        return false;
    errno = FILE_CHANGED;
    bool good =
        file_is_unchanged(&status, expected) && copy_to(source, &status, to, temporary, style);
    close_keeping_errno(source);
    return good;
}

bool file_move(int from, const char *name, int to, const char *new_name)
{
    if (renameat2(from, name, to, new_name, RENAME_NOREPLACE) == 0)
        return true;
    if (errno == EINVAL || errno == ENOSYS)
        errno = EXDEV;
    return false;
}

/* Where there is no RENAME_NOREPLACE, a file that keeps its temporary name does not get the other
 * one, too: what the caller takes back would be there still. */
bool file_publish(int directory, const char *temporary, const char *name)
{
    if (file_move(directory, temporary, directory, name))
        return true;
    if (errno != EXDEV)
        return false;
    if (linkat(directory, temporary, directory, name, 0) < 0) {
        bool has_none = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS;
        errno = has_none ? FILE_CANNOT_BE_NAMED : errno;
        return false;
    }
    if (unlinkat(directory, temporary, 0) == 0)
        return true;
    int error = errno;
    unlinkat(directory, name, 0);
    errno = error;
    return false;
}

static bool read_whole(int file, char *bytes, size_t length, off_t at)
{
    ssize_t more = 1;
    for (size_t done = 0; done < length && more > 0; done += (size_t)more)
        if ((more = pread(file, bytes + done, length - done, at + (off_t)done)) <= 0)
            break;
    if (more == 0)
        errno = 0; /* it was truncated */
    return more > 0;
}

/* Where both have a hole their bytes are equal. */
static bool has_equal_bytes(int left, int right, off_t size)
{
    static _Thread_local char bytes[2][1 << 16];
    off_t start = 0, asked = 0;
    while (true) {
        off_t data = next_data(left, start, size), other = next_data(right, start, size);
        if (data < 0 || other < 0)
            return false;
        start = data < other ? data : other;
        if (start == size)
            return true;
        if (start - asked >= COPY_CHUNK && is_asked_to_end())
            return false;
        if (start - asked >= COPY_CHUNK)
            asked = start;
        size_t length =
            size - start < (off_t)sizeof bytes[0] ? (size_t)(size - start) : sizeof bytes[0];
        if (!read_whole(left, bytes[0], length, start) ||
            !read_whole(right, bytes[1], length, start))
            return false;
        errno = 0;
        if (memcmp(bytes[0], bytes[1], length) != 0)
            return false;
        start += (off_t)length;
    }
}

bool file_is_equal(int left, int right, const char *name)
{
    struct stat left_status, right_status;
    int left_file = open_regular(left, name, &left_status);
    int right_file = left_file >= 0 ? open_any_regular(right, name, &right_status) : -1;
    bool good = false;
    if (right_file >= 0) {
        errno = 0;
        good = !file_is_same(&left_status, &right_status) &&
               left_status.st_size == right_status.st_size &&
               has_equal_bytes(left_file, right_file, left_status.st_size);
        close_keeping_errno(right_file);
    } else if (left_file >= 0 && errno == FILE_CHANGED) {
        errno = EINVAL; /* which nobody has looked at before */
    }
    if (left_file >= 0)
        close_keeping_errno(left_file);
    return good;
}

bool file_remove(int directory, const char *name, const struct stat *status)
{
    struct stat found;
    if (fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    errno = FILE_CHANGED;
    return file_is_unchanged(&found, status) && file_unlink(directory, name);
}

bool file_is_untouched(int directory, const char *name, const struct stat *status)
{
    struct stat found;
    if (fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    errno = FILE_CHANGED;
    return file_is_unchanged(&found, status) &&
           memcmp(&found.st_ctim, &status->st_ctim, sizeof found.st_ctim) == 0;
}

bool file_unlink(int directory, const char *name)
{
    return unlinkat(directory, name, 0) == 0 || errno == ENOENT;
}

bool file_remove_untouched(int directory, const char *name, const struct stat *status)
{
    return file_is_untouched(directory, name, status) && file_unlink(directory, name);
}
