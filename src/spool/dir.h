/* dir.h - directories, reached from a descriptor, one step at a time.
 *
 * The spool is written by a program that faces the internet: any name in it may be, or become
 * between two calls, a link to somewhere else. So a path below a root is opened component by
 * component with O_NOFOLLOW, and everything is done relative to the descriptor that comes out.
 * All functions set errno when they fail. */
#ifndef DIR_H
#define DIR_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* How directories are made: with these permissions (the programs clear the umask), and with a
 * group; (gid_t)-1 leaves the group as it is. */
struct dir_style {
    mode_t mode;
    gid_t group;
};

/* Opens a directory below `at`: `path` is relative, its components are separated by single
 * slashes, and none is "." or "..". A symbolic link or a file in the way is ENOTDIR. Returns an
 * O_PATH descriptor (good for the *at calls), or -1. */
int dir_open(int at, const char *path);

/* The same, for dir_list(), too; with NULL for a path, `at` itself. */
int dir_open_to_list(int at, const char *path);

/* Makes room for `count` open directories beside what a program has and may yet open, and returns
 * for how many there is. To be called while there is one thread: later the kernel would hold all of
 * them up for milliseconds, each time that its table of descriptors grows. */
size_t dir_reserve(size_t count);

/* Whether there is anything at a path like that. False with ENOENT when there is nothing. */
bool dir_has(int at, const char *path);

/* Hands each name in a directory over, "." and "..", too; once only, and at no more cost than need
 * be. False, with errno, when `take` has said so, or when the directory cannot be read. */
bool dir_list(int directory, bool (*take)(void *context, const char *name), void *context);

/* The same as dir_open(), making what is missing. */
int dir_make(int at, const char *path, const struct dir_style *style);

/* Starts reading a directory, opened like dir_open_to_list(). NULL on error. */
DIR *dir_read(int at, const char *path);

/* The next entry, "." and ".." left out. NULL at the end (errno 0) and on error. */
const struct dirent *dir_next(DIR *stream);

/* The type of an entry as a DT_ constant, asked of the file system where readdir did not say. */
unsigned char dir_entry_type(DIR *stream, const struct dirent *entry);

/* For error paths: whatever closing says, errno stays. */
void close_keeping_errno(int descriptor);
void closedir_keeping_errno(DIR *stream);

#endif
