/* db_status.h - how a statement ended. */
#ifndef DB_STATUS_H
#define DB_STATUS_H

#include "base/failure.h"
#include "report/exit_code.h"

/* Seconds that a transaction may take (signals_watch()): more than a statement may by its timeout,
 * which a server that stands still does not enforce, while its TCP goes on to answer. */
enum { DB_PATIENCE = 900 };

enum db_status {
    DB_OK,
    DB_CHANGED,       /* the work has found out what it must leave out: it works when repeated */
    DB_AGAIN,         /* a deadlock, a serialization failure: a retry may work */
    DB_KEY,           /* a foreign key; so, too: perhaps an owner is gone since it was seen alive */
    DB_BUSY,          /* somebody else holds a lock */
    DB_CANCELLED,     /* a statement was cancelled, or took too long */
    DB_LOST,          /* the connection is gone, or the server only reads */
    DB_UNLOCKED,      /* the session no longer holds the lock of its program */
    DB_MISCONFIGURED, /* as by a pooler that sends statements of one client to different sessions */
    DB_DENIED,        /* a permission is missing */
    DB_FULL,          /* the server's disk is full */
    DB_NO_DISK,       /* a disk of ours cannot be written to */
    DB_SCHEMA,        /* the schema is missing or has another version */
    DB_FAILED,        /* anything else: a statement was refused */
};

enum exit_code db_exit_code(enum db_status status);

/* Whether the server has refused what it was asked, and may take something else: also a smaller
 * part of the same. */
bool db_is_refused(enum db_status status);

/* Whether the same may work after a pause: DB_AGAIN, DB_KEY. */
bool db_may_work_again(enum db_status status);

/* Checks the statement that was just executed. `what` completes "cannot ..." ("queue a batch"); it
 * goes into `failure` with the server's message. A statement that finds no row is DB_OK.
 *
 * For a SELECT INTO null pointers, ECPG allocates arrays as long as the result; without a row they
 * stay null. Free them with ECPGfree_auto_mem(), and before the next statement: if that succeeds
 * it forgets them, if it fails it frees them. No column of such a result may be null. */
enum db_status db_check(const char *what, struct failure *failure);

/* The same for changes, which a trigger of somebody else's may swallow, or let through and undo: so
 * each RETURNS whether it is as it should be. If `left` of them are not, they are refused. */
enum db_status db_check_changes(const char *what, long left, struct failure *failure);

/* From now on, the first statement that does not get a lock, or takes too long, leaves less
 * time to those that follow it, so that a question is answered in time, whatever is locked. */
void db_wait_once(void);

/* What helps a login that lacks a right of this role; valid until the next call. In a transaction
 * that has failed the server is not asked. */
const char *db_advice(const char *group);

/* The functions, views and tables of PostgreSQL's that runs and --check need, and that sites may
 * have taken from PUBLIC, separated by semicolons. */
extern const char db_server_objects[];

/* How many rows that statement found or changed. */
long db_rows(void);

/* Fills in `failure` where no statement has failed. Returns `status`. */
enum db_status db_refuse(enum db_status status, struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum db_status db_out_of_memory(struct failure *failure);

/* Before a thread's first statement: one that cannot get its own sqlca is not executed, and if
 * memory is there again it then looks as if it had been. */
enum db_status db_begin_thread(struct failure *failure);

/* Rolls the transaction back, if one is open. For the commit see notices.h. */
void db_rollback(void);

#endif
