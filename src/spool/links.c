#include "spool/links.h"

#include "base/quote.h"
#include "spool/date_dir.h"
#include "spool/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ESTALE: on NFS, the directory is gone, too. */
static bool is_gone(int error)
{
    return error == ENOENT || error == ESTALE;
}

/* Scan removes links a moment after it has looked. Between the take of a job and cleanup much may
 * come: there one that may be newer stays, too. */
static bool is_newer(const struct pair *pair, int directory, const struct stat *status)
{
    bool is_of_job = pair->latest.tv_sec != 0;
    return (is_of_job ? pair_may_be_newer(pair, status) : pair_is_newer(pair, status)) &&
           pair_link_is_newer(status, directory, &pair->looked);
}

/* `pair_directory` is that of its files, or -1. */
static bool remove_link(const struct pair *pair, int directory, int pair_directory)
{
    const char *name = pair->id.text;
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return is_gone(errno);
    return !S_ISLNK(status.st_mode) || is_newer(pair, pair_directory, &status) ||
           unlinkat(directory, name, 0) == 0 || is_gone(errno);
}

static bool remove_name_in(const struct pair *pair, int directory, struct failure *failure)
{
    return remove_link(pair, directory, directory) ||
           pair_fail(pair, "remove the name link from", failure);
}

/* Does that in the directory of the pair, which may not be open (-1), or gone. */
static bool in_directory(const struct pair *pair, int directory,
                         bool (*remove)(const struct pair *, int, struct failure *),
                         struct failure *failure)
{
    int opened = directory >= 0 ? directory : pair_open_directory(pair);
    if (opened < 0)
        return errno == ENOENT || errno == ENOTDIR || pair_fail(pair, "open directory", failure);
    bool good = remove(pair, opened, failure);
    if (opened != directory)
        close(opened);
    return good;
}

bool links_remove_name(const struct pair *pair, int directory, struct failure *failure)
{
    return in_directory(pair, directory, remove_name_in, failure);
}

bool links_remove_from(const struct pair *pair, int directory, struct date_dir *date_directory,
                       struct failure *failure)
{
    int date = date_dir_open(date_directory);
    if (date < 0 && errno != ENOENT)
        return spool_fail(pair->spool, "open directory", date_directory->path, failure);
    return links_remove_name(pair, directory, failure) &&
           (date < 0 || remove_link(pair, date, directory) ||
            spool_fail(pair->spool, "remove the date link from", date_directory->path, failure));
}

bool links_came_again(const struct pair *pair, int directory, struct date_dir *date_directory)
{
    struct stat status;
    int date = date_dir_open(date_directory);
    return date >= 0 && fstatat(date, pair->id.text, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           is_newer(pair, directory, &status);
}

/* The target of a link as a path below the day, "date/12/05/web01_0". It comes from outside: NULL
 * if it does not lead into this branch of the same day. */
static const char *below_day(const char *target, const char *branch)
{
    while (strncmp(target, "../", 3) == 0)
        target += 3;
    size_t length = strlen(branch);
    return strncmp(target, branch, length) == 0 && (target[length] == '/' || target[length] == '\0')
               ? target
               : NULL;
}

/* The directory that the date link should be in, by the name link, and its path below the root, ""
 * if it has none; *has_name_link: there is one. -1 with errno, which is 0 if that leads nowhere. */
static int open_date_directory(const struct pair *pair, int directory, char path[PATH_MAX],
                               bool *has_name_link)
{
    char target[PATH_MAX - 16];
    path[0] = '\0';
    ssize_t length = readlinkat(directory, pair->id.text, target, sizeof target - 1);
    *has_name_link = length >= 0;
    if (length < 0) {
        errno = is_gone(errno) || errno == EINVAL ? 0 : errno;
        return -1;
    }
    target[length] = '\0';
    const char *below = below_day(target, "date");
    errno = 0;
    if (below == NULL)
        return -1;
    snprintf(path, PATH_MAX, "%s/%s", pair->day, below);
    int date = dir_open(pair->spool->root, path);
    if (date < 0 &&
        (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG || errno == EINVAL))
        errno = 0;
    return date;
}

bool links_remove_in(const struct pair *pair, int directory, struct failure *failure)
{
    char path[PATH_MAX];
    bool has_name_link;
    int date = open_date_directory(pair, directory, path, &has_name_link);
    bool good = date >= 0 ? remove_link(pair, date, directory) : errno == 0;
    if (date >= 0)
        close_keeping_errno(date);
    if (!good && path[0] != '\0')
        return spool_fail(pair->spool, "remove the date link from", path, failure);
    return good ? !has_name_link || remove_name_in(pair, directory, failure)
                : pair_fail(pair, "read the name link in", failure);
}

bool links_has_date_link(const struct pair *pair, int directory)
{
    char path[PATH_MAX];
    struct stat status;
    bool has_name_link;
    int date = open_date_directory(pair, directory, path, &has_name_link);
    if (date < 0)
        return false;
    bool found = fstatat(date, pair->id.text, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!found && is_gone(errno))
        errno = 0;
    close_keeping_errno(date);
    return found;
}

bool links_remove(const struct pair *pair, struct failure *failure)
{
    return in_directory(pair, -1, links_remove_in, failure);
}

bool links_lead_elsewhere(const struct pair *pair, int date_directory, struct failure *reason)
{
    char target[PATH_MAX - 16], path[PATH_MAX], name[NAME_MAX + 1], quoted[QUOTE_SIZE];
    char its_path[PAIR_DIRECTORY_SIZE];
    const char *const suffixes[] = {pair->spool->json_suffix, pair->spool->dump_suffix};
    struct stat status;
    ssize_t length = readlinkat(date_directory, pair->id.text, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    const char *below = below_day(target, "name");
    snprintf(path, sizeof path, "%s/%s", pair->day, below != NULL ? below : "");
    pair_directory(pair, its_path);
    bool is_elsewhere = below != NULL && strcmp(path, its_path) != 0;
    int directory = is_elsewhere ? dir_open(pair->spool->root, path) : -1;
    bool has_files = false;
    for (int i = 0; i < 2 && directory >= 0 && !has_files; i++) {
        pair_file_name(pair, suffixes[i], name);
        has_files = fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    }
    if (directory >= 0)
        close(directory);
    if (has_files)
        fail(reason, 0, "its files are in %s, which is not as deep as its id says",
             quote(quoted, path));
    return has_files;
}

/* False if that is not known. */
static bool is_older_than_tree(const struct pair *pair, struct date_dir *date_directory)
{
    struct stat link;
    struct timespec made;
    int date = date_directory != NULL ? date_dir_open(date_directory) : -1;
    if (date < 0 || fstatat(date, pair->id.text, &link, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (!dir_birth(date, pair->id.text, &made))
        made = link.st_ctim;
    return pair_tree_is_younger(pair, &made);
}

bool links_may_lead_away(const struct pair *pair, struct date_dir *date_directory,
                         struct failure *reason)
{
    const char *doubt = pair_tree_doubt(pair);
    if (doubt != NULL)
        fail(reason, 0, "its day %s: \"%s/%s\"", doubt, pair->spool->path, pair->day);
    else if (is_older_than_tree(pair, date_directory))
        fail(reason, 0,
             "the name tree of its day is younger than its link (is it mounted?): \"%s/%s\"",
             pair->spool->path, pair->day);
    else
        return false;
    return true;
}
