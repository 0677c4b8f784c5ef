/* explain.h - the answer to crashmon-priority --explain: all that is known of a crash. It only
 * reads, takes no lock, works on a standby, and tells what it can where database or disks are away.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "run.h"

/* If that was asked: explains each crash of the command line, on stdout. The program ends with 1 if
 * nobody knows one; with the code of the trouble if one was not found, and could not be looked for
 * everywhere. True if it was. */
bool explain_answer(struct run *run);

#endif
