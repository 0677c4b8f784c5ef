/* strays.h - entries of a date tree that belong to no crash. Whoever can write in the spool can
 * make a million of them, as old as he likes: so they go to quarantine many at a time, and only
 * copies are flushed, once for all of them.
 *
 *     QUARANTINE/YYYYMMDD/strays/<name>   as it was; <name>.<number> where there is another one
 *     QUARANTINE/YYYYMMDD/strays/reason   a line for each: when, the directory that it was in with
 *                                         the name that it has now, and why
 *
 * When that file has grown, the next go to strays.1, and so on. */
#ifndef STRAYS_H
#define STRAYS_H

#include "report/report.h"
#include "spool/quarantine.h"
#include "spool/walk.h"

/* Zero-initialise, but for the size; free with strays_free(). */
struct strays {
    size_t size; /* how many at a time, at most */
    size_t count;
    struct stray *items;
    long failed; /* could not be moved, in all */
};

/* Adds an entry, for which there must be room; its directory is held. False when out of memory. */
bool strays_add(struct strays *strays, const struct walk_entry *entry, const char *reason);

/* Moves them all to quarantine, and reports and counts them; returns how many were moved. *usable:
 * whether the quarantine could be used at all. They are removed from the list. */
size_t strays_quarantine(struct strays *strays, struct quarantine *quarantine,
                         struct report *report, bool *usable);

/* Leaves them where they are, for this reason. */
void strays_leave(struct strays *strays, const char *why, struct report *report);

/* Tells of those of the whole run that could not be moved and have not been told. */
void strays_report(const struct strays *strays, struct report *report);

void strays_free(struct strays *strays);

#endif
