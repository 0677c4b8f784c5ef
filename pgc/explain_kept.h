/* explain_kept.h - what cleanup keeps for some days, and then deletes: throttled crashes that
 * nobody wants, and what is in quarantine. In words. */
#ifndef EXPLAIN_KEPT_H
#define EXPLAIN_KEPT_H

#include "explain_text.h"
#include "explanation.h"

/* Adds what becomes of each. */
void explain_kept(const struct explanation *explanation, char text[NEXT_SIZE]);

#endif
