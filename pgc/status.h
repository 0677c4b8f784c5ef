/* status.h - what the database tells of the queue, the processors and the runs: for --status and
 * --check. It only reads, takes no lock of ours, and works on a standby. Each question stands by
 * itself: what cannot be read is told in `troubles`, and stays unknown. */
#ifndef STATUS_H
#define STATUS_H

#include "job_counts.h"
#include "last_runs.h"
#include "options/options.h"
#include "pauses.h"
#include "processor_status.h"
#include "report/figures.h"
#include "report/problems.h"

#include <stdbool.h>

struct database_status {
    bool is_connected, is_standby, is_paused;
    bool only_reads;  /* for a login with the rights of a run, which would end with 69 */
    char version[40]; /* of the server */
    struct job_counts jobs;
    struct count requests;
    struct known_processors processors;
    struct run_status *runs;
    long run_count;      /* -1: not known */
    long long first_run; /* the age of the first run on this storage; below 0: none */
};

/* Connects and asks. Free with status_free(), which does not disconnect; the caller ends the
 * session. */
void status_read(const struct options *options, struct database_status *status,
                 struct problems *troubles);
/* The same without the counts: connects, and asks who is there. *pause becomes a sentence if the
 * storage is paused (pauses.h). */
void status_read_around(const struct options *options, struct database_status *status,
                        char pause[PAUSE_SIZE], struct problems *troubles);
/* The same of a part, in the session that there is: processors and jobs; requests. */
void status_read_queue(const struct options *options, struct database_status *status,
                       struct problems *troubles);
void status_read_requests(struct database_status *status, struct problems *troubles);
/* How long ago this storage's job for a crash was queued, in the session that there is; below 0:
 * there is none. */
enum db_status status_ask_queued(const struct options *options, const char *id, long long *age,
                                 struct failure *failure);
/* The same of when a processor took it. */
enum db_status status_ask_taken(const struct options *options, const char *id, long long *age,
                                struct failure *failure);
void status_free(struct database_status *status);

#endif
