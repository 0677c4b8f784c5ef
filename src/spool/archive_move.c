#include "spool/archive_move.h"

#include "base/quote.h"
#include "spool/dir.h"
#include "spool/file.h"
#include "spool/move_note.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEMPORARY_SIZE = 96 };

/* A name that readers ignore and no other run uses: a run that has lost its lock without knowing
 * must not publish a copy that its successor is still writing. */
static void temporary_name(char name[TEMPORARY_SIZE], const struct archive_move *move,
                           const struct pair_file *file)
{
    snprintf(name, TEMPORARY_SIZE, ".%s.%zu.%016" PRIx64 ".tmp", move->pair.id.text,
             (size_t)(file - move->files.items), move->stamp);
}

static bool is_temporary(const char *name, const struct crash_id *id)
{
    size_t length = strlen(name);
    return name[0] == '.' && strncmp(name + 1, id->text, CRASH_ID_LENGTH) == 0 && length > 4 &&
           strcmp(name + length - 4, ".tmp") == 0;
}

/* Or those of a run that goes on without its lock, and will fail. */
bool archive_move_remove_leftovers(const struct crash_id *id, int destination)
{
    const struct dirent64 *entry;
    struct dir_reader reader;
    if (!dir_begin(&reader, destination, NULL))
        return false;
    bool good = true;
    while (good && (entry = dir_next(&reader)) != NULL)
        good = !is_temporary(entry->d_name, id) || unlinkat(destination, entry->d_name, 0) == 0 ||
               errno == ENOENT;
    good = good && errno == 0;
    dir_end(&reader);
    return good;
}

/* With errno. */
static bool fail_with(struct failure *failure, const char *format, const struct pair_file *file,
                      const struct archive_move *move)
{
    char name[QUOTE_SIZE], what[QUOTE_SIZE + 64];
    snprintf(what, sizeof what, format, quote(name, file->name));
    return fail(failure, errno, "cannot %s \"%s\"", what, move->root);
}

static bool fail_same(const struct archive_move *move, struct failure *failure)
{
    fail(failure, 0, "its directory in \"%s\" is the same as in \"%s\"", move->root,
         move->pair.spool->path);
    failure->error = ENOTUNIQ;
    return false;
}

