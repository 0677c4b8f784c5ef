/* run.h - how a run of the three programs begins and ends.
 *
 *     int main(int argc, char **argv)
 *     {
 *         struct run run;
 *         if (run_begin(&run, PROGRAM_SCAN, argc, argv))
 *             ... the work ...
 *         return run_end(&run);
 *     }
 *
 * A run has one exit code: the first above 1 that was reported (report.h). */
#ifndef RUN_H
#define RUN_H

#include "options/options.h"
#include "report/report.h"
#include "session.h"

#include <time.h>

struct run {
    struct options options;
    struct report report;
    struct timespec started; /* monotonic */
    mode_t umask;            /* the user's; the programs run with 0 and give exact modes */
    bool begun;              /* all that comes before the work has succeeded */
    long long row;           /* of this run in the table of runs; 0: none */
};

/* Reads the options, opens the log, connects, checks the schema, takes the lock, and enters the
 * run in the table of runs. False when the run must end here; the reason has been told. */
bool run_begin(struct run *run, enum program program, int argc, char **argv);

/* Sums up, completes the row, writes the metrics, lets everything go, and returns the exit code.
 * To be called in any case. */
int run_end(struct run *run);

/* Whether a statement, or a transaction, of the run went well; if not, the reason is told. */
bool run_check(struct run *run, enum db_status status, const struct failure *failure);
bool run_transact(struct run *run, session_work *work, void *context);

/* Verifies the lock in a transaction of its own, before a change on disk that comes long after the
 * last one. False when it is lost; that has been told. */
bool run_has_lock(struct run *run);

/* Whether the run has to end at this batch boundary: a signal came, --limit crashes have been
 * worked on (`worked`), or nobody reads any more what a dry run prints. */
bool run_should_stop(const struct run *run, long worked);

#endif
