/* give_up.h - when crashmon-priority gives a request up whose crash is nowhere. Storages that share
 * a database share the requests: what is nowhere in this one may be in another, whose disk is away,
 * or that is paused or stands still. So the time for which a request waits ends when the last run
 * of crashmon-priority of each other storage began, which must have found all well (0); or may have
 * had something to tell (1), as where a disk only seems to be away, for what is a day old. */
#ifndef GIVE_UP_H
#define GIVE_UP_H

#include "options/options.h"
#include "requests.h"

struct give_up {
    long overdue, old; /* seconds after which a request is REQUEST_OVERDUE, and REQUEST_OLD */
    char keeper[80];   /* the storage that has not looked for the longest time, in quotes; or "" */
};

/* Finds that out, for `options`. Where the server does not tell it within seconds, as somebody has
 * locked a table, that is logged, and no request is given up. */
void give_up_find(struct give_up *give_up, const struct options *options);

/* What a request of this age is, in seconds. */
enum request_age give_up_judge(const struct give_up *give_up, long long age);

#endif
