#include "spool/evidence.h"

#include "spool/file.h"
#include "spool/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Seconds in which a collector has written a pair and made its links. */
enum { YOUNG = 600 };

/* What has a time that is still to come nobody waits for. */
static bool is_younger(const struct main_file *file, const struct spool *spool, long seconds)
{
    struct timespec changed = spool_changed(spool, &file->status);
    return file->found && !spool_is_past(spool, &changed, seconds) &&
           !spool_is_ahead(spool, &changed);
}

/* Entries of a date tree that are looked through for one pair. Where scan keeps up there are few;
 * in the deferred root nobody removes them, so there is no limit. */
enum { DATE_LINKS = 10000 };

enum link { LINK_NONE, LINK_OLDER, LINK_NEWER, LINK_UNKNOWN };

/* How a link of a pair compares with that. */
static enum link judge_link(const struct pair_location *location, const struct stat *status,
                            long long age)
{
    const struct timespec then = spool_time_ago(location->pair.spool, age);
    return pair_link_is_newer(status, location->directory, &then) ? LINK_NEWER : LINK_OLDER;
}

/* Until the spool is asked for the time again. */
static bool has_seen(const struct pair *pair)
{
    const struct seen_links *seen = pair->spool->seen;
    const struct timespec now = spool_time(pair->spool);
    return strcmp(seen->day, pair->day) == 0 && seen->time.tv_sec == now.tv_sec &&
           seen->time.tv_nsec == now.tv_nsec;
}

static void forget_links(struct seen_links *seen)
{
    names_free(&seen->names);
    seen->day[0] = '\0';
}

/* Names are noted unless there are too many. */
static void note_link(struct seen_links *seen, const char *name, bool *notes)
{
    *notes = *notes && seen->names.count < DATE_LINKS && names_add(&seen->names, name);
}

static void keep_links(struct seen_links *seen, const struct pair *pair)
{
    names_sort(&seen->names);
    memcpy(seen->day, pair->day, sizeof seen->day);
    seen->time = spool_time(pair->spool);
}

/* Looks for the date links of a pair, up to the first that is newer. Whoever came long ago without
 * a link gets none now: that it has none need not be found out for each crash of a batch. */
