/* release_case.h - a part of release.h: the case in quarantine of the crash that is released. */
#ifndef RELEASE_CASE_H
#define RELEASE_CASE_H

#include "spool/pair.h"

struct released_file {
    char *name;
    struct stat status; /* in quarantine, when it was looked at */
    struct stat there;  /* in the spool, if it is there */
    bool is_there;
};

struct release_case {
    char day[DAY_LENGTH + 1], name[NAME_MAX + 1];
    int directory;
    struct released_file *files;
    size_t count;
};

enum release_found {
    RELEASE_FOUND,
    RELEASE_DONE, /* it was released before, and what was left of its case is gone */
    RELEASE_NOT,
};

/* Finds the only case of a crash, or the only one that is a whole pair, and lists its files. What
 * was left of cases that were released is removed, unless this is a dry run. Cases with
 * another mark (quarantine_mark()) do not count, while those do that do not say whose they are.
 * False with the reason. Hold the quarantine; close the case. */
enum release_found release_case_find_one(struct release_case *its, const struct pair *pair,
                                         int quarantine, const char *mark, bool dry_run,
                                         struct failure *failure);
void release_case_close(struct release_case *its);

/* NULL if it has no file of that name. */
struct released_file *release_case_find(const struct release_case *its, const char *name);

/* Removes the files that were listed, if they have not changed, then the reason and the directory,
 * unless something has come there. */
bool release_case_remove(const struct release_case *its, int quarantine, struct failure *failure);

#endif
