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
    const struct origin *origin; /* where it is not, if that is known; NULL: not known */
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

enum link { LINK_NONE, LINK_OLDER, LINK_NEWER, LINK_UNKNOWN };

/* How a link of a pair compares with that. */
static enum link judge_link(const struct pair_location *location, const struct stat *status,
                            long long age)
{
    const struct timespec then = spool_time_ago(location->pair.spool, age);
    return pair_link_is_newer(status, location->directory, &then) ? LINK_NEWER : LINK_OLDER;
}

/* Looks for the date links of a pair without a name link, up to the first that is newer. */
static enum link find_date_link(const struct pair_location *location, long long age,
                                struct failure *failure)
{
    const struct pair *pair = &location->pair;
    struct stat status;
    struct walk_entry entry;
    struct walk *walk = walk_new_in(pair->spool, "date", pair->day, failure);
    enum link found = walk != NULL ? LINK_NONE : LINK_UNKNOWN;
    long left = DATE_LINKS;
    while (walk != NULL && found < LINK_NEWER && walk_next(walk, &entry)) {
        if (strcmp(entry.name, pair->id.text) == 0 &&
            fstatat(entry.descriptor, entry.name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
            found = judge_link(location, &status, age);
        } else if (entry.kind == WALK_UNREADABLE) {
            found = LINK_UNKNOWN;
            *failure = *entry.failure;
        } else if (--left == 0) {
            found = LINK_UNKNOWN;
            fail(failure, 0,
                 "a pair of its id in \"%s/%s\" may be new: that day has too many new crashes",
                 pair->spool->path, pair->day);
        }
    }
    walk_free(walk);
    return found;
}

/* How the name link of a pair compares with that; if it has none, its date link. */
static enum link find_link(const struct pair_location *location, long long age,
                           struct failure *failure)
{
    struct stat status;
    const struct pair *pair = &location->pair;
    bool has_name = fstatat(location->directory, pair->id.text, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (has_name && S_ISLNK(status.st_mode))
        return judge_link(location, &status, age);
    if (has_name || errno == ENOENT)
        return find_date_link(location, age, failure);
    fail(failure, errno, "cannot look for its name link in \"%s/%s\"", pair->spool->path,
         pair->day);
    return LINK_UNKNOWN;
}

/* What a pair is to the row of a crash with its id that was queued from elsewhere. Some collectors
 * make the links last. */
static enum located judge_other(const struct pair_location *location, struct failure *failure)
{
    const struct spool *spool = location->pair.spool;
    if (location->found == LOCATED_NOWHERE || location->directory < 0)
        return location->found;
    enum link link = find_link(location, 0, failure);
    if (link != LINK_NONE)
        return link == LINK_UNKNOWN ? LOCATED_FAILED : LOCATED_NOWHERE;
    if (is_younger(&location->json, spool, YOUNG) || is_younger(&location->dump, spool, YOUNG))
        fail(failure, 0, "a pair of its id in \"%s/%s\" may still be written to", spool->path,
             location->pair.day);
    else
        return location->found;
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

/* Its row was made at a time that is still to come: nobody knows when. */
static bool was_written_since_row(const struct pair_location *location, const struct origin *origin)
{
    return origin->queued < 0 || was_done_within(location, WRITTEN, origin->queued);
}

/* What came to the origin after its job was taken is another crash if it has a link that did, too;
 * what came after its end and was written since the row was made, if it has any link, but its links
 * may be on their way. Else a run that was killed has changed the mode of the files, or all of the
 * spool was copied. */
static enum located judge_origin(struct pair_location *location, const struct origin *origin,
                                 struct failure *failure)
{
    if (origin->taken <= 0 || location->directory < 0 ||
        !location_came_within(location, origin->taken))
        return location->found;
    bool has_ended = location_came_within(location, origin->ended);
    location->is_later = has_ended && was_written_since_row(location, origin);
    if (location->is_later)
        return judge_other(location, failure);
    switch (find_link(location, has_ended ? origin->ended : origin->taken, failure)) {
    case LINK_NEWER: return LOCATED_NOWHERE;
    case LINK_UNKNOWN: return LOCATED_FAILED;
    default: return location->found;
    }
}

/* What lies elsewhere may have been moved there: a whole pair that is older than the row. */
static enum located judge_elsewhere(const struct pair_location *location,
                                    const struct search *search)
{
    const struct origin *origin = search->origin;
    bool is_another = origin != NULL && origin->state == ORIGIN_KNOWN &&
                      is_found(location->found) &&
                      (location->found == LOCATED_PART || was_written_since_row(location, origin));
    return is_another ? LOCATED_NOWHERE : judge_other(location, search->failure);
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
        here.found = judge_elsewhere(&here, search);
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

/* What was found although it is not, or may not be, where the row says. What a processor has taken
 * was written before. */
static void judge_found(struct pair_location *location, const struct origin *origin,
                        const struct pair *its, struct failure *failure)
{
    location->is_elsewhere = origin->state == ORIGIN_KNOWN;
    location->is_later =
        !location->is_elsewhere && was_done_within(location, WRITTEN, origin->taken);
    if (location->is_elsewhere && pair_tree_is_empty(its)) {
        fail(failure, 0,
             "its own directory \"%s/%s\" is empty (is it mounted?), and a pair of its id is in "
             "\"%s/%s\"",
             its->spool->path, its->day, location->pair.spool->path, location->pair.day);
        location->found = LOCATED_FAILED;
    }
}

void locate_queued(const struct roots *roots, const struct crash_id *id,
                   const struct origin *origin, struct pair_location *location,
                   struct failure *failure)
{
    struct search search = {.id = id, .is_queued = true, .origin = origin, .failure = failure};
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
    const struct pair its = location->pair;
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
    if (is_found(location->found))
        judge_found(location, origin, &its, failure);
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
