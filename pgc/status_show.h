/* status_show.h - the answer to --status, on one screen or as JSON. */
#ifndef STATUS_SHOW_H
#define STATUS_SHOW_H

#include "run.h"

/* If that was asked: asks the database and looks at the disk, whether or not there is the other
 * one, and prints to stdout. True if it was. */
bool status_answer(struct run *run);

#endif
