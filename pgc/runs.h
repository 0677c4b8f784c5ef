/* runs.h - the table crashmon.runs: a row for each run, for monitoring. */
#ifndef RUNS_H
#define RUNS_H

#include "db_status.h"
#include "report/tally.h"

/* Inserts a run that begins now; the next one is due in `interval` seconds. *row becomes its id, or
 * 0 where the sequence is behind the rows, as after a switch-over. */
enum db_status runs_enter(const char *program, const char *storage, long interval, long long *row,
                          struct failure *failure);

/* Notes in the row of a run how far it is; with a code, also that it ends now. */
enum db_status runs_note(long long row, const struct tally *tally, const enum exit_code *code,
                         struct failure *failure);

/* Two steps to do the same within the transaction of a batch, as its last: so what the row counts
 * is what is committed. (What becomes of a crash afterwards, as in quarantine, is in the next one.)
 * The first does what triggers have deferred until the commit, so that what they refuse is told as
 * the batch's. The second fails with the transaction only: if the row is locked, or the change is
 * refused, what was done before stands, *done is false, *failure says why, and DB_OK is returned.
 */
enum db_status runs_begin_note(struct failure *failure);
enum db_status runs_note_in_batch(long long row, const struct tally *tally, bool *done,
                                  struct failure *failure);

/* Notes there, before that, what its exit code comes from: as in the log, and cut. By itself, as a
 * server may refuse any text, and nothing else may fail with it. */
enum db_status runs_note_error(long long row, const char *error, struct failure *failure);

/* Deletes the rows of a storage that are older than thirty days, but for the latest one of each
 * program, which tells that it has not run since. */
enum db_status runs_expire(const char *storage, struct failure *failure);

#endif
