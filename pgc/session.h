/* session.h - the connection to the database, and its transactions. */
#ifndef SESSION_H
#define SESSION_H

#include "db_status.h"
#include "options/options.h"

/* Connects, with libpq's own settings where options are blank, and sets timeouts. Refuses a pooler
 * in transaction mode (pooler.h) and another version of the schema. A dry run is read-only. */
enum db_status session_open(const struct options *options, struct failure *failure);

/* The work of a transaction, which is rolled back unless it returns DB_OK; NULL: none. */
typedef enum db_status session_work(void *context, struct failure *failure);

/* Verifies the lock (lock.h), does the work, commits; up to five times, as long as a retry may
 * work, so the work must start from scratch each time. Any thread may call it; it waits for the
 * transaction of another. A statement outside is a transaction by itself. */
enum db_status session_transact(session_work *work, void *context, struct failure *failure);

/* The same, but once, and whoever has locked something that it needs is waited for no longer than a
 * tenth of a second, and less after each time that this was in vain: for batches (bisect.h), where
 * a crash that cannot be served is passed over. */
enum db_status session_try(session_work *work, void *context, struct failure *failure);

/* For a single statement that only reads, and after which nothing on disk is changed without a
 * transaction: like session_transact(), but without one, which costs three statements more. */
enum db_status session_read(session_work *work, void *context, struct failure *failure);

/* Around statements on which nothing depends: each waits for a lock for a second, and ends after
 * three, and the commit waits for no disk, and for no standby. Returns `status` when that is not
 * DB_OK, and then rolls back. */
enum db_status session_begin_note(struct failure *failure);
enum db_status session_end_note(enum db_status status, struct failure *failure);

/* For statements that are in none of these: from now on they end in time, too, until one of these
 * was called. */
void session_watch(void);

/* Sets how long a statement of session_try() may take; at first 1000 ms. */
void session_limit(long milliseconds);

/* Within a transaction, or else nothing happens: from now on each statement may take ten minutes;
 * or what it may elsewhere in this transaction. For what takes long, but for no crash's sake. */
enum db_status session_take_time(bool take, struct failure *failure);

/* Within a transaction on which nothing depends: its commit waits for no standby. DB_OK. */
enum db_status session_need_no_standby(void);

/* The work of a transaction that changes nothing, and whose commit waits all the same: then what
 * was seen before is on the server's disk, and the synchronous standby has it, if there is one. */
enum db_status session_confirm(void *context, struct failure *failure);

/* Has session_transact() and session_try() call `before` when the work is done, as its last part;
 * and these and session_read() `after` when they have succeeded, in the same thread and before
 * anybody else's transaction. */
void session_around_commit(session_work *before, void (*after)(void *context), void *context);

/* Within a transaction, where much is removed from the disk by virtue of its locks: whether they
 * are held still. The server is asked if it has said anything unasked, as when it ends the session,
 * or has said nothing for half a second, as when it has vanished; and after fifty calls, where that
 * costs little. False for good once it does not answer, for which it has as long as for any
 * statement. Any thread may call it between two statements; others that do so meanwhile wait. */
bool session_holds(void);

/* Within a transaction: from now on, until it is called with false, it is a disk that is waited
 * for: neither a second signal nor the patience with the server ends the session, unless it is
 * session_holds() that asks. */
void session_wait_for_disk(bool waits);

/* In the middle of that, after session_take_time(): asks the server something else, by work that
 * only reads, each of its statements for a tenth of a second at most. Other threads may call
 * session_holds() meanwhile, which goes by the answer before, for half a second. False if it has
 * failed; the transaction goes on. */
bool session_ask_aside(session_work *work, void *context);

/* Whether the server has closed the connection; any thread may ask, also while another one uses it.
 * One that has vanished without a word is not seen. */
bool session_is_cut(void);

/* Whether the connection has not been lost, whatever the run has met: its exit code does not tell,
 * as 69 is also that of a lock. */
bool session_is_usable(void);

/* Whether the server has let it in; also when session_open() has failed after that. */
bool session_is_connected(void);

/* Ends the session, and with it the lock. Harmless without a session. */
void session_close(void);

#endif
