/* explain_next.h - what each program will do with a crash next, in words. */
#ifndef EXPLAIN_NEXT_H
#define EXPLAIN_NEXT_H

#include "explain_text.h"
#include "explanation.h"

/* Its owner; NULL if it has none, or one that is not registered. */
const struct processor_status *explained_owner(const struct explanation *explanation);

/* The last run of a program on this storage; NULL: none is known. */
const struct run_status *explain_last_run(const struct explanation *explanation,
                                          const char *program);

/* When it runs next: "in 2 min 10 s". */
void explain_when(const struct explanation *explanation, const char *program, char text[NEXT_SIZE]);

/* What it does then: "queues it for a live processor". */
void explain_what(const struct explanation *explanation, enum program program,
                  char text[NEXT_SIZE]);

/* Whether a program can do anything now; if not, says why. */
bool explain_can_work(const struct explanation *explanation, enum program program,
                      char text[NEXT_SIZE]);

/* Files of it in the storage root, or what there is in the deferred one; NULL: none. */
const struct sighting *explained_in_roots(const struct explanation *explanation);

#endif
