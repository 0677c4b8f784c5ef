/* archive.h - long-term storage, where the pair of a finished job goes; or its deletion.
 *
 * The layout is the name tree of a spool, under the day of the id, as Socorro's FSPermanentStorage
 * reads it. A pair takes up to three steps; each is done for a whole batch and flushed
 * (archive_changes) before the next:
 *
 *     archive_move              removes the links, then renames the files; where that is not
 *                               possible, copies them under temporary names
 *     archive_commit_copies     gives the copies their names
 *     archive_remove_originals  removes the files that were copied from the spool
 *
 * Where pairs are deleted, archive_move only lists the files; archive_delete removes links and
 * files.
 *
 * At any time there is a whole pair under its final name, in the spool or here, and readers never
 * see an incomplete file. After a kill each step can be repeated. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include "spool/archive_move.h"
#include "spool/flush.h"
#include "spool/mark.h"
#include "spool/quarantine.h"

#include <sys/types.h>

struct archive_settings {
    const char *path; /* must outlive the archive; NULL: pairs are deleted */
    const char *json_suffix, *dump_suffix;
    mode_t file_mode, dir_mode; /* of what is created there */
    gid_t group;                /* likewise; (gid_t)-1: unchanged */
    bool dry_run;
    enum place place;
    mark_check *check; /* NULL: none; not for one that is temporary */
};

struct archive;

enum archive_state {
    ARCHIVE_NOT_OPEN,
    ARCHIVE_OPEN,
    ARCHIVE_OUT_OF_ORDER, /* cannot be opened, is full or read-only: no longer used in this run */
};

/* Not open yet; NULL when out of memory. Freeing NULL is harmless. */
struct archive *archive_new(const struct archive_settings *settings);
void archive_free(struct archive *archive);

/* Opens the directory. Directly below /tmp, or another directory where anybody can put a link, it
 * must be a directory of the user's own, and is created if missing, except in a dry run;
 * failure->error is EPERM if it is not safe to use. After a failure the archive is out of order. */
bool archive_open(struct archive *archive, struct failure *failure);

/* Whether this process may put pairs there, as far as one can tell without doing so; if not, the
 * archive is out of order. True if it will be created. */
bool archive_may_change(struct archive *archive, struct failure *failure);

enum archive_state archive_state(const struct archive *archive);
const char *archive_path(const struct archive *archive); /* NULL: pairs are deleted */
/* Whether both are open, and one and the same directory, by whatever path. */
bool archive_is_same(const struct archive *one, const struct archive *other);

enum place archive_place(const struct archive *archive);  /* for which verdict it is */
bool archive_is_shared(const struct archive *archive);    /* directly below /tmp, or the like; */
bool archive_is_temporary(const struct archive *archive); /* below /tmp: it has no mark */

/* The file systems that a batch of pairs has changed, or that hold what an earlier run has moved.
 */
struct archive_changes {
    struct flush_set all;
    struct flush_set copies; /* those of them where there are copies, which two steps are about */
};

/* Has what is done from now on noted there; NULL: nowhere. */
void archive_note_changes(struct archive *archive, struct archive_changes *changes);
void archive_changes_clear(struct archive_changes *changes);

/* Asks its file system for the time again: before archive_find() is given ages that the database
 * tells now. Does nothing unless it is open. */
void archive_ask_clock(const struct archive *archive);

/* The three steps, for an archive that is open. That it is read-only, a directory that is that of
 * the pair itself (ENOTUNIQ), or ten pairs in a row without room, put it out of order; those count
 * that are small, or when a megabyte is not free. The reason is given for all but ARCHIVE_MOVED. */
enum archive_moved archive_move(struct archive *archive, const struct pair_location *location,
                                struct archive_move *move, struct failure *failure);
/* What the first step would do, in a dry run: nothing is changed. */
enum archive_moved archive_foresee(const struct archive *archive,
                                   const struct pair_location *location, struct archive_move *move,
                                   struct failure *failure);

/* Whether all files of a pair, or of half of one, are there as well, with the same bytes: what a
 * run that was killed has copied, if it has left no note. False with the reason: not known. */
bool archive_has_all(const struct archive *archive, const struct pair_location *location,
                     bool *has_all, struct failure *failure);

/* Adds the directory of a pair in the spool to what is flushed: a run that was killed may have
 * moved it away without that. */
void archive_note_source(const struct archive *archive, const struct pair *pair);

typedef bool archive_step(struct archive *archive, struct archive_move *move,
                          struct failure *failure);
archive_step archive_commit_copies, archive_remove_originals;

/* Moves the stranger to quarantine, out of its final name, or away from its owner. */
bool archive_take_stranger(const struct archive *archive, const struct archive_move *move,
                           struct quarantine *quarantine, struct failure *failure);

/* For a pair that is there: writes why its job failed beside it, a line with its end. What is there
 * already stays as it is. */
bool archive_write_reason(struct archive *archive, struct archive_move *move, const char *reason,
                          struct failure *failure);

/* Removes the copies of a pair that a killed run has left under temporary names, which do no harm:
 * what cannot be removed stays. */
void archive_remove_leftovers(const struct archive *archive, const struct pair *pair);

/* Instead of archive_commit_copies(): removes this run's copies, and cannot fail. */
archive_step archive_drop_copies;

/* Looks for the pair of a crash that was queued from there, like locate_in(), and closes the
 * location. What was put there more than a minute before it was queued, by the clocks of database
 * and file system, is of another crash with its id, and does not count. For LOCATED_NOWHERE the
 * pair of the location is where it would be; its spool is NULL where pairs are deleted. */
enum located archive_find(const struct archive *archive, const struct crash_id *id,
                          const struct origin *origin, struct pair_location *location,
                          struct failure *failure);

#endif
