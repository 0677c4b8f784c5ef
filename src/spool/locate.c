#include "spool/locate.h"

#include "spool/dir.h"
#include "spool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool roots_open(struct roots *roots, const char *storage_root, const char *deferred_storage_root,
                const char *json_suffix, const char *dump_suffix, struct failure *failure)
{
    const char *paths[ROOT_COUNT] = {storage_root, deferred_storage_root};
    for (int i = 0; i < ROOT_COUNT && paths[i] != NULL; i++) {
        roots->spools[i] = spool_open(paths[i], json_suffix, dump_suffix, failure);
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
        if (!spool_days(roots->spools[i], &roots->days[i], failure))
            return false;
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
    return file_is_regular(&file->status) ? 0 : EINVAL;
}

/* Looks for a pair under one day. Anything but a regular file is a failure: it may hide a pair. */
static enum located search_day(struct pair_location *location, struct failure *failure)
{
    const struct pair *pair = &location->pair;
    int error = 0;
    location->directory = pair_open_directory_to_list(pair);
    if (location->directory < 0)
        error = errno == ENOENT || errno == ENOTDIR ? 0 : errno;
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

/* Keeps the better of the best so far and what is on this day. True while a better one may come. */
static bool keep_better(struct pair_location *best, const struct pair *pair, const char *day,
                        struct failure *failure)
{
    struct pair_location here = {.pair = *pair};
    memcpy(here.pair.day, day, sizeof here.pair.day);
    here.found = search_day(&here, failure);
    struct pair_location worse = here.found > best->found ? *best : here;
    if (here.found > best->found)
        *best = here;
    location_close(&worse);
    return best->found < LOCATED_WHOLE;
}

static void search_spool(const struct spool *spool, const struct names *days,
                         const struct crash_id *id, struct pair_location *best,
                         struct failure *failure)
{
    const struct pair pair = {.spool = spool, .id = *id};
    bool go_on = id->day[0] == '\0' || keep_better(best, &pair, id->day, failure);
    for (size_t i = days->count; go_on && i-- > 0;)
        if (strcmp(days->items[i], id->day) != 0)
            go_on = keep_better(best, &pair, days->items[i], failure);
}

void locate_in(const struct spool *spool, const struct names *days, const struct crash_id *id,
               struct pair_location *location, struct failure *failure)
{
    *location = (struct pair_location){.directory = -1};
    search_spool(spool, days, id, location, failure);
}

void locate(const struct roots *roots, const struct crash_id *id, struct pair_location *location,
            struct failure *failure)
{
    *location = (struct pair_location){.directory = -1};
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++)
        if (location->found < LOCATED_WHOLE)
            search_spool(roots->spools[i], &roots->days[i], id, location, failure);
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

/* Ignores what is not a regular file. */
static bool add_further_dump(const struct pair_location *location, const char *name,
                             struct pair_files *files)
{
    struct stat status;
    if (fstatat(location->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    return !file_is_regular(&status) || add(files, name, &status);
}

static bool add_main_file(const struct pair_location *location, const char *suffix,
                          const struct main_file *file, struct pair_files *files)
{
    char name[NAME_MAX + 1];
    pair_file_name(&location->pair, suffix, name);
    return !file->found || add(files, name, &file->status);
}

struct listing {
    const struct pair_location *location;
    struct pair_files *files;
};

static bool take_further_dump(void *context, const char *name)
{
    struct listing *listing = context;
    return !is_further_dump(&listing->location->pair, name) ||
           add_further_dump(listing->location, name, listing->files);
}

bool location_list(const struct pair_location *location, struct pair_files *files)
{
    const struct spool *spool = location->pair.spool;
    struct listing listing = {location, files};
    return dir_list(location->directory, take_further_dump, &listing) &&
           add_main_file(location, spool->dump_suffix, &location->dump, files) &&
           add_main_file(location, spool->json_suffix, &location->json, files);
}

void pair_files_free(struct pair_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].name);
    free(files->items);
    *files = (struct pair_files){0};
}
