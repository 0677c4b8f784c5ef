#include "spool/case_dir.h"

#include "base/owner.h"
#include "log/log_format.h"
#include "report/figures.h"
#include "spool/dir.h"
#include "spool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct dir_style directory_style = {.mode = 0770, .group = (gid_t)-1};

const char case_reason[] = "reason";
static const char copy_name[] = ".copy.tmp", deferred[] = "deferred/";
static const char released[] = "released: what is left here is a copy";

enum {
    CASE_NAME_SIZE = 128,
    SAME_NAME_MAXIMUM = 100,
    REASON_MAXIMUM = 1 << 16, /* bytes of a reason to which more is added */
};

/* A directory name from any name: characters special to a shell become underscores. */
static void make_case_name(char case_name[CASE_NAME_SIZE], const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    snprintf(case_name, CASE_NAME_SIZE, "%.100s", name);
    for (char *at = case_name; *at != '\0'; at++)
        if (strchr(plain, *at) == NULL || (at == case_name && *at == '.'))
            *at = '_';
}

const char *case_name(const char *name)
{
    return strcmp(name, case_reason) == 0 ? "_reason"
           : strcmp(name, copy_name) == 0 ? "_copy"
                                          : name;
}

bool case_is_ours(const char *name)
{
    return case_name(name) != name;
}

/* A run may have been killed when it had copied a file, and not yet removed it. */
static bool is_copied(int from, const char *name, int to)
{
    return case_name(name) == name && file_is_equal(from, to, name);
}

bool case_is_of(const char *name, const struct crash_id *id)
{
    if (strncmp(name, id->text, CRASH_ID_LENGTH) != 0)
        return false;
    const char *end = name + CRASH_ID_LENGTH, *number = end + 1;
    return *end == '\0' || (*end == '.' && *number != '\0' &&
                            (number[strspn(number, "0123456789")] == '\0' ||
                             (strlen(number) == 16 && strspn(number, "0123456789abcdef") == 16)));
}

/* Its last, or first, bytes; -1 if it has none. */
static ssize_t read_reason(int directory, const char *path, char *text, size_t size, bool is_last)
{
    struct stat status;
    int file = openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    ssize_t length = -1;
    if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
        off_t left = status.st_size - (off_t)size + 1;
        length = pread(file, text, size - 1, is_last && left > 0 ? left : 0);
    }
    if (file >= 0)
        close(file);
    text[length > 0 ? length : 0] = '\0';
    return length;
}

struct said_source {
    char mark[MARK_SIZE]; /* "": not known */
    bool is_root_known, is_deferred;
};

/* By the first line that says it. */
static void read_source(int directory, struct said_source *said)
{
    static const size_t time_length = sizeof "2008-12-26T00:00:00Z";
    char text[4096];
    *said = (struct said_source){.is_root_known = false};
    read_reason(directory, case_reason, text, sizeof text, false);
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (strlen(line) <= time_length)
            continue;
        const char *at = line + time_length;
        if (strlen(at) > MARK_SIZE && at[MARK_SIZE - 1] == '/' && mark_is_valid(at)) {
            if (said->mark[0] == '\0')
                snprintf(said->mark, MARK_SIZE, "%.*s", MARK_SIZE - 1, at);
            at += MARK_SIZE;
        }
        bool is_deferred = strncmp(at, deferred, strlen(deferred)) == 0;
        if (!said->is_root_known) {
            said->is_deferred = is_deferred;
            said->is_root_known = is_deferred || strspn(at, "0123456789") == DAY_LENGTH;
        }
    }
}

static bool is_other_mark(const char *owner, const char *mark)
{
    return owner[0] != '\0' && mark[0] != '\0' && strcmp(owner, mark) != 0;
}

bool case_has_source(int directory, const struct case_source *source)
{
    struct said_source said;
    read_source(directory, &said);
    return !is_other_mark(said.mark, source->mark) &&
           !(said.is_root_known && said.is_deferred != (source->root == PLACE_DEFERRED));
}

