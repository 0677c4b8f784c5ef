/* job_counts.h - how many jobs there are in each state, and the oldest of each: for --status,
 * --check and the metrics. */
#ifndef JOB_COUNTS_H
#define JOB_COUNTS_H

#include "processor_status.h"
#include "report/figures.h"
#include "report/problems.h"

/* Of one storage. An age is in seconds; of a time that lies ahead it is 0, '-infinity' counts as
 * 1970; below 0: none. */
struct job_counts {
    struct count waiting, started, finished, failed; /* finished: with success */
    struct count missing;                            /* ended, but their pair was not found */
    struct count with_priority;                      /* of those that wait */
    struct count tried;                              /* those of the first two that have attempts */
    long long lowest_waiting;                        /* the lowest id of one that waits; 0: none */
    int most_attempts;
    char oldest_started_by[255 * 4 + 1]; /* "": nobody */
};

/* Counts the jobs, for a tenth of a second each way, and the load of each processor. What cannot be
 * read is told in `troubles`, and stays unknown. */
void job_counts_read(const char *storage, struct known_processors *processors,
                     struct job_counts *jobs, struct problems *troubles);

#endif
