/* enqueue.h - turns a batch into rows of the table jobs: look up, assign, insert, check again. */
#ifndef ENQUEUE_H
#define ENQUEUE_H

#include "db_status.h"
#include "options/options.h"
#include "processors.h"
#include "spool/candidate.h"

/* Within a transaction: of `count` candidates from `first`, those that have a pair, assigns each
 * that is ready and not yet queued to a live processor, and inserts its row, except in a dry run.
 * Sets the outcome of each:
 *
 *     QUEUED          it has a new row, and a processor
 *     ALREADY_QUEUED  this pair already has a row
 *     QUARANTINED     the row is of another pair, in another storage or under another day;
 *                     or this is the verdict, and it has no row
 *     LEFT            no processor is alive, or its pair was put away meanwhile; or this is the
 *                     verdict, and it has no row; or it has one that somebody else has locked
 *
 * DB_FAILED also when the server takes an INSERT, but then shows no row. */
enum db_status enqueue(struct batch *batch, size_t first, size_t count,
                       const struct options *options, struct processors *processors,
                       struct failure *failure);

#endif
