/* spool.h - a tree of pairs: a storage root, or a place of long-term storage.
 *
 * Public: spool.h, crash_id.h, pair.h, walk.h, examine.h, candidate.h, retire.h, quarantine.h,
 * locate.h, archive.h, put_away.h.
 * Private to this folder: dir.h, file.h, date_dir.h, links.h.
 *
 *     ROOT/YYYYMMDD/name/22/ad/<id>.json                       the pair
 *     ROOT/YYYYMMDD/name/22/ad/<id>.dump
 *     ROOT/YYYYMMDD/name/22/ad/<id>.<name>.dump                more dumps of the same crash
 *     ROOT/YYYYMMDD/name/22/ad/<id>        -> ../../../date/12/05/web01_0     the name link
 *     ROOT/YYYYMMDD/date/12/05/web01_0/<id> -> ../../../../name/22/ad         the date link
 *
 * YYYYMMDD is a day. The directories below `name` are the name tree, those below `date` the date
 * tree. A date link means that nobody has seen the pair yet. Long-term storage has neither links
 * nor date trees. The layout is that of Socorro's JsonDumpStorage. */
#ifndef SPOOL_H
#define SPOOL_H

#include "base/failure.h"
#include "base/names.h"

#include <sys/stat.h>
#include <time.h>

struct spool {
    const char *path;        /* absolute; what the table jobs knows it by */
    const char *json_suffix; /* the three strings are the caller's and must live on */
    const char *dump_suffix;
    int root;     /* descriptor, for reading, so that syncfs() tells of the errors since it was
                   * opened */
    dev_t device; /* the file system that it is on */
    struct timespec now; /* the file system's clock when the spool was opened */
};

/* Opens the root and asks its file system what time it is. NULL with the reason. */
struct spool *spool_open(const char *path, const char *json_suffix, const char *dump_suffix,
                         struct failure *failure);

/* Harmless with NULL. */
void spool_close(struct spool *spool);

/* The days that the spool has, YYYYMMDD, oldest first: everything that has such a name, whether it
 * is a directory or not. The caller frees the names, also when the result is false. */
bool spool_days(const struct spool *spool, struct names *days, struct failure *failure);

/* Makes durable everything that was changed in these spools, with one flush for each file system
 * that they are on. Errors of their disks since they were opened are told, each of them once: after
 * a failure nothing is known of what was changed before or meanwhile. */
bool spools_flush(const struct spool *const spools[], size_t count, struct failure *failure);

#endif
