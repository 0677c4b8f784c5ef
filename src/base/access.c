#include "base/access.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool access_may_make_in(const char *directory, struct failure *failure)
{
    return faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0 ||
           fail(failure, errno, "cannot write to directory \"%s\"", directory);
}

static bool may_make(const char *path, struct failure *failure)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    return access_may_make_in(dirname(copy), failure);
}

bool access_is_system(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
}

bool access_may_append(const char *path, struct failure *failure)
{
    struct stat status;
    bool is_system = access_is_system(path);
    if ((is_system ? stat : lstat)(path, &status) < 0)
        return errno == ENOENT ? may_make(path, failure)
                               : fail(failure, errno, "cannot write to file \"%s\"", path);
    if (!S_ISREG(status.st_mode) && !is_system)
        return fail(failure, 0, "cannot write to file \"%s\": not a regular file", path);
    return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 ||
           fail(failure, errno, "cannot write to file \"%s\"", path);
}

bool access_is_replaceable(const char *path, struct failure *failure)
{
    struct stat status;
    return lstat(path, &status) < 0 || S_ISREG(status.st_mode) ||
           fail(failure, 0, "cannot replace \"%s\": not a regular file", path);
}

bool access_may_replace(const char *path, struct failure *failure)
{
    return may_make(path, failure) && access_is_replaceable(path, failure);
}

bool access_may_give(const char *directory, gid_t group, struct failure *failure)
{
    static gid_t groups[NGROUPS_MAX];
    struct stat status;
    int count = getgroups(NGROUPS_MAX, groups);
    bool may = geteuid() == 0 || getegid() == group ||
               (stat(directory, &status) == 0 && (status.st_mode & S_ISGID) != 0 &&
                status.st_gid == group);
    for (int i = 0; i < count && !may; i++)
        may = groups[i] == group;
    return may ||
           fail(failure, EPERM, "cannot give files in \"%s\" to group %ld", directory, (long)group);
}
