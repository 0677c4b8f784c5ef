/* scratch_tree.h - files and directories below the working directory, for the unit tests and the
 * fuzz targets. Whoever includes it has defined CHECK(what must hold). */
#ifndef SCRATCH_TREE_H
#define SCRATCH_TREE_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ID        "22adfb61-f75b-11dc-b6be-001322081225"
#define DAY       "20081225"
#define NAME_PATH DAY "/name/22/ad"

static inline void make_directory(const char *path)
{
    CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
}

/* Makes every directory on the way to a path, but not what comes after the last slash. */
static inline void make_parents(const char *path)
{
    char part[PATH_MAX];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        make_directory(part);
    }
}

static inline void make_directories(const char *path)
{
    make_parents(path);
    make_directory(path);
}

static inline void write_file(const char *path, const char *content)
{
    FILE *stream = fopen(path, "w");
    CHECK(stream != NULL && fputs(content, stream) >= 0 && fclose(stream) == 0);
}

/* Whether there is anything at the path: a link that leads nowhere is something, too. */
static inline bool is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static inline bool is_link(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

#endif
