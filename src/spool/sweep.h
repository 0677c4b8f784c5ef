/* sweep.h - removes the empty directories of days that are over, so that a spool does not run out
 * of inodes: of the date tree, of the name tree, then the day. The top of the name tree stays while
 * there is a date tree; so do both tops of a day that is `used`. */
#ifndef SWEEP_H
#define SWEEP_H

#include "base/names.h"
#include "spool/spool.h"

/* Seconds without a change after which such a directory is removed: something may still be about to
 * use it, such as a collector with a wrong clock. */
enum { SWEEP_QUIET_TIME = 24 * 3600 };

struct swept {
    long removed;           /* directories; in a dry run those that would be */
    long refused;           /* that could not be read or removed, though they should be; */
    struct failure failure; /* the first of them */
};

/* Goes through the days that have been over for `days` days. Enters no link and no other file
 * system. `used`: the days of pairs that are queued, whose disks may be away. False if a
 * signal ended it: the rest is for the next time. */
bool sweep(const struct spool *spool, long days, const struct names *used, bool dry_run,
           struct swept *swept);

#endif
