/* processor_status.h - what the database tells of the processors: for --status, --check and
 * --explain. */
#ifndef PROCESSOR_STATUS_H
#define PROCESSOR_STATUS_H

#include "db_status.h"
#include "options/options.h"

#include <stdbool.h>

/* Ages are in seconds; below 0: there is none. */
struct processor_status {
    long long id;
    char *name;
    const char *state;          /* "alive", "late" or "dead" */
    long long seen, registered; /* ages */
    long long waiting, started; /* its jobs of all storages, see job_counts.h */
    char *storages;             /* that it serves, with a line feed around each; "": all */
    bool serves;                /* this one */
    bool has_left;              /* it has said so: crashmon.leave() */
};

struct known_processors {
    struct processor_status *items;
    long count;                     /* -1: not known; and so are */
    long alive, late, dead, others; /* those that serve this storage, and those that do not */
    bool loads_are_partial;         /* they may have more jobs than are counted */
};

/* In order of their names. Free with processor_status_free(). */
enum db_status processor_status_read(const struct options *options,
                                     struct known_processors *processors, struct failure *failure);
void processor_status_free(struct known_processors *processors);

/* NULL: it is gone, or not known. */
struct processor_status *processor_status_find(const struct known_processors *processors,
                                               long long id);

/* The next name of its list, which begins with processor->storages; NULL: there is no more. */
enum { STORAGE_NAME_SIZE = 256 };
const char *processor_next_storage(const char *at, char name[STORAGE_NAME_SIZE]);

/* Whether a processor that has been silent for too long still counts as alive, or at least not as
 * dead, because the server was down or no run began in that time. */
bool processor_is_excused(const struct options *options, const struct processor_status *processor);

#endif
