#include "spool/quarantine.h"

#include "log/log_format.h"
#include "spool/date_dir.h"
#include "spool/dir.h"
#include "spool/file.h"
#include "spool/links.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static const struct dir_style directory_style = {.mode = 0770, .group = (gid_t)-1};

const char quarantine_reason[] = "reason";
static const char copy_name[] = ".copy.tmp";

enum { CASE_NAME_SIZE = 128, SAME_NAME_MAXIMUM = 1000 };

struct quarantine {
    const struct spool *spool;
    const char *path; /* NULL: below the root of the spool */
    char *name;       /* of the directory, for messages */
    int root;         /* -1: not open */
    int lock;         /* the same directory, readable; -1: not open */
    mark_check *check;

    /* One thread at a time: no other may move these files, or add the same names to the
     * directory. */
    pthread_mutex_t turn;
};

struct quarantine *quarantine_new(const char *path, const struct spool *spool, mark_check *check)
{
    struct quarantine *quarantine = malloc(sizeof *quarantine);
    if (quarantine == NULL)
        return NULL;
    *quarantine =
        (struct quarantine){.spool = spool, .path = path, .root = -1, .lock = -1, .check = check};
    if (asprintf(&quarantine->name, "%s%s", path != NULL ? path : spool->path,
                 path != NULL ? "" : "/quarantine") < 0) {
        free(quarantine);
        return NULL;
    }
    pthread_mutex_init(&quarantine->turn, NULL);
    return quarantine;
}

void quarantine_free(struct quarantine *quarantine)
{
    if (quarantine == NULL)
        return;
    if (quarantine->root >= 0)
        close(quarantine->root);
    if (quarantine->lock >= 0)
        close(quarantine->lock);
    pthread_mutex_destroy(&quarantine->turn);
    free(quarantine->name);
    free(quarantine);
}

