/* report.h - a line for each crash and each failure, and the exit code. Any thread may call this.
 *
 * Public: report.h, outcome.h, tally.h, exit_code.h, metrics.h, json.h, progress.h, figures.h,
 * problems.h, reasons.h, say.h.
 *
 * The line of a crash is
 *
 *     "NAME": OUTCOME: DETAIL
 *
 * with the name in quotes (base/quote.h), so that no file name in the spool can imitate one. */
#ifndef REPORT_H
#define REPORT_H

#include "base/failure.h"
#include "log/log.h"
#include "report/exit_code.h"
#include "report/tally.h"

#include <pthread.h>
#include <stdio.h>

struct report {
    bool dry_run;                /* the lines of crashes go to stdout only */
    bool is_json;                /* stdout is for an object: these lines go to stderr */
    bool is_silent;              /* nobody is told anything: only counts and codes are noted */
    const char *const *awaited;  /* names of crashes whose lines go to stdout as well; NULL: none */
    long shown;                  /* lines of this level and above are on stderr already */
    _Atomic bool is_reader_gone; /* stdout was closed, as with `| head` */
    struct tally tally;
    _Atomic long looked; /* crashes that a repair has looked at, most of which are well */
    enum exit_code code;
    char error[1024];       /* the sentence that the code comes from; of EXIT_LEFT the first one */
    enum exit_code refusal; /* the latest, see report_refusal() */
    bool has_moved;         /* jobs were changed that have no outcome in this run */
    pthread_mutex_t mutex;  /* for the tally and the code */
};

void report_init(struct report *report);

/* Where lines for people go. */
FILE *report_stream(const struct report *report);

/* Flushes what a dry run has printed. A closed stdout is not an error. */
void report_flush(struct report *report);

/* Counts crashes that the run has found; each must get one outcome. */
void report_seen(struct report *report, long count);

/* Reports and counts the outcome of a crash: with a detail, or with its own reason. */
void report_outcome(struct report *report, enum log_level level, const char *name,
                    enum outcome outcome, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void report_crash(struct report *report, enum log_level level, const struct crash *crash);

/* The same with a detail in place of its reason. */
void report_crash_as(struct report *report, enum log_level level, const struct crash *crash,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The outcome of one that is left, and waits as it should: no reason for EXIT_LEFT. */
void report_waiting(struct report *report, const char *name, const char *reason);

/* Only counts it. */
void report_count(struct report *report, enum outcome outcome);

/* Counts the outcome of a crash whose transaction is committed: then reporting it does not count it
 * again. */
void report_commit(struct report *report, struct crash *crash);

/* The counts so far, which add up: what the run is still working on is not seen yet. */
struct tally report_tally(struct report *report);

/* Logs, or prints in a dry run, a line that is not about one crash. */
void report_note(struct report *report, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Logs an error and notes the exit code; the first one above 1 counts. Always returns false. Errors
 * with EXIT_LEFT and codes from 68 to 78 last (log_vlasting); that a second signal has closed the
 * connection is no error.
 * report_failure() takes the code from the errno value of a file operation. report_warning() logs,
 * or prints in a dry run, what somebody should look at, and notes EXIT_LEFT. */
bool report_error(struct report *report, enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Logs that the database refuses a crash, which by itself is EXIT_LEFT: `code` is that of a run in
 * which nothing else was done. */
void report_refusal(struct report *report, enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool report_failure(struct report *report, const struct failure *failure);
void report_warning(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
