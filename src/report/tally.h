/* tally.h - how many crashes a run has seen, and the outcomes, which must add up to that. */
#ifndef TALLY_H
#define TALLY_H

#include "report/json.h"
#include "report/outcome.h"
#include "report/reasons.h"

#include <stdbool.h>

struct tally {
    long seen;
    long outcomes[OUTCOME_COUNT];
    long waiting;           /* those of LEFT that wait as they should */
    long jobs_put_away;     /* those whose jobs were finished; */
    long job_failures;      /* and of these, those that had failed */
    struct reasons reasons; /* of those that are QUARANTINED */
};

enum { TALLY_TEXT_SIZE = 512 };

/* How many have an outcome. */
long tally_sum(const struct tally *tally);
bool tally_adds_up(const struct tally *tally);

/* Whether a crash needs attention, or was left and does not just wait. */
bool tally_has_left(const struct tally *tally);

/* Whether any crash was not left. */
bool tally_has_done(const struct tally *tally);

/* Write "seen 21: queued 20, left 1"; and the object {"queued": 20, "left": 1}. */
void tally_print(const struct tally *tally, char text[TALLY_TEXT_SIZE]);
void tally_write_json(const struct tally *tally, struct json *json, const char *key);

#endif
