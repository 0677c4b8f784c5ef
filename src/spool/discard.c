#include "spool/discard.h"

#include "base/signals.h"
#include "spool/date_dir.h"
#include "spool/dir.h"
#include "spool/file.h"
#include "spool/links.h"
#include "spool/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool are_old(const struct spool *spool, const struct pair_files *files, long seconds)
{
    for (size_t i = 0; i < files->count; i++) {
        struct timespec changed = spool_changed(spool, &files->items[i].status);
        if (!spool_is_past(spool, &changed, seconds))
            return false;
    }
    return true;
}

static void look_at_name_link(const struct pair *pair, struct timespec *changed)
{
    struct stat status;
    int directory = pair_open_directory(pair);
    if (directory >= 0 && fstatat(directory, pair->id.text, &status, AT_SYMLINK_NOFOLLOW) == 0)
        time_keep_latest(changed, spool_changed(pair->spool, &status));
    if (directory >= 0)
        close(directory);
}

bool discard_last_change(const struct pair *pair, struct date_dir *date_directory,
                         struct timespec *changed, struct failure *reason)
{
    struct pair_location location;
    struct pair_files files = {0};
    locate_there(pair, &location, reason);
    if (location.directory >= 0)
        location_list(&location, &files);
    for (size_t i = 0; i < files.count; i++)
        time_keep_latest(changed, spool_changed(pair->spool, &files.items[i].status));
    look_at_name_link(pair, changed);
    bool is_there = files.count > 0 || !links_may_lead_away(pair, date_directory, reason);
    pair_files_free(&files);
    location_close(&location);
    return is_there;
}

/* Further dumps and links are looked for where nothing else is young, as that takes longer. */
bool discard_is_due(const struct pair *pair, struct date_dir *date_directory,
                    struct timespec linked, long seconds)
{
    struct failure reason;
    pair_examine(pair, 0, NULL, &linked, &reason);
    return spool_is_past(pair->spool, &linked, seconds) &&
           discard_last_change(pair, date_directory, &linked, &reason) &&
           spool_is_past(pair->spool, &linked, seconds);
}

static bool remove_files(const struct pair_location *location, const struct pair_files *files,
                         struct failure *failure)
{
    const char *root = location->pair.spool->path;
    for (size_t i = 0; i < files->count; i++)
        if (!file_is_untouched(location->directory, files->items[i].name, &files->items[i].status))
            return errno == FILE_CHANGED
                       ? fail(failure, 0, "one of its files has just changed")
                       : fail(failure, errno, "cannot look at one of its files in \"%s\"", root);
    for (size_t i = 0; i < files->count; i++)
        if (!file_unlink(location->directory, files->items[i].name))
            return fail(failure, errno, "cannot remove one of its files from \"%s\"", root);
    return true;
}

/* Another crash may have come in its place since it was looked at. */
static bool list_and_remove(const struct pair_location *location, long seconds,
                            struct failure *failure)
{
    struct pair_files files = {0};
    const struct spool *spool = location->pair.spool;
    bool good;
    if (!location_list(location, &files))
        good = fail(failure, errno, "cannot list its files in \"%s\"", spool->path);
    else if (!are_old(spool, &files, seconds))
        good = fail(failure, 0, "its files have changed since they were looked at");
    else
        good = remove_files(location, &files, failure);
    pair_files_free(&files);
    return good;
}

bool discard(const struct candidate *candidate, long seconds, bool dry_run, struct failure *failure)
{
    struct pair_location location;
    locate_there(&candidate->pair, &location, failure);
    bool is_misplaced =
        location.found == LOCATED_NOWHERE && candidate->date_directory != NULL &&
        links_lead_elsewhere(&candidate->pair, date_dir_open(candidate->date_directory), failure);
    const struct spool *spool = candidate->pair.spool;
    bool is_mounted =
        location.directory >= 0 && dir_is_mounted(spool->root, location.directory, "");
    if (is_mounted)
        fail(failure, 0, "it lies on what is mounted in \"%s/%s\"", spool->path,
             candidate->pair.day);
    bool good = location.found != LOCATED_FAILED && !is_misplaced && !is_mounted;
    if (good && !dry_run)
        good = signals_permit(failure) &&
               (location.directory < 0 || list_and_remove(&location, seconds, failure)) &&
               (candidate->date_directory == NULL
                    ? links_remove(&candidate->pair, failure)
                    : links_remove_from(&candidate->pair, location.directory,
                                        candidate->date_directory, failure));
    location_close(&location);
    return good;
}
