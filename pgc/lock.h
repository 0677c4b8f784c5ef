/* lock.h - one run at a time: the advisory lock of a program for a storage.
 *
 * The lock is (hashtext(program), hashtext(storage)), as sql/views.sql knows, too. It belongs to
 * the session and goes with it, so a run that is killed leaves none behind. */
#ifndef LOCK_H
#define LOCK_H

#include "db_status.h"

/* Takes the lock; waits for up to `wait` seconds, or until a signal ends the run. False in *got:
 * the failure says who holds it. The strings must live on. */
enum db_status lock_take(const char *program, const char *storage, long wait, bool *got,
                         struct failure *failure);

/* Within a transaction: whether the session that took the lock is still the one we talk to, and
 * still holds it. DB_OK also when no lock was taken, in a dry run. */
enum db_status lock_verify(struct failure *failure);

/* Gives the lock up, so that the next run can begin at once: the server takes its time to end a
 * session, and a pooler keeps it. Errors do not matter, for the lock goes with the session. */
void lock_release(void);

#endif
