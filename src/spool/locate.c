#include "spool/locate.h"

#include "spool/dir.h"
#include "spool/evidence.h"
#include "spool/file.h"

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

void roots_ask_clock(const struct roots *roots)
{
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++)
        spool_ask_clock(roots->spools[i]);
}

void roots_read_clocks(const struct roots *roots, long long times[ROOT_COUNT])
{
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++)
        times[i] = spool_read_clock(roots->spools[i]);
}

void roots_set_clocks(const struct roots *roots, const long long times[ROOT_COUNT])
{
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++)
        spool_set_clock(roots->spools[i], times[i]);
}

bool roots_refresh(struct roots *roots, struct failure *failure)
{
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++) {
        names_free(&roots->days[i]);
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

static enum located count_files(const struct pair_location *location)
{
    return location->json.found && location->dump.found   ? LOCATED_WHOLE
           : location->json.found || location->dump.found ? LOCATED_PART
                                                          : LOCATED_NOWHERE;
}

/* Looks for a pair under one day. Anything but a regular file is a failure: it may hide a pair. A
 * link or a file in a directory's place (ENOTDIR) is one, too, but for a file that is called like a
 * day, unless that is known to have been one.
 */
static enum located search_day(struct pair_location *location, bool was_day,
                               struct failure *failure)
{
    const struct pair *pair = &location->pair;
    int error = 0;
    location->directory = pair_open_directory_to_list(pair);
    if (location->directory < 0)
        error = errno == ENOENT ||
                        (errno == ENOTDIR && !was_day && !spool_is_day(pair->spool, pair->day))
                    ? 0
                    : errno;
    else if ((error = stat_file(location, pair->spool->json_suffix, &location->json)) == 0)
        error = stat_file(location, pair->spool->dump_suffix, &location->dump);
    if (error == EINVAL)
        fail(failure, 0, "a file of it in \"%s/%s\" is not a regular file", pair->spool->path,
             pair->day);
    else if (error != 0)
        fail(failure, error, "cannot look for it in \"%s/%s\"", pair->spool->path, pair->day);
    return error != 0 ? LOCATED_FAILED : count_files(location);
}

static struct pair_location nowhere(const struct spool *spool, const struct crash_id *id)
{
    return (struct pair_location){.pair = {.spool = spool, .id = *id}, .directory = -1};
}

struct search {
    const struct crash_id *id;
    bool is_queued; /* look for the only pair that has lost its name link, not for the first pair */
    const struct origin *origin; /* where it is not, if that is known; NULL: not known */
    long age; /* what came there earlier than so many seconds ago does not count */
    struct pair_location best;
    bool is_ambiguous; /* another one is as good as the best */
    bool is_blind;     /* the pair may be where nobody could look, or tell whose that is */
    struct failure *failure;
};

static bool is_found(enum located found)
{
    return found == LOCATED_WHOLE || found == LOCATED_PART;
}

/* A day can be mounted twice, perhaps in both roots. */
static bool is_same(const struct pair_location *one, const struct pair_location *other)
{
    struct stat here, there;
    return fstat(one->directory, &here) == 0 && fstat(other->directory, &there) == 0 &&
           file_is_same(&here, &there);
}

static void forget_older(const struct spool *spool, struct main_file *file, long age)
{
    file->is_older = file->found && spool_is_past(spool, &file->status.st_ctim, age);
    file->found = file->found && !file->is_older;
}

/* What is older is no reason to look no further: its own may lie behind it. */
static void judge_age(struct search *search, struct pair_location *here)
{
    struct pair_location *best = &search->best;
    if (search->age == ANY_AGE || !is_found(here->found))
        return;
    if (!evidence_has_clock(here, search->failure)) {
        here->found = LOCATED_FAILED;
        return;
    }
    forget_older(here->pair.spool, &here->json, search->age);
    forget_older(here->pair.spool, &here->dump, search->age);
    here->found = count_files(here);
    if (here->found == LOCATED_NOWHERE && best->found == LOCATED_NOWHERE) {
        best->json.is_older |= here->json.is_older;
        best->dump.is_older |= here->dump.is_older;
    }
}

/* Keeps the better of the best so far and what is on this day. True while more has to be seen. */
static bool keep_better(struct search *search, const struct spool *spool, const char *day)
{
    struct pair_location *best = &search->best, here = nowhere(spool, search->id);
    memcpy(here.pair.day, day, sizeof here.pair.day);
    here.found = search_day(&here, false, search->failure);
    judge_age(search, &here);
    if (search->is_queued)
        here.found = evidence_of_other(&here, search->origin, search->failure);
    search->is_blind |= here.found == LOCATED_FAILED;
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
    location->found = search_day(location, false, failure);
}

void locate_in(const struct spool *spool, const struct names *days, const struct crash_id *id,
               long age, struct pair_location *location, struct failure *failure)
{
    struct search search = {.id = id, .age = age, .best = nowhere(NULL, id), .failure = failure};
    search_spool(&search, spool, days);
    *location = search.best;
}

/* Whether a day may be the mount point of a disk that is away, on which `what` may be. */
static bool may_be_hidden(const struct spool *spool, const char *day, const char *what,
                          struct failure *failure)
{
    struct pair its = {.spool = spool};
    memcpy(its.day, day, sizeof its.day);
    const char *doubt = its.day[0] != '\0' ? pair_tree_doubt(&its) : NULL;
    if (doubt == NULL)
        return false;
    fail(failure, 0, "%s may be in \"%s/%s\", which %s", what, spool->path, day, doubt);
    return true;
}

enum located locate_unlinked(const struct spool *spool, const struct crash_id *id,
                             struct failure *failure)
{
    struct names days = {0};
    struct search search = {
        .id = id, .is_queued = true, .age = ANY_AGE, .best = nowhere(NULL, id), .failure = failure};
    bool good = spool_days(spool, &days, failure);
    if (good)
        search_spool(&search, spool, &days);
    names_free(&days);
    location_close(&search.best);
    good = good && !(search.best.found == LOCATED_NOWHERE &&
                     may_be_hidden(spool, id->day, "the pair of its job", failure));
    return good ? search.best.found : LOCATED_FAILED;
}

/* What has another layout has no day that we know. */
static bool hides_crashes(const struct spool *spool, const struct names *days,
                          struct failure *failure)
{
    return spool->is_strange && days->count == 0 &&
           !fail(failure, 0,
                 "\"%s\" has no directory of a day, but something else, in which it may be",
                 spool->path);
}

/* Whether a pair that was not found may be where nobody could look: on the disk of a day, or in a
 * root. One whose id has no date may lie under any day. */
static bool may_be_away(const struct roots *roots, const struct crash_id *id,
                        struct failure *failure)
{
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++) {
        if (hides_crashes(roots->spools[i], &roots->days[i], failure))
            return true;
        for (size_t j = 0; j < roots->days[i].count; j++)
            if (crash_id_may_be_of(id, roots->days[i].items[j]) &&
                may_be_hidden(roots->spools[i], roots->days[i].items[j], "it", failure))
                return true;
    }
    if (roots->has_closed)
        fail(failure, 0, "it may be in the deferred storage root, which is not set in this run");
    return roots->has_closed;
}

