#include "spool/examine.h"

#include "spool/date_dir.h"
#include "spool/file.h"
#include "spool/links.h"

static enum examined examine_stray(const struct walk_entry *entry, long incomplete_age,
                                   const char *what, struct examination *result)
{
    struct timespec changed = walk_entry_changed(entry);
    fail(&result->reason, 0, "%s", what);
    return spool_is_old(entry->directory->spool, &changed, incomplete_age) ? EXAMINED_STRAY
                                                                           : EXAMINED_WAITS;
}

/* An incomplete pair is looked up in the queue, too, because a killed run may have left only its
 * link; but not while a collector may be writing it. */
static enum examined examine_incomplete(const struct walk_entry *entry,
                                        const struct timespec *changed, long settle_time,
                                        long incomplete_age, struct examination *result)
{
    struct timespec linked = walk_entry_changed(entry);
    const struct timespec *latest = time_is_past(changed, 0, &linked) ? &linked : changed;
    const struct spool *spool = entry->directory->spool;
    if (!spool_is_past(spool, latest, settle_time) && !spool_is_ahead(spool, latest))
        return EXAMINED_WAITS;
    result->verdict = spool_is_old(spool, latest, incomplete_age) ? QUARANTINED : LEFT;
    if (pair_has_files(&result->pair, &(struct timespec){0}))
        return EXAMINED_CRASH;
    if (links_lead_elsewhere(&result->pair, entry->descriptor, &result->reason))
        return EXAMINED_UNREADABLE;
    return result->verdict == QUARANTINED &&
                   links_may_lead_away(&result->pair, entry->directory, &result->reason)
               ? EXAMINED_UNREADABLE
               : EXAMINED_CRASH;
}

enum examined examine(const struct walk_entry *entry, long settle_time, long incomplete_age,
                      struct examination *result)
{
    struct timespec changed = {0};
    result->directory = -1;
    if (entry->kind == WALK_UNREADABLE) {
        result->reason = *entry->failure;
        return EXAMINED_UNREADABLE;
    }
    if (entry->kind != WALK_LINK)
        return examine_stray(entry, incomplete_age, "it is not a link", result);
    if (!walk_entry_pair(entry, &result->pair))
        return examine_stray(entry, incomplete_age, "its name is not a crash id", result);
    result->verdict = QUEUED;
    switch (
        pair_examine(&result->pair, settle_time, &result->directory, &changed, &result->reason)) {
    case PAIR_INCOMPLETE:
        return examine_incomplete(entry, &changed, settle_time, incomplete_age, result);
    case PAIR_UNSETTLED: return EXAMINED_WAITS;
    case PAIR_UNREADABLE: return EXAMINED_UNREADABLE;
    case PAIR_READY: break;
    }
    return EXAMINED_CRASH;
}

bool examine_by_id(const struct roots *roots, const struct crash_id *id, long settle_time,
                   struct pair *pair, struct failure *reason)
{
    struct timespec changed = {0};
    struct pair_location location;
    locate(roots, id, &location, reason);
    location_close(&location);
    *pair = location.pair;
    if (location.found == LOCATED_NOWHERE)
        return fail(reason, 0, "it is in neither root");
    return location.found != LOCATED_FAILED &&
           pair_examine(pair, settle_time, NULL, &changed, reason) == PAIR_READY;
}
