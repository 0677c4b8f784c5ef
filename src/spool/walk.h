/* walk.h - what is new: a walk through the date branches of a spool, the oldest first.
 *
 * Day by day, and within a day directory by directory in the order of their names, which is that
 * of time. Everything in a date branch that is no directory is visited; links that are crash ids
 * and all else alike: the visitor decides. Entries may be removed while the walk goes on. */
#ifndef WALK_H
#define WALK_H

#include "spool/spool.h"

enum { WALK_LEVELS = 4 }; /* of directories below `date` */

/* A directory of a date branch. It is removed from disk when nobody holds it any more, it is
 * empty, and no collector can be inside it: a collector makes the directories that it needs and
 * may be just about to use one, so only those go in which nothing has changed for QUIET_TIME. */
struct branch {
    const struct spool *spool;
    struct branch *parent; /* NULL: the directory `date` of a day */
    char *path;            /* from the root: "20081225/date/12/05/web01_0" */
    _Atomic int holders;   /* let go of in whatever thread */
    bool removable;
};

enum { QUIET_TIME = 3600 }; /* seconds */

/* Something in a date branch. */
struct entry {
    struct branch *branch; /* hold it to keep it beyond the visit */
    const char *name;
    bool is_link;
};

struct walk {
    const struct spool *spool;
    bool keep_directories;                                            /* remove none */
    bool (*visit)(void *context, const struct entry *entry);          /* false ends the walk */
    void (*unreadable)(void *context, const struct failure *failure); /* the walk goes on */
    void *context;
};

/* False, with the reason, when the root itself cannot be read. */
bool walk_spool(const struct walk *walk, struct failure *failure);

struct branch *branch_hold(struct branch *branch);
void branch_release(struct branch *branch);

/* The directory itself: an O_PATH descriptor, or -1 with errno. */
int branch_open(const struct branch *branch);

/* When something in the branch was last changed; the spool's present when it cannot be told. */
struct timespec branch_changed(const struct branch *branch, const char *name);

/* The day that the branch belongs to. */
void branch_day(const struct branch *branch, char day[DAY_LENGTH + 1]);

#endif
