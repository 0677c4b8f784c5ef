/* processors.h - who does the work: the live processors, their load, and the heirs of the dead.
 *
 * Alive is who was seen within the check-in time, dead who was not seen for twice as long. Who
 * lies in between gets nothing new and loses nothing. All times are by the server's clock. */
#ifndef PROCESSORS_H
#define PROCESSORS_H

#include "array.h"
#include "session.h"

#include <stddef.h>

enum processor_state {
    PROCESSOR_GONE, /* it is not registered any more */
    PROCESSOR_DEAD,
    PROCESSOR_LATE,
    PROCESSOR_ALIVE,
};

/* Stays where it is, with its id and name, until processors_free(). */
struct processor {
    int id;
    char name[255 * 4 + 1];
    char last_seen[40];
    enum processor_state state; /* when last asked */
    long load;    /* unfinished jobs, see processors_count_loads(); below 0: not yet counted */
    long pending; /* jobs assigned in a transaction that is not yet committed */
};

/* Zero-initialise it but for check_in; processors_free() at the end. */
struct processors {
    struct processor **items;
    size_t count;
    size_t alive;
    struct array living; /* the ids of those who are not dead */
    long check_in;       /* seconds */
};

/* Within a transaction: asks who is there, and takes back what was assigned and not confirmed. */
enum db_status processors_refresh(struct processors *processors);

/* Within a transaction: counts the jobs of the processors in a state, where that has not been done.
 * Those that are alive are counted before anything is assigned, but not before it is needed, and no
 * further than to 100,000: all who have more count as equal. */
enum db_status processors_count_loads(struct processors *processors, enum processor_state state);

/* The live processor with the fewest unfinished jobs, which has one more from now on. Never NULL
 * while `alive` is not 0. */
struct processor *processors_assign(struct processors *processors);

/* What was assigned has been committed. */
void processors_confirm(struct processors *processors);

/* Within a transaction, while one is alive: gives up to `limit` unfinished jobs of dead processors,
 * and of none, to live ones; *moved becomes their number. A job that is finished meanwhile is not
 * touched. */
enum db_status processors_reassign(struct processors *processors, long limit, long *moved);

/* The same for all such jobs of certain crashes; `uuids` is the text of an array. */
enum db_status processors_reassign_only(struct processors *processors, const char *uuids);

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
