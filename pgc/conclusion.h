/* conclusion.h - what becomes of what a scan has found: it is done on disk, told, and counted.
 *
 * Several threads may conclude at a time, each what no other has. */
#ifndef CONCLUSION_H
#define CONCLUSION_H

#include "batch.h"
#include "spool/quarantine.h"
#include "run.h"

struct conclusion {
    struct run *run;
    const struct spool *spool;
    struct quarantine quarantine; /* opened when it is first needed */
};

void conclusion_init(struct conclusion *conclusion, struct run *run, const struct spool *spool);

/* It stays as it is until the next run. */
void conclude_left(struct conclusion *conclusion, const char *name, const char *reason);

/* It belongs to no pair, and will not: it goes to quarantine. */
void conclude_stray(struct conclusion *conclusion, const struct entry *entry, const char *reason);

/* Of `count` crashes of a batch from the one at `first`, which are committed: removes the links of
 * those that are queued; those that must not be queued, or are overdue, go to quarantine; the rest is
 * left. */
void conclude_part(struct conclusion *conclusion, const struct batch *batch, size_t first,
                   size_t count);

/* The same for a whole batch, of which each crash is let go of at once. Several threads may call it for
 * the same batch: they share the work, and each returns when there is none left to take. */
void conclude_all(struct conclusion *conclusion, struct batch *batch);

void conclusion_free(struct conclusion *conclusion);

#endif
