#include "spool/location.h"

#include "spool/dir.h"
#include "spool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a file has this time, and it lies in the last `age` microseconds, or ahead. */
static bool is_within(const struct main_file *file, const struct timespec *time,
                      const struct spool *spool, long long age)
{
    const struct timespec then = spool_time_ago(spool, age);
    return file->found && !time_is_past(time, 0, &then);
}

static bool is_written_within(const struct main_file *file, const struct spool *spool,
                              long long age)
{
    return is_within(file, &file->status.st_mtim, spool, age);
}

static bool has_come_within(const struct main_file *file, const struct spool *spool, long long age)
{
    return is_within(file, &file->status.st_ctim, spool, age);
}

bool location_written_within(const struct pair_location *location, long long age)
{
    return is_written_within(&location->json, location->pair.spool, age) ||
           is_written_within(&location->dump, location->pair.spool, age);
}

bool location_came_within(const struct pair_location *location, long long age)
{
    return has_come_within(&location->json, location->pair.spool, age) ||
           has_come_within(&location->dump, location->pair.spool, age);
}

bool location_is_ahead(const struct pair_location *location)
{
    const struct spool *spool = location->pair.spool;
    return (location->json.found && spool_is_ahead(spool, &location->json.status.st_ctim)) ||
           (location->dump.found && spool_is_ahead(spool, &location->dump.status.st_ctim));
}

bool location_came_after(const struct pair_location *location, long long taken, long long ended)
{
    return location_came_within(location, ended) ||
           is_written_within(&location->dump, location->pair.spool, taken);
}

void location_close(struct pair_location *location)
{
    if (location->directory >= 0)
        close(location->directory);
    location->directory = -1;
}

static bool is_note(const struct pair *pair, const char *name)
{
    return name[0] == '.' && strstr(name, pair->id.text) != NULL;
}

/* It may have been read before. */
static bool read_again(struct dir_reader *reader, const struct pair_location *location)
{
    dir_begin_open(reader, location->directory);
    return lseek(location->directory, 0, SEEK_SET) == 0;
}

bool location_look_around(struct pair_location *location)
{
    const struct pair *pair = &location->pair;
    const struct dirent64 *entry;
    struct dir_reader reader;
    bool has_link = false, has_notes = false, has_further = false;
    if (location->directory < 0 || !read_again(&reader, location))
        return false;
    while ((entry = dir_next(&reader)) != NULL) {
        has_link = has_link || strcmp(entry->d_name, pair->id.text) == 0;
        has_notes = has_notes || is_note(pair, entry->d_name);
        has_further = has_further || pair_is_further(pair, entry->d_name);
    }
    bool is_known = errno == 0;
    location->has_no_link = is_known && !has_link;
    location->has_no_notes = is_known && !has_notes;
    location->has_no_further = is_known && !has_further;
    return is_known;
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
    if (pair_leaves(&location->pair, location->directory, name))
        return pair_may_leave(&location->pair);
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

static bool add_further_dumps(const struct pair_location *location, struct pair_files *files)
{
    const struct dirent64 *entry;
    struct dir_reader reader;
    if (location->has_no_further)
        return true;
    if (!read_again(&reader, location))
        return false;
    while ((entry = dir_next(&reader)) != NULL)
        if (pair_is_further(&location->pair, entry->d_name) &&
            !add_further_dump(location, entry->d_name, files))
            return false;
    return errno == 0;
}

bool location_find_since(const struct pair_location *location, struct timespec *came,
                         struct timespec *written)
{
    const struct pair *pair = &location->pair;
    const struct dirent64 *entry;
    struct dir_reader reader;
    struct stat status;
    *came = pair->looked;
    *written = (struct timespec){0};
    if (!read_again(&reader, location))
        return false;
    while ((entry = dir_next(&reader)) != NULL)
        if (pair_is_further(pair, entry->d_name) &&
            fstatat(location->directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode) && pair_came_since(pair, &status)) {
            time_keep_latest(came, status.st_ctim);
            time_keep_latest(written, spool_changed(pair->spool, &status));
        }
    return errno == 0;
}

bool location_list(const struct pair_location *location, struct pair_files *files)
{
    const struct spool *spool = location->pair.spool;
    const bool has_json = location->json.found;
    return (!has_json || add_main_file(location, spool->dump_suffix, &location->dump, files)) &&
           add_further_dumps(location, files) &&
           (has_json || add_main_file(location, spool->dump_suffix, &location->dump, files)) &&
           add_main_file(location, spool->json_suffix, &location->json, files);
}

void pair_files_free(struct pair_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].name);
    free(files->items);
    *files = (struct pair_files){0};
}