void locate(const struct roots *roots, const struct crash_id *id, struct pair_location *location,
            struct failure *failure)
{
    struct search search = {.id = id, .age = ANY_AGE, .failure = failure};
    search_roots(&search, roots);
    *location = search.best;
    if (location->found < LOCATED_FAILED && may_be_away(roots, id, failure)) {
        failure->error = LOCATE_AWAY;
        location->found = LOCATED_FAILED;
    }
}

/* Whether the pair of a row, or the rest of it, would not be seen, wherever it is. */
static bool is_unseen(const struct roots *roots, const struct origin *origin,
                      struct failure *failure)
{
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++)
        if ((origin->spool == NULL || origin->spool == roots->spools[i]) &&
            hides_crashes(roots->spools[i], &roots->days[i], failure))
            return true;
    return origin->has_other_suffix &&
           !fail(failure, 0, "it was queued with another json-file-suffix than \"%s\"",
                 roots->spools[0]->json_suffix);
}

void locate_queued(const struct roots *roots, const struct crash_id *id,
                   const struct origin *origin, struct pair_location *location,
                   struct failure *failure)
{
    struct search search = {
        .id = id, .is_queued = true, .origin = origin, .age = ANY_AGE, .failure = failure};
    bool is_replaced = false;
    *location = nowhere(origin->spool, id);
    if (origin->state == ORIGIN_CLOSED) {
        fail(failure, 0, "it was queued from a root that is not set in this run");
        location->found = LOCATED_FAILED;
        return;
    }
    if (origin->state == ORIGIN_KNOWN) {
        memcpy(location->pair.day, origin->day, sizeof location->pair.day);
        location->found = search_day(location, true, failure);
        location->pair.looked = spool_time_ago(origin->spool, origin->taken);
        location->found = evidence_of_origin(location, origin, failure);
        if (location->found == LOCATED_PART && is_unseen(roots, origin, failure))
            location->found = LOCATED_FAILED;
        if (location->found != LOCATED_NOWHERE)
            return;
        is_replaced = location->json.found || location->dump.found;
        location_close(location);
    }
    const struct pair its = location->pair;
    search_roots(&search, roots);
    *location = search.best;
    location->is_replaced = is_replaced;
    if (location->found == LOCATED_NOWHERE && roots->has_closed &&
        origin->state == ORIGIN_UNKNOWN) {
        fail(failure, 0, "it may be in the deferred storage root, which is not set in this run");
        location->found = LOCATED_FAILED;
    }
    if (search.is_blind ||
        (location->found == LOCATED_NOWHERE && is_unseen(roots, origin, failure)))
        location->found = LOCATED_FAILED;
    if (search.is_ambiguous) {
        fail(failure, 0, "several pairs have its id, and its row does not say which one is meant");
        location->found = LOCATED_FAILED;
    }
    if (is_found(location->found))
        evidence_doubt(location, origin, &its, failure);
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

/* Of a pathname that ends like that of metadata, /<id>.json. */
static bool has_other_suffix(const char *pathname, const struct crash_id *id, const char *suffix)
{
    const char *slash = strrchr(pathname, '/'), *name = slash != NULL ? slash + 1 : pathname;
    return strncmp(name, id->text, CRASH_ID_LENGTH) == 0 && name[CRASH_ID_LENGTH] == '.' &&
           strcmp(name + CRASH_ID_LENGTH, suffix) != 0;
}

void origin_read(struct origin *origin, const struct roots *roots, const struct crash_id *id,
                 const char *mark, const char *pathname)
{
    *origin = (struct origin){.has_other_suffix =
                                  has_other_suffix(pathname, id, roots->spools[0]->json_suffix)};
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++)
        if (mark[0] != '\0' ? strcmp(roots->spools[i]->mark, mark) == 0
                            : is_below(pathname, roots->spools[i]->path))
            origin->spool = roots->spools[i];
    if (origin->spool == NULL)
        origin->state = mark[0] != '\0' ? ORIGIN_CLOSED : ORIGIN_UNKNOWN;
    else if (find_day(pathname, id, origin->day))
        origin->state = ORIGIN_KNOWN;
}
