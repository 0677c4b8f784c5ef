/* tally.h - how many crashes a run has seen, and how many had which outcome. In the end the two
 * must add up. */
#ifndef TALLY_H
#define TALLY_H

#include "report/outcome.h"

#include <stdbool.h>
#include <stddef.h>

struct tally {
    long seen;
    long outcomes[OUTCOME_COUNT];
};

enum { TALLY_TEXT_SIZE = 512 };

bool tally_adds_up(const struct tally *tally);

/* Whether there is a crash that was left or that somebody should look at. */
bool tally_has_left(const struct tally *tally);

/* Writes "seen 21: queued 20, left 1"; outcomes of no crash are left out. */
void tally_print(const struct tally *tally, char text[TALLY_TEXT_SIZE]);

/* The same as JSON: {"queued": 20, "left": 1}. */
void tally_print_json(const struct tally *tally, char text[TALLY_TEXT_SIZE]);

#endif
