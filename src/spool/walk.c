#include "spool/walk.h"

#include "base/quote.h"
#include "spool/crash_id.h"
#include "spool/date_dir.h"
#include "spool/dir.h"
#include "spool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A directory on the path from `date` to where the walk is. */
struct level {
    struct date_dir *directory;
    bool is_read; /* to its end */
    struct dir_reader reader;
    struct names children; /* its directories */
    size_t next;           /* the one to enter next */
};

struct walk {
    const struct spool *spool;
    const char *branch;
    bool keep_directories;
    struct names days;
    size_t next_day;
    struct level levels[WALK_LEVELS + 1];
    int depth;                 /* levels in use */
    struct failure failure;    /* the last one */
    char unreadable[PATH_MAX]; /* its path below the root */
};

struct walk *walk_new_in(const struct spool *spool, const char *branch, const char *day,
                         struct failure *failure)
{
    struct walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL || (day != NULL && !names_add(&walk->days, day))) {
        fail(failure, errno, "cannot walk through \"%s\"", spool->path);
        free(walk);
        return NULL;
    }
    walk->spool = spool;
    walk->branch = branch;
    walk->keep_directories = true;
    if (day != NULL || spool_days(spool, &walk->days, failure))
        return walk;
    walk_free(walk);
    return NULL;
}

struct walk *walk_new(const struct spool *spool, bool keep_directories, struct failure *failure)
{
    struct walk *walk = walk_new_in(spool, "date", NULL, failure);
    if (walk != NULL)
        walk->keep_directories = keep_directories;
    return walk;
}

static void leave(struct walk *walk)
{
    struct level *level = &walk->levels[--walk->depth];
    if (!level->is_read)
        dir_end(&level->reader);
    names_free(&level->children);
    date_dir_release(level->directory);
}

void walk_free(struct walk *walk)
{
    if (walk == NULL)
        return;
    while (walk->depth > 0)
        leave(walk);
    names_free(&walk->days);
    free(walk);
}

static bool report_unreadable(struct walk *walk, const char *path, struct walk_entry *entry)
{
    char quoted[QUOTE_SIZE];
    fail(&walk->failure, errno, "cannot read directory %s in \"%s\"", quote(quoted, path),
         walk->spool->path);
    snprintf(walk->unreadable, sizeof walk->unreadable, "%s", path);
    *entry = (struct walk_entry){.kind = WALK_UNREADABLE,
                                 .descriptor = -1,
                                 .name = walk->unreadable,
                                 .failure = &walk->failure};
    return true;
}

/* Asked before anything in the directory is changed, and its mtime with that. One that lies ahead
 * was made before the clock was set right. */
static bool is_removable(const struct walk *walk, int directory)
{
    struct stat status;
    if (walk->keep_directories || fstat(directory, &status) < 0)
        return false;
    return spool_is_past(walk->spool, &status.st_mtim, WALK_QUIET_TIME) ||
           spool_is_ahead(walk->spool, &status.st_mtim);
}

/* Enters a directory. True with an entry if it cannot be read; one that is gone is skipped. */
static bool enter(struct walk *walk, const char *name, struct walk_entry *entry)
{
    struct date_dir *parent = walk->depth > 0 ? walk->levels[walk->depth - 1].directory : NULL;
    struct date_dir *directory = parent != NULL ? date_dir_new(walk->spool, parent, name)
                                                : date_dir_top(walk->spool, name, walk->branch);
    if (directory == NULL)
        return report_unreadable(walk, name, entry);
    struct level *level = &walk->levels[walk->depth];
    if (!dir_begin(&level->reader, walk->spool->root, directory->path)) {
        bool is_gone = errno == ENOENT;
        if (!is_gone)
            report_unreadable(walk, directory->path, entry);
        date_dir_release(directory);
        return !is_gone;
    }
    directory->removable = (parent != NULL || spool_day_is_over(walk->spool, name, 0)) &&
                           is_removable(walk, level->reader.descriptor);
    level->directory = directory;
    level->is_read = false;
    level->next = 0;
    walk->depth++;
    return false;
}

