/* date_dir.h - a directory of a date tree, `date` or one below it, or of a name tree, with a count
 * of its holders: the walk while it reads it, each crash found in it, and the directories below it.
 * After the last release it is removed from disk if it is removable and empty. */
#ifndef DATE_DIR_H
#define DATE_DIR_H

#include "spool/crash_id.h"
#include "spool/spool.h"

struct date_dir {
    const struct spool *spool;
    struct date_dir *parent; /* held; NULL: this is the top of the tree */
    char *path;              /* from the root: "20081225/date/12/05/web01_0" */
    _Atomic int holders;
    bool removable;
    _Atomic int descriptor; /* see date_dir_open() */
};

/* A directory `name` below a parent, held by the caller; for a NULL parent, the directory `date` of
 * the day `name`. NULL when out of memory. */
struct date_dir *date_dir_new(const struct spool *spool, struct date_dir *parent, const char *name);

/* The directory `branch` of a day. NULL when out of memory. */
struct date_dir *date_dir_top(const struct spool *spool, const char *day, const char *branch);

/* Any thread may call these two. */
struct date_dir *date_dir_hold(struct date_dir *directory);
void date_dir_release(struct date_dir *directory);

/* An O_PATH descriptor, which stays open until the last release: most links are removed from the
 * same directory as the one before. -1 with errno. Any thread may call it. */
int date_dir_open(struct date_dir *directory);

void date_dir_day(const struct date_dir *directory, char day[DAY_LENGTH + 1]);

#endif
