/* discard.h - removes a crash that nobody wants: its files, the metadata last, then the name link,
 * then the date link, if it was found by that. So it stays in sight until all of it is gone, and a
 * kill leaves what the next run finishes. */
#ifndef DISCARD_H
#define DISCARD_H

#include "spool/candidate.h"

/* Whether nothing of it has been changed for `seconds`: its files, further dumps too, nor its
 * date link, which was `linked` then. What cannot be looked at does not count. Without any file it
 * is not due where the whole name tree is empty, as the disk of that may be away. */
bool discard_is_due(const struct pair *pair, struct timespec linked, long seconds);

/* Leaves alone what has been changed in the last `seconds`, what is mounted inside the root, and
 * what does not lie as deep as its id says; with `dry_run`, everything. False with the reason if
 * something of it could not be removed; an errno value of 0 means that the crash is at fault. What
 * is gone already does not matter. */
bool discard(const struct candidate *candidate, long seconds, bool dry_run,
             struct failure *failure);

#endif
