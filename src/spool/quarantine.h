/* quarantine.h - for crashes that never became a pair or must not be queued. Deletes nothing.
 *
 *     QUARANTINE/YYYYMMDD/<id>/           a directory for each crash (or stray entry)
 *     QUARANTINE/YYYYMMDD/<id>/reason     when, where from and why; a line for each time
 *     QUARANTINE/YYYYMMDD/<id>/<id>.json  everything that was found of the crash, unchanged
 *
 * YYYYMMDD is its day in the spool. cases.h finds them. A second crash of the same id goes to
 * <id>.1, and so on, unless it has the same bytes. */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include "spool/mark.h"
#include "spool/pair.h"
#include "spool/walk.h"

struct quarantine;

/* The quarantine of a spool, opened, and created if missing, when first needed; NULL when out of
 * memory. The path must outlive it; if NULL, it is "quarantine" in the root. Below the root no link
 * is followed. One that lies elsewhere must pass the check, unless that is NULL. Several threads
 * may use it until it is freed; freeing NULL is harmless. */
struct quarantine *quarantine_new(const char *path, const struct spool *spool, mark_check *check);
void quarantine_free(struct quarantine *quarantine);

/* Opens it now. While it cannot be opened nothing is moved. */
bool quarantine_open(struct quarantine *quarantine, struct failure *failure);

/* Opens one that is there, and keeps everybody else from changing it until quarantine_let_go(),
 * runs on other storages and hosts, too, as far as the file system has locks. Returns a readable
 * descriptor, which is the quarantine's own; -1 with the reason: ENOENT if there is none. */
int quarantine_hold(struct quarantine *quarantine, struct failure *failure);
void quarantine_let_go(struct quarantine *quarantine);

const char *quarantine_name_of(const struct quarantine *quarantine); /* its path */
extern const char quarantine_reason[];                               /* the name of that file */

/* Moves all files of a crash, then removes the name link. The caller removes the date link, last,
 * so that a run after a kill finds it again. */
bool quarantine_pair(struct quarantine *quarantine, const struct pair *pair, const char *reason,
                     struct failure *failure);

/* The same for a crash whose file `last` differs from one that is archived. If it is one of the two
 * main files it goes last, so that a run after a kill finds the difference again. */
bool quarantine_newcomer(struct quarantine *quarantine, const struct pair *pair, const char *last,
                         const char *reason, struct failure *failure);

/* Moves one thing that was found for a pair in this directory; an entry of a walk that is not a
 * date link. */
bool quarantine_name(struct quarantine *quarantine, int directory, const char *name,
                     const struct pair *pair, const char *reason, struct failure *failure);
bool quarantine_entry(struct quarantine *quarantine, const struct walk_entry *entry,
                      const char *reason, struct failure *failure);

#endif
