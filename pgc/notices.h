/* notices.h - what the server and libpq say besides their answers: it goes to the log, at its
 * level, and never straight to stderr, which cron mails. */
#ifndef NOTICES_H
#define NOTICES_H

#include "db_status.h"

/* While a connection is made there is nothing yet that could receive notices, and libpq prints
 * them, and what it thinks of .pgpass, on stderr. Between these two calls stdio's stderr is a text
 * in memory, which then goes to the log. Only while there is no other thread. */
void notices_capture(void);
void notices_release(void);

/* Adds the first warning of these to the reason why there is no connection: it may be the cause. */
void notices_explain(struct failure *failure);

/* From now on the log gets what is said in the session. */
void notices_receive(void);

/* Commits, and with `waits` waits until the synchronous standby has it, if there is one. DB_LOST
 * also if the server says that the commit was left unconfirmed: somebody has ended that wait, so
 * the standby may not have it. */
enum db_status notices_commit(bool waits, struct failure *failure);

#endif
