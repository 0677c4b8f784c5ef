/* repair_spool.h - crashmon-scan --repair: crashes in the spool, old enough, that have neither a
 * date link nor a row, so that no program finds them (spool/stranded.h):
 *
 *     unqueued  a whole pair: it is queued, as scan does it
 *     half      a part of a pair: it goes to quarantine
 *     dangling  a name link alone: it is removed
 *     deferred  a crash in the deferred storage root on a day that has no date link at all: perhaps
 *               of a collector that makes none. It is listed, and stays.
 *
 * Beside other programs and collectors: while a crash is new it has a date link, until the commit
 * that makes its row; and when cleanup deletes the row, the files are gone. So what has no date
 * link, then no row, and then still files, is stranded. Memory does not grow with the spool. */
#ifndef REPAIR_SPOOL_H
#define REPAIR_SPOOL_H

#include "processors.h"
#include "run.h"
#include "spool/quarantine.h"

/* Goes through the storage root, which has been checked, and through the deferred one. A dry run
 * prints a line `CLASS ID WHERE` for each. What it finds is reported and counted. */
void repair_spool(struct run *run, struct spool *storage, struct quarantine *quarantine,
                  struct processors *processors);

#endif
