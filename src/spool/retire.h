/* retire.h - what happens to a crash after the commit: links, quarantine, report.
 *
 * A crash that is in the queue is no longer new: its links are removed. One that must not be
 * queued, or never will be a pair, goes to quarantine. Every other one stays as it is. */
#ifndef RETIRE_H
#define RETIRE_H

#include "report/report.h"
#include "spool/candidate.h"
#include "spool/quarantine.h"
#include "spool/walk.h"

/* Does on disk what the outcome asks for, tells it, and counts it. When links cannot be removed,
 * the crash is found again by the next scan, as one that is already queued. */
void retire(const struct candidate *candidate, struct quarantine *quarantine,
            struct report *report);

/* Retires the crashes of a batch that nobody else has taken, and lets go of each at once. Several
 * threads may share a batch; for each it ends when nothing is left to take. */
void retire_batch(struct batch *batch, struct quarantine *quarantine, struct report *report);

/* Something in a date tree that belongs to no crash, and never will: it goes to quarantine. */
void retire_stray(const struct walk_entry *entry, const char *reason, struct quarantine *quarantine,
                  struct report *report);

#endif
