#include "spool/archive.h"

#include "base/quote.h"
#include "base/signals.h"
#include "spool/dir.h"
#include "spool/file.h"
#include "spool/links.h"
#include "spool/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Small pairs in a row without room before the archive counts as full: a smaller one might fit. */
enum { FULL_MAXIMUM = 10 };

struct archive {
    struct archive_settings settings;
    _Atomic enum archive_state state;
    struct spool *tree; /* NULL: pairs are deleted, or it is not open */
    struct names days;  /* of the tree */
    bool is_shared, is_temporary;
    struct archive_changes *changes;
    uint64_t stamp;   /* of this run, in the names of its copies */
    _Atomic int full; /* pairs in a row that found no room */
};

/* The path without what makes a link at its end count as the directory that it leads to. */
static void name_of(const char *path, char name[PATH_MAX])
{
    size_t length = strlen(path);
    while (length > 1 &&
           (path[length - 1] == '/' || (path[length - 1] == '.' && path[length - 2] == '/')))
        length--;
    snprintf(name, PATH_MAX, "%.*s", (int)length, path);
}

/* Whether a directory is one in which everybody may make files, as that of temporary ones. */
static bool is_for_all(const struct stat *status, bool *is_temporary)
{
    const mode_t mode = S_ISVTX | S_IWOTH;
    struct stat temporary;
    *is_temporary = stat("/tmp", &temporary) == 0 && file_is_same(status, &temporary);
    return *is_temporary || (status->st_mode & mode) == mode;
}

/* Finds out whether anybody can make what the path leads to, or a link there, before us: its
 * directory is that of temporary files, or like it. */
static void look_at_parent(struct archive *archive)
{
    char parent[PATH_MAX];
    struct stat status;
    name_of(archive->settings.path, parent);
    strrchr(parent, '/')[1] = '\0';
    archive->is_shared = stat(parent, &status) == 0 && is_for_all(&status, &archive->is_temporary);
}

struct archive *archive_new(const struct archive_settings *settings)
{
    struct archive *archive = calloc(1, sizeof *archive);
    if (archive != NULL)
        archive->settings = *settings;
    if (archive != NULL && settings->path != NULL)
        look_at_parent(archive);
    return archive;
}

void archive_free(struct archive *archive)
{
    if (archive == NULL)
        return;
    spool_close(archive->tree);
    names_free(&archive->days);
    free(archive);
}

enum archive_state archive_state(const struct archive *archive)
{
    return archive->state;
}

const char *archive_path(const struct archive *archive)
{
    return archive->settings.path;
}

enum place archive_place(const struct archive *archive)
{
    return archive->settings.place;
}

bool archive_is_same(const struct archive *one, const struct archive *other)
{
    struct stat left, right;
    return one->tree != NULL && other->tree != NULL && fstat(one->tree->root, &left) == 0 &&
           fstat(other->tree->root, &right) == 0 && file_is_same(&left, &right);
}

bool archive_is_shared(const struct archive *archive)
{
    return archive->is_shared;
}

bool archive_is_temporary(const struct archive *archive)
{
    return archive->is_temporary;
}

void archive_note_changes(struct archive *archive, struct archive_changes *changes)
{
    archive->changes = changes;
}

void archive_changes_clear(struct archive_changes *changes)
{
    flush_clear(&changes->all);
    flush_clear(&changes->copies);
}

static void note_change(const struct archive *archive, dev_t device, int directory,
                        const char *path)
{
    if (archive->changes != NULL)
        flush_add(&archive->changes->all, device, directory, path);
}

/* -1: it is not there. */
static bool check_mark(const struct archive *archive, int directory, struct failure *failure)
{
    const struct archive_settings *settings = &archive->settings;
    return archive->is_temporary || settings->check == NULL ||
           settings->check(settings->place, settings->path, directory, failure);
}

static bool fail_unsafe(const char *path, const char *why, struct failure *failure)
{
    fail(failure, 0, "long-term storage \"%s\" is not safe to use: it %s", path, why);
    failure->error = EPERM;
    return false;
}

static bool check_own_directory(const struct archive *archive, struct failure *failure)
{
    const struct archive_settings *settings = &archive->settings;
    struct stat status;
    char path[PATH_MAX];
    name_of(settings->path, path);
    if (lstat(path, &status) < 0 && errno == ENOENT && !check_mark(archive, -1, failure))
        return false;
    if (!settings->dry_run && mkdir(path, settings->dir_mode & 0700) < 0 && errno != EEXIST)
        return fail(failure, errno, "cannot create long-term storage \"%s\"", path);
    if (lstat(path, &status) < 0)
        return (settings->dry_run && errno == ENOENT) ||
               fail(failure, errno, "cannot look at long-term storage \"%s\"", path);
    return (S_ISDIR(status.st_mode) && status.st_uid == geteuid()) ||
           fail_unsafe(path,
                       S_ISDIR(status.st_mode) ? "belongs to another user" : "is not a directory",
                       failure);
}

