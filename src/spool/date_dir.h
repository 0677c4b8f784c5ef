/* date_dir.h - a directory of a date tree: `date` itself, or one below it.
 *
 * It is counted by those who hold it: the walk while it reads it, each crash that was found in it,
 * and the directories below it. When nobody holds it any more it is removed from disk, provided
 * that it is removable and empty. */
#ifndef DATE_DIR_H
#define DATE_DIR_H

#include "spool/crash_id.h"
#include "spool/spool.h"

struct date_dir {
    const struct spool *spool;
    struct date_dir *parent; /* held; NULL: it is the directory `date` of a day */
    char *path;              /* from the root: "20081225/date/12/05/web01_0" */
    _Atomic int holders;
    bool removable;
    _Atomic int descriptor; /* see date_dir_open() */
};

/* A directory that the caller holds, below a parent; or, with a parent of NULL, the directory
 * `date` of the day that `name` is. NULL when there is no memory. */
struct date_dir *date_dir_new(const struct spool *spool, struct date_dir *parent, const char *name);

/* Any thread may do these two. */
struct date_dir *date_dir_hold(struct date_dir *directory);
void date_dir_release(struct date_dir *directory);

/* An O_PATH descriptor of it, which stays open until it is released by all, as most links that are
 * removed lie in the same directory. -1 with errno. Any thread may do this, too. */
int date_dir_open(struct date_dir *directory);

/* The day that it belongs to. */
void date_dir_day(const struct date_dir *directory, char day[DAY_LENGTH + 1]);

#endif
