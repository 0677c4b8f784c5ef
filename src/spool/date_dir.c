#include "spool/date_dir.h"

#include "spool/dir.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOT_OPEN = -1 };

static struct date_dir *new_below(const struct spool *spool, struct date_dir *parent,
                                  const char *above, const char *name)
{
    struct date_dir *directory = calloc(1, sizeof *directory);
    if (directory == NULL)
        return NULL;
    if (asprintf(&directory->path, "%s/%s", above, name) < 0) {
        free(directory);
        return NULL;
    }
    directory->spool = spool;
    directory->parent = parent != NULL ? date_dir_hold(parent) : NULL;
    directory->holders = 1;
    directory->descriptor = NOT_OPEN;
    return directory;
}

struct date_dir *date_dir_top(const struct spool *spool, const char *day, const char *branch)
{
    return new_below(spool, NULL, day, branch);
}

struct date_dir *date_dir_new(const struct spool *spool, struct date_dir *parent, const char *name)
{
    return parent != NULL ? new_below(spool, parent, parent->path, name)
                          : date_dir_top(spool, name, "date");
}

struct date_dir *date_dir_hold(struct date_dir *directory)
{
    directory->holders++;
    return directory;
}

/* A directory that is not empty, or already gone, is not an error. */
static void remove_if_empty(const struct date_dir *directory)
{
    char *above = strdup(directory->path);
    if (above == NULL)
        return;
    char *slash = strrchr(above, '/');
    *slash = '\0';
    int parent = dir_open(directory->spool->root, above);
    if (parent >= 0) {
        unlinkat(parent, slash + 1, AT_REMOVEDIR);
        close(parent);
    }
    free(above);
}

void date_dir_release(struct date_dir *directory)
{
    while (directory != NULL && --directory->holders == 0) {
        struct date_dir *parent = directory->parent;
        if (directory->descriptor != NOT_OPEN)
            close(directory->descriptor);
        if (directory->removable)
            remove_if_empty(directory);
        free(directory->path);
        free(directory);
        directory = parent;
    }
}

int date_dir_open(struct date_dir *directory)
{
    int known = directory->descriptor;
    if (known != NOT_OPEN)
        return known;
    int opened = dir_open(directory->spool->root, directory->path);
    if (opened < 0 || atomic_compare_exchange_strong(&directory->descriptor, &known, opened))
        return opened;
    close(opened); /* another thread was faster */
    return known;
}

void date_dir_day(const struct date_dir *directory, char day[DAY_LENGTH + 1])
{
    memcpy(day, directory->path, DAY_LENGTH);
    day[DAY_LENGTH] = '\0';
}
