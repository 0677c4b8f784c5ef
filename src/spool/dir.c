#include "spool/dir.h"

#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void close_keeping_errno(int descriptor)
{
    int error = errno;
    close(descriptor);
    errno = error;
}

enum {
    STEP = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    LISTED = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    ANYTHING = O_PATH | O_NOFOLLOW | O_CLOEXEC,
};

static int open_step(int at, const char *name)
{
    return openat(at, name, STEP);
}

/* Sets the group, and the mode bits that mkdir() ignores. Not by name, which may have become a
 * link, and not through an O_PATH descriptor, which does not allow it. */
static bool apply_style(int made, const struct dir_style *style)
{
    if (style->group == (gid_t)-1 && (style->mode & ~(mode_t)01777) == 0)
        return true;
    int directory = openat(made, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return false;
    bool good = owner_set_style(directory, style->mode, style->group);
    close_keeping_errno(directory);
    return good;
}

/* A directory that could not get its style is removed, or the next run would use it as it is. */
static int make_step(int at, const char *name, const struct dir_style *style, bool *is_new)
{
    *is_new = mkdirat(at, name, style->mode) == 0;
    if (!*is_new)
        return errno == EEXIST ? open_step(at, name) : -1;
    int step = open_step(at, name);
    if (step >= 0)
        owner_inherit(at, step);
    if (step < 0 || apply_style(step, style))
        return step;
    int error = errno;
    close(step);
    unlinkat(at, name, AT_REMOVEDIR);
    errno = error;
    return -1;
}

/* False with errno if a component is empty, too long, "." or "..". */
static bool is_path_below(const char *path)
{
    while (true) {
        size_t length = strcspn(path, "/");
        errno = length > NAME_MAX ? ENAMETOOLONG : EINVAL;
        if (length == 0 || length > NAME_MAX || strncmp(path, ".", length) == 0 ||
            strncmp(path, "..", length) == 0)
            return false;
        if (path[length] == '\0')
            return true;
        path += length + 1;
    }
}

/* Component by component; `flags` are for the last one. */
static int open_steps(int at, const char *path, int flags)
{
    int current = at;
    while (*path != '\0') {
        char name[NAME_MAX + 1];
        size_t length = strcspn(path, "/");
        memcpy(name, path, length);
        name[length] = '\0';
        int next = openat(current, name, path[length] == '/' ? STEP : flags);
        if (current != at)
            close_keeping_errno(current);
        if (next < 0)
            return -1;
        current = next;
        path += length + (path[length] == '/');
    }
    return current;
}

/* All components in one call. ENOSYS or EPERM before Linux 5.6, in a sandbox, under valgrind. */
static int open_whole(int at, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)flags,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    long opened = syscall(SYS_openat2, at, path, &how, sizeof how);
    if (opened < 0 && errno == ELOOP)
        errno = ENOTDIR;
    return (int)opened;
}

static int open_below(int at, const char *path, int flags)
{
    if (!is_path_below(path))
        return -1;
    int opened = open_whole(at, path, flags);
    return opened < 0 && (errno == ENOSYS || errno == EPERM) ? open_steps(at, path, flags) : opened;
}

int dir_open(int at, const char *path)
{
    return open_below(at, path, STEP);
}

size_t dir_in_the_way(int at, const char *path)
{
    size_t length = 0;
    int opened;
    do {
        length += path[length] == '/';
        length += strcspn(path + length, "/");
        char *part = strndup(path, length);
        opened = part != NULL ? dir_open(at, part) : -1;
        free(part);
        if (opened >= 0)
            close(opened);
    } while (opened >= 0 && path[length] != '\0');
    return length;
}

static int open_to_list(int at, const char *path, int flags)
{
    return path == NULL ? openat(at, ".", flags) : open_below(at, path, flags);
}

/* The time of the latest access is of no use, and the disk would have to write it down for each
 * directory of a crash. Only its owner, and root, may leave it alone: others ask once in a run. */
int dir_open_to_list(int at, const char *path)
{
    static _Atomic int no_trace = O_NOATIME;
    int asked = no_trace;
    int opened = open_to_list(at, path, LISTED | asked);
    if (opened >= 0 || errno != EPERM || asked == 0)
        return opened;
    no_trace = 0;
    return open_to_list(at, path, LISTED);
}

