/* check.h - the answer to --check: what is wrong, as a plugin of Nagios tells it. */
#ifndef CHECK_H
#define CHECK_H

#include "run.h"

/* If that was asked: looks at all that a run needs, and at what the program is to do, against the
 * thresholds; prints the answer to stdout, and has the program end with its code. True if it was.
 */
bool check_answer(struct run *run);

#endif
