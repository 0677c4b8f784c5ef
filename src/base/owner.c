#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool owner_give(int made, const struct stat *like)
{
    return fchownat(made, "", like->st_uid, like->st_gid, AT_EMPTY_PATH) == 0 ||
           fchownat(made, "", (uid_t)-1, like->st_gid, AT_EMPTY_PATH) == 0;
}

void owner_inherit(int directory, int made)
{
    struct stat status;
    int error = errno;
    if (geteuid() == 0 && fstat(directory, &status) == 0 && status.st_uid != 0)
        owner_give(made, &status);
    errno = error;
}

bool owner_is_refusal(int error)
{
    return error == EPERM || error == EACCES || error == ENOSYS || error == EOPNOTSUPP ||
           error == EINVAL;
}

/* The group first: changing it may clear bits of the mode. */
bool owner_set_style(int descriptor, mode_t mode, gid_t group)
{
    struct stat status;
    int error = 0;
    if (group != (gid_t)-1 && fchown(descriptor, (uid_t)-1, group) < 0)
        error = errno;
    if ((error == 0 || owner_is_refusal(error)) && fchmod(descriptor, mode) < 0)
        error = errno;
    bool good = error == 0 || (owner_is_refusal(error) && fstat(descriptor, &status) == 0 &&
                               (group == (gid_t)-1 || group == status.st_gid) &&
                               (status.st_mode & 07777) == mode);
    errno = error;
    return good;
}
