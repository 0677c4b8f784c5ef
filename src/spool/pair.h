/* pair.h - one crash on disk: two files, perhaps more dumps, perhaps two links.
 *
 * A struct pair says where a crash lies, or is supposed to lie; whether it is there is what the
 * functions find out. */
#ifndef PAIR_H
#define PAIR_H

#include "spool/crash_id.h"
#include "spool/spool.h"

#include <limits.h>

struct pair {
    const struct spool *spool;
    struct crash_id id;
    char day[DAY_LENGTH + 1]; /* the day of the spool that it lies under */
};

enum pair_state {
    PAIR_READY,      /* both files are regular, not empty, and unchanged for the settle time */
    PAIR_UNSETTLED,  /* both are there, but one has just been written to */
    PAIR_INCOMPLETE, /* one is missing, empty, or not a regular file */
    PAIR_UNREADABLE, /* it cannot be told */
};

/* Looks at the two files. `settle_time` is in seconds; *changed becomes the time of the last
 * change of what is there, or stays as it was when nothing is. The reason is filled in for every
 * state but PAIR_READY. For that state *directory becomes an O_PATH descriptor of their directory,
 * which the caller closes; it may be NULL. */
enum pair_state pair_examine(const struct pair *pair, long settle_time, int *directory,
                             struct timespec *changed, struct failure *reason);

/* Whether it has been put away: its metadata is not there. What cannot be told is not gone. The
 * directory is that of the pair, or -1 where it is not open. */
bool pair_is_gone(const struct pair *pair, int directory);

/* Below the root: the directory of the files, YYYYMMDD/name/22/ad, and the metadata in it,
 * YYYYMMDD/name/22/ad/<id>.json. */
enum {
    PAIR_DIRECTORY_SIZE = DAY_LENGTH + sizeof "/name/" + NAME_PATH_LENGTH,
    PAIR_PATH_SIZE = PAIR_DIRECTORY_SIZE + 1 + NAME_MAX,
};
void pair_directory(const struct pair *pair, char path[PAIR_DIRECTORY_SIZE]);
void pair_path(const struct pair *pair, char path[PAIR_PATH_SIZE]);

/* The directory of the files. An O_PATH descriptor, or one for dir_list(); -1 with errno. */
int pair_open_directory(const struct pair *pair);
int pair_open_directory_to_list(const struct pair *pair);

/* "<id>.json", for one of the suffixes. */
void pair_file_name(const struct pair *pair, const char *suffix, char name[NAME_MAX + 1]);

#endif