/* The next entry of the directory being read; its directories come later. False at its end. */
static bool read_entry(struct walk *walk, struct level *level, struct walk_entry *entry)
{
    const struct dirent64 *found;
    while ((found = dir_next(&level->reader)) != NULL) {
        unsigned char type = dir_entry_type(&level->reader, found);
        if (type != DT_DIR || walk->depth > WALK_LEVELS) {
            *entry = (struct walk_entry){.kind = type == DT_LNK ? WALK_LINK : WALK_OTHER,
                                         .directory = level->directory,
                                         .descriptor = level->reader.descriptor,
                                         .name = found->d_name};
            return true;
        }
        if (!names_add(&level->children, found->d_name))
            break;
    }
    bool is_unreadable = errno != 0 && report_unreadable(walk, level->directory->path, entry);
    dir_end(&level->reader);
    level->is_read = true;
    names_sort(&level->children);
    return is_unreadable;
}

bool walk_next(struct walk *walk, struct walk_entry *entry)
{
    while (true) {
        struct level *level = walk->depth > 0 ? &walk->levels[walk->depth - 1] : NULL;
        bool found = false;
        if (level == NULL && walk->next_day == walk->days.count)
            return false;
        if (level == NULL)
            found = enter(walk, walk->days.items[walk->next_day++], entry);
        else if (!level->is_read)
            found = read_entry(walk, level, entry);
        else if (level->next < level->children.count)
            found = enter(walk, level->children.items[level->next++], entry);
        else
            leave(walk);
        if (found)
            return true;
    }
}

static bool is_metadata(const struct walk *walk, const struct walk_entry *entry)
{
    return entry->kind == WALK_OTHER && strlen(entry->name) > CRASH_ID_LENGTH &&
           strcmp(entry->name + CRASH_ID_LENGTH, walk->spool->json_suffix) == 0;
}

long walk_count(struct walk *walk)
{
    enum { ENOUGH = 4096 };
    struct walk_entry entry;
    struct pair pair;
    long count = 0, passed = 0;
    bool are_links = strcmp(walk->branch, "date") == 0;
    while (passed < ENOUGH && walk_next(walk, &entry)) {
        count += are_links ? walk_entry_pair(&entry, &pair) : is_metadata(walk, &entry);
        passed++;
    }
    return passed > 0 ? count : -1;
}

bool walk_entry_pair(const struct walk_entry *entry, struct pair *pair)
{
    struct pair found = {0};
    if (entry->kind != WALK_LINK || !crash_id_parse(&found.id, entry->name))
        return false;
    found.spool = entry->directory->spool;
    date_dir_day(entry->directory, found.day);
    *pair = found;
    return true;
}

bool walk_entry_is_mounted(const struct walk_entry *entry)
{
    return dir_is_mounted(entry->directory->spool->root, entry->descriptor, "");
}

struct timespec walk_entry_changed(const struct walk_entry *entry)
{
    struct stat status;
    const struct spool *spool = entry->directory->spool;
    return fstatat(entry->descriptor, entry->name, &status, AT_SYMLINK_NOFOLLOW) == 0
               ? spool_changed(spool, &status)
               : spool->now;
}

struct walk *walk_new_anywhere(const struct spool *spool, bool keep_directories,
                               struct failure *failure)
{
    struct walk_entry entry;
    unsigned int count = 1, random = 0;
    struct walk *walk = walk_new(spool, true, failure);
    while (walk != NULL && walk_next(walk, &entry))
        count++;
    walk_free(walk);
    walk = walk_new(spool, keep_directories, failure);
    if (getentropy(&random, sizeof random) < 0)
        random = count / 2;
    for (random %= count; walk != NULL && random > 0 && walk_next(walk, &entry); random--)
        continue;
    return walk;
}
