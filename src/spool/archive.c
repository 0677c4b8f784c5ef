#include "spool/archive.h"

#include "spool/links.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Where anybody can make a directory, or a link, before we do. */
static bool is_in_shared_directory(const char *path)
{
    return strncmp(path, "/tmp/", 5) == 0 && strchr(path + 5, '/') == NULL;
}

static bool check_own_directory(const char *path, const struct dir_style *style, bool dry_run,
                                struct failure *failure)
{
    struct stat status;
    if (!dry_run && mkdir(path, style->mode & 0700) < 0 && errno != EEXIST)
        return fail(failure, errno, "cannot make %s", path);
    if (lstat(path, &status) < 0)
        return (dry_run && errno == ENOENT) || fail(failure, errno, "cannot look at %s", path);
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
        fail(failure, 0, "%s is not safe to use: %s", path,
             S_ISDIR(status.st_mode) ? "it belongs to somebody else" : "it is no directory");
        failure->error = EPERM;
        return false;
    }
    return true;
}

bool archive_open(struct archive *archive, const char *path, const struct spool *like,
                  const struct dir_style *dir_style, const struct file_style *file_style,
                  bool dry_run, struct failure *failure)
{
    *archive = (struct archive){.tree.root = -1,
                                .deletes = path == NULL,
                                .dir_style = *dir_style,
                                .file_style = *file_style};
    if (archive->deletes)
        return true;
    if (getentropy(&archive->stamp, sizeof archive->stamp) < 0)
        return fail(failure, errno, "cannot open %s: no random number", path);
    archive->is_shared = is_in_shared_directory(path);
    if (archive->is_shared && !check_own_directory(path, dir_style, dry_run, failure))
        return false;
    if (archive->is_shared && dry_run && access(path, F_OK) < 0)
        return true;
    return spool_open(&archive->tree, path, like->json_suffix, like->dump_suffix, failure) &&
           spool_days(&archive->tree, &archive->days, failure);
}

void archive_close(struct archive *archive)
{
    spool_close(&archive->tree);
    names_free(&archive->days);
}

enum search archive_find(const struct archive *archive, const struct crash_id *id,
                         struct failure *failure)
{
    struct found found = NOTHING_FOUND;
    search_spool(&archive->tree, &archive->days, id, &found, failure);
    found_close(&found);
    return found.search;
}

/* The directory of the pair in the archive: under the day of the id, or where the id has none,
 * under the day that it had in the spool. */
static int open_destination(const struct archive *archive, const struct pair *pair, bool make)
{
    char path[64], branch[NAME_BRANCH_LENGTH + 1];
    crash_id_name_branch(&pair->id, branch);
    snprintf(path, sizeof path, "%s/name/%s", pair->id.day[0] != '\0' ? pair->id.day : pair->day,
             branch);
    return make ? dir_make(archive->tree.root, path, &archive->dir_style)
                : dir_open(archive->tree.root, path);
}

enum { TEMPORARY_SIZE = 96 };

/* A name that no reader takes for a file of a crash, and that no other run uses: one that has lost
 * its lock, and does not know it yet, must not publish what its successor is still writing. */
