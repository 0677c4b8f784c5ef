/* walk.h - a walk through the date trees of a spool, in the order of time: by day, then by name of
 * the directory; or through its name trees. It returns all entries but directories. They may be
 * removed during the walk. */
#ifndef WALK_H
#define WALK_H

#include "spool/pair.h"

enum { WALK_LEVELS = 4 }; /* of directories below `date` */

/* Seconds without a change after which an empty directory of a date tree is removed: a collector
 * may be about to use one that it has just created. The directory `date` of a day that is not over
 * stays. */
enum { WALK_QUIET_TIME = 3600 };

struct date_dir;
struct walk;

enum walk_kind {
    WALK_LINK,       /* a symbolic link: perhaps the date link of a crash */
    WALK_OTHER,      /* anything else, or a directory that is too deep */
    WALK_UNREADABLE, /* a directory that cannot be read to its end; the walk continues */
};

/* Valid until the next call. */
struct walk_entry {
    enum walk_kind kind;
    struct date_dir *directory;    /* its directory; hold it to keep it longer */
    int descriptor;                /* of that directory; -1 for WALK_UNREADABLE */
    const char *name;              /* for WALK_UNREADABLE a path below the root */
    const struct failure *failure; /* for WALK_UNREADABLE: why */
};

/* With `keep_directories` it removes none. NULL with the reason. Freeing NULL is harmless. */
struct walk *walk_new(const struct spool *spool, bool keep_directories, struct failure *failure);
void walk_free(struct walk *walk);

/* The same, but it begins behind a number of entries that is chosen at random. */
struct walk *walk_new_anywhere(const struct spool *spool, bool keep_directories,
                               struct failure *failure);

/* Through `branch`, "date" or "name", of one day or of all (NULL). It removes no directory. */
struct walk *walk_new_in(const struct spool *spool, const char *branch, const char *day,
                         struct failure *failure);

bool walk_next(struct walk *walk, struct walk_entry *entry); /* false at the end */

/* Goes through a few thousand entries and counts the crashes: date links, or in name trees
 * metadata. Below 0 at the end. */
long walk_count(struct walk *walk);

/* Whether an entry is a link called like a crash; then *pair becomes where that should be. */
bool walk_entry_pair(const struct walk_entry *entry, struct pair *pair);

/* Whether its directory lies in what is mounted inside the root. */
bool walk_entry_is_mounted(const struct walk_entry *entry);

/* When an entry was last changed; the present of the spool if that cannot be told. Both are not
 * for WALK_UNREADABLE. */
struct timespec walk_entry_changed(const struct walk_entry *entry);

#endif
