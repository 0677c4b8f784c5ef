#include "spool/archive.h"

#include "base/quote.h"
#include "spool/dir.h"
#include "spool/file.h"
#include "spool/links.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Pairs in a row without room before the archive counts as full: a smaller one might fit. */
enum { FULL_MAXIMUM = 10 };

struct archive {
    struct archive_settings settings;
    enum archive_state state;
    struct spool *tree; /* NULL: pairs are deleted, or it is not open */
    struct names days;  /* of the tree */
    uint64_t stamp;     /* of this run, in the names of its copies */
    int full;           /* pairs in a row that found no room */
};

struct archive *archive_new(const struct archive_settings *settings)
{
    struct archive *archive = calloc(1, sizeof *archive);
    if (archive != NULL)
        archive->settings = *settings;
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

const struct spool *archive_tree(const struct archive *archive)
{
    return archive->tree;
}

/* Directly below /tmp anybody can create the directory, or a link, before us. */
bool archive_is_shared(const struct archive *archive)
{
    const char *path = archive->settings.path;
    return path != NULL && strncmp(path, "/tmp/", 5) == 0 && strchr(path + 5, '/') == NULL;
}

static bool check_own_directory(const struct archive_settings *settings, struct failure *failure)
{
    struct stat status;
    const char *path = settings->path;
    if (!settings->dry_run && mkdir(path, settings->dir_mode & 0700) < 0 && errno != EEXIST)
        return fail(failure, errno, "cannot create directory \"%s\"", path);
    if (lstat(path, &status) < 0)
        return (settings->dry_run && errno == ENOENT) ||
               fail(failure, errno, "cannot look at directory \"%s\"", path);
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
        fail(failure, 0, "\"%s\" is not safe to use: it %s", path,
             S_ISDIR(status.st_mode) ? "belongs to another user" : "is not a directory");
        failure->error = EPERM;
        return false;
    }
    return true;
}

static bool open_tree(struct archive *archive, struct failure *failure)
{
    const struct archive_settings *settings = &archive->settings;
    if (settings->path == NULL)
        return true;
    if (getentropy(&archive->stamp, sizeof archive->stamp) < 0)
        return fail(failure, errno, "cannot get a random number for directory \"%s\"",
                    settings->path);
    bool is_shared = archive_is_shared(archive);
    if (is_shared && !check_own_directory(settings, failure))
        return false;
    if (is_shared && settings->dry_run && access(settings->path, F_OK) < 0)
        return true;
    archive->tree =
        spool_open(settings->path, settings->json_suffix, settings->dump_suffix, failure);
    return archive->tree != NULL && spool_days(archive->tree, &archive->days, failure);
}

bool archive_open(struct archive *archive, struct failure *failure)
{
    bool good = open_tree(archive, failure);
    archive->state = good ? ARCHIVE_OPEN : ARCHIVE_OUT_OF_ORDER;
    return good;
}

enum located archive_find(const struct archive *archive, const struct crash_id *id,
                          struct failure *failure)
{
    struct pair_location location;
    if (archive->tree == NULL)
        return LOCATED_NOWHERE;
    locate_in(archive->tree, &archive->days, id, &location, failure);
    location_close(&location);
    return location.found;
}

/* Notes how a step went: a failure may concern the whole archive. */
static bool note(struct archive *archive, bool good, const struct failure *failure)
{
    if (good)
        archive->full = 0;
    else if (failure->error == ENOSPC || failure->error == EDQUOT)
        archive->full++;
    if ((!good && failure->error == EROFS) || archive->full == FULL_MAXIMUM)
        archive->state = ARCHIVE_OUT_OF_ORDER;
    return good;
}

static struct dir_style dir_style(const struct archive *archive)
{
    return (struct dir_style){archive->settings.dir_mode, archive->settings.group};
}

static struct file_style file_style(const struct archive *archive)
{
    return (struct file_style){archive->settings.file_mode, archive->settings.group};
}

