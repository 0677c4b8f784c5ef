/* finished_rows.h - the rows of finished jobs, as crashmon-cleanup reads them to put their pairs
 * away (spool/put_away.h), and what it notes there of those that are missing. */
#ifndef FINISHED_ROWS_H
#define FINISHED_ROWS_H

#include "db_status.h"
#include "spool/put_away.h"

struct finished_question {
    const char *storage;
    const char *uuid; /* of the only job in question; "": all */
    long long last;   /* those behind this id */
    long limit;
    bool jumps; /* see bisect.h */
};

/* Passes each on, in order of id; what the row points to is gone after the call. */
enum db_status finished_rows_list(const struct finished_question *question,
                                  void (*take)(void *context, const struct finished_row *row),
                                  void *context, struct failure *failure);

/* Notes for these jobs of a storage, whose pairs were looked for, which pairs are missing now and
 * were not before, or the other way round. One that is missing, and whose row somebody else has
 * locked, waits. */
enum db_status finished_rows_note_missing(const char *storage, struct finished_job jobs[],
                                          size_t count, struct failure *failure);

#endif
