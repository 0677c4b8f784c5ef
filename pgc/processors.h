/* processors.h - who does the work: the live processors, their load, and the heirs of the dead.
 *
 * Alive is who was seen within the check-in time, dead who was not seen for twice as long. Who
 * lies in between gets nothing new and loses nothing. All times are by the server's clock. */
#ifndef PROCESSORS_H
#define PROCESSORS_H

#include "session.h"

#include <stddef.h>

/* Stays where it is, with its id and name, until processors_free(). */
struct processor {
    int id;
    char name[255 * 4 + 1];
    long load;    /* unfinished jobs; below 0: not yet counted */
    long pending; /* jobs assigned in a transaction that is not yet committed */
    bool alive;   /* when last asked */
};

/* Zero-initialise it but for check_in; processors_free() at the end. */
struct processors {
    struct processor **items;
    size_t count;
    size_t alive;
    long check_in; /* seconds */
};

/* Within a transaction: asks who is alive, and takes back what was assigned and not confirmed. */
enum db_status processors_refresh(struct processors *processors);

/* Within a transaction, before anything is assigned: counts the jobs of those that are alive, and
 * were not counted before. With a long queue that costs more than all else; so not before it is
 * needed. */
enum db_status processors_count_loads(struct processors *processors);

/* The live processor with the fewest unfinished jobs, which has one more from now on. Never NULL
 * while `alive` is not 0. */
struct processor *processors_assign(struct processors *processors);

/* What was assigned has been committed. */
void processors_confirm(struct processors *processors);

/* Within a transaction: gives up to `limit` unfinished jobs of dead processors, and of none, to
 * live ones. `uuids`, when not NULL, is an array of the only crashes meant. *moved becomes their
 * number. A job that is finished meanwhile is not touched. */
enum db_status processors_reassign(struct processors *processors, const char *uuids, long limit,
                                   long *moved);

/* Within a transaction: how many of these crashes have unfinished jobs of dead processors, or of
 * none. `uuids` is the text of an array. */
enum db_status processors_count_orphans(const struct processors *processors, const char *uuids,
                                        long *count);

/* A processor that has not been seen for too long. */
struct dead_processor {
    int id;
    char name[255 * 4 + 1];
    char last_seen[40];
    long unfinished;
};

/* Within a transaction: up to `size` dead processors, how many in *count. */
enum db_status processors_list_dead(const struct processors *processors,
                                    struct dead_processor *dead, size_t size, size_t *count);

enum removal_result {
    PROCESSOR_KEPT,    /* it is alive again, or has work */
    PROCESSOR_REMOVED, /* with its priority table; what was in there is requested anew */
    PROCESSOR_REFUSED, /* without its priority table, which belongs to somebody else */
};

/* Within a transaction: removes a dead processor that has no unfinished job. */
enum db_status processors_remove(const struct processors *processors, int id,
                                 enum removal_result *result);

void processors_free(struct processors *processors);

#endif
