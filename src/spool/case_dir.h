/* case_dir.h - a directory of the quarantine, for what was found of a crash, or for the strays of a
 * day, and a file `reason`. The quarantine may lie in the spool, where anybody may have made
 * anything. All functions set errno when they fail. */
#ifndef CASE_DIR_H
#define CASE_DIR_H

#include "base/names.h"
#include "spool/crash_id.h"
#include "spool/mark.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

extern const char case_reason[]; /* the name of that file */

/* Whether a name is the reason's, or that of a copy that was not finished. */
bool case_is_ours(const char *name);

enum { CASE_PATH_SIZE = 192 };

/* <day>/<name>, <day>/<name>.1, and so on. */
void case_path(char path[CASE_PATH_SIZE], const char *day, const char *name, int again);

/* Whether a case of this name may be one of the crash: <id>, <id>.1, or with 16 hexadecimal digits.
 */
bool case_is_of(const char *name, const struct crash_id *id);

/* Where a crash came from. A case is for what came from one place: two roots may have crashes of
 * one id under one day, and each may be half a pair. */
struct case_source {
    const char *mark;       /* of the storage root; "": not known */
    enum place root;        /* PLACE_STORAGE or PLACE_DEFERRED */
    const char *day, *name; /* of the case, to open it: the name is the id, or "strays" */
};

/* Opens the directory for a crash, and with `make` makes it: the first of <name>, <name>.1, ...
 * that has none of the names that are to be moved from `from`, unless with the same bytes, that is
 * of no other source, and whose reason is not older than the others of these, and has not grown
 * long. So the run after a kill finds the same one again, and no two crashes share one. Where there
 * are very many, the ctime of the last of the names makes the name, or else `unique`. `path`
 * becomes its path, also where -1 is returned with errno: without `make` ENOENT if it would be
 * made. */
int case_open(int root, const struct case_source *source, int from, const struct names *names,
              uint64_t unique, bool make, char path[CASE_PATH_SIZE]);

/* Opens the one of that name, to which these were begun to be moved, whatever their times, and in a
 * quarantine that is not shared whatever mark the storage root had; EEXIST: it has one of the
 * names, for other bytes, no reason, or that of another source. */
int case_open_begun(int root, const struct case_source *source, const char *name, bool is_shared,
                    int from, const struct names *names, char path[CASE_PATH_SIZE]);

/* The name of an entry in its case, where our own two names are taken. */
const char *case_name(const char *name);

/* A line of the reason, with its newline: when, from which source, where there, and why.
 *
 *     2008-12-26T00:00:00Z MARK/20081225/name/22/ad/<id>.json: .dump is missing
 *     2008-12-26T00:00:00Z MARK/deferred/20081225/name/22/ad/<id>.json: .dump is missing
 *
 * In both MARK is that of the storage root, by which it is known whose the case is, also to a run
 * without the deferred root. Malloc'd; NULL when out of memory. */
char *case_line(const struct case_source *source, const char *where, const char *why);

/* Whether its reason names this source, as far as both are known. */
bool case_has_source(int directory, const struct case_source *source);

/* The mark in the first line that has one: whose the case is; "" if none has. Whether that is
 * another than this one; nothing is where one of them is not known. */
void case_read_owner(int directory, char mark[MARK_SIZE]);
bool case_is_of_another(int directory, const char *mark, char owner[MARK_SIZE]);

/* The first line of a reason, also of one in long-term storage, by its path; the last one of a
 * case. Without its newline, malloc'd; NULL if there is none. */
char *case_first_line(int directory, const char *path);
char *case_last_line(int directory);

/* Opens the reason, to append to it. */
int case_open_reason(int directory);

/* Adds a line to it, and flushes it. One that is there already, but for the time, is not repeated,
 * as what cannot be moved is tried again by each run; but it changes the time of the file. After a
 * release it is repeated: what comes now is no copy. */
bool case_add_reason(int directory, const struct case_source *source, const char *where,
                     const char *why);

/* Notes in its reason, on disk, that what is there now is a copy, and whether that was noted last,
 * and nothing has come there since. */
bool case_note_released(int directory, const struct case_source *source, const char *where);
bool case_line_says_released(const char *line);
bool case_is_released(int directory, const struct names *files);

enum case_taken {
    CASE_MOVED,
    CASE_COPIED, /* or the same bytes were there: the original is to go once the copy is flushed */
    CASE_FAILED,
};

/* Moves whatever has a name in `from` to a new name in a case: EEXIST. Only a regular file and a
 * link can be copied, to another file system; anything else is EXDEV. *status is that of the
 * original. */
enum case_taken case_take(int from, const char *name, int directory, const char *new_name,
                          struct stat *status);
bool case_can_copy(const struct stat *status);

/* Removes what was copied, if it has not changed. */
bool case_let_go(int from, const char *name, const struct stat *status);

/* Flushes a copy, and that it has this name. */
bool case_flush_copy(int directory, const char *name);

#endif
