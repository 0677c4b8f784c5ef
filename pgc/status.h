/* status.h - what the database tells of the queue, the processors and the runs: for --status and
 * --check. It only reads, takes no lock of ours, and works on a standby. Each question stands by
 * itself: what cannot be read is told in `troubles`, and stays unknown. */
#ifndef STATUS_H
#define STATUS_H

#include "last_runs.h"
#include "options/options.h"
#include "pauses.h"
#include "report/figures.h"
#include "report/problems.h"

#include <stdbool.h>

/* An age is in seconds; of a time that lies ahead it is 0, '-infinity' counts as 1970; below 0:
 * none. */

struct job_counts {
    struct count waiting, started, finished, failed; /* finished: with success */
    struct count missing;                            /* ended, but their pair was not found */
    struct count with_priority;                      /* of those that wait */
    struct count tried;                              /* those of the first two that have attempts */
    long long lowest_waiting;                        /* the lowest id of one that waits; 0: none */
    int most_attempts;
    char oldest_started_by[255 * 4 + 1]; /* "": nobody */
};

struct processor_status {
    long long id;
    char *name;
    const char *state;          /* "alive", "late" or "dead" */
    long long seen, registered; /* ages */
    long long waiting, started; /* its jobs of all storages */
    char *storages;             /* that it serves, with a line feed around each; "": all */
    bool serves;                /* this one */
    bool has_left;              /* it has said so: crashmon.leave() */
};

/* The next name of its list, which begins with processor->storages; NULL: there is no more. */
enum { STORAGE_NAME_SIZE = 256 };
const char *status_next_storage(const char *at, char name[STORAGE_NAME_SIZE]);

/* Whether a processor that has been silent for too long still counts as alive, or at least not as
 * dead, because the server was down or no run began in that time. */
bool status_excuses(const struct options *options, const struct processor_status *processor);

struct database_status {
    bool is_connected, is_standby, is_paused;
    bool only_reads;  /* for a login with the rights of a run, which would end with 69 */
    char version[40]; /* of the server */
    struct job_counts jobs;
    bool loads_are_partial; /* the processors may have more jobs than are counted */
    struct count requests;
    struct processor_status *processors;
    long processor_count;           /* -1: not known; and so are */
    long alive, late, dead, others; /* those that serve this storage, and those that do not */
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
/* Whether this storage has a job for a crash, in the session that there is. */
enum db_status status_is_queued(const struct options *options, const char *id, bool *is_queued,
                                struct failure *failure);
void status_free(struct database_status *status);

#endif
