/* scratch.h - a directory below $TMPDIR that becomes the working directory, for the unit tests and
 * the fuzzers. All functions set errno when they fail. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char scratch_directory[PATH_MAX];

static inline bool scratch_enter(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(scratch_directory, sizeof scratch_directory, "%s/crashmon-scratch.XXXXXX",
             parent == NULL ? "/tmp" : parent);
    return mkdtemp(scratch_directory) != NULL && chdir(scratch_directory) == 0;
}

static inline int scratch_remove_entry(const char *path, const struct stat *status, int type,
                                       struct FTW *walk)
{
    (void)status, (void)type;
    return walk->level == 0 ? 0 : remove(path);
}

/* Removes everything in a directory; in the scratch directory itself. */
static inline bool scratch_empty_other(const char *directory)
{
    return nftw(directory, scratch_remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0;
}

static inline bool scratch_empty(void)
{
    return scratch_empty_other(scratch_directory);
}

#endif
