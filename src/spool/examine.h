/* examine.h - decides what to do with an entry of a walk. */
#ifndef EXAMINE_H
#define EXAMINE_H

#include "report/outcome.h"
#include "spool/locate.h"
#include "spool/walk.h"

enum examined {
    EXAMINED_CRASH, /* goes into a batch with its verdict; also half a pair: if it is in the queue,
                       a run was killed that had put the rest away */
    EXAMINED_WAITS, /* is left: perhaps still being written, or not old enough */
    EXAMINED_STRAY, /* belongs to no crash, and is old enough for quarantine */
    EXAMINED_UNREADABLE, /* cannot be read, or does not lie where its id says */
};

struct examination {
    enum outcome verdict;  /* for EXAMINED_CRASH: QUEUED, or LEFT or QUARANTINED with the reason */
    struct pair pair;      /* for EXAMINED_CRASH */
    int directory;         /* of a ready pair, which the caller closes; else -1 */
    struct failure reason; /* unless the verdict is QUEUED */
};

/* Ages in seconds: when an unchanged pair is ready, and an incomplete one goes to quarantine. */
enum examined examine(const struct walk_entry *entry, long settle_time, long incomplete_age,
                      struct examination *result);

/* Whether a root has a ready pair of the crash; if not, the reason, with any errno value. */
bool examine_by_id(const struct roots *roots, const struct crash_id *id, long settle_time,
                   struct pair *pair, struct failure *reason);

#endif
