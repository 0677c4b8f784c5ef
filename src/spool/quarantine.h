/* quarantine.h - what is no pair, or must not be queued, and is never deleted.
 *
 *     QUARANTINE/YYYYMMDD/<id>/           a directory a crash (or a name that is no id)
 *     QUARANTINE/YYYYMMDD/<id>/reason     why, where it was and when it came; one line a visit
 *     QUARANTINE/YYYYMMDD/<id>/<id>.json  all that was found of the crash, as it was found
 *
 * YYYYMMDD is the day of the spool that it was found under. A second crash of the same id gets a
 * directory <id>.1, and so on. Several threads may use it at a time. */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include "spool/pair.h"
#include "spool/walk.h"

struct quarantine {
    char *path;
    int root;
};

/* Opens the directory, unless that is done (root >= 0: initialise it with -1), and makes it where it is
 * missing. A NULL path is "quarantine" below the spool's root, where a link is not followed. */
bool quarantine_open(struct quarantine *quarantine, const char *path, const struct spool *spool,
                     struct failure *failure);

/* Once all threads are done with it. */
void quarantine_close(struct quarantine *quarantine);

/* Moves all files of a crash there, then removes the name link. The date link stays: the caller
 * removes it last, so that a run that is killed in between is repeated by the next one. */
bool quarantine_pair(const struct quarantine *quarantine, const struct pair *pair,
                     const char *reason, struct failure *failure);

/* Moves something in a date branch that is no date link there. */
bool quarantine_entry(const struct quarantine *quarantine, const struct branch *branch,
                      const char *name, const char *reason, struct failure *failure);

#endif
