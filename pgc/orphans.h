/* orphans.h - a part of crashmon-scan: unfinished jobs without a living owner go to live ones. */
#ifndef ORPHANS_H
#define ORPHANS_H

#include "processors.h"
#include "run.h"

/* Moves all, as long as a processor is alive; in a dry run it only looks who is. A job that is
 * locked by somebody else, perhaps to finish it, is left for the next run. False when this run must
 * end; the reason has been reported. */
bool orphans_reassign(struct run *run, struct processors *processors);

#endif
