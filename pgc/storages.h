/* storages.h - the table crashmon.storages: by which mark (spool/mark.h) each place is known.
 *
 * A place without a row gets one, with the mark that is there or a new one. From then on a
 * directory without that mark is another one: a disk that is not mounted, the spool of another
 * host. A dry run makes neither marks nor rows. With --adopt what is there now is accepted,
 * whatever the row says, and printed. */
#ifndef STORAGES_H
#define STORAGES_H

#include "report/problems.h"
#include "run.h"
#include "spool/mark.h"
#include "spool/spool.h"

/* Checks that all directories that the program was given can be used beside each other (places.h),
 * reads the rows of the storage, and checks the roots before anything is concluded from what they
 * hold; `deferred` may be NULL. Tells of a root with an unknown layout. From then on each spool
 * knows its mark, but in a dry run only if it has a row. False when the run must end; the reason
 * has been reported. */
bool storages_check_roots(struct run *run, struct spool *storage, struct spool *deferred);

/* layout_is_known(), beside all directories that the options name. */
bool storages_layout_is_known(const struct options *options, const struct spool *spool,
                              struct failure *failure);

/* Only reads the rows of the storage, for a caller that looks at one place after the other. What
 * storages_check() then has to warn of is added to `troubles`. */
enum db_status storages_read(struct run *run, struct problems *troubles, struct failure *failure);

/* Whether a root, or the quarantine, is due to be swept: once a day, in UTC by the server's clock.
 * In a dry run always. storages_note_swept() notes that it has been; the reason of a failure has
 * been reported. */
bool storages_is_due(enum place place);
bool storages_note_swept(enum place place);

/* After that: whether the storage has a row for a place, which this run may not have been given. */
bool storages_know(enum place place);

/* After that: opens the other root of a storage to look into, which this run may not have opened.
 * *other becomes NULL if the storage has none. False with the reason if it cannot be used now. */
bool storages_open_other(const struct spool *spool, struct spool **other, struct failure *failure);

/* Checks a destination or a quarantine when it is opened; any thread may call it. */
mark_check storages_check;

/* The same for one that is only looked into, and makes nothing: what has no row is accepted. What
 * has one must be there; a directory of -1 is not. */
mark_check storages_recognise;

/* The same while the database, which knows the marks, cannot be asked: not accepted is what has
 * none and holds no day, as the mount point of a disk that is away. Of -1 nothing is known. */
mark_check storages_check_alone;

/* Long-term storage that is known by its mark, as the options have it; `path` NULL deletes. NULL
 * when out of memory. */
struct archive *storages_archive(const struct options *options, enum place place, const char *path);

/* Has it get mark and row, if it has none, before the first pair is put there: by then its disk may
 * be away. What hinders that is told when it is needed. */
void storages_make_known(enum place place, const struct archive *archive);

#endif