static int open_path(const struct quarantine *quarantine, const char *below, bool make)
{
    const char *path = quarantine->path;
    if (below != NULL)
        return make ? dir_make(quarantine->spool->root, below, &directory_style)
                    : dir_open(quarantine->spool->root, below);
    if (make && mkdir(path, directory_style.mode) < 0 && errno != EEXIST)
        return -1;
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool open_root(struct quarantine *quarantine, bool make, struct failure *failure)
{
    const char *path = quarantine->path;
    if (quarantine->root >= 0)
        return true;
    const char *below = path != NULL ? spool_below(quarantine->spool, path) : "quarantine";
    quarantine->root = open_path(quarantine, below, make);
    if (quarantine->root < 0)
        return fail(failure, errno, "cannot open quarantine \"%s\"", quarantine->name);
    if (below == NULL && quarantine->check != NULL &&
        !quarantine->check(PLACE_QUARANTINE, path, quarantine->root, failure)) {
        close(quarantine->root);
        quarantine->root = -1;
        return false;
    }
    quarantine->lock = dir_open_to_list(quarantine->root, NULL);
    return true;
}

bool quarantine_open(struct quarantine *quarantine, struct failure *failure)
{
    return open_root(quarantine, true, failure);
}

/* One at a time: nobody may take away what another one adds to, or compares with. Each does so for
 * moments only. */
static bool lock_root(const struct quarantine *quarantine)
{
    int result;
    do
        result = flock(quarantine->lock, LOCK_EX);
    while (result < 0 && errno == EINTR);
    return result == 0;
}

static void unlock_root(const struct quarantine *quarantine)
{
    int error = errno;
    flock(quarantine->lock, LOCK_UN);
    errno = error;
}

int quarantine_hold(struct quarantine *quarantine, struct failure *failure)
{
    pthread_mutex_lock(&quarantine->turn);
    if (open_root(quarantine, false, failure)) {
        if (lock_root(quarantine))
            return quarantine->lock;
        fail(failure, errno, "cannot lock quarantine \"%s\"", quarantine->name);
    }
    pthread_mutex_unlock(&quarantine->turn);
    return -1;
}

void quarantine_let_go(struct quarantine *quarantine)
{
    unlock_root(quarantine);
    pthread_mutex_unlock(&quarantine->turn);
}

const char *quarantine_name_of(const struct quarantine *quarantine)
{
    return quarantine->name;
}

/* A directory name from any name: characters special to a shell become underscores. */
static void make_case_name(char case_name[CASE_NAME_SIZE], const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    snprintf(case_name, CASE_NAME_SIZE, "%.100s", name);
    for (char *at = case_name; *at != '\0'; at++)
        if (strchr(plain, *at) == NULL || (at == case_name && *at == '.'))
            *at = '_';
}

/* The name of an entry in its directory, where our own two names are taken. */
static const char *name_there(const char *name)
{
    return strcmp(name, quarantine_reason) == 0 ? "_reason"
           : strcmp(name, copy_name) == 0       ? "_copy"
                                                : name;
}

/* A run may have been killed when it had copied a file, and not yet removed it. */
static bool is_copied(int from, const char *name, int to)
{
    return name_there(name) == name && file_is_equal(from, to, name);
}

/* Whether a directory cannot be used: it has one of the names, for other bytes, or its reason is
 * not a regular file. The quarantine may be in the spool, where anybody may have created it. */
static bool is_taken(int directory, int from, const struct names *names)
{
    struct stat status;
    for (size_t i = 0; i < names->count; i++)
        if (fstatat(directory, name_there(names->items[i]), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            !is_copied(from, names->items[i], directory))
            return true;
    return fstatat(directory, quarantine_reason, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           !file_is_regular(&status);
}

/* The directory for a crash: the first of <name>, <name>.1, ... that has none of the names to be
 * moved. So the run after a kill finds the same one again. */
static int open_case(const struct quarantine *quarantine, const char *day, const char *name,
                     int from, const struct names *names)
{
    char case_name[CASE_NAME_SIZE], path[CASE_NAME_SIZE + 32];
    make_case_name(case_name, name);
    for (int again = 0; again < SAME_NAME_MAXIMUM; again++) {
        if (again == 0)
            snprintf(path, sizeof path, "%s/%s", day, case_name);
        else
            snprintf(path, sizeof path, "%s/%s.%d", day, case_name, again);
        int directory = dir_make(quarantine->root, path, &directory_style);
        errno = 0;
        if (directory < 0 || !is_taken(directory, from, names))
            return directory;
        close(directory);
    }
    errno = EEXIST;
    return -1;
}

static bool flush(int directory)
{
    int readable = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (readable < 0)
        return false;
    bool good = fsync(readable) == 0;
    close_keeping_errno(readable);
    return good;
}

/* The reason is on disk before anything is moved. */
static bool write_reason(int directory, const char *text, const char *where)
{
    char when[32], *message = NULL;
    time_t now = time(NULL);
    struct tm calendar;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &calendar));
    int file = openat(directory, quarantine_reason,
                      O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0660);
    if (file < 0)
        return false;
    char *line = asprintf(&message, "%s: %s", where, text) >= 0 ? log_format_plain(message) : NULL;
    errno = ENOMEM;
    bool good = line != NULL && dprintf(file, "%s %s", when, line) >= 0 && fsync(file) == 0;
    close_keeping_errno(file);
    free(line);
    free(message);
    return good;
}

static bool remake_link(int from, const char *name, int to)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from, name, target, sizeof target - 1);
    if (length < 0)
        return false;
    target[length] = '\0';
    return symlinkat(target, to, name_there(name)) == 0 && flush(to) &&
           unlinkat(from, name, 0) == 0;
}

/* Only a regular file and a link can go to another file system; anything else is EXDEV. In one that
 * cannot rename without replacing it is just renamed: nothing has its name there. */
