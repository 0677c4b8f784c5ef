/* give_up.h - when crashmon-priority gives a request up whose crash is nowhere. Storages that share
 * a database share the requests: what is nowhere in this one may be in another, whose disk is away,
 * or that is paused or stands still. So each notes when it has looked for all requests, and none
 * is given up before the others have looked for it after its time.
 *
 * A storage whose crashmon-priority has never run serves no requests, and is not waited for. */
#ifndef GIVE_UP_H
#define GIVE_UP_H

#include "options/options.h"
#include "requests.h"

struct give_up {
    long overdue, old; /* seconds after which a request is REQUEST_OVERDUE, and REQUEST_OLD; */
    long kept;         /* seconds for which it is kept, as another storage has not looked for it */
    char keeper[80];   /* the other storage that looked first, in quotes; "": there is none */
    char began[40];    /* when it was asked for this */
    bool is_due;       /* the others have waited for this storage for longer than `overdue` */
};

/* Finds that out. Where the server does not tell it within seconds, as somebody has locked a table,
 * that is logged, and no request is given up. */
void give_up_find(struct give_up *give_up, const struct options *options);

/* request_judge() for a request of this age, in seconds. */
void give_up_judge(const struct give_up *give_up, long long age, struct candidate *candidate,
                   bool is_queued, bool is_finished);

/* Notes for the others that the storage has looked for all requests that there were when it was
 * found out. Where that cannot be noted they go on waiting, and that is logged. */
void give_up_note(const struct give_up *give_up, const struct options *options);

#endif
