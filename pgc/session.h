/* session.h - the connection to the database, and its transactions.
 *
 * There is one connection. A transaction is a function that is called between BEGIN and COMMIT. */
#ifndef SESSION_H
#define SESSION_H

#include "db_status.h"
#include "options/options.h"

/* Connects, with libpq's own settings where the options have none, refuses a pooler in transaction
 * mode (pooler.h) and a schema of another version than the programs were written for, and makes the
 * session safe against hanging. In a dry run the server itself refuses every change. */
enum db_status session_open(const struct options *options, struct failure *failure);

/* The work of a transaction; DB_OK, or the reason why all is to be rolled back. */
typedef enum db_status session_work(void *context, struct failure *failure);

/* Checks that the session still holds its lock (lock.h), does the work, commits. What may work when
 * done again is done again, up to five times: the work must start from scratch each time. Any
 * thread may call it; another one's transaction is awaited. A statement outside is a transaction by
 * itself. */
enum db_status session_transact(session_work *work, void *context, struct failure *failure);

/* Ends the session; the lock goes with it. Harmless without a session. */
void session_close(void);

#endif
