/* apart.h - whether the directories that the options name can be used beside each other, see
 * spool/places.h: each of these is false, with the reason, if not. */
#ifndef APART_H
#define APART_H

#include "options/options.h"
#include "spool/mark.h"
#include "spool/spool.h"

/* All that a program uses, before any of them is changed. `deferred` may be NULL. */
bool apart_check_all(const struct options *options, const struct spool *storage,
                     const struct spool *deferred, struct failure *failure);

/* One that is open. Before a root or the quarantine gets its first mark it is compared with those,
 * too, which the run itself has no use for, and whose servers may be away. */
bool apart_check(const struct options *options, enum place place, const char *path, int directory,
                 struct failure *failure);

/* What may be at a path; NULL: nothing. See places_add_path(). */
bool apart_check_path(enum place place, const char *path, const struct spool *spool,
                      struct failure *failure);

#endif
