#include "spool/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 0, or an error; EINVAL: it is not a plain file. */
static int look_at_file(const struct found *found, const char *suffix, struct main_file *file)
{
    char name[NAME_MAX + 1];
    pair_file_name(&found->pair, suffix, name);
    file->found = fstatat(found->directory, name, &file->status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!file->found)
        return errno == ENOENT ? 0 : errno;
    return file_is_plain(&file->status) ? 0 : EINVAL;
}

/* What of a pair lies in one place. What is there but is no plain file cannot be told from one that
 * somebody has put in a pair's way: it is neither taken for the pair nor for nothing. */
static enum search look(struct found *found, struct failure *failure)
{
    const struct pair *pair = &found->pair;
    int error = 0;
    found->directory = pair_open_directory_to_list(pair);
    if (found->directory < 0)
        error = errno == ENOENT || errno == ENOTDIR ? 0 : errno;
    else if ((error = look_at_file(found, pair->spool->json_suffix, &found->json)) == 0)
        error = look_at_file(found, pair->spool->dump_suffix, &found->dump);
    if (error == EINVAL)
        fail(failure, 0, "what lies under %s/%s is not a plain file", pair->spool->path, pair->day);
    else if (error != 0)
        fail(failure, error, "cannot look for it under %s/%s", pair->spool->path, pair->day);
    return error != 0                               ? SEARCH_FAILED
           : found->json.found && found->dump.found ? SEARCH_WHOLE
           : found->json.found || found->dump.found ? SEARCH_PART
                                                    : SEARCH_NOWHERE;
}

/* The better of what was found before and what is there on this day. True: look on. */
static bool look_on(struct found *best, const struct pair *pair, const char *day,
                    struct failure *failure)
{
    struct found found = {.pair = *pair};
    memcpy(found.pair.day, day, sizeof found.pair.day);
    found.search = look(&found, failure);
    struct found worse = found.search > best->search ? *best : found;
    if (found.search > best->search)
        *best = found;
    found_close(&worse);
    return best->search < SEARCH_WHOLE;
}

void search_spool(const struct spool *spool, const struct names *days, const struct crash_id *id,
                  struct found *best, struct failure *failure)
{
    const struct pair pair = {.spool = spool, .id = *id};
    if (spool->root < 0)
        return;
    bool go_on = id->day[0] == '\0' || look_on(best, &pair, id->day, failure);
    for (size_t i = days->count; go_on && i-- > 0;)
        if (strcmp(days->items[i], id->day) != 0)
            go_on = look_on(best, &pair, days->items[i], failure);
}

void found_close(struct found *found)
{
    if (found->directory >= 0)
        close(found->directory);
    found->directory = -1;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* <id>.<name>.dump, and not the metadata of a suffix that ends so. */
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

/* One that is no plain file is none. */
static bool add_further_dump(const struct found *found, const char *name, struct pair_files *files)
{
    struct stat status;
    if (fstatat(found->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    return !file_is_plain(&status) || add(files, name, &status);
}

static bool add_main_file(const struct found *found, const char *suffix,
                          const struct main_file *file, struct pair_files *files)
{
    char name[NAME_MAX + 1];
    pair_file_name(&found->pair, suffix, name);
    return !file->found || add(files, name, &file->status);
}

struct listing {
    const struct found *found;
    struct pair_files *files;
};

static bool take_further_dump(void *context, const char *name)
{
    struct listing *listing = context;
    return !is_further_dump(&listing->found->pair, name) ||
           add_further_dump(listing->found, name, listing->files);
}

bool found_list(const struct found *found, struct pair_files *files)
{
    const struct spool *spool = found->pair.spool;
    struct listing listing = {found, files};
    return dir_list(found->directory, take_further_dump, &listing) &&
           add_main_file(found, spool->dump_suffix, &found->dump, files) &&
           add_main_file(found, spool->json_suffix, &found->json, files);
}

void pair_files_free(struct pair_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].name);
    free(files->items);
    *files = (struct pair_files){0};
}
