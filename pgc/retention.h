/* retention.h - a part of crashmon-cleanup: removes what has been kept long enough in the roots.
 * Empty directories (spool/sweep.h), throttled crashes (throttled.h), old cases in quarantine
 * (spool/cases.h). */
#ifndef RETENTION_H
#define RETENTION_H

#include "run.h"
#include "spool/locate.h"
#include "spool/quarantine.h"

/* Once a day sweeps the roots. A sweep that is ended or killed is repeated by the next run. What
 * cannot be removed is reported once. Adds the crashes that it removes to *worked, for --limit. */
void retention(struct run *run, const struct roots *roots, struct quarantine *quarantine,
               long *worked);

#endif
