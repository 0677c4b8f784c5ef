/* retire.h - what happens to a crash after the commit: a queued one loses its links, one that never
 * became a pair or must not be queued goes to quarantine, all others stay. What must not be queued,
 * and is not whole yet, waits until it is, or is old. */
#ifndef RETIRE_H
#define RETIRE_H

#include "report/report.h"
#include "spool/candidate.h"
#include "spool/quarantine.h"

/* Does on disk what the outcome requires, reports it and counts it. If links cannot be removed, the
 * next scan finds the crash again. */
void retire(const struct candidate *candidate, struct quarantine *quarantine,
            struct report *report);

/* The same for the crashes of a batch that nobody else has taken: several threads may share it. */
void retire_batch(struct batch *batch, struct quarantine *quarantine, struct report *report);

#endif
