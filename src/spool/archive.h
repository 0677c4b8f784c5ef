/* archive.h - long-term storage: where the pair of a finished job goes; or its deletion.
 *
 * The shape is that of a spool with the name tree alone, under the day of the id: what Socorro's
 * FSPermanentStorage reads.
 *
 * To put a pair away takes up to three steps, each for a whole batch at a time, and each made
 * durable (spools_flush) before the next one begins:
 *
 *     archive_move              removes the links; renames the files into place, or deletes them,
 *                               and is the only step; where renaming fails, copies them under
 *                               temporary names
 *     archive_commit_copies     gives the copies their names
 *     archive_remove_originals  removes the files that were copied from the spool
 *
 * At every instant there is a whole copy under a final name, in the spool or here, and a reader
 * never sees half a file. Every step can be done again after a kill: what is done already is left
 * as it is. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include "spool/locate.h"

#include <sys/types.h>

struct archive_settings {
    const char *path; /* must live on; NULL: pairs are deleted */
    const char *json_suffix, *dump_suffix;
    mode_t file_mode, dir_mode; /* of what is made there */
    gid_t group;                /* likewise; (gid_t)-1: left as it is */
    bool dry_run;
};

struct archive;

enum archive_state {
    ARCHIVE_NOT_OPEN,
    ARCHIVE_OPEN,
    ARCHIVE_OUT_OF_ORDER, /* it cannot be opened, or is full or read-only: nothing more is put there
                           */
};

/* NULL when there is no memory. It is not opened yet. */
struct archive *archive_new(const struct archive_settings *settings);

/* Harmless with NULL. */
void archive_free(struct archive *archive);

enum archive_state archive_state(const struct archive *archive);

/* Opens the directory. One directly below /tmp, where anybody can put a link, is used only if it is
 * a directory of the user's own; it is made where it is missing, except in a dry run. EPERM in
 * failure->error: not safe to use. After a failure the archive is out of order. */
bool archive_open(struct archive *archive, struct failure *failure);

/* NULL: pairs are deleted. */
const char *archive_path(const struct archive *archive);

/* Whether it is directly below /tmp. */
bool archive_is_shared(const struct archive *archive);

/* What is to be flushed; NULL where nothing is. */
const struct spool *archive_tree(const struct archive *archive);

/* One pair on its way. Zero-initialise it; archive_move_free() at the end. */
struct archive_move {
    struct pair pair; /* in the spool */
    struct pair_files files;
    size_t renamed; /* how many of the files are in place; the others were copied */
    bool copied;    /* archive_commit_copies() and archive_remove_originals() are still to come */
    const char *missing; /* the suffix of a file that is neither in the spool nor here, or NULL */
};

/* For an archive that is open. The reason names the step and the file. A file system that is
 * read-only, or ten failures in succession for want of room, put the archive out of order. */
bool archive_move(struct archive *archive, const struct pair_location *location,
                  struct archive_move *move, struct failure *failure);
bool archive_commit_copies(struct archive *archive, struct archive_move *move,
                           struct failure *failure);
bool archive_remove_originals(struct archive *archive, struct archive_move *move,
                              struct failure *failure);

/* Instead of archive_commit_copies(): removes the copies, which are this run's own. */
void archive_drop_copies(const struct archive *archive, struct archive_move *move);

/* Looks for a pair here, like locate(). */
enum located archive_find(const struct archive *archive, const struct crash_id *id,
                          struct failure *failure);

void archive_move_free(struct archive_move *move);

#endif
