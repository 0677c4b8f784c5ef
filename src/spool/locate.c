#include "spool/locate.h"

#include "spool/dir.h"
#include "spool/file.h"
#include "spool/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool roots_open(struct roots *roots, const char *storage_root, const char *deferred_storage_root,
                const char *json_suffix, const char *dump_suffix, struct failure *failure)
{
    const char *paths[ROOT_COUNT] = {storage_root, deferred_storage_root};
    for (int i = 0; i < ROOT_COUNT && paths[i] != NULL; i++) {
        roots->spools[i] = spool_open(i == 0 ? PLACE_STORAGE : PLACE_DEFERRED, paths[i],
                                      json_suffix, dump_suffix, failure);
        if (roots->spools[i] == NULL)
            return false;
    }
    return roots_refresh(roots, failure);
}

void roots_close(struct roots *roots)
{
    for (int i = 0; i < ROOT_COUNT; i++) {
        spool_close(roots->spools[i]);
        names_free(&roots->days[i]);
    }
}

bool roots_refresh(struct roots *roots, struct failure *failure)
{
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++) {
        names_free(&roots->days[i]);
        spool_ask_clock(roots->spools[i]);
        if (!spool_days(roots->spools[i], &roots->days[i], failure))
            return fail_further(failure, "; the run ends here");
    }
    return true;
}

/* 0, or an errno value; EINVAL: not a regular file. */
static int stat_file(const struct pair_location *location, const char *suffix,
                     struct main_file *file)
{
    char name[NAME_MAX + 1];
    pair_file_name(&location->pair, suffix, name);
    file->found = fstatat(location->directory, name, &file->status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!file->found)
        return errno == ENOENT ? 0 : errno;
    return file_is_regular(&file->status) ||
                   (S_ISREG(file->status.st_mode) && location->pair.spool->is_archive)
               ? 0
               : EINVAL;
}

/* Looks for a pair under one day. Anything but a regular file is a failure: it may hide a pair. A
 * link or a file in a directory's place (ENOTDIR) is one, too, but for a file that is called like
 * the day.
 */
static enum located search_day(struct pair_location *location, struct failure *failure)
{
    const struct pair *pair = &location->pair;
    int error = 0;
    location->directory = pair_open_directory_to_list(pair);
    if (location->directory < 0)
        error = errno == ENOENT || (errno == ENOTDIR && !spool_is_day(pair->spool, pair->day))
                    ? 0
                    : errno;
    else if ((error = stat_file(location, pair->spool->json_suffix, &location->json)) == 0)
        error = stat_file(location, pair->spool->dump_suffix, &location->dump);
    if (error == EINVAL)
        fail(failure, 0, "a file of it in \"%s/%s\" is not a regular file", pair->spool->path,
             pair->day);
    else if (error != 0)
        fail(failure, error, "cannot look for it in \"%s/%s\"", pair->spool->path, pair->day);
    return error != 0                                     ? LOCATED_FAILED
           : location->json.found && location->dump.found ? LOCATED_WHOLE
           : location->json.found || location->dump.found ? LOCATED_PART
                                                          : LOCATED_NOWHERE;
}

static struct pair_location nowhere(const struct spool *spool, const struct crash_id *id)
{
    return (struct pair_location){.pair = {.spool = spool, .id = *id}, .directory = -1};
}

struct search {
    const struct crash_id *id;
    bool is_queued; /* look for the only pair that has lost its name link, not for the first pair */
    struct pair_location best;
    bool is_ambiguous; /* another one is as good as the best */
    struct failure *failure;
};

/* Seconds in which a collector has written a pair and made its links. */
enum { YOUNG = 600 };

static bool is_found(enum located found)
{
    return found == LOCATED_WHOLE || found == LOCATED_PART;
}

static bool is_younger(const struct main_file *file, const struct spool *spool, long seconds)
{
    struct timespec changed = spool_changed(spool, &file->status);
    return file->found && !spool_is_past(spool, &changed, seconds);
}

/* Entries of a date tree that are looked through for one pair: where scan keeps up there are few.
 */
enum { DATE_LINKS = 10000 };

/* Looks for the date link of a pair without a name link. LOCATED_NOWHERE: it has one, so the pair
 * is new; LOCATED_FAILED: it may. */
