/* holders.h - who has locked what a statement has waited for in vain. */
#ifndef HOLDERS_H
#define HOLDERS_H

#include "base/failure.h"

/* Adds to `failure`, after a statement that did not get a lock, who has locked tables of ours, or
 * is about to, up to three; if nobody, whose transaction has changed or locked rows of ours for
 * longest: most likely it is that one. If the failure tells in which table it waited for a row,
 * only the rows of that are meant. Of priority tables only `table` is, if not NULL: the name of one
 * that the statement needs. Adds nothing if the server does not tell, or in a transaction. A server
 * is asked once a second at most for each, as a batch can meet many locks. Not for two threads at
 * once. */
void holders_tell(struct failure *failure, const char *table);

#endif
