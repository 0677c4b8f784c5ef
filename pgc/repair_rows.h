/* repair_rows.h - crashmon-cleanup --repair: unfinished jobs, queued long enough ago, whose pair is
 * not where a processor would look for it:
 *
 *     nowhere   not in the roots and not in long-term storage, all of which could be searched: a
 *               repair that finds this again 24 hours later lets the job fail with a message, which
 *               is what its processor would say
 *     archived  in long-term storage only: it is listed, and its processor will say that it failed
 *     twice     in long-term storage, and in the spool: it is listed; when the job is finished,
 *               cleanup sees whether the bytes are the same
 *     unknown   not every place where it may be could be searched: it is listed, with the reason
 *
 * Finished jobs are left out: each cleanup looks for their pairs, reports those that are missing,
 * and may be at work on them now. Nobody has touched an unfinished job whose row has not
 * changed since it was listed. Memory does not grow with the queue. */
#ifndef REPAIR_ROWS_H
#define REPAIR_ROWS_H

#include "run.h"
#include "spool/archive.h"

/* The roots have been checked. A dry run prints a line `CLASS ID WHERE` for each. What it finds is
 * reported and counted. */
void repair_rows(struct run *run, struct roots *roots, struct archive *archives[2]);

#endif
