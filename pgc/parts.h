/* parts.h - a batch that the server refuses for one crash's sake.
 *
 * One bad crash never keeps the others back: a batch that is refused is tried again with each of
 * its halves, and so on, until that crash is alone. When too many are refused it is not theirs: the
 * run ends. */
#ifndef PARTS_H
#define PARTS_H

#include "run.h"

#include <stddef.h>

/* A part of a batch is `count` crashes from the one at `first`. */
struct parts {
    void *context;
    enum db_status (*work)(void *context, size_t first, size_t count); /* in a transaction */
    void (*done)(void *context, size_t first, size_t count);           /* committed */
    void (*left)(void *context, size_t first, size_t count, const char *reason);
    const char *(*name)(const void *context, size_t index); /* of a crash */
};

/* Works on a batch of `count`, as one part if it can be. Every crash gets to `done` or to `left`.
 * False when the run cannot go on; the reason has been told. */
bool parts_run(struct run *run, const struct parts *parts, size_t count);

#endif
