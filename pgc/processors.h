/* processors.h - the processors, their load, and which of them gets a job. Which jobs leave a dead
 * processor, and when, is in crashmon-scan.pgc.
 *
 * A processor is alive if it was seen within the check-in time, and dead if it was not seen for
 * twice that time, by the server's clock and as crashmon.silent_since() counts. In between it gets
 * no new jobs and keeps its own. Jobs go to processors that serve their storage.
 *
 * Anybody may register any number: those count that were seen last, and those that have been silent
 * for longest, a thousand of each. */
#ifndef PROCESSORS_H
#define PROCESSORS_H

#include "db_status.h"
#include "text_array.h"

#include <stdbool.h>
#include <stddef.h>

enum processor_state {
    PROCESSOR_GONE, /* no longer registered */
    PROCESSOR_DEAD,
    PROCESSOR_LATE,
    PROCESSOR_LOCKED, /* alive, but whoever gives it a job waits for somebody else */
    PROCESSOR_ALIVE,
};

/* Its address, id and name do not change until processors_free(). */
struct processor {
    int id;
    char name[255 * 4 + 1];
    char last_seen[40];         /* "" if it has left, see crashmon.leave() */
    char locked_by[300];        /* if so, as far as is known */
    char *storages;             /* that it serves, a line each; "": all */
    bool serves;                /* the storage of this run */
    enum processor_state state; /* at the last refresh */
    long load;       /* unfinished jobs, see processors_count_loads(); below 0: not counted */
    long pending;    /* jobs assigned, less those taken from it, that are not yet committed */
    int refused;     /* how many jobs, one at a time, since any job was taken */
    bool is_suspect; /* the job that is tried for others now, too; */
    bool is_bad;     /* one of them has taken it: the server refuses this processor's jobs */
    bool is_good;    /* the latest was taken */
};

struct processors;

/* `check_in` is in seconds; `storage`, that of this run, must outlive them. NULL when out of
 * memory. Freeing NULL is harmless. */
struct processors *processors_new(long check_in, const char *storage);
void processors_free(struct processors *processors);

/* Within a transaction: reads the processors, and forgets assignments that were not confirmed. */
enum db_status processors_refresh(struct processors *processors, struct failure *failure);

/* How many are alive and serve the storage of this run; the processor at an index, NULL after the
 * last; the seconds of silence after which a processor is dead. */
size_t processors_alive(const struct processors *processors);
const struct processor *processors_at(const struct processors *processors, size_t index);
long processors_silence(const struct processors *processors);

/* Adds the ids of those that are not dead. */
void processors_list_living(const struct processors *processors, struct text_array *list);

/* Within a transaction: counts the unfinished jobs of the processors in a state, once. Live ones
 * are counted before the first assignment, up to 100,000: all that have more count as equal. */
enum db_status processors_count_loads(struct processors *processors, enum processor_state state,
                                      struct failure *failure);

/* The live processor with the fewest unfinished jobs that serves a storage, which now has one more;
 * NULL if there is none. */
struct processor *processors_assign(struct processors *processors, const char *storage);

/* After such a transaction: confirms what was assigned, if it was committed. A job needs the row of
 * its owner, and that row may be why the job was refused, or did not get a lock. So the first time
 * in a run that a lock was not got, this returns DB_CHANGED, and from then on each refresh tells
 * which rows are locked. For a job that was refused alone it does so, too: the job then goes to
 * another processor, or up to three. If one takes it, those before get no more jobs in this run, as
 * long as there are others; if none does, the next job begins with others. */
enum db_status processors_confirm(struct processors *processors, enum db_status status);

enum jobs_to_give {
    JOBS_OF_THE_DEAD, /* or of nobody; unfinished */
    JOBS_THAT_WAIT,   /* that nobody has begun; without priority */
};

/* Within a transaction: gives those of these crashes to live processors, and confirms nothing. What
 * is locked by somebody else, perhaps to begin or finish it, stays. *moved becomes their number. */
enum db_status processors_give(struct processors *processors, enum jobs_to_give kind,
                               const struct text_array *crashes, long *moved,
                               struct failure *failure);

#endif
