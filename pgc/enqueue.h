/* enqueue.h - a batch becomes rows of the table jobs: look up, assign, insert, look again. */
#ifndef ENQUEUE_H
#define ENQUEUE_H

#include "db_status.h"
#include "options/options.h"
#include "processors.h"
#include "spool/candidate.h"

/* Within a transaction: of `count` candidates from the one at `first`, those that have a pair,
 * assigns each that is ready and not yet queued to a live processor, and makes its row; in a dry
 * run it makes none. Sets the outcome of each:
 *
 *     QUEUED          it has a new row, and a processor
 *     ALREADY_QUEUED  this very pair has a row already
 *     QUARANTINED     the row is of another pair: of another storage, or under another day;
 *                     or that is the verdict, and it has no row
 *     LEFT            no processor is alive; or that is the verdict, and it has no row
 *
 * DB_AGAIN when one that seemed new has a row after all, as the next attempt will find out, or was
 * put away since it was found; then its verdict becomes LEFT. */
enum db_status enqueue(struct batch *batch, size_t first, size_t count,
                       const struct options *options, struct processors *processors,
                       struct failure *failure);

#endif
