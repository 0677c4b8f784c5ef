#include "spool/stranded.h"

#include "spool/date_dir.h"
#include "spool/dir.h"
#include "spool/file.h"
#include "spool/links.h"
#include "spool/locate.h"
#include "spool/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- one crash */

static enum stranded fail_look(struct failure *reason, const char *what)
{
    fail(reason, errno, "cannot look at %s", what);
    return STRANDED_UNKNOWN;
}

/* Further dumps count, which may have come after their pair was put away; also what has such a name
 * and is a link or the like, which no pair takes along. */
static bool has_files(const struct pair *pair, struct timespec *latest)
{
    struct pair_location location;
    struct pair_files files = {0};
    struct failure failure;
    bool has_main_file = pair_has_files(pair, latest);
    locate_there(pair, &location, &failure);
    bool has_further = location_look_around(&location) && !location.has_no_further;
    if (location.directory >= 0)
        location_list(&location, &files);
    for (size_t i = 0; i < files.count; i++)
        time_keep_latest(latest, spool_changed(pair->spool, &files.items[i].status));
    bool has_any = has_main_file || files.count > 0 || has_further;
    pair_files_free(&files);
    location_close(&location);
    return has_any;
}

/* The directory is open. */
static enum stranded look_in(const struct pair *pair, int directory, long age, bool again,
                             struct failure *reason)
{
    const struct timespec *now = &pair->spool->now;
    struct timespec changed = {0}, latest = {0}, moved;
    struct stat status;
    if (fstat(directory, &status) < 0)
        return fail_look(reason, "its directory");
    moved = file_changed(&status, now);
    if (!again && !time_is_past(&moved, age, now))
        return STRANDED_NOT;
    bool has_link = fstatat(directory, pair->id.text, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!has_link && errno != ENOENT)
        return fail_look(reason, "its name link");
    if (has_link) {
        struct timespec linked = file_changed(&status, now);
        if (!time_is_past(&linked, age, now) || links_has_date_link(pair, directory))
            return STRANDED_NOT;
        if (errno != 0)
            return fail_look(reason, "its date link");
        latest = spool_changed(pair->spool, &status);
    }
    switch (pair_examine(pair, age, NULL, &changed, reason)) {
    case PAIR_READY: return time_is_past(&changed, age, now) ? STRANDED_UNQUEUED : STRANDED_NOT;
    case PAIR_UNSETTLED: return STRANDED_NOT;
    case PAIR_UNREADABLE: return STRANDED_UNKNOWN;
    case PAIR_INCOMPLETE: break;
    }
    bool is_half = has_files(pair, &latest);
    if (!time_is_past(&latest, age, now))
        return STRANDED_NOT;
    if (is_half)
        return STRANDED_HALF;
    return has_link && S_ISLNK(status.st_mode) ? STRANDED_DANGLING : STRANDED_NOT;
}

enum stranded stranded_look(const struct pair *pair, long age, bool again, struct failure *reason)
{
    int directory = pair_open_directory(pair);
    if (directory < 0)
        return errno == ENOENT ? STRANDED_NOT : fail_look(reason, "its directory");
    enum stranded found = look_in(pair, directory, age, again, reason);
    close(directory);
    return found;
}

/* --- the date tree of a day */

bool stranded_find_date_links(const struct spool *spool, const char *day, const struct names *ids,
                              bool linked[], bool *any, struct failure *failure)
{
    struct walk_entry entry;
    struct walk *walk = walk_new_in(spool, "date", day, failure);
    bool good = walk != NULL;
    *any = false;
    while (good && walk_next(walk, &entry)) {
        char **place = names_find(ids, entry.name);
        if (entry.kind == WALK_UNREADABLE) {
            *failure = *entry.failure;
            good = false;
        }
        *any |= entry.kind == WALK_LINK;
        if (place != NULL)
            linked[place - ids->items] = true;
    }
    walk_free(walk);
    return good;
}

