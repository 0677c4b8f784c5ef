/* whereabouts.h - where a requested crash is: in a root, in long-term storage, or in quarantine; if
 * nowhere, which places were searched. */
#ifndef WHEREABOUTS_H
#define WHEREABOUTS_H

#include "spool/locate.h"

#include <limits.h>

enum { ELSEWHERE_COUNT = 3 };

struct whereabouts {
    const struct roots *roots;
    const char *paths[ELSEWHERE_COUNT]; /* of long-term storage (two), and of the quarantine; NULL:
                                           none, or that below the storage root */
    mark_check *check; /* of these places; where one is not there the directory is -1. NULL: none */
    bool only_looks;   /* no file is made to ask for the time, see spool_open_to_look() */
    struct spool *places[ELSEWHERE_COUNT]; /* all below: initially zero */
    struct names days[ELSEWHERE_COUNT];
    char quarantine[PATH_MAX];
    bool is_open;
};

enum whereabouts_found {
    WHEREABOUTS_READY, /* a pair that can be queued, in a root */
    WHEREABOUTS_WAITS, /* a pair that is not ready; or, with an errno value, it may be where nobody
                          could look */
    WHEREABOUTS_ARCHIVED, /* the others: it is in neither root */
    WHEREABOUTS_QUARANTINED,
    WHEREABOUTS_NONE, /* or in another place, into which this user may not look */
};

/* Looks for the crash that a request names, in the letters given, in small letters and in capitals.
 * Fills in the pair for WHEREABOUTS_READY; else its spool is NULL, and the reason is given. Other
 * places than the roots are opened when they are first needed. */
enum whereabouts_found whereabouts_find(struct whereabouts *whereabouts, const char *request,
                                        long settle_time, struct pair *pair,
                                        struct failure *reason);
void whereabouts_close(struct whereabouts *whereabouts);

#endif
