/* share.h - --share-waiting of crashmon-scan. */
#ifndef SHARE_H
#define SHARE_H

#include "processors.h"
#include "run.h"
#include "spool/candidate.h"

/* Of the jobs of the storage that wait without priority, and that nobody has begun, deals out a
 * batch again, or less. Those give some who have more than twice as many jobs as the one with the
 * fewest: the youngest first, and no more than what they have above the average. Does nothing
 * without --share-waiting. `batch` is empty, and is left so. False when the run must end. */
bool share_waiting(struct run *run, struct processors *processors, struct batch *batch);

#endif
