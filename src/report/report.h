/* report.h - what a run tells: a line for each crash, a line for each failure, and the exit code
 * that follows from them.
 *
 * Public: report.h, outcome.h, tally.h, exit_code.h, metrics.h.
 *
 * The line of a crash is
 *
 *     "NAME": OUTCOME: DETAIL
 *
 * with the name in quotes (base/quote.h), so that a file in the spool cannot be called something
 * that reads like a line of ours. Any thread may call these functions. */
#ifndef REPORT_H
#define REPORT_H

#include "base/failure.h"
#include "log/log.h"
#include "report/exit_code.h"
#include "report/tally.h"

#include <pthread.h>

struct report {
    bool dry_run;                /* the lines of crashes go to stdout, and nowhere else */
    _Atomic bool is_reader_gone; /* nobody reads them any more, as with `| head` */
    struct tally tally;
    enum exit_code code;
    pthread_mutex_t mutex; /* for the tally and the code */
};

void report_init(struct report *report);

/* Writes out what a dry run has told. A reader that has gone away is not an error. */
void report_flush(struct report *report);

/* Crashes that the run has come upon: each gets one outcome in the end. */
void report_seen(struct report *report, long count);

/* Tells what became of a crash, and counts it. The detail, a printf format, follows the outcome. */
void report_outcome(struct report *report, enum log_level level, const char *name,
                    enum outcome outcome, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The same with the crash's own outcome and reason. */
void report_crash(struct report *report, enum log_level level, const struct crash *crash);

/* Tells something that is not about one crash, as the line of one is told. */
void report_note(struct report *report, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Logs an error and notes the exit code; the first one above 1 counts. Always false, so that
 * `return report_error(...)` reads well. */
bool report_error(struct report *report, enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failure of a file operation, with the code that its errno value has. */
bool report_failure(struct report *report, const struct failure *failure);

#endif
