/* pauses.h - the table crashmon.pauses: storages on which nothing is to be done for now. */
#ifndef PAUSES_H
#define PAUSES_H

#include "base/quote.h"
#include "db_status.h"

enum { PAUSE_SIZE = 2 * QUOTE_SIZE };

/* *text becomes a sentence that says since when a storage is paused, by whom and why; "" if it is
 * not. */
enum db_status pauses_read(const char *storage_name, char text[PAUSE_SIZE],
                           struct failure *failure);

#endif
