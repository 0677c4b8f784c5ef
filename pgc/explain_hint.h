/* explain_hint.h - what a person can do about a crash. */
#ifndef EXPLAIN_HINT_H
#define EXPLAIN_HINT_H

#include "explain_next.h"

/* What a person can do, or think of. False: nothing. */
bool explain_hint(const struct explanation *explanation, bool is_known, char text[NEXT_SIZE]);

#endif
