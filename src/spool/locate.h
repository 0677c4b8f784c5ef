/* locate.h - finds a crash by its id, in the storage root, then in the deferred storage root. */
#ifndef LOCATE_H
#define LOCATE_H

#include "spool/location.h"

#include <errno.h>
#include <limits.h>

enum { ROOT_COUNT = 2 };

#define ANY_AGE LONG_MAX

/* Zero-initialise it. */
struct roots {
    struct spool *spools[ROOT_COUNT]; /* the second may be NULL */
    struct names days[ROOT_COUNT];
    bool has_closed; /* the storage has one more, which is not open */
};

/* Opens the storage root, and the deferred one unless NULL. Call roots_close() in any case. */
bool roots_open(struct roots *roots, const char *storage_root, const char *deferred_storage_root,
                const char *json_suffix, const char *dump_suffix, struct failure *failure);
void roots_close(struct roots *roots);

/* Asks for the time, or reads and sets it; see spool_ask_clock(). */
void roots_ask_clock(const struct roots *roots);
void roots_read_clocks(const struct roots *roots, long long times[ROOT_COUNT]);
void roots_set_clocks(const struct roots *roots, const long long times[ROOT_COUNT]);

/* Lists the days again, as the collector adds one at midnight. Call after jobs or requests have
 * been read: the day of a crash is older than its row. */
bool roots_refresh(struct roots *roots, struct failure *failure);

/* Fills in the origin from columns of the row. `mark` is that of the root; "": not known, so the
 * pathname must begin with the path of a root. If none of the roots has that mark it is closed. */
void origin_read(struct origin *origin, const struct roots *roots, const struct crash_id *id,
                 const char *mark, const char *pathname);

/* No file system fails with this errno value. */
enum { LOCATE_AWAY = ENOMEDIUM };

/* Searches for a crash without a row: both roots under the day of the id, then under all others,
 * newest first. One that is not whole there, and may be where nobody could look (a day that looks
 * as if a disk were not mounted, a root that is closed), is LOCATED_FAILED, LOCATE_AWAY.
 * locate_in() searches one spool, with `days` from spool_days(), for what came there in the last
 * `age` seconds, or ANY_AGE; locate_there() only where the pair should be. Gives the reason
 * for LOCATED_FAILED. */
void locate(const struct roots *roots, const struct crash_id *id, struct pair_location *location,
            struct failure *failure);

/* Searches for a crash that has a row, first in its origin. What came there after the job was
 * taken, and has a link that did, too, is another crash; or, by location_came_after(), what was
 * written since the row was made, and has any link. If it has none, it may get one: LOCATED_FAILED
 * for ten minutes. Elsewhere any pair with a link is another crash, because what was queued has
 * lost both, and where the origin is known, half a pair and what was written since the row was
 * made. Nothing is taken from there while the origin looks as if a disk were not mounted; and what
 * has another suffix now, or lies in a root with another layout, is nowhere seen: LOCATED_FAILED.
 */
void locate_queued(const struct roots *roots, const struct crash_id *id,
                   const struct origin *origin, struct pair_location *location,
                   struct failure *failure);
void locate_in(const struct spool *spool, const struct names *days, const struct crash_id *id,
               long age, struct pair_location *location, struct failure *failure);
void locate_there(const struct pair *pair, struct pair_location *location, struct failure *failure);

/* Whether a pair with this id and no link lies in a spool: a row that does not say where its pair
 * is means that one. LOCATED_FAILED: it may have none yet, or it cannot be told, as where the day
 * of the id is empty. */
enum located locate_unlinked(const struct spool *spool, const struct crash_id *id,
                             struct failure *failure);

#endif