static enum link find_date_link(const struct pair_location *location, long long age,
                                struct failure *failure)
{
    const struct pair *pair = &location->pair;
    struct seen_links *seen = pair->spool->seen;
    bool notes = !location_came_within(location, (long long)YOUNG * SECOND);
    if (notes && has_seen(pair)) {
        if (names_find(&seen->names, pair->id.text) == NULL)
            return LINK_NONE;
        notes = false;
    }
    if (notes)
        forget_links(seen);
    struct stat status;
    struct walk_entry entry;
    struct walk *walk = walk_new_in(pair->spool, "date", pair->day, failure);
    enum link found = walk != NULL ? LINK_NONE : LINK_UNKNOWN;
    long left = DATE_LINKS;
    while (walk != NULL && found < LINK_NEWER && walk_next(walk, &entry)) {
        note_link(seen, entry.name, &notes);
        if (strcmp(entry.name, pair->id.text) == 0 &&
            fstatat(entry.descriptor, entry.name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
            found = judge_link(location, &status, age);
        } else if (entry.kind == WALK_UNREADABLE) {
            found = LINK_UNKNOWN;
            *failure = *entry.failure;
        } else if (pair->spool->place != PLACE_DEFERRED && --left == 0) {
            found = LINK_UNKNOWN;
            fail(failure, 0,
                 "a pair of its id in \"%s/%s\" may be new: that day has too many new crashes",
                 pair->spool->path, pair->day);
        }
    }
    if (notes && found < LINK_NEWER)
        keep_links(seen, pair);
    walk_free(walk);
    return found;
}

static enum link find_name_link(const struct pair_location *location, long long age,
                                struct failure *failure)
{
    struct stat status;
    const struct pair *pair = &location->pair;
    if (fstatat(location->directory, pair->id.text, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return S_ISLNK(status.st_mode) ? judge_link(location, &status, age) : LINK_NONE;
    if (errno == ENOENT)
        return LINK_NONE;
    fail(failure, errno, "cannot look for its name link in \"%s/%s\"", pair->spool->path,
         pair->day);
    return LINK_UNKNOWN;
}

/* How the latest link of a pair compares with that, as far as it matters: the date links are not
 * looked for if the name link is `enough`. A name link that a killed scan has left does not say
 * that no other crash has come. */
static enum link find_link(const struct pair_location *location, long long age, enum link enough,
                           struct failure *failure)
{
    enum link name = find_name_link(location, age, failure);
    enum link date = name < enough ? find_date_link(location, age, failure) : LINK_NONE;
    return date > name ? date : name;
}

bool evidence_has_clock(const struct pair_location *location, struct failure *failure)
{
    const struct spool *spool = location->pair.spool;
    return spool_has_clock(spool) ||
           fail(failure, errno,
                "\"%s\" cannot be asked for the time, so it is not known whether what is in \"%s\" "
                "is another crash",
                spool->path, location->pair.day);
}

/* What is another crash by its times. */
static enum located is_another(const struct pair_location *location, struct failure *failure)
{
    return evidence_has_clock(location, failure) ? LOCATED_NOWHERE : LOCATED_FAILED;
}

/* What a pair is to the row of a crash with its id that was queued from elsewhere. Some collectors
 * make the links last. */
static enum located judge_other(const struct pair_location *location, struct failure *failure)
{
    const struct spool *spool = location->pair.spool;
    if (location->found == LOCATED_NOWHERE || location->directory < 0)
        return location->found;
    enum link link = find_link(location, 0, LINK_OLDER, failure);
    if (link != LINK_NONE)
        return link == LINK_UNKNOWN ? LOCATED_FAILED : LOCATED_NOWHERE;
    if (!is_younger(&location->json, spool, YOUNG) && !is_younger(&location->dump, spool, YOUNG))
        return location->found;
    fail(failure, 0,
         "a pair of its id in \"%s/%s\" may still be being written; it is left for ten minutes",
         spool->path, location->pair.day);
    return LOCATED_FAILED;
}

/* Its row was made at a time that is still to come: nobody knows when. */
static bool was_written_since_row(const struct pair_location *location, const struct origin *origin)
{
    return origin->queued < 0 || location_written_within(location, origin->queued);
}

/* By the table in doc/internals.md. What came, or was changed, while the job was at work is another
 * crash if a link came, too. What was written since the row was made, and may be another crash by
 * location_came_after(), is one with any link, but its links may be on their way. Else a run that
 * was killed has changed the mode of the files, or all of the spool was copied. When what has a
 * time ahead came nobody knows: so there an old link proves nothing, and nobody waits. */
enum located evidence_of_origin(struct pair_location *location, const struct origin *origin,
                                struct failure *failure)
{
    if (origin->taken <= 0 || location->directory < 0)
        return location->found;
    location->is_earlier = !location_came_within(location, origin->taken);
    if (location->is_earlier)
        return location->found;
    location->is_later = location_came_after(location, origin->taken, origin->ended) &&
                         was_written_since_row(location, origin);
    if (location->is_later && !location_is_ahead(location)) {
        enum located other = judge_other(location, failure);
        return other == LOCATED_NOWHERE ? is_another(location, failure) : other;
    }
    switch (find_link(location, origin->taken, LINK_NEWER, failure)) {
    case LINK_NEWER: return is_another(location, failure);
    case LINK_UNKNOWN: return LOCATED_FAILED;
    default: return location->found;
    }
}

/* Where the pair itself has new ctimes, or a run that was killed has begun to move it, those of its
 * further dumps may be new, too. */
bool evidence_of_further(struct pair_location *location, const struct origin *origin,
                         struct failure *failure)
{
    struct pair *pair = &location->pair;
    struct timespec came = pair->looked, written = {0};
    if (pair->looked.tv_sec == 0 || location->directory < 0 || location->is_later)
        return true;
    pair->is_touched =
        location->found != LOCATED_WHOLE || !location->is_earlier || !location->has_no_notes;
    if (!location->has_no_further && !location_find_since(location, &came, &written))
        return pair_fail(pair, "read directory", failure);
    pair->latest = came;
    if (time_is_past(&came, 0, &pair->looked)) /* none came since */
        return true;
    switch (find_link(location, origin->taken, LINK_NEWER, failure)) {
    case LINK_NEWER:
        pair->latest = pair->looked;
        pair->has_next = true;
        return evidence_has_clock(location, failure);
    case LINK_UNKNOWN: return false;
    default: break;
    }
    return spool_is_past(pair->spool, &written, YOUNG) ||
           fail(failure, 0,
                "a further dump has come since a processor took its job, and may be another "
                "crash's; it waits for ten minutes");
}

/* What was moved there by hand is whole, and older than the row. */
enum located evidence_of_other(const struct pair_location *location, const struct origin *origin,
                               struct failure *failure)
{
    bool is_known = origin != NULL && origin->state == ORIGIN_KNOWN;
    if (is_known && location->found == LOCATED_PART)
        return LOCATED_NOWHERE;
    if (is_known && location->found == LOCATED_WHOLE && was_written_since_row(location, origin))
        return is_another(location, failure);
    return judge_other(location, failure);
}

/* What was found although it is not, or may not be, where the row says. What a processor has taken
 * was written before. */
void evidence_doubt(struct pair_location *location, const struct origin *origin,
                    const struct pair *its, struct failure *failure)
{
    location->is_elsewhere = origin->state == ORIGIN_KNOWN;
    location->is_later =
        !location->is_elsewhere && location_written_within(location, origin->taken);
    const char *doubt = location->is_elsewhere ? pair_tree_doubt(its) : NULL;
    if (doubt != NULL) {
        fail(failure, 0, "its own directory \"%s/%s\" %s, and a pair of its id is in \"%s/%s\"",
             its->spool->path, its->day, doubt, location->pair.spool->path, location->pair.day);
        location->found = LOCATED_FAILED;
    }
}
