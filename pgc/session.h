/* session.h - the database: one connection, short transactions.
 *
 * All embedded SQL is in this directory, behind headers of plain C types. The programs know no
 * SQL: they call functions that return a db_status, from within session_transact(). */
#ifndef SESSION_H
#define SESSION_H

#include "report/exit_code.h"
#include "base/failure.h"
#include "options/options.h"

enum db_status {
    DB_OK,
    DB_AGAIN,    /* a deadlock, a serialization failure, a lock timeout: the same again may work */
    DB_LOST,     /* the connection is gone */
    DB_UNLOCKED, /* the session no longer holds the lock of its program */
    DB_POOLED,   /* statements of one session reach different sessions of the server */
    DB_DENIED,   /* a right is missing */
    DB_FULL,     /* the server's disk is full */
    DB_SCHEMA,   /* the schema is missing or has another version */
    DB_FAILED,   /* anything else: a statement was refused */
};

enum exit_code session_exit_code(enum db_status status);

/* Connects, with libpq's own settings where the options have none, refuses a pooler in transaction
 * mode (pooler.h) and a schema of another version than the programs were written for, and makes the
 * session safe against hanging. In a dry run the server itself refuses every change. */
enum db_status session_open(const struct options *options);

/* Runs `work` in a transaction of its own: checks that the session still holds its lock
 * (lock.h), calls work(context), commits. What may work when done again is done again, up to five
 * times: `work` must start from scratch each time. When it returns anything but DB_OK all is
 * rolled back. Any thread may call it; another one's transaction is awaited. */
enum db_status session_transact(enum db_status (*work)(void *context), void *context);

/* The same for `work` that is one statement, on which neither crashes nor jobs depend: without a
 * transaction around it and without a look at the lock, which would cost as much again. */
enum db_status session_try(enum db_status (*work)(void *context), void *context);

/* Why the last call of this thread did not return DB_OK. */
const char *session_error(void);

/* Ends the session; the lock goes with it. Harmless without a session. */
void session_close(void);

/* For the other .pgc files: copies and judges the result of the statement just executed. `what`
 * says what it was to do, as in "cannot ..." ("queue a batch"). A statement that found no row is
 * DB_OK.
 *
 * ECPG makes the arrays for a SELECT INTO whose variables are null pointers, as long as the result
 * is; they stay null when there is no row. The caller gives them back with ECPGfree_auto_mem(), not
 * with free(): a later statement that fails would free them once more. No column of such a result
 * may be null. */
enum db_status session_check(const char *what);

/* For the other .pgc files: what is wrong though no statement failed. Returns `status`. */
enum db_status session_refuse(enum db_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum db_status session_out_of_memory(void);

/* The rows that the statement just executed found or changed. */
long session_rows(void);

#endif
