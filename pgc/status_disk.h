/* status_disk.h - what the disk tells: for --status and --check. It changes nothing. */
#ifndef STATUS_DISK_H
#define STATUS_DISK_H

#include "report/problems.h"
#include "run.h"
#include "spool/mark.h"
#include "spool/survey.h"

#include <limits.h>

struct place_status {
    const char *path;     /* NULL: there is none */
    bool is_usable;       /* it is open, and the right directory, as far as one can tell */
    bool is_missing;      /* it will be made when it is needed */
    char mark[MARK_SIZE]; /* "": it has none, or cannot be used */
    bool has_room;
    struct survey_room room;
    struct failure barrier; /* what keeps a run of this process from its work there; "": nothing */
};

struct disk_status {
    struct place_status places[PLACE_COUNT];
    char quarantine_path[PATH_MAX]; /* where places[PLACE_QUARANTINE].path may point to */
    struct count fresh, deferred;   /* crashes that are new, and that are throttled */
    struct survey_link oldest_new;
    struct survey_cases quarantine;
};

/* Looks at the places that the program uses, with --status at all. If the database is connected it
 * is asked whether each is the right one; what a directory holds that is not is not told. What is
 * wrong, or could not be read, is told in `troubles`. */
void status_read_disk(struct run *run, bool is_connected, struct disk_status *status,
                      struct problems *troubles);

#endif
