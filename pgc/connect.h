/* connect.h - how the connection to the database is made. */
#ifndef CONNECT_H
#define CONNECT_H

#include "db_status.h"
#include "options/options.h"

/* Connects as the options say, with libpq's own settings where they are blank. A URI or a list of
 * settings in the place of one of these is refused (DB_MISCONFIGURED), lest its password be told.
 * Only while there is no other thread. */
enum db_status connect_to_server(const struct options *options, struct failure *failure);

#endif
