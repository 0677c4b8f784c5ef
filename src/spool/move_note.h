/* move_note.h - the note beside the pair of a finished job that says where it goes, for the run
 * after one that was killed. By then the job may have another verdict, and the disk to which a part
 * of the pair has gone may be away. It is a symbolic link, which comes whole or not at all, and
 * leads nowhere:
 *
 *     ROOT/YYYYMMDD/name/22/ad/.moving.<id>       -> successful, failed, or quarantine CASE: WHY
 *     ROOT/YYYYMMDD/name/22/ad/.quarantined.<id>  -> quarantine CASE: WHY
 *
 * The first one is made before any of its files is moved, and goes when all are. But a pair is not
 * looked for in quarantine: that note becomes the second one before the last file goes there, until
 * the row is gone. Two files that are renamed need none: one that is still here says enough. What a
 * scan quarantines needs none, as its date link goes last.
 *
 * `directory` is that of the pair, in any mode; -1: not open. All give the reason for a failure. */
#ifndef MOVE_NOTE_H
#define MOVE_NOTE_H

#include "spool/pair.h"

enum {
    MOVE_NOTE_SIZE = 1000, /* XFS: 1024 */
    MOVE_NOTE_CASE_SIZE = CRASH_ID_LENGTH + 20,
};

struct move_note {
    bool is_there;
    enum place to; /* PLACE_SUCCESSFUL, PLACE_FAILED, PLACE_QUARANTINE: */
    char in[MOVE_NOTE_CASE_SIZE], why[MOVE_NOTE_SIZE]; /* the name of the case (cases.h), and why */
};

/* Notes where it goes, in place of what is noted; `in` and `why` are for the quarantine. Where the
 * disk is full it goes without a note, as it has to be emptied. */
bool move_note_make(const struct pair *pair, int directory, enum place to, const char *in,
                    const char *why, struct failure *failure);

/* Notes that it is in quarantine, but for its last file, if it is noted that it goes there. What
 * cannot be noted makes it count as missing, if its row is not deleted by the same run. */
void move_note_arrived(const struct pair *pair, int directory);

/* Reads the first note, or the second one. Something else that has its name is the crash's own
 * failure (errno value 0). */
bool move_note_read(const struct pair *pair, int directory, bool has_arrived,
                    struct move_note *note, struct failure *failure);

/* Whether a name is that of a second note. A day that is over is swept of those (sweep.h). */
bool move_note_is_last(const char *name);

/* Removes what there is of them. */
bool move_note_remove(const struct pair *pair, int directory, struct failure *failure);

#endif
