/* backlog.h - begins the line that tells how far a run is (report/progress.h), with how much there
 * is to do. Where nobody would see the line, nothing is counted. */
#ifndef BACKLOG_H
#define BACKLOG_H

#include "run.h"
#include "spool/walk.h"

/* Counts the crashes in the date trees of a spool, or in its name trees, beside the run. */
void backlog_of_spool(struct run *run, const struct spool *spool, const char *branch);

/* Counts the finished jobs of the storage, or the unfinished ones older than --incomplete-age. */
void backlog_of_jobs(struct run *run, bool finished);

/* Ends the line. Harmless where there is none. */
void backlog_end(void);

#endif
