/* pair.h - one crash on disk: two files, perhaps more dumps, perhaps two links.
 *
 * A struct pair says where a crash lies, or is supposed to lie; whether it is there is what the
 * functions find out. */
#ifndef PAIR_H
#define PAIR_H

#include "spool.h"

struct pair {
    const struct spool *spool;
    struct crash_id id;
    char day[DAY_LENGTH + 1]; /* the day of the spool that it lies under */
};

enum pair_state {
    PAIR_READY,      /* both files are plain, not empty, and unchanged for the settle time */
    PAIR_UNSETTLED,  /* both are there, but one has just been written to */
    PAIR_INCOMPLETE, /* one is missing, empty, or not a plain file */
    PAIR_UNREADABLE, /* it cannot be told */
};

/* Looks at the two files. `settle_time` is in seconds; *changed becomes the time of the last
 * change of what is there, or stays as it was when nothing is. The reason is filled in for every
 * state but PAIR_READY. */
enum pair_state pair_examine(const struct pair *pair, long settle_time, struct timespec *changed,
                             struct failure *reason);

/* In the order of what is to be preferred: a whole pair is taken from wherever it is; a part only
 * if every place could be looked at. */
enum search { SEARCH_NOWHERE, SEARCH_PART, SEARCH_FAILED, SEARCH_WHOLE };

/* What a search has found: for a whole pair and for a part, where, and its directory, open for
 * found_list(). It begins as NOTHING_FOUND; found_close() at the end. */
struct found {
    enum search search;
    struct pair pair;
    int directory;
    struct main_file {
        bool found;
        struct stat status;
    } dump, json;
};

#define NOTHING_FOUND ((struct found){.directory = -1})

/* Searches a spool for the two files of a crash, unless *best is a whole pair: under the day of
 * the id first, then under every day of `days` (what spool_days() said), the newest first. What is
 * better than *best takes its place. The reason is filled in for SEARCH_FAILED. */
void pair_find(const struct spool *spool, const struct names *days, const struct crash_id *id,
               struct found *best, struct failure *failure);

void found_close(struct found *found);

/* ROOT/YYYYMMDD/name/22/ad/<id>.json, as it stands in the table jobs. Malloc'd; NULL when there
 * is no memory. */
char *pair_pathname(const struct pair *pair);

/* The same from the day on: what does not change when a root is mounted somewhere else. */
char *pair_relative_pathname(const struct pair *pair);

/* The directory of the files. An O_PATH descriptor, or -1 with errno. */
int pair_open_directory(const struct pair *pair);

/* Files of a crash, as they were when looked at. */
struct pair_file {
    char *name;
    struct stat status;
};

struct pair_files {
    struct pair_file *items;
    size_t count;
};

/* All files of a crash that was found, once only: further dumps first, then the dump, the metadata
 * last, so that a pair that was handled in part is still found by its metadata. Zero-initialise
 * *files; pair_files_free() at the end. False with errno. */
bool found_list(const struct found *found, struct pair_files *files);

void pair_files_free(struct pair_files *files);

#endif
