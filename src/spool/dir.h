/* dir.h - opens, creates and reads directories below a descriptor.
 *
 * The collector faces the internet: any name in the spool may be, or become between two calls, a
 * link to somewhere else. So a path is opened component by component with O_NOFOLLOW, and all else
 * is done relative to the resulting descriptor. All functions set errno when they fail. */
#ifndef DIR_H
#define DIR_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Mode (the programs clear the umask) and group of new directories; (gid_t)-1: unchanged. */
struct dir_style {
    mode_t mode;
    gid_t group;
};

/* Opens a directory below `at`; `path` is relative, with single slashes, and without "." and "..".
 * ENOTDIR: a link or a file is in the way. Returns an O_PATH descriptor, or -1. dir_open_to_list()
 * opens it for dir_list(), too, and `at` if `path` is NULL; dir_make() creates what is missing. */
int dir_open(int at, const char *path);
int dir_open_to_list(int at, const char *path);
int dir_make(int at, const char *path, const struct dir_style *style);

/* Makes room for `count` more open directories, beside what the program needs otherwise; returns
 * how many there is room for. Call while there is one thread: later, each growth of the kernel's
 * table of descriptors would stop all threads for milliseconds. */
size_t dir_reserve(size_t count);

/* Whether anything exists at such a path. False with ENOENT if nothing does. */
bool dir_has(int at, const char *path);

/* Passes each name in a directory, "." and ".." too, to `take`; works once for a descriptor. False
 * with errno if `take` returns false, or the directory cannot be read. */
bool dir_list(int directory, bool (*take)(void *context, const char *name), void *context);

/* Opens a directory like dir_open_to_list(), for dir_next(). NULL with errno. */
DIR *dir_read(int at, const char *path);

/* The next entry except "." and "..". NULL at the end (errno 0) and on error. */
const struct dirent *dir_next(DIR *stream);

/* The type of an entry, a DT_ constant, from fstatat() if readdir() does not give it. */
unsigned char dir_entry_type(DIR *stream, const struct dirent *entry);

/* For error paths: errno stays. */
void close_keeping_errno(int descriptor);
void closedir_keeping_errno(DIR *stream);

#endif
