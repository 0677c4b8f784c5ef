/* lock.h - one run at a time: the advisory lock of a program for a storage, whose key is
 * (hashtext(program), hashtext(storage)), as in sql/views.sql. It ends with its session. */
#ifndef LOCK_H
#define LOCK_H

#include "db_status.h"

/* Takes the lock; waits for up to `wait` seconds, or until a signal. If *got is false, the failure
 * says who holds it. The strings must outlive the lock. */
enum db_status lock_take(const char *program, const char *storage, long wait, bool *got,
                         struct failure *failure);

/* Within a transaction: checks that this is still the session that took the lock, and that it holds
 * it. DB_OK if no lock was taken, in a dry run. */
enum db_status lock_verify(struct failure *failure);

/* Within a transaction: takes the lock of another program until the transaction ends. *got is false
 * if a run of it is at work. */
enum db_status lock_borrow(const char *program, bool *got, struct failure *failure);

/* Releases the lock, so that the next run can start at once: a server takes time to end a session,
 * and a pooler keeps it. Errors do not matter. */
void lock_release(void);

#endif
