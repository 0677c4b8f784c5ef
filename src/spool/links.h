/* links.h - the two links of a pair that nobody has seen yet.
 *
 * Whoever is killed between two removals must find the rest the next time: so the link that one
 * starts from is removed last. */
#ifndef LINKS_H
#define LINKS_H

#include "spool/pair.h"
#include "spool/walk.h"

/* Starting from a date link: removes the name link, from the directory of the pair (-1: it is not
 * open). One that is not there is fine. */
bool links_remove_name(const struct pair *pair, int directory, struct failure *failure);

/* Where date links are removed from: the directory stays open from one crash to the next, as most lie
 * in the same. Zero-initialise it. It is told from others by the address of its branch: once that is
 * released, date_directory_close() before one comes that may have been made since. */
struct date_directory {
    const struct branch *branch; /* NULL: none is open */
    int descriptor;              /* -1: it is gone */
};

void date_directory_close(struct date_directory *date);

/* Starting from a date link in this branch: removes the name link, like links_remove_name(), then the
 * date link. Links that are not there are fine. */
bool links_remove_from(const struct pair *pair, int directory, const struct branch *branch,
                       struct date_directory *date, struct failure *failure);

/* Starting from the pair: removes the date link that the name link points to, then the name
 * link. Links that are not there are fine. */
bool links_remove(const struct pair *pair, struct failure *failure);

/* The same, where the directory of the pair is open already. */
bool links_remove_in(const struct pair *pair, int directory, struct failure *failure);

#endif
