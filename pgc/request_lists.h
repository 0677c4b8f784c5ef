/* request_lists.h - a part of crashmon-priority: which requests come next, a batch at a time.
 *
 * The newest come first: in an ordinary run that is all. If there are more, two kinds take turns,
 * so that neither holds up the other, however many there are: those that have a job to be raised,
 * and those that have none, and whose pair must be looked for. What has merely to be removed comes
 * last. A kind is listed in order of text, behind the batch before, so what was left is not listed
 * again. */
#ifndef REQUEST_LISTS_H
#define REQUEST_LISTS_H

#include "db_status.h"
#include "give_up.h"
#include "options/options.h"
#include "requests.h"
#include "spool/candidate.h"

enum request_kind { NEWEST, TO_RAISE, TO_LOOK_FOR, TO_REMOVE, REQUEST_KINDS };

/* Where the next batch of a kind begins. */
struct request_place {
    char last[REQUEST_MAXIMUM * 4 + 1]; /* the request of the batch before, */
    bool has_last;                      /* if there was one */
    bool jumps;                         /* rather anywhere behind it, at random */
    bool is_over;
};

struct request_lists {
    const struct options *options;
    struct give_up give_up; /* must be known before the first list */
    struct batch *batch;    /* that is listed */
    enum request_kind kind; /* of the batch; REQUEST_KINDS: there are no more */
    bool has_more;          /* behind the batch, of this kind, or of any if these are the newest */
    long left;              /* how many requests --limit still allows; set it before each list */
    struct request_place places[REQUEST_KINDS];
    char newest_until[64]; /* since when the last of the newest waits; */
    bool has_newest;       /* those of the newest that were left come again */
    double lost;           /* seconds in which crashes were looked for in vain; add to it */
    bool has_skipped;      /* some were not looked for, as that took too long */
};

/* A session_work: lists the next batch of the kind, and judges each request. Only of the newest
 * there are no more than --limit allows. In a dry run the ids of the command line are the newest,
 * and there must be room for all in the batch: they are in no other. */
enum db_status request_lists_next(void *lists, struct failure *failure);

/* Whether enough crashes were looked for in vain: for a second, or for less while all others wait;
 * for half a minute where other storages have waited for too long until all were looked for. The
 * first batch looks for all that it has, unless there are more. Then cut the batch. */
bool request_lists_tires(const struct request_lists *lists);

/* Of the batch only the first `count` are dealt with; the others come with the next one. */
void request_lists_cut(struct request_lists *lists, size_t count);

/* Chooses the kind of the next batch. It jumps: see bisect.h. */
void request_lists_go_on(struct request_lists *lists, bool jumps);

#endif