/* A path may lead to one in a directory like that by a link elsewhere. */
static bool check_owner(const struct archive *archive, int root, struct failure *failure)
{
    struct stat status, parent;
    bool is_temporary;
    if (fstat(root, &status) < 0 || fstatat(root, "..", &parent, 0) < 0)
        return fail(failure, errno, "cannot look at long-term storage \"%s\"",
                    archive->settings.path);
    return status.st_uid == geteuid() || !is_for_all(&parent, &is_temporary) ||
           fail_unsafe(archive->settings.path, "belongs to another user", failure);
}

static bool open_tree(struct archive *archive, struct failure *failure)
{
    const struct archive_settings *settings = &archive->settings;
    if (settings->path == NULL)
        return true;
    if (getentropy(&archive->stamp, sizeof archive->stamp) < 0)
        return fail(failure, errno, "cannot get a random number for the copies in \"%s\"",
                    settings->path);
    bool is_shared = archive->is_shared;
    if (is_shared && !check_own_directory(archive, failure))
        return false;
    if (is_shared && settings->dry_run && access(settings->path, F_OK) < 0)
        return true;
    archive->tree = (settings->dry_run ? spool_open_to_look : spool_open)(
        settings->place, settings->path, settings->json_suffix, settings->dump_suffix, failure);
    if (archive->tree != NULL)
        archive->tree->is_archive = true;
    return archive->tree != NULL && check_owner(archive, archive->tree->root, failure) &&
           check_mark(archive, archive->tree->root, failure) &&
           spool_days(archive->tree, &archive->days, failure);
}

bool archive_open(struct archive *archive, struct failure *failure)
{
    bool good = open_tree(archive, failure);
    archive->state = good ? ARCHIVE_OPEN : ARCHIVE_OUT_OF_ORDER;
    return good;
}

bool archive_may_change(struct archive *archive, struct failure *failure)
{
    if (archive->tree == NULL || survey_may_change(archive->tree, failure))
        return true;
    archive->state = ARCHIVE_OUT_OF_ORDER;
    return false;
}

void archive_ask_clock(const struct archive *archive)
{
    if (archive->tree != NULL)
        spool_ask_clock(archive->tree);
}

/* A file gets a new ctime when it is moved or copied here. A crash whose id has no date is put
 * under the day that it had in the spool, and a namesake may lie under another one. */
enum located archive_find(const struct archive *archive, const struct crash_id *id,
                          const struct origin *origin, struct pair_location *location,
                          struct failure *failure)
{
    const long age = (long)(origin->queued / SECOND) + CLOCK_TOLERANCE;
    struct crash_id its = *id;
    *location = (struct pair_location){.directory = -1};
    if (archive->tree == NULL)
        return LOCATED_NOWHERE;
    if (id->day[0] == '\0')
        memcpy(its.day, origin->day, sizeof its.day);
    locate_in(archive->tree, &archive->days, &its, age, location, failure);
    location->pair.id = *id;
    if (location->found == LOCATED_NOWHERE) {
        location->pair.spool = archive->tree;
        memcpy(location->pair.day, its.day, sizeof its.day);
    }
    /* A run that was killed may have moved it, and not have flushed that. */
    if (location->directory >= 0)
        note_change(archive,
                    location->json.found ? location->json.status.st_dev
                                         : location->dump.status.st_dev,
                    location->directory, archive->tree->path);
    location_close(location);
    return location->found;
}

/* A pair may also come from a disk that is read-only. */
static bool is_read_only(const struct archive *archive)
{
    struct statvfs status;
    return archive->tree != NULL && fstatvfs(archive->tree->root, &status) == 0 &&
           (status.f_flag & ST_RDONLY) != 0;
}

static bool is_of_archive(const struct archive *archive, int error)
{
    return error == ENOTUNIQ || error == FILE_CANNOT_BE_NAMED ||
           (error == EROFS && is_read_only(archive));
}

/* Notes how a step went: a failure may concern the whole archive. One that is the pair's own must
 * not keep the others back: some pairs never fit. */
