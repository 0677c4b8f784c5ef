/* walk.h - what is new: a walk through the date trees of a spool, the oldest first.
 *
 * Day by day, and within a day directory by directory in the order of their names, which is that of
 * time. Everything in a date tree that is not a directory comes up, links and all else alike.
 * Entries may be removed while the walk goes on.
 *
 *     struct walk_entry entry;
 *     while (walk_next(walk, &entry))
 *         ...
 */
#ifndef WALK_H
#define WALK_H

#include "spool/spool.h"

enum { WALK_LEVELS = 4 }; /* of directories below `date` */

/* A directory of a date tree is removed when it is empty, and nothing has changed in it for so
 * long: a collector makes the directories that it needs, and may be just about to use one. In
 * seconds. The directory `date` of a day that is not over stays. */
enum { WALK_QUIET_TIME = 3600 };

struct date_dir;
struct walk;

enum walk_kind {
    WALK_LINK,       /* a symbolic link: perhaps the date link of a crash */
    WALK_OTHER,      /* anything else; also a directory that lies too deep */
    WALK_UNREADABLE, /* a directory that cannot be read, or not to its end; the walk goes on */
};

/* What a walk has come upon; it is good until the next call. */
struct walk_entry {
    enum walk_kind kind;
    struct date_dir *directory;    /* that it lies in; hold it to keep it longer */
    int descriptor;                /* of that directory; -1 for WALK_UNREADABLE */
    const char *name;              /* for WALK_UNREADABLE its path below the root */
    const struct failure *failure; /* for WALK_UNREADABLE: why */
};

/* A walk that begins; with `keep_directories` it removes none. NULL with the reason, when the root
 * itself cannot be read. */
struct walk *walk_new(const struct spool *spool, bool keep_directories, struct failure *failure);

/* False at the end. */
bool walk_next(struct walk *walk, struct walk_entry *entry);

/* The spool's clock when it was opened. */
const struct timespec *walk_now(const struct walk *walk);

/* When the entry was last changed, by that clock; now, when that cannot be told. */
struct timespec walk_entry_changed(const struct walk *walk, const struct walk_entry *entry);

/* Harmless with NULL. */
void walk_free(struct walk *walk);

#endif
