#include "spool/spool.h"

#include "spool/crash_id.h"
#include "spool/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A new file without a name, or unlinked at once if the file system has none of these (NFS). */
static int make_nameless_file(int root)
{
    char name[64];
    int file = openat(root, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return file;
    snprintf(name, sizeof name, ".crashmon-clock.%ld", (long)getpid());
    file = openat(root, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file >= 0)
        unlinkat(root, name, 0);
    return file;
}

/* Ages are measured by the clock that stamps the files, which may be a file server's. If no file
 * can be created, this machine's clock has to do. */
static struct timespec file_system_clock(int root)
{
    struct timespec now;
    struct stat status;
    int file = make_nameless_file(root);
    bool known = file >= 0 && fstat(file, &status) == 0;
    if (file >= 0)
        close(file);
    if (known)
        return status.st_mtim;
    clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

struct spool *spool_open(const char *path, const char *json_suffix, const char *dump_suffix,
                         struct failure *failure)
{
    struct stat status;
    struct spool *spool = malloc(sizeof *spool);
    if (spool == NULL) {
        fail(failure, errno, "cannot open directory \"%s\"", path);
        return NULL;
    }
    *spool = (struct spool){.path = path, .json_suffix = json_suffix, .dump_suffix = dump_suffix};
    spool->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->root < 0 || fstat(spool->root, &status) < 0) {
        fail(failure, errno, "cannot open directory \"%s\"", path);
        spool_close(spool);
        return NULL;
    }
    spool->device = status.st_dev;
    spool->now = file_system_clock(spool->root);
    return spool;
}

void spool_close(struct spool *spool)
{
    if (spool == NULL)
        return;
    if (spool->root >= 0)
        close(spool->root);
    free(spool);
}

bool spool_days(const struct spool *spool, struct names *days, struct failure *failure)
{
    DIR *stream = dir_read(spool->root, NULL);
    if (stream == NULL)
        return fail(failure, errno, "cannot read directory \"%s\"", spool->path);
    const struct dirent *entry;
    bool good = true;
    while (good && (entry = dir_next(stream)) != NULL)
        if (day_is_valid(entry->d_name))
            good = names_add(days, entry->d_name);
    if (!good || errno != 0)
        good = fail(failure, errno, "cannot read directory \"%s\"", spool->path);
    closedir(stream);
    names_sort(days);
    return good;
}

static bool is_flushed(const struct spool *const spools[], size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (spools[i]->device == spools[index]->device)
            return true;
    return false;
}

bool spools_flush(const struct spool *const spools[], size_t count, struct failure *failure)
{
    for (size_t i = 0; i < count; i++)
        if (!is_flushed(spools, i) && syncfs(spools[i]->root) < 0)
            return fail(failure, errno, "cannot flush the file system of \"%s\"", spools[i]->path);
    return true;
}
