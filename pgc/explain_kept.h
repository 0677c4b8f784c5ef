/* explain_kept.h - what cleanup keeps for some days, and then deletes: throttled crashes that
 * nobody wants, and what is in quarantine. In words. */
#ifndef EXPLAIN_KEPT_H
#define EXPLAIN_KEPT_H

#include "explain_text.h"
#include "explanation.h"

/* Adds what becomes of each, but of the pair of a job that has just been put away (without a spool:
 * none has been). `has_row`: a row of jobs is left, so the crash is wanted. */
void explain_kept(const struct explanation *explanation, bool has_row, const struct pair *put_away,
                  char text[NEXT_SIZE]);

#endif
