/* sweep.h - removes the empty directories of days that are over, so that a spool does not run out
 * of inodes: of the date tree, of the name tree, then the day. The top of the name tree stays while
 * there is a date tree; it, the day and notes (move_note.h) where pairs of the day are queued. */
#ifndef SWEEP_H
#define SWEEP_H

#include "spool/spool.h"

/* Seconds without a change after which such a directory is removed: something may still be about to
 * use it, such as a collector with a wrong clock. */
enum { SWEEP_QUIET_TIME = 24 * 3600 };

struct swept {
    long removed;           /* directories; in a dry run those that would be */
    long refused;           /* that could not be read or removed, though they should be; */
    struct failure failure; /* the first of them */
};

/* Whether pairs of a day are queued, whose disk may be away. Asked before the day, the top of its
 * name tree, or a directory with notes would go. */
typedef bool sweep_is_used(void *context, const char *day);

/* Goes through the days that have been over for `days` days. Enters no link and no other file
 * system. `is_used` NULL: none is. False if a signal ended it: the rest is for the next time. */
bool sweep(const struct spool *spool, long days, sweep_is_used *is_used, void *context,
           bool dry_run, struct swept *swept);

#endif
