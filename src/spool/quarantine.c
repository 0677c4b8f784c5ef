#include "spool/quarantine.h"

#include "base/lock_file.h"
#include "base/quote.h"
#include "base/signals.h"
#include "spool/case_dir.h"
#include "spool/cases.h"
#include "spool/dir.h"
#include "spool/links.h"
#include "spool/move_note.h"
#include "spool/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct dir_style directory_style = {.mode = 0770, .group = (gid_t)-1};

static const char lock_name[] = ".lock";

struct quarantine {
    const struct spool *spool;
    const char *path; /* NULL: below the root of the spool */
    char *name;       /* of the directory, for messages */
    int root;         /* -1: not open */
    bool is_shared;   /* perhaps with other storages, now or once */
    int list;         /* the same directory, readable; -1: not open */
    struct lock_file lock;
    struct stat status; /* of the root */
    _Atomic uint64_t unique;
    _Atomic long stuck;
    mark_check *check;

    /* One thread at a time: no other may move these files, or add the same names to the
     * directory. */
    pthread_mutex_t turn;
    bool is_locked;              /* by us, while it is our turn */
    char opened[CASE_PATH_SIZE]; /* the latest case: "day/name" */
};

struct quarantine *quarantine_new(const char *path, const struct spool *spool, mark_check *check)
{
    struct quarantine *quarantine = malloc(sizeof *quarantine);
    if (quarantine == NULL)
        return NULL;
    *quarantine =
        (struct quarantine){.spool = spool, .path = path, .root = -1, .list = -1, .check = check};
    quarantine->lock.descriptor = -1;
    if (asprintf(&quarantine->name, "%s%s", path != NULL ? path : spool->path,
                 path != NULL ? "" : "/quarantine") < 0) {
        free(quarantine);
        return NULL;
    }
    uint64_t random;
    quarantine->unique =
        getentropy(&random, sizeof random) == 0 ? random : (uint64_t)time(NULL) << 32;
    pthread_mutex_init(&quarantine->turn, NULL);
    return quarantine;
}

