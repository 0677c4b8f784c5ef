/* storage_rows.h - the table crashmon.storages, and what else the database knows about a directory.
 * The statements of storages.h, each a transaction by itself. */
#ifndef STORAGE_ROWS_H
#define STORAGE_ROWS_H

#include "options/options.h"
#include "session.h"
#include "spool/mark.h"

#include <limits.h>

enum { HOST_SIZE = 256 };

struct storage_row {
    char mark[MARK_SIZE]; /* empty: there is no row */
    char path[PATH_MAX], host[HOST_SIZE];
    bool is_due; /* to be swept */
};

/* Of the storage, by place. A thread may have that of its own place read again. */
extern struct storage_row storage_rows[PLACE_COUNT];
bool storage_rows_know(enum place place);

/* What the names of the places are in the table. */
extern const char *const storage_row_names[PLACE_COUNT];

/* The context of the statements, and their answers. */
struct storage_question {
    const struct options *options;
    enum place place;
    const char *path, *host, *mark; /* of a directory */
    char root[PATH_MAX + 1], other[PATH_MAX + 1];
    char found[PATH_MAX];
    long count;
};

session_work storage_rows_read;

/* Inserts the row of a place, or updates that of the same mark; with --adopt that of any mark, and
 * what was queued from the root that had it belongs to the one that takes its place. Then reads all
 * rows: another program may have been first. */
session_work storage_rows_write;

/* Notes that a root was swept today, in a transaction for that alone (session_begin_note()). */
enum db_status storage_rows_note_swept(const struct storage_question *question,
                                       struct failure *failure);

/* Which other place has this mark, if one of the two is a root: `found`, as text; "": none. */
session_work storage_rows_find_root;

/* How many jobs may have been queued from a root: those below `root`, and those that are not below
 * the other root. storage_rows_count_old(): unfinished ones below `root`. */
session_work storage_rows_count_jobs, storage_rows_count_old;

#endif