/* The pair's directory in the archive: under the day of its id, else under its day in the spool. */
static int open_destination(const struct archive *archive, const struct pair *pair, bool make)
{
    char path[64], name_path[NAME_PATH_LENGTH + 1];
    const struct dir_style style = dir_style(archive);
    crash_id_name_path(&pair->id, name_path);
    snprintf(path, sizeof path, "%s/name/%s", pair->id.day[0] != '\0' ? pair->id.day : pair->day,
             name_path);
    return make ? dir_make(archive->tree->root, path, &style) : dir_open(archive->tree->root, path);
}

enum { TEMPORARY_SIZE = 96 };

/* A name that readers ignore and no other run uses: a run that has lost its lock without knowing
 * must not publish a copy that its successor is still writing. */
static void temporary_name(char name[TEMPORARY_SIZE], const struct archive *archive,
                           const struct archive_move *move, size_t index)
{
    snprintf(name, TEMPORARY_SIZE, ".%s.%zu.%016" PRIx64 ".tmp", move->pair.id.text, index,
             archive->stamp);
}

static bool is_temporary(const char *name, const struct crash_id *id)
{
    size_t length = strlen(name);
    return name[0] == '.' && strncmp(name + 1, id->text, CRASH_ID_LENGTH) == 0 && length > 4 &&
           strcmp(name + length - 4, ".tmp") == 0;
}

struct leftovers {
    const struct crash_id *id;
    int destination;
};

static bool remove_leftover(void *context, const char *name)
{
    const struct leftovers *leftovers = context;
    return !is_temporary(name, leftovers->id) || unlinkat(leftovers->destination, name, 0) == 0 ||
           errno == ENOENT;
}

/* Removes the copies of a killed run, or of one that goes on without its lock, and will fail. */
static bool remove_leftovers(const struct crash_id *id, int destination)
{
    struct leftovers leftovers = {id, destination};
    int directory = dir_open_to_list(destination, NULL);
    if (directory < 0)
        return false;
    bool good = dir_list(directory, remove_leftover, &leftovers);
    close_keeping_errno(directory);
    return good;
}

static void remove_copies(const struct archive *archive, const struct archive_move *move,
                          size_t end, int destination)
{
    for (size_t i = move->renamed; i < end; i++) {
        char temporary[TEMPORARY_SIZE];
        temporary_name(temporary, archive, move, i);
        unlinkat(destination, temporary, 0);
    }
}

/* Copies the files that could not be renamed: all or none. */
static bool copy_files(const struct archive *archive, struct archive_move *move, int source,
                       int destination, struct failure *failure)
{
    const struct file_style style = file_style(archive);
    if (!remove_leftovers(&move->pair.id, destination))
        return fail(failure, errno, "cannot remove old copies from \"%s\"", archive->tree->path);
    for (size_t i = move->renamed; i < move->files.count; i++) {
        char temporary[TEMPORARY_SIZE], name[QUOTE_SIZE];
        temporary_name(temporary, archive, move, i);
        if (!file_copy(source, move->files.items[i].name, destination, temporary, &style)) {
            fail(failure, errno, "cannot copy file %s to \"%s\"",
                 quote(name, move->files.items[i].name), archive->tree->path);
            remove_copies(archive, move, i, destination);
            return false;
        }
    }
    move->copied = true;
    return true;
}

static bool move_files(const struct archive *archive, struct archive_move *move, int source,
                       int destination, struct failure *failure)
{
    const struct file_style style = file_style(archive);
    for (; move->renamed < move->files.count; move->renamed++) {
        char name[QUOTE_SIZE];
        const struct pair_file *file = &move->files.items[move->renamed];
        if (file_rename(source, destination, file->name, &file->status, &style))
            continue;
        if (errno == EXDEV || errno == EPERM)
            return copy_files(archive, move, source, destination, failure);
        return fail(failure, errno, "cannot move file %s to \"%s\"", quote(name, file->name),
                    archive->tree->path);
    }
    return true;
}

