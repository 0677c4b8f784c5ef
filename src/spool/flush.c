#include "spool/flush.h"

#include "spool/dir.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct changed_device {
    dev_t device;
    int directory;
    const char *path;
};

static void note_failure(struct flush_set *set, const char *path)
{
    set->error = errno;
    set->failed = path;
}

void flush_add(struct flush_set *set, dev_t device, int directory, const char *path)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i].device == device)
            return;
    struct changed_device *items = reallocarray(set->items, set->count + 1, sizeof *items);
    int readable = items != NULL ? dir_open_to_list(directory, NULL) : -1;
    if (items != NULL)
        set->items = items;
    if (readable >= 0)
        items[set->count++] = (struct changed_device){device, readable, path};
    else
        note_failure(set, path);
}

void flush_add_directory(struct flush_set *set, int directory, const char *path)
{
    struct stat status;
    if (fstat(directory, &status) == 0)
        flush_add(set, status.st_dev, directory, path);
    else
        note_failure(set, path);
}

bool flush_all(const struct flush_set *set, struct failure *failure)
{
    if (set->error != 0)
        return fail(failure, set->error, "cannot open a directory of \"%s\" to flush it",
                    set->failed);
    for (size_t i = 0; i < set->count; i++)
        if (syncfs(set->items[i].directory) < 0)
            return fail(failure, errno, "cannot flush the file system of \"%s\"",
                        set->items[i].path);
    return true;
}

void flush_clear(struct flush_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        close(set->items[i].directory);
    free(set->items);
    *set = (struct flush_set){0};
}
