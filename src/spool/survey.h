/* survey.h - counts what a spool holds, and changes nothing. A count ends after SURVEY_TIME,
 * however much there is. */
#ifndef SURVEY_H
#define SURVEY_H

#include "report/figures.h"
#include "report/reasons.h"
#include "spool/crash_id.h"
#include "spool/spool.h"

#include <limits.h>

enum { SURVEY_TIME = 100 }; /* milliseconds */

/* A date link, and the id that it is called after; "": there is none. */
struct survey_link {
    char id[CRASH_ID_LENGTH + 1], path[PATH_MAX];
};

/* Whether what has come so many seconds ago waits as it should, so that its age is no news. */
typedef bool survey_waits(const char *id, long long age, void *context);

/* Counts the date links of crashes: what is new. *oldest becomes that of the oldest. The age is
 * that of the oldest pair that is ready, as far as the walk has to go to find one, for which there
 * is five times as long; half pairs, pairs that are still being written, and those that wait as
 * `waits` says have no age. Where the disk of the name tree may be away it is that of the link.
 * False with the reason if something could not be read; the count is of all else. */
bool survey_new(const struct spool *spool, long settle_time, survey_waits *waits, void *context,
                struct count *count, struct survey_link *oldest, struct failure *failure);

/* Counts the pairs by their metadata, whether they have links or not; without an age. */
bool survey_pairs(const struct spool *spool, struct count *count, struct failure *failure);

/* What is in quarantine; for `oldest` read newest. */
struct survey_cases {
    struct count count;
    struct reasons reasons;
};

/* Opens a quarantine (quarantine.h) as an O_PATH descriptor, but makes none. -1 with the reason:
 * ENOENT if there is none yet. */
int survey_open_quarantine(const char *path, const struct spool *spool, struct failure *failure);

/* Counts its cases, those of the days first to which one was added last. `directory` is open, in
 * any mode. False with the reason if something could not be read, with ENOTDIR a day that is a
 * link; the count is of all else. */
bool survey_quarantine(int directory, const char *path, struct survey_cases *cases,
                       struct failure *failure);

/* The file system of an open directory. */
struct survey_room {
    dev_t device;
    unsigned long long bytes, free_bytes;   /* for users other than root */
    unsigned long long inodes, free_inodes; /* 0 of 0, where they are made as needed */
};
bool survey_room(int directory, const char *path, struct survey_room *room,
                 struct failure *failure);

/* False with the reason if this process cannot make anything in an open directory; with that of a
 * spool, in the name tree of its latest day, and in long-term storage, where it makes the days, in
 * the root itself. (Another root may belong to somebody else.) */
bool survey_may_write(enum place place, const char *path, int directory, struct failure *failure);
bool survey_may_change(const struct spool *spool, struct failure *failure);

/* False with the reason if root asks, who may write anywhere, and the mode of an open directory
 * lets nobody else. */
bool survey_others_may_write(enum place place, const char *path, int directory,
                             struct failure *failure);

/* For a quarantine that is not there yet: whether this process could make it. */
bool survey_may_make_quarantine(const char *path, const struct spool *spool,
                                struct failure *failure);

#endif