static void temporary_name(char name[TEMPORARY_SIZE], const struct archive *archive,
                           const struct transfer *transfer, size_t index)
{
    snprintf(name, TEMPORARY_SIZE, ".%s.%zu.%016" PRIx64 ".tmp", transfer->pair.id.text, index,
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

/* What a run that was killed has left of its copies. Should it be alive, having lost its lock, it
 * will not find them. */
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

static void remove_copies(const struct archive *archive, const struct transfer *transfer,
                          size_t end, int destination)
{
    for (size_t i = transfer->renamed; i < end; i++) {
        char temporary[TEMPORARY_SIZE];
        temporary_name(temporary, archive, transfer, i);
        unlinkat(destination, temporary, 0);
    }
}

/* Copies what could not be renamed; all of it or nothing. */
static bool copy_files(const struct archive *archive, struct transfer *transfer, int source,
                       int destination, struct failure *failure)
{
    if (!remove_leftovers(&transfer->pair.id, destination))
        return fail(failure, errno, "cannot remove old copies from %s", archive->tree.path);
    for (size_t i = transfer->renamed; i < transfer->files.count; i++) {
        char temporary[TEMPORARY_SIZE];
        temporary_name(temporary, archive, transfer, i);
        if (!file_copy(source, transfer->files.items[i].name, destination, temporary,
                       &archive->file_style)) {
            fail(failure, errno, "cannot copy %s to %s", transfer->files.items[i].name,
                 archive->tree.path);
            remove_copies(archive, transfer, i, destination);
            return false;
        }
    }
    transfer->copied = true;
    return true;
}

static bool move_files(const struct archive *archive, struct transfer *transfer, int source,
                       int destination, struct failure *failure)
{
    for (; transfer->renamed < transfer->files.count; transfer->renamed++) {
        const struct pair_file *file = &transfer->files.items[transfer->renamed];
        if (file_rename(source, destination, file->name, &file->status, &archive->file_style))
            continue;
        if (errno == EXDEV || errno == EPERM)
            return copy_files(archive, transfer, source, destination, failure);
        return fail(failure, errno, "cannot move %s to %s", file->name, archive->tree.path);
    }
    return true;
}

static bool delete_files(const struct transfer *transfer, int source, struct failure *failure)
{
    for (size_t i = transfer->renamed; i < transfer->files.count; i++)
        if (unlinkat(source, transfer->files.items[i].name, 0) < 0 && errno != ENOENT)
            return fail(failure, errno, "cannot remove %s", transfer->files.items[i].name);
    return true;
}

static bool is_there(int directory, const struct transfer *transfer, const char *suffix)
{
    char name[CRASH_ID_LENGTH + NAME_MAX];
    struct stat status;
    snprintf(name, sizeof name, "%s%s", transfer->pair.id.text, suffix);
    for (size_t i = transfer->files.count; i-- > 0;)
        if (strcmp(transfer->files.items[i].name, name) == 0)
            return true;
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool take_to_destination(const struct archive *archive, struct transfer *transfer,
                                int source, struct failure *failure)
{
    int destination = open_destination(archive, &transfer->pair, true);
    if (destination < 0)
        return fail(failure, errno, "cannot make its directory in %s", archive->tree.path);
    bool good = move_files(archive, transfer, source, destination, failure);
    transfer->missing =
        !is_there(destination, transfer, archive->tree.dump_suffix)   ? archive->tree.dump_suffix
        : !is_there(destination, transfer, archive->tree.json_suffix) ? archive->tree.json_suffix
                                                                      : NULL;
    close(destination);
    return good;
}

bool archive_take(const struct archive *archive, const struct found *found,
                  struct transfer *transfer, struct failure *failure)
{
    int source = found->directory;
    transfer->pair = found->pair;
    /* The links first: once the files are gone nothing leads to them any more. */
    if (!links_remove_in(&found->pair, source, failure))
        return false;
    if (!found_list(found, &transfer->files))
        return fail(failure, errno, "cannot read its directory in %s", found->pair.spool->path);
    return archive->deletes ? delete_files(transfer, source, failure)
                            : take_to_destination(archive, transfer, source, failure);
}

bool archive_publish(const struct archive *archive, struct transfer *transfer,
                     struct failure *failure)
{
    int destination = open_destination(archive, &transfer->pair, false);
    if (destination < 0)
        return fail(failure, errno, "cannot open its directory in %s", archive->tree.path);
    bool good = true;
    for (size_t i = transfer->renamed; i < transfer->files.count && good; i++) {
        char temporary[TEMPORARY_SIZE];
        temporary_name(temporary, archive, transfer, i);
        if (renameat(destination, temporary, destination, transfer->files.items[i].name) < 0)
            good = fail(failure, errno, "cannot rename the copy of %s in %s",
                        transfer->files.items[i].name, archive->tree.path);
    }
    if (!good)
        remove_copies(archive, transfer, transfer->files.count, destination);
    close(destination);
    return good;
}

void archive_discard(const struct archive *archive, struct transfer *transfer)
{
    int destination = open_destination(archive, &transfer->pair, false);
    transfer->copied = false;
    if (destination < 0)
        return;
    remove_copies(archive, transfer, transfer->files.count, destination);
    close(destination);
}

bool archive_let_go(struct transfer *transfer, struct failure *failure)
{
    int source = pair_open_directory(&transfer->pair);
    if (source < 0)
        return fail(failure, errno, "cannot open its directory in %s", transfer->pair.spool->path);
    bool good = delete_files(transfer, source, failure);
    close(source);
    transfer->copied = transfer->copied && !good;
    return good;
}

void transfer_free(struct transfer *transfer)
{
    pair_files_free(&transfer->files);
}
