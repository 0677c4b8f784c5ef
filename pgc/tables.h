/* tables.h - whether the schema still is as sql/schema.sql has made it. */
#ifndef TABLES_H
#define TABLES_H

#include "report/problems.h"

/* Adds a problem for each table on which a trigger of ours, or of the foreign key, is disabled or
 * missing: without them no attempt is counted, or a job keeps an owner that is gone. And one if
 * none fires for this login, one for keys that are missing or not valid, one for functions that are
 * missing, one for views and sequences that are missing or belong to other tables, and one for each
 * table that a crash of the server would empty. */
void tables_check(struct problems *problems);

#endif