static enum located judge_by_date_link(const struct pair_location *location,
                                       struct failure *failure)
{
    const struct pair *pair = &location->pair;
    struct walk_entry entry;
    struct walk *walk = walk_new_in(pair->spool, "date", pair->day, failure);
    enum located judged = walk != NULL ? location->found : LOCATED_FAILED;
    long left = DATE_LINKS;
    while (walk != NULL && judged == location->found && walk_next(walk, &entry)) {
        if (strcmp(entry.name, pair->id.text) == 0) {
            judged = LOCATED_NOWHERE;
        } else if (entry.kind == WALK_UNREADABLE) {
            judged = LOCATED_FAILED;
            *failure = *entry.failure;
        } else if (--left == 0) {
            judged = LOCATED_FAILED;
            fail(failure, 0,
                 "a pair of its id in \"%s/%s\" may be new: that day has too many new crashes",
                 pair->spool->path, pair->day);
        }
    }
    walk_free(walk);
    return judged;
}

/* What is new has links, mostly both. LOCATED_NOWHERE: the pair is; LOCATED_FAILED: it may be. */
static enum located judge_by_links(const struct pair_location *location, struct failure *failure)
{
    struct stat status;
    const struct pair *pair = &location->pair;
    bool has_name = fstatat(location->directory, pair->id.text, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (has_name && S_ISLNK(status.st_mode))
        return LOCATED_NOWHERE;
    if (has_name || errno == ENOENT)
        return judge_by_date_link(location, failure);
    fail(failure, errno, "cannot look for its name link in \"%s/%s\"", pair->spool->path,
         pair->day);
    return LOCATED_FAILED;
}

/* What a pair is to the row of a crash with its id that was queued from elsewhere. Some collectors
 * make the links last. */
static enum located judge_other(const struct pair_location *location, struct failure *failure)
{
    const struct spool *spool = location->pair.spool;
    if (location->found == LOCATED_NOWHERE || location->directory < 0)
        return location->found;
    enum located judged = judge_by_links(location, failure);
    if (judged != location->found)
        return judged;
    if (is_younger(&location->json, spool, YOUNG) || is_younger(&location->dump, spool, YOUNG))
        fail(failure, 0, "a pair of its id in \"%s/%s\" may still be written to", spool->path,
             location->pair.day);
    else
        return judged;
    return LOCATED_FAILED;
}

enum file_time { WRITTEN, CAME };

/* Whether this was done to a file of the pair in the last `age` microseconds. */
static bool was_done_within(const struct pair_location *location, enum file_time what,
                            long long age)
{
    const struct main_file *files[] = {&location->json, &location->dump};
    const struct spool *spool = location->pair.spool;
    const struct timespec then = spool_time_ago(spool, age);
    for (int i = 0; i < 2; i++) {
        const struct stat *status = &files[i]->status;
        const struct timespec *time = what == WRITTEN ? &status->st_mtim : &status->st_ctim;
        if (files[i]->found && !time_is_past(time, 0, &then) && !spool_is_ahead(spool, time))
            return true;
    }
    return false;
}

bool location_came_within(const struct pair_location *location, long long age)
{
    return was_done_within(location, CAME, age);
}

enum name_link { LINK_NONE, LINK_OLDER, LINK_NEWER };

/* How its name link compares with that. */
static enum name_link find_name_link(const struct pair_location *location, long long age)
{
    struct stat status;
    const struct timespec then = spool_time_ago(location->pair.spool, age);
    if (fstatat(location->directory, location->pair.id.text, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISLNK(status.st_mode))
        return LINK_NONE;
    return time_is_past(&status.st_ctim, 0, &then) ? LINK_OLDER : LINK_NEWER;
}

/* What came to the origin after its job was taken is another crash if it has a link that did, too.
 * What came after its end is one with any link; and if it was written since the row was made, but
 * its links may be on their way; else a run that was killed has changed the mode of the files. */
static enum located judge_origin(struct pair_location *location, const struct origin *origin,
                                 struct failure *failure)
{
    if (origin->taken <= 0 || location->directory < 0 ||
        !location_came_within(location, origin->taken))
        return location->found;
    if (!location_came_within(location, origin->ended))
        return find_name_link(location, origin->taken) == LINK_NEWER ? LOCATED_NOWHERE
                                                                     : location->found;
    location->is_later = was_done_within(location, WRITTEN, origin->queued);
    if (location->is_later)
        return judge_other(location, failure);
    return find_name_link(location, origin->ended) == LINK_OLDER
               ? location->found
               : judge_by_links(location, failure);
}

/* A day can be mounted twice, perhaps in both roots. */
static bool is_same(const struct pair_location *one, const struct pair_location *other)
{
    struct stat here, there;
    return fstat(one->directory, &here) == 0 && fstat(other->directory, &there) == 0 &&
           file_is_same(&here, &there);
}

/* Keeps the better of the best so far and what is on this day. True while more has to be seen. */
static bool keep_better(struct search *search, const struct spool *spool, const char *day)
{
    struct pair_location *best = &search->best, here = nowhere(spool, search->id);
    memcpy(here.pair.day, day, sizeof here.pair.day);
    here.found = search_day(&here, search->failure);
    if (search->is_queued)
        here.found = judge_other(&here, search->failure);
    bool is_better = here.found > best->found;
    if (is_better)
        search->is_ambiguous = false;
    else if (here.found == best->found && is_found(here.found) && !is_same(best, &here))
        search->is_ambiguous = true;
    struct pair_location worse = is_better ? *best : here;
    if (is_better)
        *best = here;
    location_close(&worse);
    return best->found < LOCATED_WHOLE || (search->is_queued && !search->is_ambiguous);
}

static bool search_spool(struct search *search, const struct spool *spool, const struct names *days)
{
    const char *first = search->id->day;
    bool go_on = first[0] == '\0' || keep_better(search, spool, first);
    for (size_t i = days->count; go_on && i-- > 0;)
        if (strcmp(days->items[i], first) != 0)
            go_on = keep_better(search, spool, days->items[i]);
    return go_on;
}

static void search_roots(struct search *search, const struct roots *roots)
{
    search->best = nowhere(NULL, search->id);
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++)
        if (!search_spool(search, roots->spools[i], &roots->days[i]))
            break;
}

void locate_there(const struct pair *pair, struct pair_location *location, struct failure *failure)
{
    *location = (struct pair_location){.pair = *pair};
    location->found = search_day(location, failure);
}

void locate_in(const struct spool *spool, const struct names *days, const struct crash_id *id,
               struct pair_location *location, struct failure *failure)
{
    struct search search = {.id = id, .best = nowhere(NULL, id), .failure = failure};
    search_spool(&search, spool, days);
    *location = search.best;
}

enum located locate_unlinked(const struct pair *pair, struct failure *failure)
{
    struct names days = {0};
    struct search search = {
        .id = &pair->id, .is_queued = true, .best = nowhere(NULL, &pair->id), .failure = failure};
    bool good = spool_days(pair->spool, &days, failure);
    if (good)
        search_spool(&search, pair->spool, &days);
    names_free(&days);
    location_close(&search.best);
    return good ? search.best.found : LOCATED_FAILED;
}

void locate(const struct roots *roots, const struct crash_id *id, struct pair_location *location,
            struct failure *failure)
{
    struct search search = {.id = id, .failure = failure};
    search_roots(&search, roots);
    *location = search.best;
}

void locate_queued(const struct roots *roots, const struct crash_id *id,
                   const struct origin *origin, struct pair_location *location,
                   struct failure *failure)
{
    struct search search = {.id = id, .is_queued = true, .failure = failure};
    *location = nowhere(origin->spool, id);
    if (origin->state == ORIGIN_CLOSED) {
        fail(failure, 0, "it was queued from a root that is not set in this run");
        location->found = LOCATED_FAILED;
        return;
    }
    if (origin->state == ORIGIN_KNOWN) {
        memcpy(location->pair.day, origin->day, sizeof location->pair.day);
        location->found = search_day(location, failure);
        location->pair.looked = spool_time_ago(origin->spool, origin->taken);
        location->found = judge_origin(location, origin, failure);
        if (location->found != LOCATED_NOWHERE)
            return;
        location_close(location);
    }
    search_roots(&search, roots);
    *location = search.best;
    if (location->found == LOCATED_NOWHERE && roots->has_closed &&
        origin->state == ORIGIN_UNKNOWN) {
        fail(failure, 0, "it may be in the deferred storage root, which is not set in this run");
        location->found = LOCATED_FAILED;
    }
    if (search.is_ambiguous) {
        fail(failure, 0, "several pairs have its id, and its row does not say which one is meant");
        location->found = LOCATED_FAILED;
    }
}

/* The day in a pathname like that of a pair, .../DAY/name/22/ad/<id>.json, whatever the suffix. */
static bool find_day(const char *pathname, const struct crash_id *id, char day[DAY_LENGTH + 1])
{
    const struct pair pair = {.id = *id};
    char directory[PAIR_DIRECTORY_SIZE], below[PAIR_PATH_SIZE];
    pair_directory(&pair, directory); /* without a day: "/name/22/ad" */
    snprintf(below, sizeof below, "%s/%s.", directory, id->text);
    const char *end = strstr(pathname, below);
    if (end == NULL || end - pathname < 1 + DAY_LENGTH || end[-DAY_LENGTH - 1] != '/')
        return false;
    memcpy(day, end - DAY_LENGTH, DAY_LENGTH);
    day[DAY_LENGTH] = '\0';
    return day_is_valid(day);
}

static bool is_below(const char *pathname, const char *root)
{
    size_t length = strlen(root);
    return strncmp(pathname, root, length) == 0 && pathname[length] == '/';
}

void origin_read(struct origin *origin, const struct roots *roots, const struct crash_id *id,
                 const char *mark, const char *pathname)
{
    *origin = (struct origin){0};
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++)
        if (mark[0] != '\0' ? strcmp(roots->spools[i]->mark, mark) == 0
                            : is_below(pathname, roots->spools[i]->path))
            origin->spool = roots->spools[i];
    if (origin->spool == NULL)
        origin->state = mark[0] != '\0' ? ORIGIN_CLOSED : ORIGIN_UNKNOWN;
    else if (find_day(pathname, id, origin->day))
        origin->state = ORIGIN_KNOWN;
}