static bool copy_across(int from, const char *name, int to)
{
    const struct file_style style = {.mode = 0660, .group = (gid_t)-1};
    struct stat status;
    if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (S_ISLNK(status.st_mode))
        return remake_link(from, name, to);
    if (!file_is_regular(&status))
        return renameat(from, name, to, name_there(name)) == 0;
    if ((unlinkat(to, copy_name, 0) < 0 && errno != ENOENT) ||
        !file_copy(from, name, &status, to, copy_name, &style))
        return false;
    int copy = openat(to, copy_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool good = copy >= 0 && fsync(copy) == 0 && file_publish(to, copy_name, name_there(name)) &&
                flush(to) && file_remove(from, name, &status);
    int error = errno;
    if (copy >= 0)
        close(copy);
    errno = error;
    return good;
}

static bool remove_copied(int from, const char *name, const struct stat *status, int to)
{
    return (unlinkat(to, copy_name, 0) == 0 || errno == ENOENT) && flush(to) &&
           file_remove(from, name, status);
}

static bool move_one(int from, const char *name, int to)
{
    struct stat status;
    if (file_move(from, name, to, name_there(name)) || errno == ENOENT)
        return true;
    int error = errno;
    if ((error == EXDEV || error == EEXIST) &&
        fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && is_copied(from, name, to))
        return remove_copied(from, name, &status, to);
    errno = error;
    return error == EXDEV && copy_across(from, name, to);
}

static bool move_names(int from, const struct names *names, int to)
{
    for (size_t i = 0; i < names->count; i++)
        if (!move_one(from, names->items[i], to))
            return false;
    return flush(to);
}

static bool move_to_case(struct quarantine *quarantine, int from, const struct names *names,
                         const char *day, const char *name, const char *where, const char *reason,
                         struct failure *failure)
{
    if (!quarantine_open(quarantine, failure))
        return false;
    lock_root(quarantine); /* where that is not possible nobody removes anything, either */
    int directory = open_case(quarantine, day, name, from, names);
    bool good =
        directory >= 0
            ? (write_reason(directory, reason, where) && move_names(from, names, directory)) ||
                  fail(failure, errno, "cannot move it to \"%s\"", quarantine->name)
            : fail(failure, errno, "cannot create a directory for it in \"%s\"", quarantine->name);
    unlock_root(quarantine);
    if (directory >= 0)
        close(directory);
    return good;
}

/* Every entry whose name begins with the id, except the name link. */
static bool list_crash(int directory, const struct crash_id *id, struct names *names)
{
    const struct dirent64 *entry;
    struct dir_reader reader;
    if (!dir_begin(&reader, directory, NULL))
        return false;
    bool good = true;
    while (good && (entry = dir_next(&reader)) != NULL)
        if (strncmp(entry->d_name, id->text, CRASH_ID_LENGTH) == 0 &&
            !(entry->d_name[CRASH_ID_LENGTH] == '\0' && dir_entry_type(&reader, entry) == DT_LNK))
            good = names_add(names, entry->d_name);
    good = good && errno == 0;
    dir_end(&reader);
    return good;
}

static void put_last(struct names *names, const char *name)
{
    for (size_t i = 0; i + 1 < names->count; i++)
        if (strcmp(names->items[i], name) == 0) {
            char *item = names->items[i];
            names->items[i] = names->items[i + 1];
            names->items[i + 1] = item;
        }
}

/* By the dump or the metadata the crash is found again: further dumps go first. */
static void sort_crash(struct names *names, const struct pair *pair, const char *last)
{
    char dump[NAME_MAX + 1], json[NAME_MAX + 1];
    pair_file_name(pair, pair->spool->dump_suffix, dump);
    pair_file_name(pair, pair->spool->json_suffix, json);
    put_last(names, dump);
    put_last(names, json);
    if (last != NULL && strcmp(last, dump) == 0)
        put_last(names, dump);
}

bool quarantine_pair(struct quarantine *quarantine, const struct pair *pair, const char *reason,
                     struct failure *failure)
{
    return quarantine_newcomer(quarantine, pair, NULL, reason, failure);
}

bool quarantine_newcomer(struct quarantine *quarantine, const struct pair *pair, const char *last,
                         const char *reason, struct failure *failure)
{
    struct names names = {0};
    int directory = pair_open_directory(pair);
    if (directory < 0 && errno != ENOENT)
        return fail(failure, errno, "cannot open the directory of the pair");
    char where[PAIR_PATH_SIZE];
    pair_path(pair, where);
    pthread_mutex_lock(&quarantine->turn);
    bool good = directory < 0 || list_crash(directory, &pair->id, &names) ||
                fail(failure, errno, "cannot read the directory of the pair");
    sort_crash(&names, pair, last);
    good = good && move_to_case(quarantine, directory, &names, pair->day, pair->id.text, where,
                                reason, failure);
    pthread_mutex_unlock(&quarantine->turn);
    good = good && links_remove_name(pair, directory, failure);
    if (directory >= 0)
        close(directory);
    names_free(&names);
    return good;
}

static bool move_name(struct quarantine *quarantine, int directory, const char *name,
                      const char *day, const char *case_of, const char *where, const char *reason,
                      struct failure *failure)
{
    char *items[] = {(char *)(uintptr_t)name};
    const struct names names = {.items = items, .count = 1};
    pthread_mutex_lock(&quarantine->turn);
    bool good = move_to_case(quarantine, directory, &names, day, case_of, where, reason, failure);
    pthread_mutex_unlock(&quarantine->turn);
    return good;
}

bool quarantine_name(struct quarantine *quarantine, int directory, const char *name,
                     const struct pair *pair, const char *reason, struct failure *failure)
{
    char where[PAIR_PATH_SIZE];
    pair_path(pair, where);
    return move_name(quarantine, directory, name, pair->day, pair->id.text, where, reason, failure);
}

bool quarantine_entry(struct quarantine *quarantine, const struct walk_entry *entry,
                      const char *reason, struct failure *failure)
{
    char day[DAY_LENGTH + 1];
    date_dir_day(entry->directory, day);
    return move_name(quarantine, entry->descriptor, entry->name, day, entry->name,
                     entry->directory->path, reason, failure);
}
