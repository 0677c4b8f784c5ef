/* quarantine.h - where a crash goes that will never be a pair, or must not be queued. Nothing in it
 * is ever deleted.
 *
 *     QUARANTINE/YYYYMMDD/<id>/           a directory for each crash (or stray entry)
 *     QUARANTINE/YYYYMMDD/<id>/reason     why, where it was and when it came; a line for each time
 *     QUARANTINE/YYYYMMDD/<id>/<id>.json  all that was found of the crash, as it was found
 *
 * YYYYMMDD is the day of the spool that it was found under. A second crash of the same id gets a
 * directory <id>.1, and so on. Several threads may use it at a time. */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include "spool/pair.h"
#include "spool/walk.h"

struct quarantine;

/* The quarantine of a spool. Its directory is opened when it is first needed, and made where it is
 * missing; a NULL path is "quarantine" below the spool's root, where a link is not followed. The
 * path must live on. NULL when there is no memory. */
struct quarantine *quarantine_new(const char *path, const struct spool *spool);

/* Once all threads are done with it. Harmless with NULL. */
void quarantine_free(struct quarantine *quarantine);

/* Moves all files of a crash there, then removes the name link. The date link stays: the caller
 * removes it last, so that a run that is killed in between is repeated by the next one. */
bool quarantine_pair(struct quarantine *quarantine, const struct pair *pair, const char *reason,
                     struct failure *failure);

/* Moves something there that a walk has come upon, and that is not a date link. */
bool quarantine_entry(struct quarantine *quarantine, const struct walk_entry *entry,
                      const char *reason, struct failure *failure);

#endif
