/* places.h - the directories that a program was given, as they are when they are opened: by
 * whatever path, link or mount each is reached, it is a directory of its own (the two of long-term
 * storage may be one), and none lies in a day of another, where it would be taken for crashes.
 *
 * What is below a root, but in none of its days, is fine: ROOT/quarantine, ROOT/archive. */
#ifndef PLACES_H
#define PLACES_H

#include "spool/mark.h"
#include "spool/spool.h"

#include <pthread.h>

struct places {
    pthread_mutex_t mutex; /* initialise it, the rest with zeros */
    struct {
        const char *path; /* NULL: not known yet */
        int directory;    /* held open until the program ends */
    } known[PLACE_COUNT];
};

/* Adds an open directory. False with the reason if it is not fit to be used beside the others; the
 * errno value is ENOTUNIQ if it is the same as one of them, or lies in a day. `path` must outlive
 * the places. Any thread may call it. */
bool places_add(struct places *places, enum place place, const char *path, int directory,
                struct failure *failure);

/* The mark of the root, of whichever storage, in a day of which an open directory lies; "" if there
 * is none. It is looked for in all directories above. Place and path are for messages. False with
 * the reason. */
bool places_find_above(enum place place, const char *path, int directory, char mark[MARK_SIZE],
                       struct failure *failure);

/* The same with what is at an absolute path. What cannot be opened, or looked at, is not there yet,
 * or will be told when it is needed: true. Below the root of the spool, unless that is NULL, no
 * link is followed. */
bool places_add_path(struct places *places, enum place place, const char *path,
                     const struct spool *spool, struct failure *failure);

#endif
