/* sightings.h - finds all that lies anywhere of one crash, for --explain. Nothing is changed. */
#ifndef SIGHTINGS_H
#define SIGHTINGS_H

#include "base/names.h"
#include "spool/date_links.h"
#include "spool/mark.h"

/* Ages in seconds; 0 if it lies ahead. */
struct sighted_file {
    char *name;
    const char *kind; /* "file", "link", "directory" or "other" */
    long long size, age;
};

struct sighting {
    enum place place;
    const char *path; /* of the place: the caller's */
    char *where;      /* below it: "20081225/name/22/ad", "20081225/<id>.1" */
    char day[DAY_LENGTH + 1];
    struct sighted_file
        *files;              /* in the order of their names; without its links and reason; then */
    size_t count;            /* what stands in a link's place: "date/12/05/web01_0/<id>" */
    char *name_link;         /* what it says; NULL: there is none */
    struct names date_links; /* where they are, below the root; */
    struct date_dir *date_directory; /* the first one, for batch_add_found(), */
    struct timespec linked;          /* and when it was made; 0 */
    char *reason; /* in quarantine the last one, in long-term storage why its job failed; NULL: none
                   */
    char owner[MARK_SIZE]; /* in quarantine: the mark of whose it is; "": not known */

    long long age; /* in a root or in quarantine: of the last change */

    /* In a root: whether it is a pair, and if it is not ready, why. With a date link, what a scan
     * decides (examine.h). */
    enum pair_state state;
    struct failure why;
    enum examined examined;
    enum outcome verdict;
};

/* Zero-initialise it. */
struct sightings {
    struct sighting *items;
    size_t count;
};

/* Look below a root or in long-term storage (which has no date links: NULL), under each day; in a
 * quarantine, which is open. False with the reason if something could not be read, or with
 * LOCATE_AWAY if the disk of a day may be away; all else is there. */
bool sightings_in_tree(struct sightings *sightings, const struct spool *spool,
                       const struct crash_id *id, const struct date_links *date_links,
                       long settle_time, struct failure *failure);
bool sightings_in_quarantine(struct sightings *sightings, int quarantine, const char *path,
                             const struct crash_id *id, struct failure *failure);

/* The first one in a place; NULL: there is none. */
const struct sighting *sightings_find(const struct sightings *sightings, enum place place);

void sightings_free(struct sightings *sightings);

/* Whether the disk of its name tree may be away, with the reason. */
bool sighting_may_be_away(const struct sighting *sighting, const struct pair *pair,
                          struct failure *reason);

#endif