/* Whether the archive has one of the two main files of its id. False with the reason. */
static bool find_main_file(const struct archive_move *move, int destination, bool *found,
                           struct failure *failure)
{
    const struct spool *spool = move->pair.spool;
    const char *const suffixes[] = {spool->dump_suffix, spool->json_suffix};
    *found = false;
    for (int i = 0; i < 2 && !*found; i++) {
        char name[NAME_MAX + 1];
        struct stat status;
        pair_file_name(&move->pair, suffixes[i], name);
        *found = fstatat(destination, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
        if (!*found && errno != ENOENT)
            return fail(failure, errno, "cannot look at file \"%s\" in \"%s\"", name, move->root);
    }
    return true;
}

static bool is_all_there(const struct archive_move *move)
{
    for (size_t i = 0; i < move->files.count; i++)
        if (move->files.items[i].state != PAIR_FILE_THERE)
            return false;
    return true;
}

/* What goes to quarantine has no use for the copies that a killed run has made there. */
static enum archive_moved conflict(const struct archive_move *move, int destination)
{
    if (move->is_noted && !move->dry_run)
        archive_move_remove_leftovers(&move->pair.id, destination);
    return ARCHIVE_CONFLICT;
}

enum archive_moved archive_move_compare(struct archive_move *move, int source, int destination,
                                        struct failure *failure)
{
    struct pair_files *files = &move->files;
    for (struct pair_file *file = files->items; file < files->items + files->count; file++) {
        struct stat status;
        if (fstatat(destination, file->name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno == ENOENT)
                continue;
            fail_with(failure, "look at file %s in", file, move);
            return ARCHIVE_FAILED;
        }
        if (file_is_same(&status, &file->status)) {
            fail_same(move, failure);
            return ARCHIVE_FAILED;
        }
        char name[QUOTE_SIZE];
        if (!S_ISREG(status.st_mode)) { /* who put it there must take it away: the pair stays */
            fail(failure, 0, "%s in \"%s\" is not a regular file", quote(name, file->name),
                 move->root);
            return ARCHIVE_FAILED;
        }
        if (!file_is_equal(source, destination, file->name)) {
            if (errno == 0) {
                fail(failure, 0, "file %s in \"%s\" has other bytes", quote(name, file->name),
                     move->root);
                return conflict(move, destination);
            }
            fail_with(failure, "compare file %s with that in", file, move);
            return ARCHIVE_FAILED;
        }
        if (!move->copied && !move->dry_run &&
            !archive_move_remove_leftovers(&move->pair.id, destination)) {
            fail(failure, errno, "cannot remove old copies from \"%s\"", move->root);
            return ARCHIVE_FAILED;
        }
        file->state = PAIR_FILE_THERE;
        move->copied = true;
    }
    bool has_another = false;
    if (move->is_alone && !is_all_there(move) &&
        !find_main_file(move, destination, &has_another, failure))
        return ARCHIVE_FAILED;
    if (!has_another)
        return ARCHIVE_MOVED;
    fail(failure, 0, "\"%s\" has another crash of its id, and of this one half is missing",
         move->root);
    return conflict(move, destination);
}

static bool is_removed(int directory)
{
    struct stat status;
    return fstat(directory, &status) < 0 || status.st_nlink == 0;
}

/* Why a file was not moved: errno. Whoever writes the spool may take it away just now, and bring it
 * back: that is no fault of long-term storage. */
static void fail_to_move(struct failure *failure, const char *how, const struct pair_file *file,
                         const struct archive_move *move, int source, int destination)
{
    int error = errno;
    char name[QUOTE_SIZE];
    struct stat status;
    if (error == ENOENT && !is_removed(destination)) {
        bool is_gone = fstatat(source, file->name, &status, AT_SYMLINK_NOFOLLOW) < 0;
        fail(failure, 0, "file %s was there, and %s", quote(name, file->name),
             is_gone ? "is gone" : "was gone for a moment");
        return;
    }
    errno = error;
    fail_with(failure, how, file, move);
}

/* Where the disk of the spool is full it goes without a note, as that has to be emptied: then it
 * may be in both places. */
static bool note_where(struct archive_move *move, int source, bool is_copying,
                       struct failure *failure)
{
    const struct move_note note = {.to = move->place, .is_copying = is_copying, .job = move->job};
    if (move->is_begun || source < 0) /* it has been moved away */
        return true;
    bool is_made = move_note_make(&move->pair, source, &note, failure);
    move->is_noted = move->is_noted || is_made;
    bool goes_on = is_made || failure->error == ENOSPC || failure->error == EDQUOT;
    move->is_begun = goes_on && !is_copying;
    return goes_on;
}

/* Then what was copied is seen in both, as its name is of this run; of what was there already
 * nothing tells. */
static bool check_without_note(const struct archive_move *move, int source, struct failure *failure)
{
    const struct pair_files *files = &move->files;
    for (struct pair_file *file = files->items; file < files->items + files->count; file++) {
        char temporary[TEMPORARY_SIZE];
        struct stat status;
        temporary_name(temporary, move, file);
        if (file->state == PAIR_FILE_THERE)
            return fail(failure, 0, "\"%s\" has no room for a note, and \"%s\" has files of its id",
                        move->pair.spool->path, move->root);
        if (fstatat(source, temporary, &status, AT_SYMLINK_NOFOLLOW) == 0)
            return fail_same(move, failure);
        if (errno != ENOENT)
            return pair_fail(&move->pair, "look for a copy in", failure);
    }
    return true;
}

/* A file system may show the directory of the pair under another number (overlayfs). Then our note
 * is seen there, too; but one may also have been copied there by hand, so something new is made. */
static bool check_is_another(struct archive_move *move, int source, int destination,
                             struct failure *failure)
{
    struct move_note note;
    if (source < 0) /* it has been moved away */
        return true;
    if (!move->is_noted)
        return check_without_note(move, source, failure);
    bool is_known = move_note_read(&move->pair, destination, false, &note, failure);
    if (is_known &&
        (!note.is_there || !move_note_is_seen_in(&move->pair, source, destination, move->stamp)))
        return true;
    move->is_begun = false;
    return is_known && fail_same(move, failure);
}

static bool forget_note(const struct archive_move *move, int source, struct failure *failure)
{
    return !move->is_noted || move_note_remove(&move->pair, source, failure);
}

static bool copy(struct archive_move *move, struct pair_file *file, int source, int destination,
                 const struct file_style *style, struct failure *failure)
{
    char temporary[TEMPORARY_SIZE];
    struct stat status;
    if (!move->has_copies && !archive_move_remove_leftovers(&move->pair.id, destination))
        return fail(failure, errno, "cannot remove old copies from \"%s\"", move->root);
    if (!move->has_copies && !note_where(move, source, true, failure))
        return false;
    temporary_name(temporary, move, file);
    /* Our own change of its mode has renewed its ctime. What renews it from here on is not ours. */
    if (fstatat(source, file->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        file_is_unchanged(&status, &file->status))
        file->status = status;
    if (!file_copy(source, file->name, &file->status, destination, temporary, style)) {
        fail_to_move(failure, "copy file %s to", file, move, source, destination);
        if (failure->error == EPERM || failure->error == EOPNOTSUPP) /* as CIFS does */
            fail_further(failure, " (does it refuse the mode of dump-permissions, or dump-gid?)");
        move->is_too_large = (failure->error == ENOSPC || failure->error == EDQUOT) &&
                             file->status.st_size > FILE_SMALL &&
                             file_has_room(destination, FILE_SMALL);
        return false;
    }
    file->state = PAIR_FILE_COPIED;
    move->copied = move->has_copies = true;
    return true;
}

static enum archive_moved find_stranger(struct archive_move *move, const struct pair_file *file,
                                        bool is_in_spool, struct failure *failure)
{
    move->stranger = file->name;
    move->is_in_spool = is_in_spool;
    fail(failure, 0, "one of its files was changed, or another one was put in its place");
    return ARCHIVE_STRANGER;
}

static enum archive_moved move_file(struct archive_move *move, struct pair_file *file, int source,
                                    int destination, const struct file_style *style,
                                    struct failure *failure)
{
    enum file_renamed renamed =
        move->has_copies ? FILE_NEEDS_COPY
                         : file_rename(source, destination, file->name, &file->status, style);
    switch (renamed) {
    case FILE_RENAMED: file->state = PAIR_FILE_RENAMED; return ARCHIVE_MOVED;
    case FILE_NEEDS_COPY:
        return copy(move, file, source, destination, style, failure) ? ARCHIVE_MOVED
                                                                     : ARCHIVE_FAILED;
    case FILE_STRANGER: return find_stranger(move, file, false, failure);
    case FILE_EXISTS:
    case FILE_FAILED: break;
    }
    fail_to_move(failure, "move file %s to", file, move, source, destination);
    return ARCHIVE_FAILED;
}

static bool has_renamed(const struct pair_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->items[i].state == PAIR_FILE_RENAMED)
            return true;
    return false;
}

/* What was put there may be the next crash of the id: then a link has come, too, as those of this
 * one are gone, or what was moved away is there again. */
static bool has_come_again(const struct archive_move *move, int source)
{
    struct stat status;
    const struct pair_files *files = &move->files;
    bool is_gone = fstatat(source, move->pair.id.text, &status, AT_SYMLINK_NOFOLLOW) < 0;
    for (size_t i = 0; i < files->count && is_gone && errno == ENOENT; i++)
        if (files->items[i].state == PAIR_FILE_RENAMED)
            is_gone = fstatat(source, files->items[i].name, &status, AT_SYMLINK_NOFOLLOW) < 0;
    return !is_gone || errno != ENOENT;
}

static void drop_copies(struct archive_move *move, int destination)
{
    const struct pair_files *files = &move->files;
    for (struct pair_file *file = files->items; file < files->items + files->count; file++) {
        char temporary[TEMPORARY_SIZE];
        temporary_name(temporary, move, file);
        if (file->state == PAIR_FILE_COPIED)
            unlinkat(destination, temporary, 0);
    }
    move->copied = false;
}

void archive_move_take_back(struct archive_move *move, int source, int destination)
{
    struct failure ignored;
    drop_copies(move, destination);
    if (!move->is_begun)
        forget_note(move, source, &ignored);
}

enum archive_moved archive_move_files(struct archive_move *move, int source, int destination,
                                      const struct file_style *style, struct failure *failure)
{
    struct pair_files *files = &move->files;
    enum archive_moved moved = ARCHIVE_MOVED;
    if (move->is_half && files->count > 1 && !note_where(move, source, false, failure))
        return ARCHIVE_FAILED;
    for (size_t i = 0; i < files->count && moved == ARCHIVE_MOVED; i++) {
        if (files->items[i].state == PAIR_FILE_FOUND)
            moved = move_file(move, &files->items[i], source, destination, style, failure);
        if (moved == ARCHIVE_FAILED && failure->error == FILE_CHANGED && has_renamed(files) &&
            !has_come_again(move, source))
            moved = find_stranger(move, &files->items[i], true, failure);
    }
    if (moved != ARCHIVE_MOVED)
        archive_move_take_back(move, source, destination);
    else if (!move->copied && !forget_note(move, source, failure))
        return ARCHIVE_FAILED;
    return moved;
}

/* A run that was killed may have left its own beside the pair. */
bool archive_move_write_reason(const struct archive_move *move, int destination, const char *reason,
                               const struct file_style *style)
{
    char name[CRASH_ID_LENGTH + sizeof ".reason"], temporary[TEMPORARY_SIZE];
    struct stat status;
    snprintf(name, sizeof name, "%s.reason", move->pair.id.text);
    snprintf(temporary, sizeof temporary, ".%s.reason.%016" PRIx64 ".tmp", move->pair.id.text,
             move->stamp);
    if (fstatat(destination, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    return errno == ENOENT && archive_move_remove_leftovers(&move->pair.id, destination) &&
           file_write(destination, temporary, reason, style) &&
           (file_publish(destination, temporary, name) ||
            (errno == EEXIST && unlinkat(destination, temporary, 0) == 0));
}

bool archive_move_name_copies(struct archive_move *move, int source, int destination,
                              struct failure *failure)
{
    const struct pair_files *files = &move->files;
    if (!note_where(move, source, false, failure) ||
        !check_is_another(move, source, destination, failure)) {
        archive_move_take_back(move, source, destination);
        return false;
    }
    for (struct pair_file *file = files->items; file < files->items + files->count; file++) {
        char temporary[TEMPORARY_SIZE];
        temporary_name(temporary, move, file);
        if (file->state != PAIR_FILE_COPIED)
            continue;
        if (!file_publish(destination, temporary, file->name)) {
            fail_with(failure, "name the copy of file %s in", file, move);
            drop_copies(move, destination);
            return false;
        }
        file->state = PAIR_FILE_THERE;
    }
    return true;
}

static bool is_to_go(const struct archive_move *move, const struct pair_file *file)
{
    return file->state == PAIR_FILE_THERE || move->unwanted;
}

bool archive_move_remove_originals(struct archive_move *move, int source, struct failure *failure)
{
    const struct pair_files *files = &move->files;
    const struct pair_file *file, *end = files->items + files->count;
    bool has_begun = false;
    for (file = files->items; file < end; file++)
        if (is_to_go(move, file) && !file_is_untouched(source, file->name, &file->status))
            return errno == FILE_CHANGED
                       ? fail(failure, 0, "a file of it has changed since it was looked at")
                       : pair_fail(&move->pair, "look at a file of it in", failure);
    for (file = files->items; file < end; file++) {
        if (is_to_go(move, file) && !file_unlink(source, file->name)) {
            pair_fail(&move->pair, "remove a file of it from", failure);
            return has_begun && fail_further(failure, "; a part of it is gone already");
        }
        has_begun |= is_to_go(move, file);
    }
    move->copied = false;
    return forget_note(move, source, failure);
}

void archive_move_free(struct archive_move *move)
{
    pair_files_free(&move->files);
}