void case_read_owner(int directory, char mark[MARK_SIZE])
{
    struct said_source said;
    read_source(directory, &said);
    memcpy(mark, said.mark, sizeof said.mark);
}

bool case_is_of_another(int directory, const char *mark, char owner[MARK_SIZE])
{
    case_read_owner(directory, owner);
    return is_other_mark(owner, mark);
}

static bool came_after(int from, const char *name, const struct timespec *time)
{
    struct stat status;
    return fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           !time_is_past(&status.st_ctim, 0, time);
}

/* Whether a directory has one of the names, for other bytes; with errno that is not known. */
static bool has_other_bytes(int directory, int from, const struct names *names)
{
    struct stat status;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        bool is_there = fstatat(directory, case_name(name), &status, AT_SYMLINK_NOFOLLOW) == 0;
        if (!is_there && errno != ENOENT)
            return true;
        errno = 0;
        if (is_there && !is_copied(from, name, directory)) {
            errno = errno == EINVAL ? 0 : errno; /* what is there is no file */
            return true;
        }
    }
    return false;
}

/* Whether one of the names that a directory has not is younger than its reason. */
static bool has_younger(int directory, int from, const struct names *names,
                        const struct timespec *reason)
{
    struct stat status;
    for (size_t i = 0; i < names->count; i++)
        if (fstatat(directory, case_name(names->items[i]), &status, AT_SYMLINK_NOFOLLOW) < 0 &&
            came_after(from, names->items[i], reason))
            return true;
    return false;
}

/* Whether a directory cannot be used: it has one of the names, for other bytes, or what has come
 * since its reason was written belongs to another crash, or its reason is not a regular file, too
 * long, or that of another source. With errno that is not known. */
static bool is_taken(int directory, int from, const struct names *names,
                     const struct case_source *source)
{
    struct stat reason;
    bool has_reason = fstatat(directory, case_reason, &reason, AT_SYMLINK_NOFOLLOW) == 0;
    bool is_taken = has_reason && (!file_is_regular(&reason) || reason.st_size >= REASON_MAXIMUM ||
                                   !case_has_source(directory, source) ||
                                   has_younger(directory, from, names, &reason.st_mtim));
    errno = 0;
    return is_taken || has_other_bytes(directory, from, names);
}

/* The reason comes before anything says that files go there: without one nobody has begun. */
static bool has_begun(int directory, const struct case_source *source)
{
    struct stat reason;
    if (fstatat(directory, case_reason, &reason, AT_SYMLINK_NOFOLLOW) < 0)
        return errno != ENOENT;
    return case_has_source(directory, source);
}

static int open_or_make(int root, const char *path, bool make)
{
    return make ? dir_make(root, path, &directory_style) : dir_open(root, path);
}

void case_path(char path[CASE_PATH_SIZE], const char *day, const char *name, int again)
{
    if (again == 0)
        snprintf(path, CASE_PATH_SIZE, "%s/%s", day, name);
    else
        snprintf(path, CASE_PATH_SIZE, "%s/%s.%d", day, name, again);
}

int case_open_begun(int root, const struct case_source *source, const char *name, bool is_shared,
                    int from, const struct names *names, char path[CASE_PATH_SIZE])
{
    struct case_source begun = *source;
    if (!is_shared)
        begun.mark = "";
    case_path(path, source->day, name, 0);
    int directory = dir_open(root, path);
    if (directory < 0)
        return -1;
    errno = 0;
    if (has_begun(directory, &begun) && !has_other_bytes(directory, from, names))
        return directory;
    int error = errno != 0 ? errno : EEXIST;
    close(directory);
    errno = error;
    return -1;
}

/* A number that the run after a kill finds again, as that file goes last, and that nobody can
 * choose. */
