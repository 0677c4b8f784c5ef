/* absence.h - what is told when nobody gets jobs (EXIT_NO_PROCESSOR; EXIT_NO_DATABASE if those that
 * are alive are locked). */
#ifndef ABSENCE_H
#define ABSENCE_H

#include "processors.h"
#include "run.h"
#include "spool/spool.h"

/* Reports which processors there were, and since when they are silent, or who has locked them; what
 * happens now; and how many crashes are new in the spool, unless it is NULL. Always returns false.
 */
bool absence_report(struct run *run, struct processors *processors, const struct spool *spool,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
