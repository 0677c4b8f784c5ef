/* locate.h - where a crash lies of which only the id is known, and which files it has there.
 *
 * The search goes through the two places that a collector writes crashes to: the storage root
 * first, then the deferred storage root, where there is one. */
#ifndef LOCATE_H
#define LOCATE_H

#include "spool/pair.h"

/* In the order of what is to be preferred: a whole pair is taken from wherever it is; a part only
 * if every place could be looked at. LOCATED_FAILED is also for a file that is there but is not a
 * regular one (errno value 0): it is taken neither for the pair's nor for nothing. */
enum located { LOCATED_NOWHERE, LOCATED_PART, LOCATED_FAILED, LOCATED_WHOLE };

/* The dump, or the metadata. */
struct main_file {
    bool found;
    struct stat status;
};

/* What a search has found: for a whole pair and for a part, where it is, and its directory, which
 * is open for reading. location_close() at the end. */
struct pair_location {
    enum located found;
    struct pair pair;
    int directory;
    struct main_file dump, json;
};

enum { ROOT_COUNT = 2 };

/* Zero-initialise it. */
struct roots {
    struct spool *spools[ROOT_COUNT]; /* the second is NULL where there is none */
    struct names days[ROOT_COUNT];
    bool told_empty; /* for put_away.h: that the storage root holds no day has been told */
};

/* Opens the storage root, and the deferred storage root if that is not NULL. False with the reason;
 * roots_close() is to be called in any case. */
bool roots_open(struct roots *roots, const char *storage_root, const char *deferred_storage_root,
                const char *json_suffix, const char *dump_suffix, struct failure *failure);

void roots_close(struct roots *roots);

/* Reads which days there are, as a collector makes one at midnight. Whoever has listed jobs or
 * requests does it then: the day of a job's crash is older than the row that names it. */
bool roots_refresh(struct roots *roots, struct failure *failure);

/* Searches both roots: under the day of the id first, then under every other day, the newest first.
 * The reason is filled in for LOCATED_FAILED. */
void locate(const struct roots *roots, const struct crash_id *id, struct pair_location *location,
            struct failure *failure);

/* The same in one spool, of which `days` is what spool_days() said. */
void locate_in(const struct spool *spool, const struct names *days, const struct crash_id *id,
               struct pair_location *location, struct failure *failure);

void location_close(struct pair_location *location);

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
bool location_list(const struct pair_location *location, struct pair_files *files);

void pair_files_free(struct pair_files *files);

#endif
