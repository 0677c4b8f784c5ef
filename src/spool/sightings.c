#include "spool/sightings.h"

#include "spool/case_dir.h"
#include "spool/cases.h"
#include "spool/date_dir.h"
#include "spool/dir.h"
#include "spool/links.h"
#include "spool/locate.h"
#include "spool/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *kind_of(mode_t mode)
{
    return S_ISREG(mode) ? "file" : S_ISLNK(mode) ? "link" : S_ISDIR(mode) ? "directory" : "other";
}

static long long age_of(const struct timespec *then)
{
    time_t now = time(NULL);
    return then->tv_sec < now ? now - then->tv_sec : 0;
}

static void clear(struct sighting *sighting)
{
    for (size_t i = 0; i < sighting->count; i++)
        free(sighting->files[i].name);
    free(sighting->files);
    free(sighting->where);
    free(sighting->name_link);
    names_free(&sighting->date_links);
    if (sighting->date_directory != NULL)
        date_dir_release(sighting->date_directory);
    free(sighting->reason);
}

static bool add(struct sightings *sightings, struct sighting *sighting)
{
    struct sighting *items =
        realloc(sightings->items, (sightings->count + 1) * sizeof *sightings->items);
    if (items == NULL) {
        clear(sighting);
        return false;
    }
    sightings->items = items;
    items[sightings->count++] = *sighting;
    return true;
}

/* Whoever puts a file into quarantine may choose its mtime. */
static void note_age(struct sighting *sighting, const struct stat *status)
{
    long long written = age_of(&status->st_mtim), changed = age_of(&status->st_ctim);
    long long age = written < changed ? written : changed;
    if (age < sighting->age)
        sighting->age = age;
}

/* `title` is the caller's, and may be NULL when out of memory. */
static bool add_file_as(struct sighting *sighting, int directory, const char *name,
                        const char *title)
{
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    struct sighted_file *files =
        realloc(sighting->files, (sighting->count + 1) * sizeof *sighting->files);
    if (files == NULL)
        return false;
    sighting->files = files;
    note_age(sighting, &status);
    files[sighting->count] = (struct sighted_file){
        .name = title != NULL ? strdup(title) : NULL,
        .kind = kind_of(status.st_mode),
        .size = status.st_size,
        .age = age_of(&status.st_mtim),
    };
    return files[sighting->count].name != NULL && ++sighting->count > 0;
}

static bool add_file(struct sighting *sighting, int directory, const char *name)
{
    return add_file_as(sighting, directory, name, name);
}

static char *read_link(int directory, const char *name)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(directory, name, target, sizeof target - 1);
    if (length < 0)
        return NULL;
    target[length] = '\0';
    return strdup(target);
}

/* What begins with the id. */
static bool list_files(struct sighting *sighting, int directory, const struct crash_id *id)
{
    struct names names = {0};
    const struct dirent64 *entry;
    struct dir_reader reader;
    dir_begin_open(&reader, directory);
    bool good = true;
    while (good && (entry = dir_next(&reader)) != NULL)
        if (strncmp(entry->d_name, id->text, CRASH_ID_LENGTH) == 0)
            good = names_add(&names, entry->d_name);
    good = good && errno == 0;
    names_sort(&names);
    sighting->name_link = read_link(directory, id->text);
    for (size_t i = 0; good && i < names.count; i++)
        good = (strcmp(names.items[i], id->text) == 0 && sighting->name_link != NULL) ||
               add_file(sighting, directory, names.items[i]);
    names_free(&names);
    return good;
}

/* --- below a root */

struct look {
    struct sightings *sightings;
    const struct spool *spool;
    struct pair pair;                    /* where it would be on the day in hand */
    const struct date_links *date_links; /* NULL: it is no root */
    long settle_time;
};

static void note_date_link(struct sighting *sighting, const struct date_link *link)
{
    sighting->date_directory = date_dir_hold(link->directory);
    sighting->linked = link->changed;
    sighting->examined = link->examined;
    sighting->verdict = link->verdict;
    if (link->examined != EXAMINED_CRASH || link->verdict != QUEUED)
        sighting->why = link->why;
    if (age_of(&link->changed) < sighting->age)
        sighting->age = age_of(&link->changed);
}

static bool is_nothing(const struct sighting *sighting)
{
    return sighting->count == 0 && sighting->name_link == NULL && sighting->date_links.count == 0;
}

static const struct date_link *next_link(const struct look *look, const struct date_link *last)
{
    return date_links_of(look->date_links, &look->pair.id, look->pair.day, last);
}

/* What has the place of a date link. */
static bool add_in_place(struct sighting *sighting, const struct date_link *one)
{
    char *title = NULL;
    const char *below = one->directory->path + DAY_LENGTH + 1;
    if (asprintf(&title, "%s/%s", below, one->id.text) < 0)
        title = NULL;
    bool good = add_file_as(sighting, date_dir_open(one->directory), one->id.text, title);
    free(title);
    return good;
}

static bool look_at_root(struct sighting *sighting, const struct look *look)
{
    struct timespec changed = {0};
    const struct date_link *link = NULL;
    bool good = true;
    for (const struct date_link *one = next_link(look, NULL); one != NULL;
         one = next_link(look, one)) {
        good = (one->is_link ? names_add(&sighting->date_links, one->directory->path)
                             : add_in_place(sighting, one)) &&
               good;
        link = link == NULL && one->is_link ? one : link;
    }
    if (is_nothing(sighting) && link == NULL)
        return good;
    sighting->state = pair_examine(&look->pair, look->settle_time, NULL, &changed, &sighting->why);
    sighting->age = age_of(&changed);
    if (link != NULL)
        note_date_link(sighting, link);
    return good;
}

