/* mark.h - the mark of a directory that crashmon was given: the file ".crashmon", one line,
 *
 *     crashmon 1 UUID
 *
 * A directory is known by its mark, not by its path, at which another disk may be mounted, or none.
 * Which mark each place has to have is known to pgc/storages.h. Place and path are for messages. */
#ifndef MARK_H
#define MARK_H

#include "base/failure.h"

enum { MARK_SIZE = 37 }; /* a UUID in lower case, and its NUL */

/* What a directory that was given is for. */
enum place { PLACE_STORAGE, PLACE_DEFERRED, PLACE_SUCCESSFUL, PLACE_FAILED, PLACE_QUARANTINE };
enum { PLACE_COUNT = PLACE_QUARANTINE + 1 };

/* Whether a text begins with a mark. */
bool mark_is_valid(const char *text);

/* "storage root", ... */
const char *place_title(enum place place);

/* Reads the mark of an open directory; it becomes "" if there is none. False with the reason if
 * that file cannot be read, or is not a mark. */
bool mark_read(enum place place, const char *path, int directory, char mark[MARK_SIZE],
               struct failure *failure);

/* Whether a directory has a mark, of whatever kind; its path is below `at`, or AT_FDCWD. */
bool mark_is_there(int at, const char *path);

/* False with the reason if this process could not make a mark in an open directory. */
bool mark_may_make(enum place place, const char *path, int directory, struct failure *failure);

/* The same as mark_read(), but makes a mark if there is none, and has it on disk. When several
 * processes do that, the first one's mark is the one that all of them get. A kill leaves no mark or
 * a whole one, and where no file can be without a name perhaps ".crashmon.UUID": no harm. */
bool mark_make(enum place place, const char *path, int directory, char mark[MARK_SIZE],
               struct failure *failure);

/* Checks that an open directory is the one that it should be; -1: it is not there, which is right
 * where there has never been one. False with the reason if it must not be used. */
typedef bool mark_check(enum place place, const char *path, int directory, struct failure *failure);

#endif
