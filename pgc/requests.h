/* requests.h - a part of crashmon-priority: which requests there are, before they are served. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "run.h"

enum { REQUEST_MAXIMUM = 255 }; /* characters; a column that somebody has widened holds any */

/* Requests the ids of the command line, and rejects requests that are too long. False when the run
 * must end; the reason has been reported. */
bool requests_begin(struct run *run);

#endif
