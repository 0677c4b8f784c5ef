/* priority_tables.h - the tables in which processors find the jobs that they are to take first. */
#ifndef PRIORITY_TABLES_H
#define PRIORITY_TABLES_H

#include "run.h"
#include "text_array.h"

/* Zero-initialise; priority_tables_free() it. */
struct priority_tables {
    struct text_array passed_over; /* processors whose tables cannot be used in this run */
    double waited;                 /* seconds, to find that out */
};

void priority_tables_free(struct priority_tables *tables);

/* In a transaction: puts crashes into the priority tables of the processors that own their jobs,
 * where these have one. A table that cannot be used, as somebody has locked it, is told in the log,
 * and passed over for the rest of the run; when that has taken a second, so are all: their jobs
 * have priority all the same. */
enum db_status priority_tables_fill(struct priority_tables *tables, const struct run *run,
                                    const struct text_array *crashes, struct failure *failure);

#endif
