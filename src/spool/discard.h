/* discard.h - removes a crash that nobody wants: its files, the metadata last, then the name link,
 * then the date link, if it was found by that. So it stays in sight until all of it is gone, and a
 * kill leaves what the next run finishes. */
#ifndef DISCARD_H
#define DISCARD_H

#include "spool/candidate.h"

/* When something of it was last changed: its files, further dumps, too, its name link, or its date
 * link in `date_directory` (NULL: it has none), which was `*changed` then. What cannot be looked at
 * does not count. False with the reason where it has no file, and the disk of the name tree may be
 * away (links_may_lead_away()). */
bool discard_last_change(const struct pair *pair, struct date_dir *date_directory,
                         struct timespec *changed, struct failure *reason);

/* Whether that is known, and at least `seconds` ago. `linked`: when its date link was changed. */
bool discard_is_due(const struct pair *pair, struct date_dir *date_directory,
                    struct timespec linked, long seconds);

/* Leaves alone what has been changed in the last `seconds`, what is mounted inside the root, and
 * what does not lie as deep as its id says; with `dry_run`, everything. False with the reason if
 * something of it could not be removed; an errno value of 0 means that the crash is at fault. What
 * is gone already does not matter. */
bool discard(const struct candidate *candidate, long seconds, bool dry_run,
             struct failure *failure);

#endif
