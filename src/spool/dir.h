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
 * opens it to be read, too, and `at` if `path` is NULL; dir_make() creates what is missing;
 * dir_make_telling() says whether it was the directory itself, which then is empty. */
int dir_open(int at, const char *path);
int dir_open_to_list(int at, const char *path);
int dir_make(int at, const char *path, const struct dir_style *style);
int dir_make_telling(int at, const char *path, const struct dir_style *style, bool *is_new);

/* How many bytes of such a path lead to the first component that cannot be opened as a directory;
 * all, if each can. */
size_t dir_in_the_way(int at, const char *path);

/* Makes room for `count` more open directories, beside what the program needs otherwise; returns
 * how many there is room for. Call while there is one thread: later, each growth of the kernel's
 * table of descriptors would stop all threads for milliseconds. */
size_t dir_reserve(size_t count);

/* Whether anything exists at such a path. False with ENOENT if nothing does. */
bool dir_has(int at, const char *path);

/* Whether a directory, `at` itself if the name is "", lies in another mount than `root`, on a disk
 * of its own or not: what is mounted inside a root has no mark (mark.h). True if that cannot be
 * told. */
bool dir_is_mounted(int root, int at, const char *name);

/* Whether an entry is no sign that anything else was put there: lost+found, or a hidden one. */
bool dir_is_of_disk(const char *name);

/* When something was made: anybody may set its mtime, and a new owner, or a second name, renews its
 * ctime. False where the file system does not tell. */
bool dir_birth(int at, const char *name, struct timespec *birth);

/* Flushes the entries of a directory to disk. */
bool dir_flush(int directory);

/* Reads a directory, entry by entry. It lies on the stack, several times where directories are read
 * in directories: `ulimit -s` may be small. */
struct dir_reader {
    int descriptor; /* of the directory, readable */
    size_t next, end;
    _Alignas(struct dirent64) char entries[1 << 12];
};

/* Opens a directory like dir_open_to_list(), to be closed by dir_end(). False with errno. */
bool dir_begin(struct dir_reader *reader, int at, const char *path);
void dir_end(struct dir_reader *reader); /* errno stays */

/* Instead of dir_begin(), for one that is open, and not read yet; the caller closes it. */
void dir_begin_open(struct dir_reader *reader, int directory);

/* The next entry except "." and "..", valid until the next call. NULL at the end (errno 0) and on
 * error. */
const struct dirent64 *dir_next(struct dir_reader *reader);

/* The type of an entry, a DT_ constant, from fstatat() if the directory does not give it. */
unsigned char dir_entry_type(const struct dir_reader *reader, const struct dirent64 *entry);

/* For error paths: errno stays. */
void close_keeping_errno(int descriptor);

#endif