bool dir_is_of_disk(const char *name)
{
    return name[0] == '.' || strcmp(name, "lost+found") == 0;
}

bool dir_birth(int at, const char *name, struct timespec *birth)
{
    struct statx found = {.stx_mask = 0};
    if (statx(at, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BTIME, &found) < 0)
        return false;
    *birth = (struct timespec){found.stx_btime.tv_sec, found.stx_btime.tv_nsec};
    return (found.stx_mask & STATX_BTIME) != 0;
}

bool dir_flush(int directory)
{
    int readable = dir_open_to_list(directory, NULL);
    if (readable < 0)
        return false;
    bool good = fsync(readable) == 0;
    close_keeping_errno(readable);
    return good;
}

size_t dir_reserve(size_t count)
{
    enum { MORE = 50 }; /* a path of the walk, the log, connections, libraries */
    struct rlimit limit;
    int next = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    if (next < 0 || close(next) < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    rlim_t others = (rlim_t)next + MORE, wanted = count + others;
    if (limit.rlim_cur < wanted) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            limit.rlim_cur = before;
    }
    rlim_t room = limit.rlim_cur < wanted ? limit.rlim_cur : wanted;
    int last = room > others ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, (int)room - 1) : -1;
    if (last < 0)
        return 0;
    close(last);
    return (size_t)(room - others);
}

bool dir_has(int at, const char *path)
{
    int opened = open_below(at, path, ANYTHING);
    if (opened < 0)
        return false;
    close(opened);
    return true;
}

static bool find_mount(int at, const char *name, struct statx *found)
{
    return statx(at, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MNT_ID,
                 found) == 0;
}

/* Before Linux 5.8 mounts have no numbers, and a bind mount is not told from what is around it. */
bool dir_is_mounted(int root, int at, const char *name)
{
    struct statx around, here;
    return !find_mount(root, "", &around) || !find_mount(at, name, &here) ||
           around.stx_mnt_id != here.stx_mnt_id || around.stx_dev_major != here.stx_dev_major ||
           around.stx_dev_minor != here.stx_dev_minor;
}

/* From the end: mostly only the last component is missing. */
int dir_make_telling(int at, const char *path, const struct dir_style *style, bool *is_new)
{
    int directory = dir_open(at, path);
    *is_new = false;
    if (directory >= 0 || errno != ENOENT)
        return directory;
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return make_step(at, path, style, is_new);
    char *parent_path = strndup(path, (size_t)(slash - path));
    int parent = parent_path != NULL ? dir_make(at, parent_path, style) : -1;
    free(parent_path);
    if (parent < 0)
        return -1;
    directory = make_step(parent, slash + 1, style, is_new);
    close_keeping_errno(parent);
    return directory;
}

int dir_make(int at, const char *path, const struct dir_style *style)
{
    bool is_new;
    return dir_make_telling(at, path, style, &is_new);
}

void dir_begin_open(struct dir_reader *reader, int directory)
{
    reader->descriptor = directory;
    reader->next = reader->end = 0;
}

bool dir_begin(struct dir_reader *reader, int at, const char *path)
{
    dir_begin_open(reader, dir_open_to_list(at, path));
    return reader->descriptor >= 0;
}

void dir_end(struct dir_reader *reader)
{
    close_keeping_errno(reader->descriptor);
}

const struct dirent64 *dir_next(struct dir_reader *reader)
{
    const struct dirent64 *entry;
    do {
        if (reader->next == reader->end) {
            errno = 0;
            ssize_t length =
                getdents64(reader->descriptor, reader->entries, sizeof reader->entries);
            if (length < 0 && errno == ENOENT)
                errno = 0; /* it was removed meanwhile: it was empty then */
            if (length <= 0)
                return NULL;
            reader->next = 0;
            reader->end = (size_t)length;
        }
        entry = (const struct dirent64 *)(const void *)(reader->entries + reader->next);
        reader->next += entry->d_reclen;
    } while (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    return entry;
}

unsigned char dir_entry_type(const struct dir_reader *reader, const struct dirent64 *entry)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    if (fstatat(reader->descriptor, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return DT_UNKNOWN;
    return (unsigned char)IFTODT(status.st_mode);
}
