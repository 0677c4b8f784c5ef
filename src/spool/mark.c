#include "spool/mark.h"

#include "base/owner.h"
#include "spool/dir.h"
#include "spool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define MARK_NAME ".crashmon"

static const char beginning[] = "crashmon 1 ", pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

enum { BEGINNING = sizeof beginning - 1, LENGTH = BEGINNING + MARK_SIZE };

bool mark_is_valid(const char *text)
{
    for (size_t i = 0; i < MARK_SIZE - 1; i++)
        if (pattern[i] == '-' ? text[i] != '-' : strspn(text + i, "0123456789abcdef") == 0)
            return false;
    return true;
}

/* `line` is LENGTH bytes; it ends with a newline where a mark has its NUL. */
static bool parse(const char *line, char mark[MARK_SIZE])
{
    if (strncmp(line, beginning, BEGINNING) != 0 || line[LENGTH - 1] != '\n')
        return false;
    memcpy(mark, line + BEGINNING, MARK_SIZE - 1);
    mark[MARK_SIZE - 1] = '\0';
    return mark_is_valid(mark);
}

/* Whoever owns the directory may have put a link, a FIFO or something large in its place. Returns
 * the length, 0 for what is not a regular file, -1 with errno. */
static ssize_t read_line(int file, char *line, size_t size)
{
    struct stat status;
    if (fstat(file, &status) < 0)
        return -1;
    return S_ISREG(status.st_mode) ? read(file, line, size) : 0;
}

const char *place_title(enum place place)
{
    static const char *const titles[PLACE_COUNT] = {
        [PLACE_STORAGE] = "storage root",         [PLACE_DEFERRED] = "deferred storage root",
        [PLACE_SUCCESSFUL] = "long-term storage", [PLACE_FAILED] = "long-term storage",
        [PLACE_QUARANTINE] = "quarantine",
    };
    return titles[place];
}

bool mark_read(enum place place, const char *path, int directory, char mark[MARK_SIZE],
               struct failure *failure)
{
    char line[LENGTH + 1];
    mark[0] = '\0';
    int file =
        openat(directory, MARK_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT)
        return true;
    ssize_t length = file < 0 ? -1 : read_line(file, line, sizeof line);
    if (length < 0 && errno != ELOOP)
        fail(failure, errno, "cannot read the mark \"%s/" MARK_NAME "\" of the %s", path,
             place_title(place));
    else if (length != LENGTH || !parse(line, mark))
        length =
            fail(failure, 0,
                 "cannot use the mark \"%s/" MARK_NAME "\" of the %s: it is not a file with the "
                 "line \"%sUUID\" (restore it, or remove it and use --adopt)",
                 path, place_title(place), beginning);
    if (file >= 0)
        close(file);
    return length == LENGTH;
}

bool mark_is_there(int at, const char *path)
{
    char name[PATH_MAX];
    struct stat status;
    snprintf(name, sizeof name, "%s/" MARK_NAME, path);
    return fstatat(at, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A version 4 UUID. */
static bool invent(char mark[MARK_SIZE])
{
    unsigned char random[MARK_SIZE];
    if (getentropy(random, sizeof random) < 0)
        return false;
    for (size_t i = 0; i < MARK_SIZE - 1; i++)
        mark[i] = pattern[i] == '-' ? '-' : "0123456789abcdef"[random[i] % 16];
    mark[14] = '4';
    mark[19] = "89ab"[random[19] % 4];
    mark[MARK_SIZE - 1] = '\0';
    return true;
}

static bool write_line(int directory, int file, const char *mark)
{
    owner_inherit(directory, file);
    return dprintf(file, "%s%s\n", beginning, mark) == LENGTH && fsync(file) == 0;
}

/* In a file that has no name before it has its final one: a kill leaves nothing. */
static bool make_nameless(int directory, const char *mark)
{
    char path[64];
    int file = openat(directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
    if (file < 0)
        return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    bool good =
        write_line(directory, file, mark) &&
        (linkat(AT_FDCWD, path, directory, MARK_NAME, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST);
    close_keeping_errno(file);
    return good;
}

static bool make_named(int directory, const char *mark)
{
    char temporary[sizeof MARK_NAME + MARK_SIZE];
    snprintf(temporary, sizeof temporary, MARK_NAME ".%s", mark);
    int file =
        openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0)
        return false;
    bool good = write_line(directory, file, mark);
    close_keeping_errno(file);
    good = good && (file_publish(directory, temporary, MARK_NAME) || errno == EEXIST);
    int error = errno;
    unlinkat(directory, temporary, 0);
    errno = error;
    return good;
}

/* Not every file system has files without a name (NFS). */
static bool make(int directory)
{
    char mark[MARK_SIZE];
    return invent(mark) && (make_nameless(directory, mark) || make_named(directory, mark));
}

static bool fail_to_make(enum place place, const char *path, struct failure *failure)
{
    bool is_refused = errno == EACCES || errno == EPERM || errno == EROFS;
    fail(failure, errno, "cannot make the mark \"%s/" MARK_NAME "\" of the %s", path,
         place_title(place));
    return is_refused && fail_further(failure, " (let the user of the runs write there, or make it "
                                               "by hand: \"First day\" in doc/operations.md)");
}

bool mark_may_make(enum place place, const char *path, int directory, struct failure *failure)
{
    return faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) == 0 ||
           fail_to_make(place, path, failure);
}

bool mark_make(enum place place, const char *path, int directory, char mark[MARK_SIZE],
               struct failure *failure)
{
    if (!mark_read(place, path, directory, mark, failure))
        return false;
    /* Also a mark that was there: whoever made it may have been killed before this. */
    if ((mark[0] == '\0' && !make(directory)) || !dir_flush(directory))
        return fail_to_make(place, path, failure);
    return mark[0] != '\0' || mark_read(place, path, directory, mark, failure);
}
