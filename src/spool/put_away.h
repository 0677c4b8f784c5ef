/* put_away.h - moves the pair of a finished job to long-term storage, or deletes it. The outcome of
 * the job says what became of the pair; LEFT: pair and row stay. A pair that is not found counts as
 * missing, so the roots must be known to be the right ones (mark.h). As what is mounted inside a
 * root has no mark, the row stays for 24 hours, and so does half a pair: the first run that misses
 * something reports it, and so does the one that removes the row. Failures are logged here. A batch
 * with copies takes two more steps (archive.h), with a flush before each and after the last; a pair
 * that is to be deleted takes one.
 */
#ifndef PUT_AWAY_H
#define PUT_AWAY_H

#include "spool/finished_job.h"

/* Finds the pair and takes the first step, the only one unless job->move.copied or .unwanted. */
void put_away(struct finished_job *job, const struct roots *roots, struct quarantine *quarantine,
              struct report *report);

/* Deletes a pair that is unwanted, unless it is to be `left` for this reason. False if it is LEFT.
 * Another thread may be at other jobs meanwhile. */
bool put_away_delete(struct finished_job *job, const char *left, struct report *report);

/* A further step of archive.h, for the jobs that have copies. */
void put_away_copies(struct finished_job jobs[], size_t count, archive_step *step,
                     struct report *report);
bool put_away_has_copies(const struct finished_job jobs[], size_t count);

/* Removes the notes that are beside pairs of jobs whose rows are gone (move_note.h). */
void put_away_forget(const struct finished_job jobs[], size_t count);

/* Writes why jobs have failed beside their pairs, which are in place. */
void put_away_reasons(struct finished_job jobs[], size_t count, struct report *report);

#endif
