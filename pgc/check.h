/* check.h - the answer to --check: what is wrong, as a plugin of Nagios tells it. */
#ifndef CHECK_H
#define CHECK_H

#include "run.h"

/* With --check: checks all that a run needs, and what there is to do against the thresholds; prints
 * the answer to stdout, and has the program end with its code. False without --check. */
bool check_answer(struct run *run);

#endif
