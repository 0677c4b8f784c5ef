#include "spool/links.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* NFS says ESTALE where the directory is gone, too. */
static bool is_gone(int error)
{
    return error == ENOENT || error == ESTALE;
}

/* Removes a name if it is a link. What is gone already is fine, what is no link is left alone. */
static bool remove_link(int directory, const char *name)
{
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return is_gone(errno);
    return !S_ISLNK(status.st_mode) || unlinkat(directory, name, 0) == 0 || is_gone(errno);
}

bool links_remove_name(const struct pair *pair, int directory, struct failure *failure)
{
    int opened = directory >= 0 ? directory : pair_open_directory(pair);
    if (opened < 0)
        return errno == ENOENT || errno == ENOTDIR ||
               fail(failure, errno, "cannot open the name directory of %s", pair->id.text);
    bool good = remove_link(opened, pair->id.text) ||
                fail(failure, errno, "cannot remove the name link of %s", pair->id.text);
    if (opened != directory)
        close(opened);
    return good;
}

void date_directory_close(struct date_directory *date)
{
    if (date->branch != NULL && date->descriptor >= 0)
        close(date->descriptor);
    date->branch = NULL;
}

static bool open_date_directory(struct date_directory *date, const struct branch *branch)
{
    if (date->branch == branch)
        return true;
    date_directory_close(date);
    date->descriptor = branch_open(branch);
    if (date->descriptor < 0 && errno != ENOENT)
        return false;
    date->branch = branch;
    return true;
}

bool links_remove_from(const struct pair *pair, int directory, const struct branch *branch,
                       struct date_directory *date, struct failure *failure)
{
    if (!open_date_directory(date, branch))
        return fail(failure, errno, "cannot open %s", branch->path);
    return links_remove_name(pair, directory, failure) &&
           (date->descriptor < 0 || remove_link(date->descriptor, pair->id.text) ||
            fail(failure, errno, "cannot remove the date link"));
}

/* What a name link says, as a path below the day: "date/12/05/web01_0". Its text comes from
 * outside; what does not lead into the date branch of the same day is no path of ours. */
static const char *below_day(const char *target)
{
    while (strncmp(target, "../", 3) == 0)
        target += 3;
    return strncmp(target, "date/", 5) == 0 ? target : NULL;
}

static bool remove_date_link(const struct pair *pair, const char *target)
{
    char path[PATH_MAX];
    const char *below = below_day(target);
    if (below == NULL)
        return true;
    snprintf(path, sizeof path, "%s/%s", pair->day, below);
    int directory = dir_open(pair->spool->root, path);
    if (directory < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG || errno == EINVAL;
    bool good = remove_link(directory, pair->id.text);
    close_keeping_errno(directory);
    return good;
}

bool links_remove_in(const struct pair *pair, int directory, struct failure *failure)
{
    char target[PATH_MAX - 16];
    ssize_t length = readlinkat(directory, pair->id.text, target, sizeof target - 1);
    bool good = true;
    if (length >= 0) {
        target[length] = '\0';
        good = remove_date_link(pair, target) && remove_link(directory, pair->id.text);
    } else if (errno != ENOENT && errno != EINVAL) {
        good = false;
    }
    return good || fail(failure, errno, "cannot remove the links of %s", pair->id.text);
}

bool links_remove(const struct pair *pair, struct failure *failure)
{
    int directory = pair_open_directory(pair);
    if (directory < 0)
        return errno == ENOENT || errno == ENOTDIR ||
               fail(failure, errno, "cannot open the name directory of %s", pair->id.text);
    bool good = links_remove_in(pair, directory, failure);
    close(directory);
    return good;
}
