/* locate.h - finds a crash by its id, in the storage root, then in the deferred storage root. */
#ifndef LOCATE_H
#define LOCATE_H

#include "spool/pair.h"

/* Ascending: a whole pair counts wherever it is, a part only if every place could be searched.
 * LOCATED_FAILED also means a file that is not regular, or several pairs of which each may be the
 * one (errno value 0). */
enum located { LOCATED_NOWHERE, LOCATED_PART, LOCATED_FAILED, LOCATED_WHOLE };

struct main_file {
    bool found;
    struct stat status;
};

/* What was found. For a pair or a part of one, its directory is open until location_close(). */
struct pair_location {
    enum located found;
    struct pair pair;
    int directory;
    struct main_file dump, json;
    /* By locate_queued(): it was written since the row was made; it is not where the row says. It
     * may be another crash, unless long-term storage has nothing of the id. */
    bool is_later, is_elsewhere;
};

enum { ROOT_COUNT = 2 };

/* Zero-initialise it. */
struct roots {
    struct spool *spools[ROOT_COUNT]; /* the second may be NULL */
    struct names days[ROOT_COUNT];
    bool has_closed; /* the storage has one more, which is not open */
};

/* Opens the storage root, and the deferred one unless NULL. Call roots_close() in any case. */
bool roots_open(struct roots *roots, const char *storage_root, const char *deferred_storage_root,
                const char *json_suffix, const char *dump_suffix, struct failure *failure);
void roots_close(struct roots *roots);

/* Lists the days again, as the collector adds one at midnight, and asks for the time. Call after
 * jobs or requests have been read: the day of a crash is older than its row. */
bool roots_refresh(struct roots *roots, struct failure *failure);

/* In microseconds. */
enum { SECOND = 1000000 };

/* Where the row of a crash says that its pair was queued from. */
struct origin {
    enum { ORIGIN_UNKNOWN, ORIGIN_KNOWN, ORIGIN_CLOSED } state;
    const struct spool *spool; /* these two for ORIGIN_KNOWN */
    char day[DAY_LENGTH + 1];
    /* Microseconds since a processor took its job, and since that has ended (0: not known); since
     * it was queued: below 0 if the clock of who queued it was ahead. */
    long long taken, ended, queued;
};

/* Fills in the origin from columns of the row. `mark` is that of the root; "": not known, so the
 * pathname must begin with the path of a root. If none of the roots has that mark it is closed. */
void origin_read(struct origin *origin, const struct roots *roots, const struct crash_id *id,
                 const char *mark, const char *pathname);

/* Searches for a crash without a row: both roots under the day of the id, then under all others,
 * newest first; locate_in() one spool, with `days` from spool_days(); locate_there() only where the
 * pair should be. Gives the reason for LOCATED_FAILED. */
void locate(const struct roots *roots, const struct crash_id *id, struct pair_location *location,
            struct failure *failure);

/* Searches for a crash that has a row, first in its origin. What came there after the job was
 * taken, and has a link that did, too, is another crash; or after it had ended, was written since
 * the row was made, and has any link. If it has none, it may get one: LOCATED_FAILED for ten
 * minutes. Elsewhere any pair with a link is another crash, because what was queued has lost both,
 * and where the origin is known, half a pair and what was written since the row was made. Nothing
 * is taken from there while the origin looks as if a disk were not mounted: LOCATED_FAILED. */
void locate_queued(const struct roots *roots, const struct crash_id *id,
                   const struct origin *origin, struct pair_location *location,
                   struct failure *failure);
void locate_in(const struct spool *spool, const struct names *days, const struct crash_id *id,
               struct pair_location *location, struct failure *failure);
void locate_there(const struct pair *pair, struct pair_location *location, struct failure *failure);
void location_close(struct pair_location *location);

/* Whether a pair with its id and no link lies in the same spool: a row that does not say where its
 * pair is means that one. LOCATED_FAILED: it may have none yet, or it cannot be told. */
enum located locate_unlinked(const struct pair *pair, struct failure *failure);

/* Whether a file of the pair came here in the last `age` microseconds. Who moves or copies a crash
 * here may give its files any mtime, but not a ctime. */
bool location_came_within(const struct pair_location *location, long long age);

enum pair_file_state {
    PAIR_FILE_FOUND,
    PAIR_FILE_RENAMED, /* into the archive, */
    PAIR_FILE_COPIED,  /* under a temporary name, */
    PAIR_FILE_THERE,   /* or it is there under its name, and here */
};

struct pair_file {
    char *name;
    struct stat status; /* when it was found */
    enum pair_file_state state;
};

struct pair_files {
    struct pair_file *items;
    size_t count;
};

/* Lists all files of a crash: further dumps, the dump, and the metadata last, so that a pair
 * handled in part is still found by its metadata. Works once for a location. Zero-initialise
 * *files; free with pair_files_free(). False with errno; EMLINK: a further dump has a second name.
 */
bool location_list(const struct pair_location *location, struct pair_files *files);
void pair_files_free(struct pair_files *files);

#endif
