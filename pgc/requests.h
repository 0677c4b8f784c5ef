/* requests.h - the crashes that somebody is waiting for: the rows of the table priorityjobs.
 *
 * A web application fills the table, so anything can stand in it. All within a transaction. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "processors.h"
#include "session.h"

#include <stddef.h>

enum { REQUEST_MAXIMUM = 255 }; /* characters */

enum request_state {
    REQUEST_UNKNOWN,  /* the crash has no job */
    REQUEST_WAITING,  /* its job is not finished */
    REQUEST_FINISHED, /* its job is finished */
};

struct request {
    char uuid[REQUEST_MAXIMUM * 4 + 1]; /* as it stands in the row: perhaps no crash id */
    bool overdue;           /* it has been there for longer than anybody should wait */
    enum request_state state;
};

/* Asks for a crash as the reporter does. */
enum db_status requests_add(const char *uuid);

/* Removes, or in a dry run only counts, the requests that are too long for a struct request: a
 * column that somebody has widened holds any. *count becomes their number. */
enum db_status requests_remove_long(bool dry_run, long *count);

/* The next requests in order of uuid: those behind `after` (NULL: from the first), `size` at
 * most, how many in *count. One is overdue after `patience` seconds. `also` is the text of an
 * array of ids that count as requested just now. */
enum db_status requests_list(const char *after, const char *also, long patience,
                             struct request *requests, size_t size, size_t *count);

struct requests_served {
    long orphans;       /* jobs that stay with dead processors, because none is alive */
    int refused_tables; /* priority tables that could not be written */
};

/* Serves the requests for crashes that have a job by now; `uuids` is the text of an array. Raises
 * the priority of the job to 1 or above, gives it to a live processor where its owner is dead,
 * and puts it into its owner's priority table where there is one. */
enum db_status requests_serve(struct processors *processors, const char *uuids,
                              struct requests_served *served);

/* Removes requests; `uuids` is the text of an array. */
enum db_status requests_remove(const char *uuids);

#endif