const char *stranded_doubt(const struct spool *spool, const char *day, long age)
{
    struct pair pair = {.spool = spool};
    struct walk_entry entry;
    struct failure failure;
    bool has_links = false;
    memcpy(pair.day, day, sizeof pair.day);
    const char *doubt = pair_tree_doubt(&pair);
    if (doubt == NULL)
        return NULL;
    struct walk *walk = walk_new_in(spool, "date", day, &failure);
    while (walk != NULL && !has_links && walk_next(walk, &entry)) {
        if (!walk_entry_pair(&entry, &pair))
            continue;
        struct timespec changed = walk_entry_changed(&entry);
        has_links = time_is_past(&changed, age, &spool->now);
    }
    walk_free(walk);
    return has_links ? doubt : NULL;
}

/* --- the name trees */

struct stranded_walk {
    struct walk *walk;
    struct date_dir *directory; /* held: the one that the last entry was in */
    struct walk_entry entry;
    bool is_ahead; /* the entry belongs to the next lot */
};

struct stranded_walk *stranded_walk_new(const struct spool *spool, struct failure *failure)
{
    struct stranded_walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL) {
        fail(failure, errno, "cannot walk through \"%s\"", spool->path);
        return NULL;
    }
    walk->walk = walk_new_in(spool, "name", NULL, failure);
    if (walk->walk != NULL)
        return walk;
    free(walk);
    return NULL;
}

void stranded_walk_free(struct stranded_walk *walk)
{
    if (walk == NULL)
        return;
    date_dir_release(walk->directory);
    walk_free(walk->walk);
    free(walk);
}

/* <id>, or <id>.anything, where the id says; other names are not ours. */
static bool add_id(struct names *ids, const struct date_dir *directory, const char *name)
{
    char text[CRASH_ID_LENGTH + 1], path[PAIR_DIRECTORY_SIZE];
    struct pair pair;
    size_t length = strnlen(name, CRASH_ID_LENGTH);
    memcpy(text, name, length);
    text[length] = '\0';
    /* Mostly the name before was of the same crash. */
    if ((ids->count > 0 && strcmp(ids->items[ids->count - 1], text) == 0) ||
        (name[length] != '\0' && name[length] != '.') || !crash_id_parse(&pair.id, text))
        return true;
    date_dir_day(directory, pair.day);
    pair_directory(&pair, path);
    return strcmp(path, directory->path) != 0 || names_add(ids, text);
}

static void sort_once(struct names *ids)
{
    size_t kept = 0;
    names_sort(ids);
    for (size_t i = 0; i < ids->count; i++) {
        if (kept > 0 && strcmp(ids->items[kept - 1], ids->items[i]) == 0)
            free(ids->items[i]);
        else
            ids->items[kept++] = ids->items[i];
    }
    ids->count = kept;
}

/* Whether the entry belongs to another lot; if not, its directory is the one that is read now. A
 * directory is never split. Its names come in no order, and a crash has several. */
static bool is_of_next(struct stranded_walk *walk, size_t enough, struct stranded_lot *lot)
{
    struct date_dir *directory = walk->entry.directory;
    if (directory == walk->directory)
        return false;
    if (lot->ids.count > 0 &&
        (lot->ids.count >= enough || strncmp(lot->day, directory->path, DAY_LENGTH) != 0))
        return true;
    if (walk->directory != NULL)
        date_dir_release(walk->directory);
    walk->directory = date_dir_hold(directory);
    date_dir_day(directory, lot->day);
    return false;
}

bool stranded_next(struct stranded_walk *walk, size_t enough, struct stranded_lot *lot)
{
    names_free(&lot->ids);
    *lot = (struct stranded_lot){0};
    if (walk->directory != NULL)
        date_dir_day(walk->directory, lot->day);
    while (walk->is_ahead || walk_next(walk->walk, &walk->entry)) {
        const struct walk_entry *entry = &walk->entry;
        walk->is_ahead = false;
        if (entry->kind == WALK_UNREADABLE) {
            lot->is_unreadable = true;
            lot->failure = *entry->failure;
            break;
        }
        walk->is_ahead = is_of_next(walk, 2 * enough, lot);
        if (walk->is_ahead)
            break;
        if (!add_id(&lot->ids, walk->directory, entry->name)) {
            lot->is_unreadable = true;
            fail(&lot->failure, errno, "cannot read directory \"%s\"", walk->directory->path);
            return false;
        }
    }
    sort_once(&lot->ids);
    return lot->ids.count > 0 || lot->is_unreadable;
}
