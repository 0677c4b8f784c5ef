/* status_show.h - the answer to --status, on one screen or as JSON. */
#ifndef STATUS_SHOW_H
#define STATUS_SHOW_H

#include "run.h"

/* With --status: asks the database and looks at the disk, each even if the other is away, and
 * prints to stdout. False without --status. */
bool status_answer(struct run *run);

#endif