static bool note(struct archive *archive, bool good, const struct archive_move *move,
                 const struct failure *failure)
{
    if (good)
        archive->full = 0;
    else if ((failure->error == ENOSPC || failure->error == EDQUOT) && !move->is_too_large)
        archive->full++;
    if ((!good && is_of_archive(archive, failure->error)) || archive->full == FULL_MAXIMUM)
        archive->state = ARCHIVE_OUT_OF_ORDER;
    return good;
}

/* The pair as it is in the archive: under the day of its id, else under its day in the spool. */
static struct pair in_archive(const struct archive *archive, const struct pair *pair)
{
    struct pair there = *pair;
    there.spool = archive->tree;
    if (pair->id.day[0] != '\0')
        memcpy(there.day, pair->id.day, sizeof there.day);
    return there;
}

static int open_destination(const struct archive *archive, const struct pair *pair)
{
    const struct pair there = in_archive(archive, pair);
    return pair_open_directory(&there);
}

static int make_destination(const struct archive *archive, const struct pair *pair, bool *is_new)
{
    char path[PAIR_DIRECTORY_SIZE];
    const struct pair there = in_archive(archive, pair);
    const struct dir_style style = {archive->settings.dir_mode, archive->settings.group};
    pair_directory(&there, path);
    return dir_make_telling(archive->tree->root, path, &style, is_new);
}

/* They go before the files: without the files nothing leads to them. */
static bool remove_links(const struct pair_location *location, struct failure *failure)
{
    return location->has_no_link || links_remove_in(&location->pair, location->directory, failure);
}

static enum archive_moved move_to_tree(const struct archive *archive,
                                       const struct pair_location *location,
                                       struct archive_move *move, struct failure *failure)
{
    int source = location->directory;
    const struct spool *tree = archive->tree;
    const struct file_style style = {archive->settings.file_mode, archive->settings.group};
    bool is_dry = move->dry_run, is_new = false;
    int destination = is_dry ? open_destination(archive, &move->pair)
                             : make_destination(archive, &move->pair, &is_new);
    if (is_dry && destination < 0 && errno == ENOENT)
        return ARCHIVE_MOVED;
    if (destination < 0) {
        const struct pair there = in_archive(archive, &move->pair);
        pair_fail(&there, "create directory", failure);
        return ARCHIVE_FAILED;
    }
    enum archive_moved moved =
        is_new ? ARCHIVE_MOVED : archive_move_compare(move, source, destination, failure);
    if (is_dry) {
        move->copied = false;
        close(destination);
        return moved;
    }
    if (moved != ARCHIVE_FAILED && !remove_links(location, failure))
        moved = ARCHIVE_FAILED;
    if (moved == ARCHIVE_MOVED)
        moved = archive_move_files(move, source, destination, &style, failure);
    if (move->copied && archive->changes != NULL) {
        flush_add_directory(&archive->changes->all, destination, tree->path);
        flush_add_directory(&archive->changes->copies, destination, tree->path);
    }
    if (moved != ARCHIVE_MOVED)
        move->copied = false;
    close(destination);
    return moved;
}

static enum archive_moved move_pair(const struct archive *archive,
                                    const struct pair_location *location, struct archive_move *move,
                                    struct failure *failure)
{
    move->pair = location->pair;
    move->root = archive->settings.path;
    move->place = archive->settings.place;
    move->is_half = location->found == LOCATED_PART;
    move->stamp = archive->stamp;
    move->unwanted = archive->settings.path == NULL;
    if (move->unwanted && !move->dry_run && !remove_links(location, failure))
        return ARCHIVE_FAILED;
    if (!location_list(location, &move->files)) {
        if (errno == EMLINK)
            fail(failure, 0, "a further dump of it has a second name, which may lie elsewhere");
        else
            pair_fail(&location->pair, "read directory", failure);
        return ARCHIVE_FAILED;
    }
    /* What is renamed stays on the same one. */
    if (move->files.count > 0)
        note_change(archive, move->files.items[0].status.st_dev, location->directory,
                    location->pair.spool->path);
    return move->unwanted || archive->tree == NULL ? ARCHIVE_MOVED /* not made in a dry run */
                                                   : move_to_tree(archive, location, move, failure);
}

enum archive_moved archive_move(struct archive *archive, const struct pair_location *location,
                                struct archive_move *move, struct failure *failure)
{
    enum archive_moved moved =
        signals_permit(failure) ? move_pair(archive, location, move, failure) : ARCHIVE_FAILED;
    if (moved == ARCHIVE_MOVED || moved == ARCHIVE_FAILED)
        note(archive, moved == ARCHIVE_MOVED, move, failure);
    return moved;
}

