/* throttled.h - a part of crashmon-cleanup: removes throttled crashes that nobody has requested in
 * time from the deferred root (spool/discard.h): first those that date links lead to, which are
 * mostly all, then those without. */
#ifndef THROTTLED_H
#define THROTTLED_H

#include "run.h"
#include "spool/spool.h"

/* Adds those that it removes to *worked, for --limit. What cannot be removed is reported once.
 * True when all are gone that can be removed. */
bool throttled_remove(struct run *run, const struct spool *spool, long *worked);

#endif
