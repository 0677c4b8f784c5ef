/* retention.h - how long the roots keep what nobody needs: empty directories, and throttled crashes
 * that nobody has asked for. Looked at once a day. */
#ifndef RETENTION_H
#define RETENTION_H

#include "run.h"
#include "spool/locate.h"

/* Sweeps the roots that are due. A sweep that is ended or killed is repeated by the next run. What
 * cannot be removed is reported once. Adds the crashes that it removes to *worked, for --limit. */
void retention(struct run *run, const struct roots *roots, long *worked);

#endif
