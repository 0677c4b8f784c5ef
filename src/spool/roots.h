/* roots.h - the two spools in which a crash is searched by its id: the storage root first, then
 * the deferred storage root, where there is one. */
#ifndef ROOTS_H
#define ROOTS_H

#include "options/options.h"
#include "spool/locate.h"

enum { ROOT_COUNT = 2 };

struct roots {
    struct spool spools[ROOT_COUNT]; /* the second is not open (root -1) where there is none */
    struct names days[ROOT_COUNT];
};

/* Opens them. False with the reason; roots_close() is to be called in any case. */
bool roots_open(struct roots *roots, const struct options *options, struct failure *failure);

void roots_close(struct roots *roots);

/* Reads anew which days there are, as a collector makes one at midnight. Whoever has listed jobs
 * or requests does it then: the day of a job's crash is older than the row that names it. */
bool roots_refresh(struct roots *roots, struct failure *failure);

/* Searches both, like search_spool(); found_close() at the end. */
void roots_find(const struct roots *roots, const struct crash_id *id, struct found *found,
                struct failure *failure);

#endif
