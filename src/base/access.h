/* access.h - whether this process may write to a file, without doing so. */
#ifndef ACCESS_H
#define ACCESS_H

#include "base/failure.h"

/* False with the reason if a file cannot be written; a missing one, if it cannot be made. It must
 * be regular, unless it lies below /dev. */
bool access_may_append(const char *path, struct failure *failure);

/* False with the reason if a file cannot be replaced by a new one, or, if the path leads to a
 * directory, one in it. */
bool access_may_replace(const char *path, struct failure *failure);

#endif
