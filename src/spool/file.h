/* file_move.h - moving one plain file between directories, by rename or by copy.
 *
 * Both functions make sure that what they worked on is a plain file, and the one that was looked
 * at: a name that becomes a link in between harms nothing. They set errno when they fail; EINVAL:
 * it is another file, or not a plain one. */
#ifndef FILE_MOVE_H
#define FILE_MOVE_H

#include <stdbool.h>
#include <sys/stat.h>

/* What a file looks like at its destination. */
struct file_style {
    mode_t mode;
    gid_t group; /* (gid_t)-1: left as it is */
};

/* Gives the file its style and renames it into the directory `to`, replacing what has that name
 * there; `status` is that of the plain file that was found under the name. EXDEV: `to` is on
 * another file system. EPERM: the file belongs to somebody else and cannot be given the style. For
 * both, file_copy() is the way. */
bool file_rename(int from, int to, const char *name, const struct stat *status,
                 const struct file_style *style);

/* Copies the file into the directory `to` under a temporary name that nothing has there. The copy
 * is not yet flushed. */
bool file_copy(int from, const char *name, int to, const char *temporary,
               const struct file_style *style);

#endif