static bool delete_files(const struct archive_move *move, int source, struct failure *failure)
{
    char name[QUOTE_SIZE];
    for (size_t i = move->renamed; i < move->files.count; i++)
        if (unlinkat(source, move->files.items[i].name, 0) < 0 && errno != ENOENT)
            return fail(failure, errno, "cannot remove file %s from \"%s\"",
                        quote(name, move->files.items[i].name), move->pair.spool->path);
    return true;
}

static bool is_there(int directory, const struct archive_move *move, const char *suffix)
{
    char name[CRASH_ID_LENGTH + NAME_MAX];
    struct stat status;
    snprintf(name, sizeof name, "%s%s", move->pair.id.text, suffix);
    for (size_t i = move->files.count; i-- > 0;)
        if (strcmp(move->files.items[i].name, name) == 0)
            return true;
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool move_to_tree(const struct archive *archive, struct archive_move *move, int source,
                         struct failure *failure)
{
    const struct spool *tree = archive->tree;
    int destination = open_destination(archive, &move->pair, true);
    if (destination < 0)
        return fail(failure, errno, "cannot create a directory for the pair in \"%s\"", tree->path);
    bool good = move_files(archive, move, source, destination, failure);
    move->missing = !is_there(destination, move, tree->dump_suffix)   ? tree->dump_suffix
                    : !is_there(destination, move, tree->json_suffix) ? tree->json_suffix
                                                                      : NULL;
    close(destination);
    return good;
}

static bool move_pair(const struct archive *archive, const struct pair_location *location,
                      struct archive_move *move, struct failure *failure)
{
    int source = location->directory;
    move->pair = location->pair;
    /* Links first: without the files nothing leads to them. */
    if (!links_remove_in(&location->pair, source, failure))
        return false;
    if (!location_list(location, &move->files))
        return fail(failure, errno, "cannot read the directory of the pair in \"%s\"",
                    location->pair.spool->path);
    return archive->settings.path == NULL ? delete_files(move, source, failure)
                                          : move_to_tree(archive, move, source, failure);
}

bool archive_move(struct archive *archive, const struct pair_location *location,
                  struct archive_move *move, struct failure *failure)
{
    return note(archive, move_pair(archive, location, move, failure), failure);
}

static bool name_copies(const struct archive *archive, struct archive_move *move,
                        struct failure *failure)
{
    int destination = open_destination(archive, &move->pair, false);
    if (destination < 0)
        return fail(failure, errno, "cannot open the directory of its copies in \"%s\"",
                    archive->tree->path);
    bool good = true;
    for (size_t i = move->renamed; i < move->files.count && good; i++) {
        char temporary[TEMPORARY_SIZE], name[QUOTE_SIZE];
        temporary_name(temporary, archive, move, i);
        if (renameat(destination, temporary, destination, move->files.items[i].name) < 0)
            good = fail(failure, errno, "cannot rename the copy of file %s in \"%s\"",
                        quote(name, move->files.items[i].name), archive->tree->path);
    }
    if (!good)
        remove_copies(archive, move, move->files.count, destination);
    close(destination);
    return good;
}

bool archive_commit_copies(struct archive *archive, struct archive_move *move,
                           struct failure *failure)
{
    return note(archive, name_copies(archive, move, failure), failure);
}

bool archive_drop_copies(struct archive *archive, struct archive_move *move,
                         struct failure *failure)
{
    (void)failure;
    int destination = open_destination(archive, &move->pair, false);
    move->copied = false;
    if (destination >= 0) {
        remove_copies(archive, move, move->files.count, destination);
        close(destination);
    }
    return true;
}

static bool remove_originals(struct archive_move *move, struct failure *failure)
{
    int source = pair_open_directory(&move->pair);
    if (source < 0)
        return fail(failure, errno, "cannot open the directory of the pair in \"%s\"",
                    move->pair.spool->path);
    bool good = delete_files(move, source, failure);
    close(source);
    move->copied = move->copied && !good;
    return good;
}

bool archive_remove_originals(struct archive *archive, struct archive_move *move,
                              struct failure *failure)
{
    return note(archive, remove_originals(move, failure), failure);
}

void archive_move_free(struct archive_move *move)
{
    pair_files_free(&move->files);
}
