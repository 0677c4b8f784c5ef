/* links.h - removes the two links of a pair. The link that the search for it starts from goes last,
 * so that a run after a kill finds it again. What is missing, not a link, or newer than
 * pair->looked is ignored: it is none of ours. Without a clock (spool_has_clock()) that is so for
 * the pair of a finished job alone, which has pair->latest. */
#ifndef LINKS_H
#define LINKS_H

#include "spool/pair.h"

struct date_dir;

/* For a pair found by its date link in `date_directory`: removes the name link, then the date link;
 * links_remove_name() only the name link. `directory` is that of the pair's files; -1: not open. */
bool links_remove_from(const struct pair *pair, int directory, struct date_dir *date_directory,
                       struct failure *failure);
bool links_remove_name(const struct pair *pair, int directory, struct failure *failure);

/* For a pair found by its files: removes the date link that the name link points to, then the name
 * link; links_remove_in() if the directory of the files is open. */
bool links_remove(const struct pair *pair, struct failure *failure);
bool links_remove_in(const struct pair *pair, int directory, struct failure *failure);

/* Whether the date link that the name link of a pair points to is there; false with errno 0 if it
 * is not. `directory` is that of the pair's files. */
bool links_has_date_link(const struct pair *pair, int directory);

/* Whether the date link in `date_directory` leads to another directory than the id says, and that
 * has a file of the pair; then `reason` says so. A collector may make the name tree deeper or less
 * deep than the id says: without its link nothing would lead to the pair. */
bool links_lead_elsewhere(const struct pair *pair, int date_directory, struct failure *reason);

/* Whether the date link in `date_directory` (NULL: it has none) may lead to a disk that is away;
 * then `reason` says so. The name tree of its day is empty, or has no directory for it and none
 * that was there before the link: then what is there may have come to the bare mount point. */
bool links_may_lead_away(const struct pair *pair, struct date_dir *date_directory,
                         struct failure *reason);

/* Whether the date link in `date_directory` is newer than pair->looked. `directory` is that of the
 * pair's files; -1: not open. */
bool links_came_again(const struct pair *pair, int directory, struct date_dir *date_directory);

#endif