/* The line that cleanup has put beside the pair of a job that failed. */
static char *read_reason(int directory, const struct crash_id *id)
{
    char name[CRASH_ID_LENGTH + sizeof ".reason"];
    snprintf(name, sizeof name, "%s.reason", id->text);
    return case_first_line(directory, name);
}

static bool look_at_day(const struct look *look, struct failure *failure)
{
    char where[PAIR_DIRECTORY_SIZE];
    const struct spool *spool = look->spool;
    struct sighting sighting = {.place = spool->place, .path = spool->path};
    pair_directory(&look->pair, where);
    memcpy(sighting.day, look->pair.day, sizeof sighting.day);
    int directory = pair_open_directory_to_list(&look->pair);
    bool good =
        (directory >= 0 ? list_files(&sighting, directory, &look->pair.id) : errno == ENOENT) ||
        fail(failure, errno, "cannot look for it in \"%s/%s\"", spool->path, where);
    const char *doubt = good && directory < 0 && crash_id_may_be_of(&look->pair.id, look->pair.day)
                            ? pair_tree_doubt(&look->pair)
                            : NULL;
    if (doubt != NULL) {
        good = fail(failure, 0, "it may be in \"%s/%s\", which %s", spool->path, look->pair.day,
                    doubt);
        failure->error = LOCATE_AWAY;
    }
    if (directory >= 0 && look->date_links == NULL)
        sighting.reason = read_reason(directory, &look->pair.id);
    if (directory >= 0)
        close(directory);
    if (look->date_links != NULL && !look_at_root(&sighting, look))
        good = fail(failure, ENOMEM, "cannot tell what lies in \"%s/%s\"", spool->path, where);
    if (is_nothing(&sighting)) {
        clear(&sighting);
        return good;
    }
    sighting.where = strdup(where);
    return add(look->sightings, &sighting)
               ? good
               : fail(failure, ENOMEM, "cannot tell what lies in \"%s/%s\"", spool->path, where);
}

bool sightings_in_tree(struct sightings *sightings, const struct spool *spool,
                       const struct crash_id *id, const struct date_links *date_links,
                       long settle_time, struct failure *failure)
{
    struct look look = {.sightings = sightings,
                        .spool = spool,
                        .pair = {.spool = spool, .id = *id},
                        .date_links = date_links,
                        .settle_time = settle_time};
    struct names days = {0};
    struct failure other;
    bool good = spool_days(spool, &days, failure);
    for (size_t i = 0; i < days.count; i++) {
        memcpy(look.pair.day, days.items[i], sizeof look.pair.day);
        good = look_at_day(&look, good ? failure : &other) && good;
    }
    names_free(&days);
    return good;
}

/* --- in quarantine */

static bool look_at_case(struct sightings *sightings, int quarantine, const char *path,
                         const char *day, const char *name, struct failure *failure)
{
    struct sighting sighting = {.place = PLACE_QUARANTINE, .path = path, .age = LLONG_MAX};
    struct names names = {0};
    struct stat status;
    memcpy(sighting.day, day, sizeof sighting.day);
    int directory = cases_open(quarantine, day, name);
    if (directory < 0)
        return errno == ENOENT || fail(failure, errno, "cannot open \"%s/%s/%s\"", path, day, name);
    bool good = cases_files(directory, &names, failure);
    for (size_t i = 0; good && i < names.count; i++)
        good = add_file(&sighting, directory, names.items[i]);
    names_free(&names);
    if (fstat(directory, &status) == 0)
        note_age(&sighting, &status);
    if (fstatat(directory, case_reason, &status, AT_SYMLINK_NOFOLLOW) == 0)
        note_age(&sighting, &status);
    sighting.reason = case_last_line(directory);
    case_read_owner(directory, sighting.owner);
    close(directory);
    if (asprintf(&sighting.where, "%s/%s", day, name) < 0)
        sighting.where = NULL;
    return (add(sightings, &sighting) && good) ||
           fail(failure, errno, "cannot tell what lies in \"%s/%s/%s\"", path, day, name);
}

bool sightings_in_quarantine(struct sightings *sightings, int quarantine, const char *path,
                             const struct crash_id *id, struct failure *failure)
{
    struct names days = {0}, names = {0};
    struct failure other;
    bool good = cases_days(quarantine, &days, failure);
    for (size_t i = 0; i < days.count; i++) {
        const char *day = days.items[i];
        good = cases_of_day(quarantine, day, id, &names, good ? failure : &other) && good;
        for (size_t j = 0; j < names.count; j++)
            good = look_at_case(sightings, quarantine, path, day, names.items[j],
                                good ? failure : &other) &&
                   good;
        names_free(&names);
    }
    names_free(&days);
    return good;
}

const struct sighting *sightings_find(const struct sightings *sightings, enum place place)
{
    for (size_t i = 0; i < sightings->count; i++)
        if (sightings->items[i].place == place)
            return &sightings->items[i];
    return NULL;
}

void sightings_free(struct sightings *sightings)
{
    for (size_t i = 0; i < sightings->count; i++)
        clear(&sightings->items[i]);
    free(sightings->items);
    *sightings = (struct sightings){0};
}

bool sighting_may_be_away(const struct sighting *sighting, const struct pair *pair,
                          struct failure *reason)
{
    return links_may_lead_away(pair, sighting->date_directory, reason);
}
