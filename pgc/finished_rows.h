/* finished_rows.h - the rows of finished jobs, as crashmon-cleanup reads them to put their pairs
 * away (spool/put_away.h), what it notes there of those that are missing, and how the rows go. */
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

/* Within a transaction: deletes the rows of those jobs with which nothing is left to be done
 * (finished_job_is_done()), and which are held if `only_held`; job->deleted says whether it is
 * gone. The verdict that counts is that of the row now: one that has changed since keeps the row,
 * and so does whoever has locked it. */
enum db_status finished_rows_delete(const char *storage, struct finished_job jobs[], size_t count,
                                    bool only_held, struct failure *failure);

/* Before that: locks these rows; job->is_held says which. The locks outlive a deletion that is
 * taken back by the other one. */
enum db_status finished_rows_lock(const char *storage, struct finished_job jobs[], size_t count,
                                  struct failure *failure);
enum db_status finished_rows_take_back(struct failure *failure);

#endif
