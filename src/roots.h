/* roots.h - the two spools in which a crash is searched by its id: the storage root first, then
 * the deferred storage root, where there is one. */
#ifndef ROOTS_H
#define ROOTS_H

#include "options.h"
#include "pair.h"

enum { ROOT_COUNT = 2 };

struct roots {
    struct spool spools[ROOT_COUNT]; /* the second is not open (root -1) where there is none */
    struct names days[ROOT_COUNT];
};

/* Opens them. False with the reason; roots_close() is to be called in any case. */
bool roots_open(struct roots *roots, const struct options *options, struct failure *failure);

void roots_close(struct roots *roots);

/* Reads anew which days there are: a collector makes one at midnight. */
bool roots_refresh(struct roots *roots, struct failure *failure);

/* Searches both, like pair_find(); before a crash is said to be nowhere, in all days that there
 * are by now. */
enum search roots_find(struct roots *roots, const struct crash_id *id, struct pair *pair,
                       struct failure *failure);

#endif