static uint64_t number_of_last(int from, const struct names *names, uint64_t unique)
{
    struct stat status;
    if (names->count == 0 ||
        fstatat(from, names->items[names->count - 1], &status, AT_SYMLINK_NOFOLLOW) < 0)
        return unique;
    return (uint64_t)status.st_ctim.tv_sec * 1000000000 + (uint64_t)status.st_ctim.tv_nsec;
}

int case_open(int root, const struct case_source *source, int from, const struct names *names,
              uint64_t unique, bool make, char path[CASE_PATH_SIZE])
{
    char plain[CASE_NAME_SIZE];
    const char *day = source->day;
    make_case_name(plain, source->name);
    for (int again = 0; again < SAME_NAME_MAXIMUM + 2; again++) {
        uint64_t number = again == SAME_NAME_MAXIMUM ? number_of_last(from, names, unique) : unique;
        if (again < SAME_NAME_MAXIMUM)
            case_path(path, day, plain, again);
        else
            snprintf(path, CASE_PATH_SIZE, "%s/%s.%016" PRIx64, day, plain, number);
        int directory = open_or_make(root, path, make);
        errno = directory < 0 ? errno : 0;
        if (directory < 0 || !is_taken(directory, from, names, source))
            return directory;
        int error = errno;
        close(directory);
        errno = error;
        if (error != 0)
            return -1;
    }
    errno = EEXIST;
    return -1;
}

bool case_flush_copy(int directory, const char *name)
{
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (S_ISLNK(status.st_mode))
        return dir_flush(directory);
    int copy = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (copy < 0)
        return false;
    bool good = fsync(copy) == 0 && dir_flush(directory);
    close_keeping_errno(copy);
    return good;
}

char *case_line(const struct case_source *source, const char *where, const char *why)
{
    char when[FIGURE_SIZE], *message = NULL, *line = NULL;
    const char *mark = source->mark;
    if (asprintf(&message, "%s %s%s%s%s: %s", figure_time(when, time(NULL)), mark,
                 mark[0] != '\0' ? "/" : "", source->root == PLACE_DEFERRED ? deferred : "", where,
                 why) >= 0)
        line = log_format_plain(message);
    free(message);
    errno = ENOMEM;
    return line;
}

char *case_first_line(int directory, const char *path)
{
    char text[2048];
    read_reason(directory, path, text, sizeof text, false);
    text[strcspn(text, "\n")] = '\0';
    return text[0] != '\0' ? strdup(text) : NULL;
}

char *case_last_line(int directory)
{
    char text[4096];
    ssize_t length = read_reason(directory, case_reason, text, sizeof text, true);
    while (length > 0 && text[length - 1] == '\n')
        length--;
    if (length <= 0)
        return NULL;
    text[length] = '\0';
    const char *line = strrchr(text, '\n');
    return strdup(line != NULL ? line + 1 : text);
}

int case_open_reason(int directory)
{
    static const int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int file = openat(directory, case_reason, flags | O_CREAT | O_EXCL, 0660);
    if (file < 0)
        return errno == EEXIST ? openat(directory, case_reason, flags) : -1;
    owner_inherit(directory, file);
    return file;
}

/* And no release has come after it. */
static bool is_said(int file, const char *line)
{
    const char *what = strchr(line, ' '), *said = NULL;
    char *text = malloc(REASON_MAXIMUM + 1);
    ssize_t length = text != NULL ? pread(file, text, REASON_MAXIMUM, 0) : -1;
    if (length >= 0)
        text[length] = '\0';
    for (const char *at = length >= 0 ? text : ""; (at = strstr(at, what)) != NULL; at++)
        said = at;
    bool is_last = said != NULL && strstr(said, released) == NULL;
    free(text);
    return is_last;
}

static bool add_reason(int directory, char *line, bool again)
{
    int file = line != NULL ? case_open_reason(directory) : -1;
    bool good = file >= 0 &&
                (!again && is_said(file, line) ? futimens(file, NULL) == 0
                                               : dprintf(file, "%s", line) >= 0) &&
                fsync(file) == 0;
    if (file >= 0)
        close_keeping_errno(file);
    free(line);
    return good;
}

