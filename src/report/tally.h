/* tally.h - what became of the crashes of a run.
 *
 * Every crash that is seen gets exactly one outcome; at the end the two must add up. */
#ifndef TALLY_H
#define TALLY_H

#include <stdbool.h>
#include <stddef.h>

enum outcome {
    QUEUED,         /* scan, priority: a row was made */
    ALREADY_QUEUED, /* scan: its links were still there */
    RAISED,         /* priority: its job has priority now */
    FINISHED,       /* priority: its job was finished already */
    ARCHIVED,       /* cleanup: the pair is in long-term storage */
    DELETED,        /* cleanup: the pair was deleted */
    LEFT,           /* it stays as it is until the next run */
    QUARANTINED,    /* scan */
    GIVEN_UP,       /* priority: not found for too long */
    REJECTED,       /* priority: no crash id */
    MISSING,        /* cleanup: its pair is nowhere */
    OUTCOME_COUNT,
};

struct tally {
    long seen;
    long outcomes[OUTCOME_COUNT];
};

/* "already_queued": lower case with underscores, as in the table of runs and in the metrics. */
const char *outcome_name(enum outcome outcome);

bool tally_adds_up(const struct tally *tally);

/* True when there is a crash that was left, quarantined, or that somebody should know about. */
bool tally_has_left(const struct tally *tally);

/* Writes "seen 21: queued 20, left 1"; outcomes of no crash are left out. */
void tally_print(const struct tally *tally, char *buffer, size_t size);

/* The same as JSON: {"queued": 20, "left": 1}. */
void tally_print_json(const struct tally *tally, char *buffer, size_t size);

#endif
