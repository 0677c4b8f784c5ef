/* explain.h - the answer to crashmon-priority --explain: all that is known of a crash. It only
 * reads, takes no lock, works on a standby, and tells what it can where database or disks are away.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "run.h"

/* With --explain: explains each crash of the command line, on stdout. The program ends with 1 if
 * nobody knows one; with the code of the trouble if one was not found, and not every place could be
 * searched. False without --explain. */
bool explain_answer(struct run *run);

#endif
