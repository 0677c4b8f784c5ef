/* pooler.h - a connection pooler between us and the server.
 *
 * In session mode a pooler gives a session of the server to one client for as long as it stays,
 * and everything works. In transaction mode two statements of one client may meet different
 * sessions: then an advisory lock is taken in one and missed in the next, settings reach
 * strangers, and the lock stays behind with nobody to give it up. */
#ifndef POOLER_H
#define POOLER_H

#include "db_status.h"

/* DB_POOLED when the connection is pooled in transaction mode, as far as one can tell from
 * outside: that our session of the server also serves a second connection. `backend` is the process
 * id of that session, as the server told it. Has no effect on the session, and costs a statement
 * and a second connection only behind a pooler. */
enum db_status pooler_check(int backend, struct failure *failure);

#endif
