/* access.h - whether this process may write to a file, without doing so. */
#ifndef ACCESS_H
#define ACCESS_H

#include "base/failure.h"

#include <sys/types.h>

/* False with the reason if a file cannot be written; a missing one, if it cannot be made. It must
 * be regular, and no link, unless it lies below /dev. */
bool access_may_append(const char *path, struct failure *failure);

/* False with the reason if a file cannot be made, or replaced by a new one. */
bool access_may_replace(const char *path, struct failure *failure);

/* False with the reason if this process cannot give what it makes in a directory to a group. Where
 * the directory does so itself, nobody needs a right to it. */
bool access_may_give(const char *directory, gid_t group, struct failure *failure);

#endif
