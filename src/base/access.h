/* access.h - what a path is good for; whether this process may write to a file, without doing so.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include "base/failure.h"

#include <sys/types.h>

/* Whether what a path leads to is the system's, as /dev/stderr: that need not be a regular file. */
bool access_is_system(const char *path);

/* False with the reason if this process cannot make anything in a directory. */
bool access_may_make_in(const char *directory, struct failure *failure);

/* False with the reason if a file cannot be written; a missing one, if it cannot be made. It must
 * be regular, and no link, unless it is the system's. */
bool access_may_append(const char *path, struct failure *failure);

/* False with the reason if what is there must not be replaced by a file: a device, a FIFO, a link.
 * access_may_replace() also if this process cannot make a file there. */
bool access_is_replaceable(const char *path, struct failure *failure);
bool access_may_replace(const char *path, struct failure *failure);

/* False with the reason if this process cannot give what it makes in a directory to a group. Where
 * the directory does so itself, nobody needs a right to it. */
bool access_may_give(const char *directory, gid_t group, struct failure *failure);

#endif
