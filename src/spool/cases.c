#include "spool/cases.h"

#include "spool/case_dir.h"
#include "spool/dir.h"
#include "spool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DEPTH_MAXIMUM = 16
}; /* of directories in a case: somebody may have put one in a file's place */

bool cases_days(int quarantine, struct names *days, struct failure *failure)
{
    const struct spool tree = {.place = PLACE_QUARANTINE, .path = "", .root = quarantine};
    return spool_days(&tree, days, failure) ||
           fail(failure, failure->error, "cannot read the days of the quarantine");
}

/* Lists a directory, or the one below it; one that is gone is empty. */
static bool list(int at, const char *path, const struct crash_id *id, struct names *names)
{
    const struct dirent64 *entry;
    struct dir_reader reader;
    bool good = true;
    if (!dir_begin(&reader, at, path))
        return errno == ENOENT;
    while (good && (entry = dir_next(&reader)) != NULL)
        if (id == NULL || case_is_of(entry->d_name, id))
            good = names_add(names, entry->d_name);
    good = good && errno == 0;
    dir_end(&reader);
    names_sort(names);
    return good;
}

bool cases_of_day(int quarantine, const char *day, const struct crash_id *id, struct names *names,
                  struct failure *failure)
{
    return list(quarantine, day, id, names) ||
           fail(failure, errno, "cannot read day %s of the quarantine", day);
}

bool cases_files(int directory, struct names *names, struct failure *failure)
{
    struct names all = {0};
    bool good = list(directory, NULL, NULL, &all);
    for (size_t i = 0; good && i < all.count; i++)
        if (!case_is_ours(all.items[i]))
            good = names_add(names, all.items[i]);
    names_free(&all);
    return good || fail(failure, errno, "cannot read its directory in quarantine");
}

int cases_open(int quarantine, const char *day, const char *name)
{
    char path[DAY_LENGTH + 1 + NAME_MAX + 1];
    snprintf(path, sizeof path, "%s/%s", day, name);
    return dir_open_to_list(quarantine, path);
}

/* By its mtime, and by its ctime, as whoever puts it there may choose the other. */
static bool is_past(const struct spool *spool, const struct stat *status, long seconds)
{
    struct timespec changed = spool_changed(spool, status);
    return spool_is_past(spool, &changed, seconds) &&
           spool_is_past(spool, &status->st_ctim, seconds);
}

/* Whether nothing has been put into a directory, or into one below it, for `seconds`. False also if
 * that cannot be told. */
static bool is_old(int directory, const struct spool *spool, long seconds, int depth)
{
    struct stat status;
    struct names names = {0};
    bool good = depth <= DEPTH_MAXIMUM && fstat(directory, &status) == 0 &&
                is_past(spool, &status, seconds) && list(directory, NULL, NULL, &names);
    for (size_t i = 0; good && i < names.count; i++) {
        good = fstatat(directory, names.items[i], &status, AT_SYMLINK_NOFOLLOW) == 0 &&
               is_past(spool, &status, seconds);
        int below =
            good && S_ISDIR(status.st_mode) ? dir_open_to_list(directory, names.items[i]) : -1;
        if (below >= 0) {
            good = is_old(below, spool, seconds, depth + 1);
            close(below);
        }
    }
    names_free(&names);
    return good;
}

static bool is_ours(int directory, const char *mark, bool is_shared)
{
    char owner[MARK_SIZE];
    return !case_is_of_another(directory, mark, owner) && (owner[0] != '\0' || !is_shared);
}

static bool remove_names(int quarantine, int directory, const struct names *names, int depth);

/* Whatever it is, but nothing that is mounted there. */
static bool remove_entry(int quarantine, int at, const char *name, int depth)
{
    struct names names = {0};
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR)
        return false;
    int directory = dir_open_to_list(at, name);
    if (directory < 0)
        return false;
    bool is_mounted = dir_is_mounted(quarantine, directory, "");
    errno = is_mounted ? EXDEV : ENAMETOOLONG;
    bool good = !is_mounted && depth < DEPTH_MAXIMUM && list(directory, NULL, NULL, &names) &&
                remove_names(quarantine, directory, &names, depth + 1);
    close_keeping_errno(directory);
    names_free(&names);
    return good && unlinkat(at, name, AT_REMOVEDIR) == 0;
}

static bool remove_names(int quarantine, int directory, const struct names *names, int depth)
{
    bool has_reason = false;
    for (size_t i = 0; i < names->count; i++) {
        bool is_reason = depth == 0 && strcmp(names->items[i], case_reason) == 0;
        has_reason = has_reason || is_reason;
        if (!is_reason && !remove_entry(quarantine, directory, names->items[i], depth))
            return false;
    }
    return !has_reason || remove_entry(quarantine, directory, case_reason, depth);
}

static bool remove_directories(int quarantine, const char *day, const char *name)
{
    int its_day = dir_open(quarantine, day);
    if (its_day < 0)
        return false;
    bool good = unlinkat(its_day, name, AT_REMOVEDIR) == 0;
    close_keeping_errno(its_day);
    if (good)
        unlinkat(quarantine, day, AT_REMOVEDIR); /* unless it has others */
    return good;
}

bool cases_remove_old(int quarantine, const char *day, const char *name, const struct spool *spool,
                      const char *mark, bool is_shared, long seconds, bool dry_run, bool *removed,
                      struct failure *failure)
{
    struct names names = {0};
    int directory = cases_open(quarantine, day, name);
    *removed = false;
    if (directory < 0) /* not a directory: not ours */
        return errno == ENOENT || errno == ENOTDIR ||
               fail(failure, errno, "cannot open it in quarantine");
    bool good = list(directory, NULL, NULL, &names);
    *removed = good && is_ours(directory, mark, is_shared) &&
               !dir_is_mounted(quarantine, directory, "") && is_old(directory, spool, seconds, 0);
    if (*removed && !dry_run)
        good = remove_names(quarantine, directory, &names, 0) &&
               remove_directories(quarantine, day, name);
    if (!good)
        fail(failure, errno, "cannot remove it from quarantine");
    close(directory);
    names_free(&names);
    return good;
}

bool cases_remove_empty(int quarantine, const char *day, const char *name)
{
    struct names names = {0};
    int directory = cases_open(quarantine, day, name);
    if (directory < 0)
        return false;
    bool good = list(directory, NULL, NULL, &names);
    for (size_t i = 0; good && i < names.count; i++)
        good = case_is_ours(names.items[i]);
    errno = ENOTEMPTY;
    good = good && remove_names(quarantine, directory, &names, 0) &&
           remove_directories(quarantine, day, name);
    close_keeping_errno(directory);
    names_free(&names);
    return good;
}
