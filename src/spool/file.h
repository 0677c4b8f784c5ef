/* file.h - a file of a crash: what counts as one, how old it is, and how it is moved by rename or
 * by copy.
 *
 * A file of a crash is a regular file that has no other name: the other name of a file with two may
 * lie outside the root. The functions that move one make sure that it is such a file, and the one
 * that was looked at: a name that becomes a link in between harms nothing. All set errno when they
 * fail; EINVAL: it is another file, or not such a file. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

/* Whether it is a regular file that has no other name. */
bool file_is_regular(const struct stat *status);

/* When the file was last changed. A time stamp in the future can be set by anybody; then the
 * time of the last change of the inode, which cannot, is taken. */
struct timespec file_changed(const struct stat *status, const struct timespec *now);

/* Whether `now` is at least `seconds` after `then`. */
bool time_is_past(const struct timespec *then, long seconds, const struct timespec *now);

/* What a file looks like at its destination. */
struct file_style {
    mode_t mode;
    gid_t group; /* (gid_t)-1: left as it is */
};

/* Gives the file its style and renames it into the directory `to`, replacing what has that name
 * there; `status` is that of the file that was found under the name. EXDEV: `to` is on another file
 * system. EPERM: the file belongs to somebody else and cannot be given the style. For both,
 * file_copy() is the way. */
bool file_rename(int from, int to, const char *name, const struct stat *status,
                 const struct file_style *style);

/* Copies the file into the directory `to` under a temporary name that nothing has there. The copy
 * is not yet flushed. */
bool file_copy(int from, const char *name, int to, const char *temporary,
               const struct file_style *style);

#endif
