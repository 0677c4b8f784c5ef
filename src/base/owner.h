/* owner.h - whose a file is that was just made, and who may do what with it. A run by hand is often
 * root's: what it makes must not be in the way of the runs of the user who owns the directory. */
#ifndef OWNER_H
#define OWNER_H

#include <stdbool.h>
#include <sys/stat.h>

/* Gives it to owner and group of something, or at least to the group. False with errno. */
bool owner_give(int made, const struct stat *like);

/* Gives what root has made to owner and group of its directory; does nothing for anybody else, and
 * where it is refused (NFS). Both may be O_PATH descriptors. */
void owner_inherit(int directory, int made);

/* Sets the mode and, unless that is (gid_t)-1, the group of what is open, not with O_PATH. A file
 * system that has neither (CIFS, some of FUSE) refuses that, each with its own errno value, which
 * does no harm where both are right already. False with errno. */
bool owner_set_style(int descriptor, mode_t mode, gid_t group);
bool owner_is_refusal(int error); /* whether an errno value is one of those */

#endif
