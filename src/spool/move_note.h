/* move_note.h - the note beside the pair of a finished job that says where it goes, for the run
 * after one that was killed. By then the job may have another verdict, and the disk to which a part
 * of the pair has gone may be away. It is a symbolic link, which comes whole or not at all, and
 * leads nowhere:
 *
 *     ROOT/YYYYMMDD/name/22/ad/.moving.<id>       -> copying to PLACE JOB
 *     ROOT/YYYYMMDD/name/22/ad/.moving.<id>       -> PLACE JOB
 *     ROOT/YYYYMMDD/name/22/ad/.moving.<id>       -> quarantine CASE JOB: WHY
 *     ROOT/YYYYMMDD/name/22/ad/.quarantined.<id>  -> quarantine CASE JOB: WHY
 *
 * PLACE is "successful" or "failed". For long-term storage on another disk the first one is made
 * before the copies, and the second before they get their names; it goes with the originals. Files
 * that are renamed need none, as half a pair is looked for; but half a pair does, whose further
 * dumps are not looked for. For quarantine it is made when the case has its reason, before the
 * first file is moved. A pair is not looked for there: so it becomes the last one before the last
 * file goes, until the row is gone. What a scan quarantines needs none, as its date link goes last.
 *
 * `directory` is that of the pair, in any mode; -1: not open. Where there is none is no note, nor
 * where something else stands in its way. All give the reason for a failure. */
#ifndef MOVE_NOTE_H
#define MOVE_NOTE_H

#include "spool/pair.h"

#include <stdint.h>

enum {
    MOVE_NOTE_CASE_SIZE = CRASH_ID_LENGTH + 20,
    MOVE_NOTE_WHY_SIZE = 800,
    MOVE_NOTE_SIZE = 1000, /* of all of it; XFS: 1024 */
};

struct move_note {
    bool is_there;
    enum place to;   /* PLACE_SUCCESSFUL, PLACE_FAILED, PLACE_QUARANTINE */
    bool is_copying; /* nothing there has its name yet */
    long long job;   /* its id: a note may be left from an earlier crash */
    /* For the quarantine: the name of the case (cases.h), and why. */
    char in[MOVE_NOTE_CASE_SIZE];
    char why[MOVE_NOTE_WHY_SIZE];
};

/* Makes a note, in place of another one. */
bool move_note_make(const struct pair *pair, int directory, const struct move_note *note,
                    struct failure *failure);

/* Notes that it is in quarantine, but for its last file, if it is noted that it goes there. What
 * cannot be noted makes it count as missing, if its row is not deleted by the same run. */
void move_note_arrived(const struct pair *pair, int directory);

/* Reads the first note, or the second one. Something else that has its name is the crash's own
 * failure (errno value 0). */
bool move_note_read(const struct pair *pair, int directory, bool has_arrived,
                    struct move_note *note, struct failure *failure);

/* Whether what is made in `directory` is seen in another one: then both are the same, also where a
 * file system gives it two numbers (overlayfs). `unique` is a number that no other run has. */
bool move_note_is_seen_in(const struct pair *pair, int directory, int other, uint64_t unique);

/* Whether something of such a name and type (DT_...) is a note. Where there is nothing else in a
 * day that is over, and no pair of that day has a row, it goes (sweep.h). */
bool move_note_is_one(const char *name, unsigned char type);

/* Removes what there is of them. A directory that has the name of one is the crash's own failure.
 */
bool move_note_remove(const struct pair *pair, int directory, struct failure *failure);

#endif
