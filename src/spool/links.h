/* links.h - the two links of a pair that nobody has seen yet.
 *
 * Whoever is killed between two removals must find the rest the next time: so the link that the
 * search starts from is removed last. A link that is not there is fine; what is not a link is left
 * alone. */
#ifndef LINKS_H
#define LINKS_H

#include "spool/pair.h"

struct date_dir;

/* Starting from a date link in this directory: removes the name link, then the date link.
 * `directory` is that of the pair's files, or -1 where it is not open. */
bool links_remove_from(const struct pair *pair, int directory, struct date_dir *date_directory,
                       struct failure *failure);

/* The first half of that: the name link alone. */
bool links_remove_name(const struct pair *pair, int directory, struct failure *failure);

/* Starting from the pair: removes the date link that the name link points to, then the name link.
 */
bool links_remove(const struct pair *pair, struct failure *failure);

/* The same, where the directory of the pair is open already. */
bool links_remove_in(const struct pair *pair, int directory, struct failure *failure);

#endif
