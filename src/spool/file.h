/* file.h - a file of a crash: what counts as one, its age, and how to rename or copy it.
 *
 * It is a regular file with a single name: a second name could lie outside the root. The functions
 * that move a file check this, and that it is the file that was examined, so a name that becomes a
 * link in between does no harm. All set errno when they fail;
 * FILE_CHANGED: it is not such a file any more. */
#ifndef FILE_H
#define FILE_H

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

/* A file of up to this size may be tried where there may be no room for it. */
enum { FILE_SMALL = 1 << 20 };

/* Somebody has changed it since it was examined, or has put something else in its place: the next
 * run looks again. No file system gives this errno value. */
enum { FILE_CHANGED = EREMCHG };

/* A file system has neither of the two ways to give a file a name that nothing has. Likewise. */
enum { FILE_CANNOT_BE_NAMED = EBADRQC };

bool file_is_regular(const struct stat *status);

/* Whether both are of one file or directory, by whatever names. */
bool file_is_same(const struct stat *left, const struct stat *right);

/* Whether a file with a single name is still the one that was examined, with the same bytes. An
 * inode number alone is not enough: it is used again. */
bool file_is_unchanged(const struct stat *left, const struct stat *right);

/* When the file was last changed: its mtime, or if that was set to the future, its ctime. */
struct timespec file_changed(const struct stat *status, const struct timespec *now);

/* Whether `now` is at least `seconds` after `then`. */
bool time_is_past(const struct timespec *then, long seconds, const struct timespec *now);

void time_keep_latest(struct timespec *latest, struct timespec candidate);

/* Mode and group at the destination. */
struct file_style {
    mode_t mode;
    gid_t group; /* (gid_t)-1: unchanged */
};

enum file_renamed {
    FILE_RENAMED,
    FILE_EXISTS,     /* `to` has a file of that name, which is not replaced */
    FILE_NEEDS_COPY, /* `to` is on another file system, or the style cannot be set, or the file
                        system cannot rename without replacing */
    FILE_STRANGER,   /* what is there now under the name is not the file that was examined */
    FILE_FAILED,     /* with errno */
};

/* Sets the style of the file that was examined, with this status, and renames it into the directory
 * `to`. What is on another file system stays as it is: the copy gets the style, and if that fails
 * the ctime of the file still says since when it is there. */
enum file_renamed file_rename(int from, int to, const char *name, const struct stat *status,
                              const struct file_style *style);

/* Copies the file that was examined into the directory `to` under a new temporary name, holes as
 * holes. Does not flush the copy. ENOSPC before anything is written: there is no room. Signals are
 * asked for every 16 MiB, and before the first: EINTR, and nothing of the copy remains. */
bool file_copy(int from, const char *name, const struct stat *status, int to, const char *temporary,
               const struct file_style *style);

/* Makes a file with a text under a new temporary name. Does not flush it. */
bool file_write(int directory, const char *temporary, const char *text,
                const struct file_style *style);

/* Whether the file system of a directory or file has `bytes` bytes free, as far as it tells. */
bool file_has_room(int directory, off_t bytes);

/* Moves whatever has a name to another one, which nothing may have: EEXIST. EXDEV: it has to be
 * copied, to another file system or in one that cannot rename without replacing. */
bool file_move(int from, const char *name, int to, const char *new_name);

/* Gives our own file its final name, which nothing may have: EEXIST. Also where the file system
 * cannot rename without replacing, but makes hard links; else FILE_CANNOT_BE_NAMED. */
bool file_publish(int directory, const char *temporary, const char *name);

/* Whether two directories have the same bytes under a name; the file in the second one may have
 * more names. False with errno 0: other bytes, or one and the same file, which is no copy. EINTR: a
 * signal came during the comparison of large files. EINVAL: the one in the second is no file. */
bool file_is_equal(int left, int right, const char *name);

/* Removes the file that was examined, and no other. True also if nothing has the name. The second
 * one is for an original, whose bytes may be nowhere else by now: nothing has been done to it
 * since, by its ctime, as size and mtime can be set. The others are its two steps, for pairs: none
 * of their files goes if one has changed. */
bool file_remove(int directory, const char *name, const struct stat *status);
bool file_remove_untouched(int directory, const char *name, const struct stat *status);
bool file_is_untouched(int directory, const char *name, const struct stat *status);
bool file_unlink(int directory, const char *name);

#endif
