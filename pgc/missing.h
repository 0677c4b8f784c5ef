/* missing.h - a part of crashmon-cleanup: since when a pair is missing. */
#ifndef MISSING_H
#define MISSING_H

#include "db_status.h"
#include "spool/put_away.h"

/* Within a transaction: notes in the rows of jobs that stay whose pairs are missing from now on,
 * and whose are missing no more. Rows that somebody else has locked are passed over. */
enum db_status missing_remember(const struct finished_job jobs[], size_t count,
                                const char *storage_name, struct failure *failure);

#endif