bool case_add_reason(int directory, const struct case_source *source, const char *where,
                     const char *why)
{
    return add_reason(directory, case_line(source, where, why), false);
}

bool case_note_released(int directory, const struct case_source *source, const char *where)
{
    return add_reason(directory, case_line(source, where, released), true) && dir_flush(directory);
}

bool case_line_says_released(const char *line)
{
    const char *why = strstr(line, ": ");
    return why != NULL && strcmp(why + 2, released) == 0;
}

bool case_is_released(int directory, const struct names *files)
{
    struct stat reason, status;
    char *line = case_last_line(directory);
    bool is_released = line != NULL && case_line_says_released(line) &&
                       fstatat(directory, case_reason, &reason, AT_SYMLINK_NOFOLLOW) == 0;
    free(line);
    for (size_t i = 0; is_released && i < files->count; i++)
        is_released = fstatat(directory, files->items[i], &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                      time_is_past(&status.st_ctim, 0, &reason.st_ctim);
    return is_released;
}

bool case_can_copy(const struct stat *status)
{
    return S_ISLNK(status->st_mode) || file_is_regular(status);
}

static enum case_taken remake_link(int from, const char *name, int to, const char *new_name)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from, name, target, sizeof target - 1);
    if (length < 0)
        return CASE_FAILED;
    target[length] = '\0';
    return symlinkat(target, to, new_name) == 0 ? CASE_COPIED : CASE_FAILED;
}

static enum case_taken copy_file(int from, const char *name, const struct stat *status, int to,
                                 const char *new_name)
{
    const struct file_style style = {.mode = 0660, .group = (gid_t)-1};
    if ((unlinkat(to, copy_name, 0) < 0 && errno != ENOENT) ||
        !file_copy(from, name, status, to, copy_name, &style))
        return CASE_FAILED;
    if (file_publish(to, copy_name, new_name))
        return CASE_COPIED;
    int error = errno;
    unlinkat(to, copy_name, 0);
    errno = error;
    return CASE_FAILED;
}

/* In a file system that cannot rename without replacing, what cannot be copied is just renamed. */
static enum case_taken rename_free(int from, const char *name, int to, const char *new_name)
{
    struct stat status;
    if (fstatat(to, new_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        errno = EEXIST;
    else if (errno == ENOENT && renameat(from, name, to, new_name) == 0)
        return CASE_MOVED;
    return CASE_FAILED;
}

enum case_taken case_take(int from, const char *name, int directory, const char *new_name,
                          struct stat *status)
{
    if (file_move(from, name, directory, new_name))
        return CASE_MOVED;
    int error = errno;
    if ((error != EXDEV && error != EEXIST) ||
        fstatat(from, name, status, AT_SYMLINK_NOFOLLOW) < 0) {
        errno = error;
        return CASE_FAILED;
    }
    if (is_copied(from, name, directory) && strcmp(name, new_name) == 0)
        return unlinkat(directory, copy_name, 0) == 0 || errno == ENOENT ? CASE_COPIED
                                                                         : CASE_FAILED;
    errno = error;
    if (error == EEXIST)
        return CASE_FAILED;
    return S_ISLNK(status->st_mode)  ? remake_link(from, name, directory, new_name)
           : file_is_regular(status) ? copy_file(from, name, status, directory, new_name)
                                     : rename_free(from, name, directory, new_name);
}

bool case_let_go(int from, const char *name, const struct stat *status)
{
    struct stat found;
    if (!S_ISLNK(status->st_mode))
        return file_remove_untouched(from, name, status);
    if (fstatat(from, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    errno = FILE_CHANGED;
    return file_is_same(&found, status) && S_ISLNK(found.st_mode) && unlinkat(from, name, 0) == 0;
}
