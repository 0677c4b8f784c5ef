/* stranded.h - crashes that no program finds any more: they lie in the name tree, but no date link
 * leads to them. One that has a row is not stranded, which the caller looks for. A date link that
 * leads nowhere is left to the scan, which quarantines it.
 *
 * Nothing younger than `age` seconds counts, nor what has been changed since the spool was opened:
 * a collector may be at work on it. Nor do directories of the name tree that are changing.
 */
#ifndef STRANDED_H
#define STRANDED_H

#include "spool/pair.h"

enum stranded {
    STRANDED_NOT,      /* it has a date link, or is too young, or is gone */
    STRANDED_UNQUEUED, /* a whole pair */
    STRANDED_HALF,     /* a part of a pair, or further dumps alone, see the reason */
    STRANDED_DANGLING, /* a name link alone */
    STRANDED_UNKNOWN,  /* cannot be examined, see the reason */
};

/* Looks at a crash, and for its date link where its name link points to; `again` after the caller
 * may have changed its directory, which then need not be as old as all else. */
enum stranded stranded_look(const struct pair *pair, long age, bool again, struct failure *reason);

/* Looks for date links of these crashes, which are sorted, in the whole date tree of a day:
 * linked[i] becomes true for the i-th that has one. *any: whether the day has date links at all.
 * False with the reason if a part of that tree cannot be read. */
bool stranded_find_date_links(const struct spool *spool, const char *day, const struct names *ids,
                              bool linked[], bool *any, struct failure *failure);

/* What is wrong with a day (pair_tree_doubt()) in whose name tree date links that are older than
 * `age` lead: it may be away, and with it crashes that are stranded. What cannot be read does not
 * count. */
const char *stranded_doubt(const struct spool *spool, const char *day, long age);

/* The crashes of which anything lies in the name tree of a day, where their ids say: those of one
 * directory, or of several small ones. */
struct stranded_lot {
    char day[DAY_LENGTH + 1];
    struct names ids;       /* sorted, each once; of any crash that has a name here */
    bool is_unreadable;     /* a directory cannot be read to its end, */
    struct failure failure; /* for this reason */
};

/* Goes through the name trees of all days. NULL with the reason. Freeing NULL is harmless. */
struct stranded_walk *stranded_walk_new(const struct spool *spool, struct failure *failure);
void stranded_walk_free(struct stranded_walk *walk);

/* Fills a lot, of about `enough` crashes if there are that many. False at the end, or with
 * lot->is_unreadable when out of memory. Zero-initialise the lot; free its ids in the end. */
bool stranded_next(struct stranded_walk *walk, size_t enough, struct stranded_lot *lot);

#endif
