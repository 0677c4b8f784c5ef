/* processors.h - who does the work: the processors that are alive, their load, and jobs that change
 * hands.
 *
 * Alive is who was seen within the check-in time, dead who was not seen for twice as long. Who lies
 * in between gets nothing new and loses nothing. All times are by the server's clock. */
#ifndef PROCESSORS_H
#define PROCESSORS_H

#include "db_status.h"

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

struct processors;

/* With a check-in time in seconds. NULL when there is no memory. */
struct processors *processors_new(long check_in);

/* Harmless with NULL. */
void processors_free(struct processors *processors);

/* Within a transaction: asks who is there, and takes back what was assigned and not confirmed. */
enum db_status processors_refresh(struct processors *processors, struct failure *failure);

/* How many were alive when last asked. */
size_t processors_alive(const struct processors *processors);

/* The ids of those who were not dead, as the text of an array. */
const char *processors_living(const struct processors *processors);

/* The one at an index, in no order; NULL behind the last. */
const struct processor *processors_at(const struct processors *processors, size_t index);

/* After how many seconds of silence a processor is dead. */
long processors_silence(const struct processors *processors);

/* Within a transaction: counts the jobs of the processors in a state, where that has not been done.
 * Those that are alive are counted before anything is assigned, but not before it is needed, and no
 * further than to 100,000: all who have more count as equal. */
enum db_status processors_count_loads(struct processors *processors, enum processor_state state,
                                      struct failure *failure);

/* The live processor with the fewest unfinished jobs, which has one more from now on. Never NULL
 * while one is alive. */
struct processor *processors_assign(struct processors *processors);

/* What was assigned has been committed. */
void processors_confirm(struct processors *processors);

/* Within a transaction, while one is alive: gives `count` unfinished jobs, by their ids, to live
 * ones, provided that their owner is still dead, or that they have none. *moved becomes the number
 * of those that have changed hands. */
enum db_status processors_reassign(struct processors *processors, const long long ids[], long count,
                                   long *moved, struct failure *failure);

#endif
