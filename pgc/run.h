/* run.h - what the three programs have in common: how a run begins and ends.
 *
 *     int main(int argc, char **argv)
 *     {
 *         struct run run;
 *         if (run_begin(&run, PROGRAM_SCAN, argc, argv))
 *             ... the work ...
 *         return run_end(&run);
 *     }
 *
 * A run has one exit code. Work that cannot be done calls run_fail(), which logs the reason and
 * notes the code; the first code counts. What became of the crashes is told by run_tell() and
 * counted by run_count(). Any thread may call these three. */
#ifndef RUN_H
#define RUN_H

#include "log/log.h"
#include "options/options.h"
#include "session.h"
#include "report/tally.h"

#include <time.h>

struct run {
    struct options options;
    struct tally tally;
    enum exit_code code;
    struct timespec started; /* monotonic */
    mode_t umask;            /* the user's; the programs run with 0 and give exact modes */
    bool begun;              /* all that comes before the work has succeeded */
    long long row;           /* of this run in the table of runs; 0: none */
};

/* Reads the options, opens the log, connects, checks the schema, takes the lock, and enters the
 * run in the table of runs. False when the run must end here; what there was to say is said. */
bool run_begin(struct run *run, enum program program, int argc, char **argv);

/* Removes what the table has of this storage's runs, of all three programs, that began more than
 * thirty days ago; to be called after the work, if that went well. One program does it for all: most
 * runs find nothing to do, and are to cost next to nothing. */
void run_remove_old(struct run *run);

/* Sums up, completes the row, writes the metrics, lets everything go, and returns the exit code.
 * To be called in any case. */
int run_end(struct run *run);

/* Logs an error and notes the exit code. Always false, so that `return run_fail(...)` reads
 * well. */
bool run_fail(struct run *run, enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a result of the database: true for DB_OK, otherwise run_fail(). */
bool run_database(struct run *run, enum db_status status);

/* Verifies the lock in a transaction of its own, before a change on disk that comes long after the
 * last one. False when it is lost; that has been told. */
bool run_has_lock(struct run *run);

/* Tells what becomes of one crash: to the log, and in a dry run to stdout instead. */
void run_tell(const struct run *run, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A crash is counted twice: when it is seen, and when it has its outcome. */
void run_see(struct run *run);
void run_count(struct run *run, enum outcome outcome);

/* True when the run has to end at this batch boundary: a signal came, --limit crashes have been
 * worked on (`worked`), or nobody reads any more what a dry run prints. */
bool run_is_over(const struct run *run, long worked);

#endif
