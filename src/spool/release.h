/* release.h - brings a crash out of quarantine, as a new one under its day in the storage root.
 *
 *     look      in quarantine is one whole pair of it, in the roots is none
 *     copy      the files get their names when they are whole, and replace nothing; flush
 *     link      the name link, then the date link: from here on the crash is new; flush
 *     remove    the files in quarantine, its reason last
 *
 * Until the last step it is whole in quarantine, and from the third one on in the spool, too. After
 * a kill it can be repeated, until the crash is queued: then what is left in quarantine is a copy.
 */
#ifndef RELEASE_H
#define RELEASE_H

#include "spool/locate.h"
#include "spool/quarantine.h"

/* False with the reason; errno value 0: the crash is not one that can be released, and nothing is
 * changed. *where becomes the path of its case below the quarantine; "": it has none. A dry run
 * only looks. */
enum { RELEASE_PATH_SIZE = DAY_LENGTH + 1 + NAME_MAX + 1 };
bool release(struct quarantine *quarantine, const struct roots *roots, const struct crash_id *id,
             bool dry_run, char where[RELEASE_PATH_SIZE], struct failure *failure);

#endif
