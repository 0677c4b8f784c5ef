/* dead_processors.h - the removal of processors that are dead and have no unfinished jobs left. */
#ifndef DEAD_PROCESSORS_H
#define DEAD_PROCESSORS_H

#include "processors.h"
#include "run.h"

/* Removes those that were dead when processors_refresh() was called last, and tells, for a second:
 * the next runs go on. What cannot be removed takes half of that at most. False when the run cannot
 * go on. */
bool dead_processors_remove(struct run *run, struct processors *processors);

#endif
