/* search.h - where a crash lies of which only the id is known, and which files it has there. */
#ifndef SEARCH_H
#define SEARCH_H

#include "spool/pair.h"

/* In the order of what is to be preferred: a whole pair is taken from wherever it is; a part only
 * if every place could be looked at. */
enum search { SEARCH_NOWHERE, SEARCH_PART, SEARCH_FAILED, SEARCH_WHOLE };

/* The dump, or the metadata. */
struct main_file {
    bool found;
    struct stat status;
};

/* What a search has found: for a whole pair and for a part, where it is, and its directory, which
 * is open. It begins as NOTHING_FOUND; found_close() at the end. */
struct found {
    enum search search;
    struct pair pair;
    int directory;
    struct main_file dump, json;
};

#define NOTHING_FOUND ((struct found){.directory = -1})

/* Searches a spool for the two files of a crash, unless *best is a whole pair: under the day of
 * the id first, then under every day of `days` (what spool_days() said), the newest first. What is
 * better than *best takes its place. The reason is filled in for SEARCH_FAILED. */
void search_spool(const struct spool *spool, const struct names *days, const struct crash_id *id,
                  struct found *best, struct failure *failure);

void found_close(struct found *found);

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
