/* outcome.h - what became of a crash.
 *
 * Each outcome is one word, which is the same in the log, in the summary, in the table of runs, in
 * the metrics and in the manual. */
#ifndef OUTCOME_H
#define OUTCOME_H

enum outcome {
    QUEUED,         /* scan, priority: it has a row in the queue now */
    ALREADY_QUEUED, /* scan: it had one; only its links were still there */
    RAISED,         /* priority: its job has priority now */
    FINISHED,       /* priority: its job was finished already */
    ARCHIVED,       /* cleanup: the pair is in long-term storage */
    DELETED,        /* cleanup: the pair was deleted */
    LEFT,           /* it stays as it is until the next run */
    QUARANTINED,    /* scan: it will never be a pair, or must not be queued */
    GIVEN_UP,       /* priority: it was not found for too long */
    REJECTED,       /* priority, cleanup: the row does not hold a crash id */
    MISSING,        /* cleanup: its pair was not found */
    OUTCOME_COUNT,
};

/* As people read it: "already queued". */
const char *outcome_word(enum outcome outcome);

/* As JSON and the metrics have it: "already_queued". */
const char *outcome_key(enum outcome outcome);

/* A crash in a program's hands, as far as the report must know it. */
struct crash {
    const char *name; /* its id, or what stands in the place of one; it is not checked */
    enum outcome outcome;
    char *reason; /* of the outcome, malloc'd; NULL: not set yet, or there was no memory for it */
};

/* Sets the outcome, and replaces the reason by the formatted text. Where there is no memory the
 * reason is missing. */
void crash_set(struct crash *crash, enum outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Frees the reason. */
void crash_clear(struct crash *crash);

#endif
