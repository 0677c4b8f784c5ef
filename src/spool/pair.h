/* pair.h - one crash on disk: two files, perhaps further dumps, perhaps two links. A struct pair
 * says where they should be; the functions find out whether they are. */
#ifndef PAIR_H
#define PAIR_H

#include "spool/crash_id.h"
#include "spool/spool.h"

#include <errno.h>
#include <limits.h>

struct pair {
    const struct spool *spool;
    struct crash_id id;
    char day[DAY_LENGTH + 1]; /* under which it lies in the spool */
    struct timespec looked;   /* when, by the clock of the spool: what came later is of another
                                 crash with its id; 0: not known */
    struct timespec latest;   /* when the latest of its further dumps came; what came later is
                                 another crash's (evidence.h); 0: not known, all are its own */
    bool has_next;   /* a newer link says whose that is; else it may be its own, that has changed */
    bool is_touched; /* its own files may have new ctimes: only what was also written since is
                        another crash's */
};

enum pair_state {
    PAIR_READY,      /* both files are regular, not empty, and unchanged for the settle time */
    PAIR_UNSETTLED,  /* both exist, but one has just been written to */
    PAIR_INCOMPLETE, /* one is missing, empty, or not a regular file */
    PAIR_UNREADABLE, /* cannot be examined */
};

/* Examines the two files. `settle_time` is in seconds; *changed becomes the last change of the
 * files that exist, if that is later. If the pair is ready, *directory (unless NULL) becomes an
 * O_PATH descriptor of its directory, which the caller closes; else fills in the reason. */
enum pair_state pair_examine(const struct pair *pair, long settle_time, int *directory,
                             struct timespec *changed, struct failure *reason);

/* Whether it has one of the two files; *changed becomes the last change of those that exist, if
 * that is later. */
bool pair_has_files(const struct pair *pair, struct timespec *changed);

/* What is wrong with its day, if that is there: it, or its name tree, holds no directory, and may
 * be the mount point of a disk that is away; or it holds something, but no name tree, which may
 * have been moved to another disk. NULL: nothing. To be told after the path of the day. */
const char *pair_tree_doubt(const struct pair *pair);

/* The same, but NULL if a disk is mounted on what is empty: then it is all that there is. */
const char *pair_tree_away(const struct pair *pair);

/* Whether it has no directory there, and all others of the name tree were made after a time when it
 * had one: they may be on the mount point of a disk that is away. False where there is no name
 * tree, or the file system does not tell when a directory was made; true if it cannot be read. */
bool pair_tree_is_younger(const struct pair *pair, const struct timespec *then);

/* Whether its day, or the name tree of that, is mounted inside the root. */
bool pair_tree_is_mounted(const struct pair *pair);

/* Whether its metadata is gone; false on error. `directory` is that of the pair; -1: not open. */
bool pair_is_gone(const struct pair *pair, int directory);

/* Whether something is newer than pair->looked, by its ctime, which nobody can choose: without a
 * clock nobody knows, and then it may be, if this machine's clock says so. And whether the metadata
 * is, or with `both` one of the two files. `directory` as above. */
bool pair_may_be_newer(const struct pair *pair, const struct stat *status);
bool pair_is_newer(const struct pair *pair, const struct stat *status);
bool pair_came_again(const struct pair *pair, int directory, bool both);

/* Whether this is the name of a further dump of it, <id>.<name>.dump; whether such a one came after
 * pair->looked; and whether one in its directory came after pair->latest, which is a file. */
bool pair_is_further(const struct pair *pair, const char *name);
bool pair_came_since(const struct pair *pair, const struct stat *status);
bool pair_leaves(const struct pair *pair, int directory, const char *name);

/* Whether what pair_leaves() is another crash's for certain; else false with FURTHER_CAME, which no
 * file system gives: the next run looks again. */
enum { FURTHER_CAME = EXFULL };
bool pair_may_leave(const struct pair *pair);

/* Whether a link is newer than `then`: its ctime is. But not if its mtime is not, nor that of the
 * directory of its pair (-1: not open), so that nothing has come there since: a spool that is
 * copied, restored, or given to another user has new ctimes. */
bool pair_link_is_newer(const struct stat *link, int directory, const struct timespec *then);

/* Whether the pair lies under another day, too, in one and the same directory: a day can be mounted
 * twice. False if that cannot be told. */
bool pair_is_same_under(const struct pair *pair, const char *day);

/* Paths below the root: of the directory, YYYYMMDD/name/22/ad, and of the metadata in it. */
enum {
    PAIR_DIRECTORY_SIZE = DAY_LENGTH + sizeof "/name/" + NAME_PATH_LENGTH,
    PAIR_PATH_SIZE = PAIR_DIRECTORY_SIZE + 1 + NAME_MAX,
};
void pair_directory(const struct pair *pair, char path[PAIR_DIRECTORY_SIZE]);
void pair_path(const struct pair *pair, char path[PAIR_PATH_SIZE]);

/* Fills in what could not be done there, with errno: cannot WHAT "ROOT/YYYYMMDD/name/22/ad". */
bool pair_fail(const struct pair *pair, const char *what, struct failure *failure);

/* The directory, as an O_PATH descriptor, or readable; -1 with errno. */
int pair_open_directory(const struct pair *pair);
int pair_open_directory_to_list(const struct pair *pair);

/* "<id>.json", from the suffix. */
void pair_file_name(const struct pair *pair, const char *suffix, char name[NAME_MAX + 1]);

#endif
