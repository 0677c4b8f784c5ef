/* pooler.h - detects a connection pooler in transaction mode.
 *
 * In session mode each client has a session of its own, and everything works. In transaction mode
 * two statements of a client may reach different sessions: an advisory lock taken in one is missing
 * in the other and never released, and settings affect other clients. */
#ifndef POOLER_H
#define POOLER_H

#include "db_status.h"

/* DB_MISCONFIGURED if our session of the server also serves a second connection. `backend` is its
 * process id, as the server gave it. Behind a pooler, costs a statement and a second connection. */
enum db_status pooler_check(int backend, struct failure *failure);

#endif
