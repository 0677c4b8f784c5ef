/* progress.h - tells somebody who waits how far a run is: a line on stderr, once a second. On a
 * terminal it stays in its place, elsewhere there is a new one every ten seconds. Whoever has asked
 * for it gets a last one, even if all is over within a second. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "report/report.h"

/* Counts more of what there is to do, a few thousand at most; below 0 when all is counted. */
typedef long progress_more(void *context);

struct progress_settings {
    const char *program;
    bool is_asked_for;
    struct report *report; /* what it has looked at, or else its outcomes, is what is done */
    long limit;            /* how many it handles at most; 0: all */
    long expected;         /* what there is to do from now on, as far as it is known; */
    progress_more *more;   /* called in a thread, until all is counted; NULL: it is */
    void *context;
};

/* Without a thread there is no line. One at a time; to stop without one is harmless. */
void progress_start(const struct progress_settings *settings);
void progress_stop(void);

#endif
