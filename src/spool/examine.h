/* examine.h - what is to become of something that a walk has come upon. */
#ifndef EXAMINE_H
#define EXAMINE_H

#include "report/outcome.h"
#include "spool/locate.h"
#include "spool/walk.h"

enum examined {
    EXAMINED_CRASH, /* goes into a batch with its verdict; half a pair, too: if the queue knows
                       it, a run was killed after it had put the rest away */
    EXAMINED_WAITS, /* is left: something of a crash has changed within the settle time, or what
                       belongs to no crash is not old enough */
    EXAMINED_STRAY, /* belongs to no crash, and is old enough to go to quarantine */
    EXAMINED_UNREADABLE, /* cannot be looked at */
};

struct examination {
    enum outcome verdict;  /* for EXAMINED_CRASH: QUEUED, or LEFT or QUARANTINED with the reason */
    struct pair pair;      /* for EXAMINED_CRASH */
    int directory;         /* of the pair when it is ready, for the caller to close; else -1 */
    struct failure reason; /* for all but a verdict of QUEUED */
};

/* Both ages are in seconds. A pair is ready when it is unchanged for `settle_time`. What is not a
 * pair by `incomplete_age` never will be. */
enum examined examine(const struct walk *walk, const struct walk_entry *entry, long settle_time,
                      long incomplete_age, struct examination *result);

/* Looks for the pair of a crash in both roots. True: there is one, and it is ready. False with the
 * reason, of which the errno value is not 0 when it cannot be told. */
bool examine_by_id(const struct roots *roots, const struct crash_id *id, long settle_time,
                   struct pair *pair, struct failure *reason);

#endif
