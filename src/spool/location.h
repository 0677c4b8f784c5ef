/* location.h - where the pair of a crash was found, and its files there; and where the row of a
 * crash says that it should be. */
#ifndef LOCATION_H
#define LOCATION_H

#include "spool/pair.h"

/* Ascending: a whole pair counts wherever it is, a part only if every place could be searched.
 * LOCATED_FAILED also means a file that is not regular, or several pairs of which each may be the
 * one (errno value 0). */
enum located { LOCATED_NOWHERE, LOCATED_PART, LOCATED_FAILED, LOCATED_WHOLE };

struct main_file {
    bool found;
    bool is_older; /* by locate_in(): there is one of an earlier crash with the id; not found */
    struct stat status;
};

/* What was found. For a pair or a part of one, its directory is open until location_close(). */
struct pair_location {
    enum located found;
    struct pair pair;
    int directory;
    struct main_file dump, json;
    /* By locate_queued(): it was written since the row was made; it is not where the row says. It
     * may be another crash: it is never deleted, and goes to long-term storage only if that has
     * nothing of the id. */
    bool is_later, is_elsewhere;
    bool is_replaced; /* likewise: where the row says is another crash */
    bool is_doubted;  /* or may be; so it does not count as found */
    bool is_earlier;  /* likewise: its files came before the job was taken (pair.looked) */
    /* By location_look_around(): what of the crash is not there, so that nobody has to look;
     * false: it is, or that is not known. */
    bool has_no_link, has_no_notes, has_no_further;
};

/* In microseconds; and in seconds: how far the clocks of database and disks, which may be another
 * host's, may be apart. */
enum { SECOND = 1000000, CLOCK_TOLERANCE = 60 };

/* Where the row of a crash says that its pair was queued from. */
struct origin {
    enum { ORIGIN_UNKNOWN, ORIGIN_KNOWN, ORIGIN_CLOSED } state;
    const struct spool *spool; /* these two for ORIGIN_KNOWN */
    char day[DAY_LENGTH + 1];
    bool has_other_suffix; /* than that which metadata has now */
    /* Microseconds since a processor took its job, and since that has ended (0: not known); since
     * it was queued: below 0 if the clock of who queued it was ahead. */
    long long taken, ended, queued;
};

void location_close(struct pair_location *location);

/* Finds out at once what else of the crash is in the directory, if that is open: its name link,
 * notes (move_note.h), further dumps. Each costs much where it is looked up in vain. False if that
 * cannot be told. */
bool location_look_around(struct pair_location *location);

/* Whether one of the two files was written, or came here, in the last `age` microseconds, or may
 * have: a time that is still to come, from a wrong clock, does not say when. Who moves or copies a
 * crash here may give its files any mtime, but not a ctime. */
bool location_written_within(const struct pair_location *location, long long age);
bool location_came_within(const struct pair_location *location, long long age);

/* Whether one of them came at a time that is still to come. */
bool location_is_ahead(const struct pair_location *location);

/* Whether it may be another crash than that of a job which a processor took, and ended, so many
 * microseconds ago (0: it has not): a file came since the end, or the dump was written since it was
 * taken. To the metadata of its job a processor may do something, to the dump it has no reason. */
bool location_came_after(const struct pair_location *location, long long taken, long long ended);

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

/* Lists all files of a crash, the dump first and the metadata last, so that a pair of which a part
 * is elsewhere is half a pair, and is still found by its metadata; without metadata the dump is the
 * last, by which it is found then. Without further dumps that are not its own.
 * Zero-initialise *files; free with pair_files_free(). False with errno; EMLINK: a further dump has
 * a second name; FURTHER_CAME: one has come, or was changed, since it was found out whose they are.
 */
bool location_list(const struct pair_location *location, struct pair_files *files);

/* When the latest of the further dumps came that may have come after pair.looked, and when the
 * latest of them was written; pair.looked: none did. False with errno. */
bool location_find_since(const struct pair_location *location, struct timespec *came,
                         struct timespec *written);
void pair_files_free(struct pair_files *files);

#endif
