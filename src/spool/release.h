/* release.h - brings a crash out of quarantine, as a new one under its day in the storage root.
 *
 *     look     one case is a whole pair; nothing of its id has a row, or lies in a root, as far as
 *              no disk of its day may be away
 *     claim    the name link, which leads to date/released, where no collector works
 *     copy     the files under temporary names; flush
 *     publish  they get their names, and replace nothing; look again; they lose their temporary
 *              names, with which nobody takes them for files of a pair; flush
 *     link     the date link: from here on the crash is new; flush
 *     note     in its reason, that what is left in quarantine is a copy
 *     remove   what was copied, then the reason, and the directories
 *
 * What fails before the date link is made is undone, also what a release that was killed has left
 * beside files of another crash. Each step of a release that was killed is
 * known again: by the name link, by the row that was queued from there, by the note.
 * doc/internals.md has the states.
 */
#ifndef RELEASE_H
#define RELEASE_H

#include "base/quote.h"
#include "spool/locate.h"
#include "spool/quarantine.h"

/* The row of the crash, or of the same id in other letters. */
struct release_job {
    char text[QUOTE_SIZE]; /* what is said of it; "": there is none */
    struct origin origin;  /* known only if the id is in the same letters */
};

/* False with the reason; errno value 0: the crash is not one that can be released, and nothing is
 * changed. *where becomes the path of its case below the quarantine; "": it has none. A dry run
 * only looks. */
enum { RELEASE_PATH_SIZE = DAY_LENGTH + 1 + NAME_MAX + 1 };
bool release(struct quarantine *quarantine, const struct roots *roots, const struct crash_id *id,
             const struct release_job *job, bool dry_run, char where[RELEASE_PATH_SIZE],
             struct failure *failure);

/* Whether this is what the name link says that a release has made: it is left where one was killed,
 * and until the crash is queued. */
bool release_has_made(const char *name_link);

/* Whether a reason of a case says that what is left there is a copy. */
bool release_has_noted(const char *reason);

#endif
