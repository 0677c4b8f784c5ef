/* date_links.h - the date links of crashes that somebody asks for, and what has the place of one,
 * found by a walk through the date trees of a root: a name link may be missing, and need not lead
 * to each of them. */
#ifndef DATE_LINKS_H
#define DATE_LINKS_H

#include "spool/examine.h"

struct date_link {
    struct crash_id id;
    char day[DAY_LENGTH + 1];
    struct date_dir *directory;
    bool is_link;           /* if not, no more is known */
    enum examined examined; /* what a scan decides (examine.h), and why, */
    enum outcome verdict;   /* unless that is QUEUED */
    struct failure why;
    struct timespec changed;
};

/* Zero-initialise it. */
struct date_links {
    struct date_link *items;
    size_t count;
};

/* Looks for the links of `count` crashes in all date trees, and sorts these. Ages as for examine().
 * False with the reason if something could not be read; all else is there. */
bool date_links_find(struct date_links *links, const struct spool *spool, struct crash_id *ids,
                     size_t count, long settle_time, long incomplete_age, struct failure *failure);
void date_links_free(struct date_links *links);

/* The first one of a crash under a day, or the next one after `last`; NULL: there is none. */
const struct date_link *date_links_of(const struct date_links *links, const struct crash_id *id,
                                      const char *day, const struct date_link *last);

#endif
