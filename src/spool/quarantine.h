/* quarantine.h - for crashes that never became a pair or must not be queued. Deletes nothing.
 *
 *     QUARANTINE/YYYYMMDD/<id>/           a directory for each crash
 *     QUARANTINE/YYYYMMDD/<id>/reason     when, whose, where from and why; a line for each crash
 *     QUARANTINE/YYYYMMDD/<id>/<id>.json  everything that was found of the crash, unchanged
 *     QUARANTINE/.lock                    held by whoever changes something
 *     QUARANTINE/YYYYMMDD/strays/         strays of the date tree, and their reason (strays.h)
 *
 * YYYYMMDD is its day in the spool. cases.h finds them. A second crash of the same id goes to
 * <id>.1, and so on, unless it has the same bytes; so does one from the other root, or from another
 * storage, whatever its bytes. */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include "spool/location.h"
#include "spool/mark.h"
#include "spool/pair.h"

#include <stdint.h>

struct quarantine;

/* The quarantine of a spool, opened, and created if missing, when first needed; NULL when out of
 * memory. The path must outlive it; if NULL, it is "quarantine" in the root. Below the root no link
 * is followed. One that lies elsewhere must pass the check, unless that is NULL. Several threads
 * may use it until it is freed; freeing NULL is harmless. */
struct quarantine *quarantine_new(const char *path, const struct spool *spool, mark_check *check);
void quarantine_free(struct quarantine *quarantine);

/* Opens it now. While it cannot be opened nothing is moved. */
bool quarantine_open(struct quarantine *quarantine, struct failure *failure);

/* For a dry run: whether a crash could go there (quarantine_pair()), as far as that can be told
 * without changing anything. */
bool quarantine_foresee(struct quarantine *quarantine, const struct pair *pair,
                        struct failure *failure);

/* Opens one that is there, and keeps everybody else from changing it until quarantine_let_go(),
 * runs on other storages and hosts, too; a dry run only if that has been done before, as it does
 * not make the file for it. Returns a readable descriptor, which is the quarantine's own; -1 with
 * the reason: ENOENT if there is none. Here and below: EWOULDBLOCK if somebody else holds it for a
 * second, EINTR after a second signal. */
int quarantine_hold(struct quarantine *quarantine, bool dry_run, struct failure *failure);
void quarantine_let_go(struct quarantine *quarantine);

const char *quarantine_name_of(const struct quarantine *quarantine); /* its path */

/* The mark of the storage root: cases that name another one are another storage's. Whether those
 * that name none may be, too, now that it is open: not where it lies below the root and has no mark
 * of its own, which another storage would have made that was told to use it. */
const char *quarantine_mark(const struct quarantine *quarantine);
bool quarantine_is_shared(const struct quarantine *quarantine);

/* Moves all files of a crash, then removes the name link. The caller removes the date link, last,
 * so that a run after a kill finds it again. */
bool quarantine_pair(struct quarantine *quarantine, const struct pair *pair, const char *reason,
                     struct failure *failure);

/* The same for the pair of a finished job, by its id, which is not new: it is noted beside it
 * (move_note.h). */
bool quarantine_newcomer(struct quarantine *quarantine, const struct pair *pair, long long job,
                         const char *reason, struct failure *failure);

/* Moves one thing that was found for a pair in this directory. */
bool quarantine_name(struct quarantine *quarantine, int directory, const char *name,
                     const struct pair *pair, const char *reason, struct failure *failure);

/* Opens the quarantine for strays, makes it if need be (not in a dry run), and keeps others from
 * changing it until quarantine_let_go(). Meanwhile: a directory for those of a day, -1 with the
 * reason; for a dry run, whether there could be one; to remove that again when nothing could be
 * moved there; a number that none of them has. */
bool quarantine_begin_strays(struct quarantine *quarantine, bool dry_run, struct failure *failure);
int quarantine_open_strays(struct quarantine *quarantine, const char *day, struct failure *failure);
bool quarantine_foresee_strays(struct quarantine *quarantine, const char *day,
                               struct failure *failure);
void quarantine_drop_case(struct quarantine *quarantine);
uint64_t quarantine_unique(struct quarantine *quarantine);

/* Whether something can be moved, if the quarantine is open: from another file system only a link,
 * and a file with one name. */
bool quarantine_can_take(const struct quarantine *quarantine, int from, const char *name,
                         struct failure *failure);

/* What cannot be moved at all (EXDEV) stays for ever: it is only counted, and told once a run. */
void quarantine_note_failure(struct quarantine *quarantine, const struct failure *failure);
long quarantine_stuck(const struct quarantine *quarantine);

#endif
