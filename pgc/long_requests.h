/* long_requests.h - a part of crashmon-priority: requests that are too long to be crash ids. */
#ifndef LONG_REQUESTS_H
#define LONG_REQUESTS_H

#include "run.h"
#include "spool/candidate.h"

/* Removes them, by way of an empty batch, or counts them in a dry run. False when the run must end.
 */
bool long_requests_remove(struct run *run, struct batch *batch);

#endif
