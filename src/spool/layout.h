/* layout.h - whether the crashes of a root would be seen, if it has some: another layout, or
 * renamed branches, look like an empty spool. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "spool/spool.h"

/* False with the reason if a root holds entries but no day, or if the last of its days that is not
 * empty has neither branch, or one and something else in place of the other. Its mark, lost+found,
 * a quarantine and the directories that are given by their paths (NULL: none) do not count. The
 * errno value is 0 unless the root cannot be read. */
bool layout_is_known(const struct spool *spool, const char *const ours[], size_t count,
                     struct failure *failure);

/* Whether nothing at all is in an open directory, as in a mount point: a new disk mostly holds
 * something, "lost+found" at least. False also if it cannot be read. */
bool layout_is_empty(int directory);

#endif
