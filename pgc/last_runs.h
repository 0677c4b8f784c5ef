/* last_runs.h - the last run of each program on each storage. */
#ifndef LAST_RUNS_H
#define LAST_RUNS_H

#include "base/quote.h"
#include "db_status.h"

#include <stdbool.h>

/* Ages in seconds; below 0: none. */
struct run_status {
    char *program, *storage, *host;
    int pid;
    const char *state;        /* "ended", "at work", or "killed"; "not ended" on a standby */
    long long started, ended; /* ages */
    long long due;            /* seconds until the next one; below 0: it is late by that */
    bool is_due;              /* false after a repair: none is due; or it is not known when */
    int exit_code;            /* if it has ended, and */
    double duration;          /* how long it took, in seconds; below 0: not known */
    long long seen;
    char *outcomes;    /* "queued 20, left 1" */
    char *error;       /* what its code comes from; "": not known */
    bool has_done;     /* one that is not "left" */
    char *holder;      /* who has the lock, if none is at work: "database session 12"; "": nobody */
    long long held_up; /* for how long its session has waited for a synchronous standby; below 0: it
                          does not, or that cannot be seen */
};

/* A session that waits for a standby outlives its process. A run of this host whose process is gone
 * was killed, whether or not its session still has the lock.
 *
 * *runs becomes an array in order of storage and program, for last_runs_free(); *count is -1 if
 * that fails. */
enum db_status last_runs_read(struct run_status **runs, long *count, struct failure *failure);
void last_runs_free(struct run_status *runs, long count);

/* That of a program on a storage; NULL: none is known. */
const struct run_status *last_runs_find(const struct run_status *runs, long count,
                                        const char *program, const char *storage);

/* It works, or has not ended as far as a standby can tell. */
bool last_run_is_at_work(const struct run_status *run);

/* It works, or has begun or ended lately. What a repair or a release tells is old after a day: no
 * other has to follow it, which would take its place. One of each night stays. */
bool last_run_is_news(const struct run_status *run);

/* A synchronous standby is away: its session waits for longer than a commit takes. */
bool last_run_is_held_up(const struct run_status *run);

/* " on "web2"", if it was on another host than this one; else "". Returns the buffer. */
enum { ELSEWHERE_SIZE = QUOTE_SIZE + 8 };
const char *last_run_elsewhere(const struct run_status *run, char text[ELSEWHERE_SIZE]);

/* The age of the first run of any program on a storage; below 0: there was none. */
enum db_status last_runs_first(const char *storage, long long *age, struct failure *failure);

#endif
