/* outcome.h - what became of a crash: one word in the log, table of runs, metrics and manual. */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdbool.h>

enum outcome {
    QUEUED,         /* scan, priority: it has a new job */
    ALREADY_QUEUED, /* scan: it had a job; only its links were left */
    RAISED,         /* priority: its job has priority now */
    FINISHED,       /* priority: its job was already finished */
    ARCHIVED,       /* cleanup: the pair is in long-term storage */
    DELETED,        /* cleanup: the pair was deleted */
    RELEASED,       /* priority --release: it is out of quarantine, and new */
    LEFT,           /* it stays as it is until the next run */
    QUARANTINED,    /* scan: it never became a pair, or must not be queued */
    GIVEN_UP,       /* priority: it was not found in time */
    REJECTED,       /* priority, cleanup: the row does not contain a crash id */
    MISSING,        /* cleanup: its pair was not found */
    UNLINKED,       /* scan --repair: its links led nowhere, and are removed */
    FAILED,         /* cleanup --repair: its job fails, as its pair is nowhere */
    OUTCOME_COUNT,
};

/* The word for people, "already queued", and for JSON and the metrics, "already_queued". */
const char *outcome_word(enum outcome outcome);
const char *outcome_key(enum outcome outcome);

/* Whether it stays so once its transaction is committed. What is to be quarantined may stay, and
 * why a crash is left is told later. */
bool outcome_is_settled(enum outcome outcome);

/* What the report must know of a crash. */
struct crash {
    const char *name; /* its id, or unchecked text in place of one */
    enum outcome outcome;
    char *reason;    /* malloc'd; NULL: not set, or out of memory; see crash_reason() */
    bool waits;      /* it is LEFT, and that is as it should be: no reason for EXIT_LEFT */
    bool has_job;    /* that is finished: it counts as one when its pair is put away, */
    bool job_failed; /* and as one that has failed */
    bool counted;    /* its outcome, when that was committed (report_commit()) */
};

/* Sets the outcome and its reason, which is NULL when out of memory; crash_clear() frees it. */
void crash_set(struct crash *crash, enum outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for one that is LEFT, and waits as it should. */
void crash_wait(struct crash *crash, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *crash_reason(const struct crash *crash);
void crash_clear(struct crash *crash);

#endif
