/* dead_processors.h - the removal of processors that are dead and have no unfinished jobs left. */
#ifndef DEAD_PROCESSORS_H
#define DEAD_PROCESSORS_H

#include "processors.h"
#include "run.h"

/* Removes each of those that were dead when processors_refresh() was called last, and tells. One
 * that cannot be removed holds up the others for half a second in all. False when the run cannot go
 * on. */
bool dead_processors_remove(struct run *run, struct processors *processors);

#endif
