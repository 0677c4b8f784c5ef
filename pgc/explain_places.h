/* explain_places.h - what the programs are given to work with, and the places in which --explain
 * looks: opened once for all crashes, as for a dry run. */
#ifndef EXPLAIN_PLACES_H
#define EXPLAIN_PLACES_H

#include "processors.h"
#include "report/problems.h"
#include "run.h"
#include "spool/archive.h"
#include "spool/date_links.h"
#include "spool/whereabouts.h"

struct explain_places {
    const char *paths[PLACE_COUNT]; /* NULL: there is none */
    char quarantine_path[PATH_MAX];
    struct spool *trees[PLACE_COUNT];         /* NULL: none, or it cannot be used */
    int quarantine;                           /* -1: likewise */
    bool is_quarantine_shared;                /* perhaps, by other storages */
    bool is_missing[PLACE_COUNT];             /* there is none yet; it is made when it is needed */
    struct date_links date_links[ROOT_COUNT]; /* of the crashes that are asked for, by root; */
    bool is_unsearched[ROOT_COUNT];           /* some may not have been found */

    /* For the programs' functions. The roots have the same trees; archives are by success. */
    struct roots roots;
    struct archive *archives[2];
    struct whereabouts whereabouts;
    struct processors *processors; /* NULL: they are not known */
};

/* What cannot be used is told in `troubles`. Close it in any case; only one can be open. */
void explain_places_open(struct explain_places *places, struct run *run, bool is_connected,
                         struct problems *troubles);
void explain_places_close(struct explain_places *places);

/* Whether a program that needs the place finds it: it can be used, or is made, or there is none. */
bool explain_places_has(const struct explain_places *places, enum place place);

/* Whether a run could ask the file system of a root, or of the quarantine, for the time, as far as
 * that can be told without making a file; if not, the reason why nothing goes there for its age. */
bool explain_places_tell_time(const struct explain_places *places, enum place place,
                              struct failure *reason);

#endif
