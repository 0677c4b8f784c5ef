/* scratch_spool.h - a spool below $TMPDIR for the targets that fuzz the names in one; whoever runs
 * them removes it. */
#ifndef SCRATCH_SPOOL_H
#define SCRATCH_SPOOL_H

#include "fuzz.h"
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <unistd.h>

#define ID          "22adfb61-f75b-11dc-b6be-001322081225"
#define DAY         "20081225"
#define NAME_BRANCH DAY "/name/22/ad"

static inline int remove_one(const char *path, const struct stat *status, int type,
                             struct FTW *walk)
{
    (void)status;
    (void)type;
    return walk->level == 0 ? 0 : remove(path);
}

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
    static struct spool spool = {.root = -1};
    static char path[PATH_MAX];
    struct failure failure;
    if (*path == '\0') {
        const char *tmp = getenv("TMPDIR");
        snprintf(path, sizeof path, "%s/crashmon-fuzz.XXXXXX", tmp != NULL ? tmp : "/tmp");
        CHECK(mkdtemp(path) != NULL && chdir(path) == 0);
    }
    CHECK(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
    spool_close(&spool);
    CHECK(spool_open(&spool, path, ".json", ".dump", &failure));
    return &spool;
}

#endif
