/* run.h - how a run begins and ends. It has one exit code: the first above 1 that was reported. */
#ifndef RUN_H
#define RUN_H

#include "options/options.h"
#include "pauses.h"
#include "report/report.h"
#include "run_metrics.h"
#include "session.h"

#include <time.h>

/* How the error of a repair begins that --limit has kept from looking at all. */
#define RUN_ENDED_AT_LIMIT "it ended at --limit, and has not looked at all"

struct run {
    struct options options;
    struct report report;
    struct timespec started; /* monotonic */
    time_t date;             /* the same by this machine's clock */
    mode_t umask;            /* the user's; the programs run with 0, and set exact modes */
    bool has_log;            /* it was opened */
    bool begun;              /* run_begin() has succeeded */
    bool is_cut;             /* a repair has found --limit crashes, and there was more to look at */
    bool is_answered;        /* the answer is printed, or will be by whoever answers the question */
    char pause[PAUSE_SIZE];  /* see pauses.h */
    long long row;           /* of this run in crashmon.runs; 0: none */
    bool has_row;            /* which can be brought up to date; */
    double next_row;         /* not before that, in seconds after the start; */
    bool has_warned;         /* and somebody was told that it could not be */
    double next_note; /* when the metrics are brought up to date, and a row without batches */
    struct run_metrics metrics;
    bool metrics_failed;
};

/* Reads the options, opens the log, connects, checks the schema, takes the lock, and inserts the
 * row of the run. For a question (options_ask()) it only reads the options. False when the run must
 * end; the reason has been reported. So it does where the storage is paused: --adopt alone is not
 * held back by that. */
bool run_begin(struct run *run, enum program program, int argc, char **argv);

/* Logs the summary, completes the row, writes the metrics, with --json prints what became of it;
 * frees everything. Always call it. */
int run_end(struct run *run);

/* Whether a statement, a transaction, or session_read(), succeeded; if not, reports the reason. */
bool run_check(struct run *run, enum db_status status, const struct failure *failure);
bool run_transact(struct run *run, session_work *work, void *context);
bool run_read(struct run *run, session_work *work, void *context);

/* The same with session_try(), for what the rest of the run does not depend on. With DB_BUSY, or if
 * it is refused (db_is_refused()), the run can go on. */
enum db_status run_try(struct run *run, session_work *work, void *context);

/* For bookkeeping (session_begin_note()): that somebody has locked it, or is slow, is a warning,
 * and what is refused is reported. False when the run must end. */
bool run_note(struct run *run, enum db_status status, const struct failure *failure);

double run_elapsed(const struct run *run); /* seconds since it began */

/* Verifies the lock, before a change on disk outside a transaction; reports its loss. */
bool run_has_lock(struct run *run);

/* Whether to end after this batch: a signal, `worked` has reached --limit, or stdout is closed. */
bool run_should_stop(const struct run *run, long worked);

#endif
