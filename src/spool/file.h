/* file.h - a file of a crash: what counts as one, its age, and how to rename or copy it.
 *
 * It is a regular file with a single name: a second name could lie outside the root. The functions
 * that move a file check this, and that it is the file that was examined, so a name that becomes a
 * link in between does no harm. All set errno when they fail; EINVAL: it is not such a file. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

bool file_is_regular(const struct stat *status);

/* When the file was last changed: its mtime, or if that was set to the future, its ctime. */
struct timespec file_changed(const struct stat *status, const struct timespec *now);

/* Whether `now` is at least `seconds` after `then`. */
bool time_is_past(const struct timespec *then, long seconds, const struct timespec *now);

/* Mode and group at the destination. */
struct file_style {
    mode_t mode;
    gid_t group; /* (gid_t)-1: unchanged */
};

/* Sets the style of the file and renames it into the directory `to`, replacing a file of that name;
 * `status` is that of the file examined. After EXDEV (`to` is on another file system) and
 * EPERM (the file belongs to another user and cannot get the style) use file_copy(). */
bool file_rename(int from, int to, const char *name, const struct stat *status,
                 const struct file_style *style);

/* Copies the file into the directory `to` under a new temporary name. Does not flush the copy. */
bool file_copy(int from, const char *name, int to, const char *temporary,
               const struct file_style *style);

#endif
