/* db_status.h - how a statement ended, for the .pgc files of this directory. */
#ifndef DB_STATUS_H
#define DB_STATUS_H

#include "base/failure.h"
#include "report/exit_code.h"

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

enum exit_code db_exit_code(enum db_status status);

/* Judges the statement that was just executed. `what` says what it was to do, as in "cannot ..."
 * ("queue a batch"); that and the server's words go into `failure`. A statement that found no row
 * is DB_OK.
 *
 * ECPG makes the arrays for a SELECT INTO whose variables are null pointers, as long as the result
 * is; they stay null when there is no row. The caller gives them back with ECPGfree_auto_mem(), not
 * with free(): a later statement that fails would free them once more. No column of such a result
 * may be null. */
enum db_status db_check(const char *what, struct failure *failure);

/* The rows that the statement just executed found or changed. */
long db_rows(void);

/* Reports what is wrong though no statement failed. Returns `status`. */
enum db_status db_refuse(enum db_status status, struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum db_status db_out_of_memory(struct failure *failure);

/* Ends the transaction. A commit is the one statement whose success must be doubted: of a
 * transaction that has failed it makes a rollback, and reports success. */
enum db_status db_commit(struct failure *failure);

#endif