enum archive_moved archive_foresee(const struct archive *archive,
                                   const struct pair_location *location, struct archive_move *move,
                                   struct failure *failure)
{
    move->dry_run = true;
    return move_pair(archive, location, move, failure);
}

bool archive_has_all(const struct archive *archive, const struct pair_location *location,
                     bool *has_all, struct failure *failure)
{
    struct archive_move look = {0};
    enum archive_moved moved = archive_foresee(archive, location, &look, failure);
    *has_all = moved == ARCHIVE_MOVED && look.files.count > 0;
    for (size_t i = 0; i < look.files.count; i++)
        *has_all = *has_all && look.files.items[i].state == PAIR_FILE_THERE;
    archive_move_free(&look);
    return moved != ARCHIVE_FAILED;
}

void archive_note_source(const struct archive *archive, const struct pair *pair)
{
    struct stat status;
    int source = pair_open_directory(pair);
    if (source >= 0 && fstat(source, &status) == 0)
        note_change(archive, status.st_dev, source, pair->spool->path);
    if (source >= 0)
        close(source);
}

bool archive_take_stranger(const struct archive *archive, const struct archive_move *move,
                           struct quarantine *quarantine, struct failure *failure)
{
    const struct pair place = move->is_in_spool ? move->pair : in_archive(archive, &move->pair);
    int directory = pair_open_directory(&place);
    if (directory < 0)
        return pair_fail(&place, "open directory", failure);
    bool good =
        quarantine_name(quarantine, directory, move->stranger, &move->pair,
                        "it was put in place of a file that was about to be archived", failure);
    close(directory);
    return good;
}

bool archive_commit_copies(struct archive *archive, struct archive_move *move,
                           struct failure *failure)
{
    if (!signals_permit(failure))
        return false;
    int source = pair_open_directory(&move->pair);
    int destination = open_destination(archive, &move->pair);
    bool good = destination >= 0
                    ? archive_move_name_copies(move, source, destination, failure)
                    : fail(failure, errno, "cannot open the directory of the copies in \"%s\"",
                           archive->tree->path);
    if (destination >= 0)
        close(destination);
    if (source >= 0)
        close(source);
    return note(archive, good, move, failure);
}

void archive_remove_leftovers(const struct archive *archive, const struct pair *pair)
{
    int destination = archive->tree != NULL ? open_destination(archive, pair) : -1;
    if (destination >= 0) {
        archive_move_remove_leftovers(&pair->id, destination);
        close(destination);
    }
}

bool archive_drop_copies(struct archive *archive, struct archive_move *move,
                         struct failure *failure)
{
    (void)failure;
    int source = pair_open_directory(&move->pair);
    int destination = open_destination(archive, &move->pair);
    if (destination >= 0) {
        archive_move_take_back(move, source, destination);
        close(destination);
    }
    if (source >= 0)
        close(source);
    return true;
}

bool archive_write_reason(struct archive *archive, struct archive_move *move, const char *reason,
                          struct failure *failure)
{
    const struct file_style style = {archive->settings.file_mode, archive->settings.group};
    int destination = open_destination(archive, &move->pair);
    move->stamp = archive->stamp;
    bool good = destination >= 0 && archive_move_write_reason(move, destination, reason, &style);
    if (!good)
        fail(failure, errno, "cannot write why its job failed to \"%s\"", archive->tree->path);
    if (destination >= 0)
        close(destination);
    return note(archive, good, move, failure);
}

/* Somebody may have moved it away: that is no fault of the disk, if that has others. */
static bool fail_without_source(const struct pair *pair, struct failure *failure)
{
    char path[PAIR_DIRECTORY_SIZE], tree[DAY_LENGTH + sizeof "/name"];
    int error = errno;
    pair_directory(pair, path);
    snprintf(tree, sizeof tree, "%s/name", pair->day);
    if (error == ENOENT && dir_has(pair->spool->root, tree) && pair_tree_doubt(pair) == NULL)
        return fail(failure, 0, "its directory \"%s/%s\" was there, and is gone", pair->spool->path,
                    path);
    errno = error;
    return pair_fail(pair, "open directory", failure);
}

bool archive_remove_originals(struct archive *archive, struct archive_move *move,
                              struct failure *failure)
{
    if (!signals_permit(failure))
        return false;
    int source = pair_open_directory(&move->pair);
    bool good = source >= 0 ? archive_move_remove_originals(move, source, failure)
                            : fail_without_source(&move->pair, failure);
    if (source >= 0)
        close(source);
    return note(archive, good, move, failure);
}
