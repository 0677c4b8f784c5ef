/* scratch_spool.h - a spool below $TMPDIR for the targets that fuzz the names in one; whoever runs
 * them removes it. */
#ifndef SCRATCH_SPOOL_H
#define SCRATCH_SPOOL_H

#include "../scratch.h"
#include "fuzz.h"
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#define ID        "22adfb61-f75b-11dc-b6be-001322081225"
#define DAY       "20081225"
#define NAME_PATH DAY "/name/22/ad"

/* Makes every directory on the way. */
static inline void make_directories(const char *path)
{
    char part[PATH_MAX];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        CHECK(mkdir(part, 0700) == 0 || errno == EEXIST);
    }
    CHECK(mkdir(path, 0700) == 0 || errno == EEXIST);
}

static inline void make_file(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0 && write(file, "x", 1) == 1);
    close(file);
}

static inline bool is_link(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

/* Opens an empty spool, which becomes the working directory. */
static inline struct spool *empty_spool(void)
{
    static struct spool *spool;
    struct failure failure;
    if (*scratch_directory == '\0')
        CHECK(scratch_enter());
    CHECK(scratch_empty());
    spool_close(spool);
    spool = spool_open(scratch_directory, ".json", ".dump", &failure);
    CHECK(spool != NULL);
    return spool;
}

#endif