void quarantine_free(struct quarantine *quarantine)
{
    if (quarantine == NULL)
        return;
    if (quarantine->root >= 0)
        close(quarantine->root);
    if (quarantine->list >= 0)
        close(quarantine->list);
    lock_file_close(&quarantine->lock);
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

/* What is in its way is no fault of the crash that is to go there (exit_code_of_crash()). */
static bool blame(struct failure *failure)
{
    if (failure->error == ENOTDIR)
        failure->error = EIO;
    return false;
}

static bool open_root(struct quarantine *quarantine, bool make, struct failure *failure)
{
    const char *path = quarantine->path;
    if (quarantine->root >= 0)
        return true;
    const char *below = path != NULL ? spool_below(quarantine->spool, path) : "quarantine";
    int root = open_path(quarantine, below, make);
    bool good = (root >= 0 && fstat(root, &quarantine->status) == 0) ||
                fail(failure, errno, "cannot open quarantine \"%s\"", quarantine->name) ||
                blame(failure);
    bool is_missing = root < 0 && failure->error == ENOENT && !make;
    if (is_missing && below == NULL && quarantine->check != NULL)
        quarantine->check(PLACE_QUARANTINE, path, -1, failure);
    if (good && below == NULL && quarantine->check != NULL)
        good = quarantine->check(PLACE_QUARANTINE, path, root, failure);
    if (good) {
        quarantine->root = root;
        quarantine->is_shared = below == NULL || mark_is_there(root, ".");
    } else if (root >= 0) {
        close(root);
    }
    return good;
}

bool quarantine_open(struct quarantine *quarantine, struct failure *failure)
{
    pthread_mutex_lock(&quarantine->turn);
    bool good = open_root(quarantine, true, failure);
    pthread_mutex_unlock(&quarantine->turn);
    return good;
}

/* One at a time: nobody may take away what another one adds to, or compares with. Each does so for
 * moments only. Where the file system has no locks nobody takes anything away. A run that has lost
 * its connection has lost its lock in the database, too, and must change nothing. A dry run does
 * not make what is locked. */
static bool lock_root(struct quarantine *quarantine, bool takes_away, bool dry_run,
                      struct failure *failure)
{
    if (quarantine->lock.descriptor < 0)
        lock_file_open(&quarantine->lock, quarantine->root, lock_name,
                       dry_run ? NULL : &quarantine->status);
    if (dry_run && quarantine->lock.descriptor < 0 && quarantine->lock.error == ENOENT)
        return survey_may_write(PLACE_QUARANTINE, quarantine->name, quarantine->root, failure);
    bool is_locked = quarantine->is_locked = lock_file_take(&quarantine->lock);
    int error = is_locked || (!takes_away && (errno == ENOLCK || errno == EOPNOTSUPP)) ? 0 : errno;
    if (error == EWOULDBLOCK)
        fail(failure, 0, "somebody else holds the lock of quarantine \"%s\"", quarantine->name);
    else if (error != 0)
        fail(failure, error, "cannot lock \"%s/%s\"", quarantine->name, lock_name);
    else if (signals_permit(failure))
        return true;
    if (error == EWOULDBLOCK)
        failure->error = error;
    if (is_locked)
        lock_file_release(&quarantine->lock);
    return false;
}

/* Who only adds to it need not be able to read it. */
static bool open_list(struct quarantine *quarantine, struct failure *failure)
{
    if (quarantine->list < 0)
        quarantine->list = dir_open_to_list(quarantine->root, NULL);
    return quarantine->list >= 0 ||
           fail(failure, errno, "cannot open quarantine \"%s\" to read it", quarantine->name);
}

int quarantine_hold(struct quarantine *quarantine, bool dry_run, struct failure *failure)
{
    pthread_mutex_lock(&quarantine->turn);
    bool good = open_root(quarantine, false, failure) && open_list(quarantine, failure) &&
                lock_root(quarantine, true, dry_run, failure);
    if (!good)
        pthread_mutex_unlock(&quarantine->turn);
    return good ? quarantine->list : -1;
}

/* For a dry run it need not be there. */
static bool begin(struct quarantine *quarantine, bool dry_run, struct failure *failure)
{
    if (open_root(quarantine, !dry_run, failure))
        return lock_root(quarantine, false, dry_run, failure);
    return dry_run && failure->error == ENOENT &&
           survey_may_make_quarantine(quarantine->path, quarantine->spool, failure);
}

bool quarantine_begin_strays(struct quarantine *quarantine, bool dry_run, struct failure *failure)
{
    pthread_mutex_lock(&quarantine->turn);
    bool good = begin(quarantine, dry_run, failure);
    if (!good)
        pthread_mutex_unlock(&quarantine->turn);
    return good;
}

void quarantine_let_go(struct quarantine *quarantine)
{
    lock_file_release(&quarantine->lock);
    pthread_mutex_unlock(&quarantine->turn);
}

const char *quarantine_name_of(const struct quarantine *quarantine)
{
    return quarantine->name;
}

const char *quarantine_mark(const struct quarantine *quarantine)
{
    return quarantine->spool->mark;
}

bool quarantine_is_shared(const struct quarantine *quarantine)
{
    return quarantine->is_shared;
}

uint64_t quarantine_unique(struct quarantine *quarantine)
{
    return quarantine->unique++;
}

bool quarantine_can_take(const struct quarantine *quarantine, int from, const char *name,
                         struct failure *failure)
{
    char quoted[QUOTE_SIZE];
    struct stat status;
    if (quarantine->root < 0 || fstat(from, &status) < 0 ||
        status.st_dev == quarantine->status.st_dev ||
        fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || case_can_copy(&status))
        return true;
    fail(failure, 0, "%s cannot be copied to another file system", quote(quoted, name));
    failure->error = EXDEV;
    return false;
}

void quarantine_note_failure(struct quarantine *quarantine, const struct failure *failure)
{
    if (failure->error == EXDEV)
        quarantine->stuck++;
}

long quarantine_stuck(const struct quarantine *quarantine)
{
    return quarantine->stuck;
}

static bool move_one(int from, const char *name, int to)
{
    struct stat status;
    switch (case_take(from, name, to, case_name(name), &status)) {
    case CASE_MOVED: return true;
    case CASE_COPIED:
        return case_flush_copy(to, case_name(name)) && case_let_go(from, name, &status);
    case CASE_FAILED: break;
    }
    return errno == ENOENT;
}

/* How many. That all are there is noted, if at all, before the last one goes: half a pair with that
 * note is on its way. */
static size_t move_names(int from, const struct names *names, int to, const struct pair *noted)
{
    size_t moved = 0;
    for (; moved < names->count; moved++) {
        if (noted != NULL && moved + 1 == names->count)
            move_note_arrived(noted, from);
        if (!move_one(from, names->items[moved], to))
            break;
    }
    return moved;
}

static struct case_source source_of(const struct quarantine *quarantine, const struct pair *pair)
{
    return (struct case_source){.mark = quarantine_mark(quarantine),
                                .root = pair->spool->place,
                                .day = pair->day,
                                .name = pair->id.text};
}

static struct case_source source_of_strays(const struct quarantine *quarantine, const char *day)
{
    return (struct case_source){
        .mark = quarantine_mark(quarantine), .root = PLACE_STORAGE, .day = day, .name = "strays"};
}

/* `begun` is the name of the one to which a killed run has begun to move them; "": there is none.
 */
static int open_case(struct quarantine *quarantine, int from, const struct names *names,
                     const struct case_source *source, const char *begun, bool make,
                     struct failure *failure)
{
    for (size_t i = 0; i < names->count; i++) /* before anything is made for what must stay */
        if (!quarantine_can_take(quarantine, from, names->items[i], failure))
            return -1;
    char whole[PATH_MAX], quoted[QUOTE_SIZE], *path = quarantine->opened;
    int directory = -1;
    errno = ENOENT;
    if (begun[0] != '\0')
        directory = case_open_begun(quarantine->root, source, begun, quarantine->is_shared, from,
                                    names, path);
    if (directory < 0 && (errno == ENOENT || errno == EEXIST))
        directory = case_open(quarantine->root, source, from, names, quarantine_unique(quarantine),
                              make, path);
    if (directory < 0) {
        int error = errno;
        size_t length = dir_in_the_way(quarantine->root, path);
        snprintf(whole, sizeof whole, "%s/%.*s", quarantine->name, (int)length, path);
        fail(failure, error, "cannot create directory %s", quote(quoted, whole));
        blame(failure);
    }
    return directory;
}

/* Whether it could be made, and written to. */
static bool foresee_case(struct quarantine *quarantine, int from, const struct names *names,
                         const struct case_source *source, struct failure *failure)
{
    char path[PATH_MAX];
    int directory = open_case(quarantine, from, names, source, "", false, failure);
    bool is_day = directory < 0 && failure->error == ENOENT;
    if (is_day)
        directory = dir_open(quarantine->root, source->day);
    else if (directory < 0)
        return false;
    snprintf(path, sizeof path, "%s/%s", quarantine->name,
             is_day ? source->day : quarantine->opened);
    if (directory < 0)
        return survey_may_write(PLACE_QUARANTINE, quarantine->name, quarantine->root, failure);
    bool good = survey_may_write(PLACE_QUARANTINE, path, directory, failure);
    close(directory);
    return good;
}

/* What has no file of a crash is none, and would stay for ever if the crash becomes whole. Where
 * the file system has no locks nobody takes anything away. */
void quarantine_drop_case(struct quarantine *quarantine)
{
    char *path = quarantine->opened, *slash = strchr(path, '/');
    if (!quarantine->is_locked || slash == NULL)
        return;
    *slash = '\0';
    cases_remove_empty(quarantine->root, path, slash + 1);
    *slash = '/';
}

/* Reads the note of a run that was killed. A second one may be left from an earlier crash. */
static struct move_note find_begun(const struct pair *pair, int from, long long job)
{
    struct move_note note = {.to = PLACE_QUARANTINE};
    struct failure ignored;
    if (move_note_read(pair, from, false, &note, &ignored) && !note.is_there &&
        move_note_read(pair, from, true, &note, &ignored) && note.job != job)
        note = (struct move_note){.is_there = false};
    return note;
}

/* On disk, like the reason. */
static bool note_where(const struct quarantine *quarantine, const struct pair *pair, int from,
                       long long job, const char *reason, struct failure *failure)
{
    struct move_note note = {.to = PLACE_QUARANTINE, .job = job};
    snprintf(note.in, sizeof note.in, "%s", strchr(quarantine->opened, '/') + 1);
    snprintf(note.why, sizeof note.why, "%s", reason);
    return move_note_make(pair, from, &note, failure) &&
           (dir_flush(from) || pair_fail(pair, "flush directory", failure));
}

/* The reason is on disk before anything is moved: a case that has one is nobody else's. So is the
 * note, if there is a job, which names the case; it comes after the reason, and goes again if
 * nothing could be moved. */
static bool move_to_case(struct quarantine *quarantine, int from, const struct names *names,
                         const struct pair *pair, long long job, const char *reason,
                         struct failure *failure)
{
    char where[PAIR_PATH_SIZE], what[PATH_MAX + 64];
    struct failure ignored;
    struct move_note begun = {0};
    const struct case_source source = source_of(quarantine, pair);
    size_t moved = 0;
    pair_path(pair, where);
    snprintf(what, sizeof what, "move it to \"%s\" from", quarantine->name);
    if (!begin(quarantine, false, failure))
        return false;
    if (job != 0)
        begun = find_begun(pair, from, job);
    int directory = open_case(quarantine, from, names, &source, begun.in, true, failure);
    bool good =
        directory >= 0 &&
        (case_add_reason(directory, &source, where, reason) || pair_fail(pair, what, failure)) &&
        (job == 0 || note_where(quarantine, pair, from, job, reason, failure));
    if (good)
        moved = move_names(from, names, directory, job != 0 ? pair : NULL);
    good =
        good && ((moved == names->count && dir_flush(directory) && (job == 0 || dir_flush(from))) ||
                 pair_fail(pair, what, failure));
    if (!good && job != 0 && moved == 0 && !begun.is_there)
        move_note_remove(pair, from, &ignored);
    if (!good && directory >= 0)
        quarantine_drop_case(quarantine);
    lock_file_release(&quarantine->lock);
    if (directory >= 0)
        close(directory);
    return good;
}

/* Every entry whose name begins with the id, except the name link, and what is not its own. */
static bool list_crash(int directory, const struct pair *pair, struct names *names)
{
    const struct dirent64 *entry;
    struct dir_reader reader;
    if (!dir_begin(&reader, directory, NULL))
        return false;
    bool good = true;
    while (good && (entry = dir_next(&reader)) != NULL)
        if (strncmp(entry->d_name, pair->id.text, CRASH_ID_LENGTH) == 0 &&
            !(entry->d_name[CRASH_ID_LENGTH] == '\0' && dir_entry_type(&reader, entry) == DT_LNK))
            good = pair_leaves(pair, directory, entry->d_name) ? pair_may_leave(pair)
                                                               : names_add(names, entry->d_name);
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
static void sort_crash(struct names *names, const struct pair *pair)
{
    char dump[NAME_MAX + 1], json[NAME_MAX + 1];
    pair_file_name(pair, pair->spool->dump_suffix, dump);
    pair_file_name(pair, pair->spool->json_suffix, json);
    put_last(names, dump);
    put_last(names, json);
}

/* *directory becomes that of its files, -1 if it is gone. */
static bool look_at_crash(const struct pair *pair, int *directory, struct names *names,
                          struct failure *failure)
{
    *directory = pair_open_directory(pair);
    if (*directory < 0)
        return errno == ENOENT || pair_fail(pair, "open directory", failure);
    return list_crash(*directory, pair, names) || pair_fail(pair, "read directory", failure);
}

bool quarantine_foresee(struct quarantine *quarantine, const struct pair *pair,
                        struct failure *failure)
{
    struct names names = {0};
    int directory = -1;
    pthread_mutex_lock(&quarantine->turn);
    bool good = begin(quarantine, true, failure);
    const struct case_source source = source_of(quarantine, pair);
    if (good && quarantine->root >= 0)
        good = look_at_crash(pair, &directory, &names, failure) &&
               foresee_case(quarantine, directory, &names, &source, failure);
    lock_file_release(&quarantine->lock);
    pthread_mutex_unlock(&quarantine->turn);
    if (directory >= 0)
        close(directory);
    names_free(&names);
    return good;
}

static bool move_crash(struct quarantine *quarantine, const struct pair *pair, long long job,
                       const char *reason, struct failure *failure)
{
    struct names names = {0};
    int directory;
    pthread_mutex_lock(&quarantine->turn);
    bool good = look_at_crash(pair, &directory, &names, failure);
    sort_crash(&names, pair);
    job = directory >= 0 ? job : 0; /* it is gone */
    good = good && move_to_case(quarantine, directory, &names, pair, job, reason, failure);
    pthread_mutex_unlock(&quarantine->turn);
    good = good && links_remove_name(pair, directory, failure);
    if (directory >= 0)
        close(directory);
    names_free(&names);
    return good;
}

bool quarantine_pair(struct quarantine *quarantine, const struct pair *pair, const char *reason,
                     struct failure *failure)
{
    return move_crash(quarantine, pair, 0, reason, failure);
}

bool quarantine_newcomer(struct quarantine *quarantine, const struct pair *pair, long long job,
                         const char *reason, struct failure *failure)
{
    return move_crash(quarantine, pair, job, reason, failure);
}

bool quarantine_name(struct quarantine *quarantine, int directory, const char *name,
                     const struct pair *pair, const char *reason, struct failure *failure)
{
    char *items[] = {(char *)(uintptr_t)name};
    const struct names names = {.items = items, .count = 1};
    pthread_mutex_lock(&quarantine->turn);
    bool good = move_to_case(quarantine, directory, &names, pair, 0, reason, failure);
    pthread_mutex_unlock(&quarantine->turn);
    return good;
}

int quarantine_open_strays(struct quarantine *quarantine, const char *day, struct failure *failure)
{
    const struct names none = {0};
    const struct case_source source = source_of_strays(quarantine, day);
    return open_case(quarantine, quarantine->spool->root, &none, &source, "", true, failure);
}

bool quarantine_foresee_strays(struct quarantine *quarantine, const char *day,
                               struct failure *failure)
{
    const struct names none = {0};
    const struct case_source source = source_of_strays(quarantine, day);
    return quarantine->root < 0 ||
           foresee_case(quarantine, quarantine->spool->root, &none, &source, failure);
}
