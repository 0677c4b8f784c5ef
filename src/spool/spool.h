/* spool.h - a tree of pairs: a storage root, or a place of long-term storage.
 *
 *     ROOT/YYYYMMDD/name/22/ad/<id>.json                       the pair
 *     ROOT/YYYYMMDD/name/22/ad/<id>.dump
 *     ROOT/YYYYMMDD/name/22/ad/<id>.<name>.dump                more dumps of the same crash
 *     ROOT/YYYYMMDD/name/22/ad/<id>        -> ../../../date/12/05/web01_0     the name link
 *     ROOT/YYYYMMDD/date/12/05/web01_0/<id> -> ../../../../name/22/ad         the date link
 *
 * A date link means that nobody has seen the pair yet. Long-term storage has no links and no
 * date branch. The layout is that of Socorro's JsonDumpStorage. */
#ifndef SPOOL_H
#define SPOOL_H

#include "spool/crash_id.h"
#include "spool/dir.h"
#include "base/failure.h"

struct spool {
    const char *path;        /* absolute; what the table jobs knows it by */
    const char *json_suffix; /* the three strings are the caller's and must live on */
    const char *dump_suffix;
    int root;            /* descriptor; -1: no such spool, every search finds nothing; for reading, so
                          * that syncfs() tells of the errors since it was opened */
    dev_t device;        /* the file system that it is on */
    struct timespec now; /* the file system's clock when the spool was opened */
};

/* Opens the root and asks its file system what time it is. False with the reason. */
bool spool_open(struct spool *spool, const char *path, const char *json_suffix,
                const char *dump_suffix, struct failure *failure);

void spool_close(struct spool *spool);

/* The days that the spool has, YYYYMMDD, oldest first: all that has such a name, directory or
 * not. The caller frees the names. */
bool spool_days(const struct spool *spool, struct names *days, struct failure *failure);

/* Makes durable everything that was changed in these spools, which are open, with one flush for each
 * file system that they are on. Errors of their disks since they were opened are told, each of them
 * once: after a failure nothing is known of what was changed before or meanwhile. */
bool spools_flush(const struct spool *const spools[], size_t count, struct failure *failure);

#endif