void location_close(struct pair_location *location)
{
    if (location->directory >= 0)
        close(location->directory);
    location->directory = -1;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* <id>.<name>.dump, unless it is the metadata, whose suffix may end likewise. */
static bool is_further_dump(const struct pair *pair, const char *name)
{
    return strcmp(name + strnlen(name, CRASH_ID_LENGTH), pair->spool->json_suffix) != 0 &&
           strncmp(name, pair->id.text, CRASH_ID_LENGTH) == 0 && name[CRASH_ID_LENGTH] == '.' &&
           ends_with(name + CRASH_ID_LENGTH + 1, pair->spool->dump_suffix);
}

static bool add(struct pair_files *files, const char *name, const struct stat *status)
{
    struct pair_file *items = realloc(files->items, (files->count + 1) * sizeof *items);
    if (items == NULL)
        return false;
    files->items = items;
    struct pair_file *file = &items[files->count];
    *file = (struct pair_file){.name = strdup(name), .status = *status};
    return file->name != NULL && ++files->count > 0;
}

/* Ignores what is not a file. One with a second name is a dump, but not safe to move. */
static bool add_further_dump(const struct pair_location *location, const char *name,
                             struct pair_files *files)
{
    struct stat status;
    if (fstatat(location->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    if (S_ISREG(status.st_mode) && !file_is_regular(&status)) {
        errno = EMLINK;
        return false;
    }
    return !S_ISREG(status.st_mode) || add(files, name, &status);
}

static bool add_main_file(const struct pair_location *location, const char *suffix,
                          const struct main_file *file, struct pair_files *files)
{
    char name[NAME_MAX + 1];
    pair_file_name(&location->pair, suffix, name);
    return !file->found || add(files, name, &file->status);
}

bool location_list(const struct pair_location *location, struct pair_files *files)
{
    const struct spool *spool = location->pair.spool;
    const struct dirent64 *entry;
    struct dir_reader reader;
    dir_begin_open(&reader, location->directory);
    while ((entry = dir_next(&reader)) != NULL)
        if (is_further_dump(&location->pair, entry->d_name) &&
            !add_further_dump(location, entry->d_name, files))
            return false;
    return errno == 0 && add_main_file(location, spool->dump_suffix, &location->dump, files) &&
           add_main_file(location, spool->json_suffix, &location->json, files);
}

void pair_files_free(struct pair_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].name);
    free(files->items);
    *files = (struct pair_files){0};
}
