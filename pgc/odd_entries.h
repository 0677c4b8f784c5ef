/* odd_entries.h - what a scan finds in the date trees that cannot be queued: strays go to
 * quarantine, what cannot be read stays. There may be very many of either, so they are handled many
 * at a time, and the first ten of a kind are named. */
#ifndef ODD_ENTRIES_H
#define ODD_ENTRIES_H

#include "run.h"
#include "spool/strays.h"

enum { ODD_TOLD_MAXIMUM = 10 };

/* Zero-initialise; free with odd_entries_free(). */
struct odd_entries {
    struct run *run;
    struct quarantine *quarantine;
    struct strays strays;
    long moved;                       /* strays, in all; */
    bool is_not_usable;               /* the quarantine */
    struct odd_unreadable {           /* directories and crashes that cannot be read: */
        char *told[ODD_TOLD_MAXIMUM]; /* the first of them, malloc'd, */
        size_t told_count;
        long others, others_here; /* how many more, in the walk with most, and in this one */
    } unreadable, in_the_way;     /* for a fault, and as something else is in their place */
};

/* Before each walk, as the next one meets again what cannot be read. */
void odd_entries_begin_walk(struct odd_entries *odd);

/* Takes a stray, and moves a batch when it is full, or when with those that are `queued` --limit is
 * reached. False when the run must end; the reason has been reported. */
bool odd_entries_add_stray(struct odd_entries *odd, const struct walk_entry *entry,
                           const char *reason, long queued);

/* Moves those that have not been moved yet. */
bool odd_entries_quarantine(struct odd_entries *odd);

/* Reports a directory, or a crash, that cannot be read. */
void odd_entries_tell(struct odd_entries *odd, const struct walk_entry *entry,
                      const struct failure *reason);

/* At the end of the run: what was not named. */
void odd_entries_report(const struct odd_entries *odd);

void odd_entries_free(struct odd_entries *odd);

#endif
