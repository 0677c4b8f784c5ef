/* explanation.h - all that is known of a crash, for --explain. */
#ifndef EXPLANATION_H
#define EXPLANATION_H

#include "explain_places.h"
#include "give_up.h"
#include "spool/sightings.h"
#include "status.h"

/* Ages as in status.h. */
struct explained_job {
    long long id;                              /* 0: there is no job */
    char *storage, *pathname, *root, *message; /* root: the mark; "": not known */
    long long owner;                           /* below 0: none */
    int priority, attempts;
    bool is_finished, success; /* the second one of the first */
    long long queued, started, completed, missing;
};

/* Who requests may spell the id in other letters. */
struct explained_request {
    char text[CRASH_ID_LENGTH + 1];
    long long age;
    bool has_job; /* the crash whose id is in these letters */
};

struct explanation {
    const struct options *options;
    struct crash_id id;
    struct sightings sightings;
    bool is_seen[PLACE_COUNT]; /* each place: whether it could be looked at, or there is none; */
    bool is_complete;          /* all of that, and the tables, for the id in whatever letters */
    bool has_rows;             /* the tables could be read */
    struct explain_places *places;
    struct explained_job job;
    struct explained_request requests[CRASH_ID_SPELLINGS]; /* the one that counts comes first */
    size_t request_count;
    struct give_up give_up; /* where there are any */
    const struct database_status *database;
    const char *pause; /* "": the storage is not paused */
    const struct problems *troubles;
};

#endif
