#include "spool/sweep.h"

#include "base/quote.h"
#include "base/signals.h"
#include "spool/crash_id.h"
#include "spool/dir.h"
#include "spool/file.h"
#include "spool/move_note.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Levels of directories below a day: `name` or `date`, and up to four below that. */
enum { LEVELS = 5 };

struct sweep {
    const struct spool *spool;
    bool dry_run;
    struct swept *swept;
    sweep_is_used *is_used;
    void *context;
    bool has_date;       /* the day has a date tree: crashes may still lead into its name tree */
    char path[PATH_MAX]; /* below the root, of the directory in hand */
};

/* Returns false, as the directory is still there. */
static bool refuse(struct sweep *sweep, const char *what)
{
    char quoted[QUOTE_SIZE];
    if (sweep->swept->refused++ == 0)
        fail(&sweep->swept->failure, errno, "cannot %s directory %s in \"%s\"", what,
             quote(quoted, sweep->path), sweep->spool->path);
    return false;
}

static bool remove_directory(struct sweep *sweep, int parent, const char *name)
{
    bool removed = sweep->dry_run || unlinkat(parent, name, AT_REMOVEDIR) == 0;
    sweep->swept->removed += removed;
    return removed || errno == ENOENT;
}

/* A day, or the top of its name tree, which may be the mount point of a disk that is away. */
static bool is_top(const struct sweep *sweep)
{
    const char *below = sweep->path + DAY_LENGTH;
    return below[0] == '\0' || strcmp(below, "/name") == 0;
}

/* What the database is asked for comes last. */
static bool is_needed(const struct sweep *sweep, bool has_notes)
{
    char day[DAY_LENGTH + 1] = "";
    memcpy(day, sweep->path, DAY_LENGTH);
    if (!is_top(sweep) && !has_notes)
        return false;
    return (is_top(sweep) && sweep->has_date && sweep->path[DAY_LENGTH] != '\0') ||
           (sweep->is_used != NULL && sweep->is_used(sweep->context, day));
}

/* Whether it stays for a good reason: somebody has put something there, or mounted. */
static bool is_in_use(int error)
{
    return error == ENOTEMPTY || error == EEXIST || error == EBUSY || error == ENOTDIR;
}

static bool sweep_entry(struct sweep *sweep, int parent, const char *name, int levels);

/* Whether a directory has a name as collectors give it: the two trees of a day, two characters of
 * an id below `name`, anything below `date`. */
static bool is_ours(const struct sweep *sweep, const char *name, int levels)
{
    if (levels == LEVELS)
        return strcmp(name, "name") == 0 || strcmp(name, "date") == 0;
    return strncmp(sweep->path + DAY_LENGTH, "/name", 5) != 0 || strlen(name) == 2;
}

/* Those of runs that were killed when the row had gone. Where there is anything else a note may say
 * where that goes. */
static bool remove_notes(int parent, const char *name)
{
    const struct dirent64 *entry;
    struct dir_reader reader;
    bool good = dir_begin(&reader, parent, name);
    while (good && (entry = dir_next(&reader)) != NULL) {
        errno = ENOTEMPTY;
        good = move_note_is_one(entry->d_name, dir_entry_type(&reader, entry)) &&
               unlinkat(reader.descriptor, entry->d_name, 0) == 0;
    }
    if (reader.descriptor >= 0)
        dir_end(&reader);
    return good;
}

/* True if nothing is left in the directory, but for notes; *has_notes: there are some. */
static bool sweep_entries(struct sweep *sweep, int parent, const char *name, int levels,
                          bool *has_notes)
{
    bool is_empty = true, is_day = levels == LEVELS;
    const struct dirent64 *entry;
    struct dir_reader reader;
    *has_notes = false;
    if (!dir_begin(&reader, parent, name))
        return errno == ENOENT || (errno != ENOTDIR && refuse(sweep, "read"));
    if (is_day)
        sweep->has_date = !sweep_entry(sweep, reader.descriptor, "date", levels - 1);
    while ((entry = dir_next(&reader)) != NULL && signals_caught() == 0) {
        unsigned char type = dir_entry_type(&reader, entry);
        if (is_day && strcmp(entry->d_name, "date") == 0)
            is_empty = is_empty && !sweep->has_date;
        else if (move_note_is_one(entry->d_name, type))
            *has_notes = true;
        else if (levels == 0 || type != DT_DIR || !is_ours(sweep, entry->d_name, levels) ||
                 !sweep_entry(sweep, reader.descriptor, entry->d_name, levels - 1))
            is_empty = false;
    }
    if (entry != NULL)
        is_empty = false;
    else if (errno != 0)
        is_empty = refuse(sweep, "read");
    dir_end(&reader);
    return is_empty;
}

/* Its age is read first, as it changes with what is removed from it. Most directories are empty: to
 * try that costs less than to read them, and fails where something is mounted. True if it is gone.
 */
static bool sweep_directory(struct sweep *sweep, int parent, const char *name, int levels)
{
    struct stat status;
    bool has_notes;
    const struct spool *spool = sweep->spool;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || refuse(sweep, "look at");
    if (!S_ISDIR(status.st_mode))
        return false;
    bool is_quiet = spool_is_past(spool, &status.st_mtim, SWEEP_QUIET_TIME) ||
                    spool_is_ahead(spool, &status.st_mtim);
    if (is_quiet && !is_top(sweep) && !sweep->dry_run && remove_directory(sweep, parent, name))
        return true;
    return !dir_is_mounted(spool->root, parent, name) &&
           sweep_entries(sweep, parent, name, levels, &has_notes) && is_quiet &&
           !is_needed(sweep, has_notes) &&
           (remove_directory(sweep, parent, name) ||
            (is_in_use(errno) && remove_notes(parent, name) &&
             remove_directory(sweep, parent, name)) ||
            (!is_in_use(errno) && refuse(sweep, "remove")));
}

static bool sweep_entry(struct sweep *sweep, int parent, const char *name, int levels)
{
    size_t length = strlen(sweep->path);
    snprintf(sweep->path + length, sizeof sweep->path - length, length == 0 ? "%s" : "/%s", name);
    bool is_gone = sweep_directory(sweep, parent, name, levels);
    sweep->path[length] = '\0';
    return is_gone;
}

bool sweep(const struct spool *spool, long days, sweep_is_used *is_used, void *context,
           bool dry_run, struct swept *swept)
{
    struct sweep sweep = {
        .spool = spool, .dry_run = dry_run, .swept = swept, .is_used = is_used, .context = context};
    struct names names = {0};
    *swept = (struct swept){0};
    if (!spool_days(spool, &names, &swept->failure))
        swept->refused++;
    for (size_t i = 0; i < names.count && signals_caught() == 0; i++)
        if (spool_day_is_over(spool, names.items[i], days))
            sweep_entry(&sweep, spool->root, names.items[i], LEVELS);
    names_free(&names);
    return signals_caught() == 0;
}
