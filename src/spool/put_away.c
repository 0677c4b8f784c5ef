#include "spool/put_away.h"

#include "base/quote.h"
#include "log/log_format.h"
#include "spool/evidence.h"
#include "spool/findings.h"
#include "spool/move_note.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep(struct finished_job *job, const struct failure *failure, struct report *report)
{
    char name[QUOTE_SIZE];
    if (failure->error == FURTHER_CAME) {
        crash_wait(&job->crash, "a further dump came, or was changed, since it was looked at");
        return;
    }
    if (failure->error != EINTR) /* the run was asked to end: the rest of its batch stays */
        report_error(report, exit_code_of_crash(failure->error),
                     "cannot put %s away: %s; it stays for the next run", quote(name, job->uuid),
                     failure->text);
    crash_set(&job->crash, LEFT, "%s", failure->text);
}

static bool can_use_archive(struct finished_job *job, struct report *report)
{
    if (findings_open_archive(job->archive, report))
        return true;
    crash_set(&job->crash, LEFT, "long-term storage \"%s\" cannot be used in this run",
              archive_path(job->archive));
    return false;
}

/* Another crash of the same id has been archived. */
static void keep_newcomer_out(struct finished_job *job, const char *reason,
                              struct quarantine *quarantine, struct report *report)
{
    struct failure failure;
    const struct pair *pair = &job->move.pair;
    bool is_out = report->dry_run
                      ? quarantine == NULL || quarantine_foresee(quarantine, pair, &failure)
                      : quarantine_newcomer(quarantine, pair, job->id, reason, &failure);
    if (is_out) {
        job->noted = *pair;
        crash_set(&job->crash, QUARANTINED, "%s", reason);
    } else
        keep(job, &failure, report);
}

/* `missing` is NULL where all is found. */
static void move_found(struct finished_job *job, const struct pair_location *location,
                       const char *missing, struct quarantine *quarantine, struct report *report)
{
    struct failure failure, taken;
    const char *path = archive_path(job->archive);
    enum archive_moved moved = report->dry_run
                                   ? archive_foresee(job->archive, location, &job->move, &failure)
                                   : archive_move(job->archive, location, &job->move, &failure);
    if (moved == ARCHIVE_STRANGER &&
        !archive_take_stranger(job->archive, &job->move, quarantine, &taken))
        keep(job, &taken, report);
    else if (moved == ARCHIVE_FAILED || moved == ARCHIVE_STRANGER)
        keep(job, &failure, report);
    else if (moved == ARCHIVE_CONFLICT)
        keep_newcomer_out(job, failure.text, quarantine, report);
    else if (missing != NULL && path == NULL)
        crash_set(&job->crash, MISSING,
                  "%s was not found for 24 hours; the rest is deleted, the row is removed",
                  missing);
    else if (missing != NULL)
        crash_set(&job->crash, MISSING, "%s was not found%s; the rest is in \"%s\", the row %s",
                  missing, job->missed == MISSED_FOR_A_DAY ? " for 24 hours" : "", path,
                  job->missed == MISSED_FOR_A_DAY ? "is removed" : "stays for 24 hours");
    else if (path == NULL)
        crash_set(&job->crash, DELETED, "no long-term storage is set");
    else
        crash_set(&job->crash, ARCHIVED, "moved to \"%s\"%s", path,
                  archive_place(job->archive) == (job->success ? PLACE_SUCCESSFUL : PLACE_FAILED)
                      ? ""
                      : ", to which a run had begun to move it by its other verdict");
}

/* What is missing may be on a disk that is not mounted. Until its time is over nothing is done to
 * what is there, as it need not be the rest of this pair; but if long-term storage has such a file,
 * too, the bytes tell: the rest of another crash with the id may be in quarantine already. */
static void miss(struct finished_job *job, const struct findings *found, const char *missing,
                 const char *why, struct quarantine *quarantine, struct report *report)
{
    const struct pair_location *here = &found->here;
    bool is_half = here->found == LOCATED_PART;
    bool has_namesake = findings_are_twice(found);
    job->is_missing = true;
    if (is_half && (has_namesake || job->missed == MISSED_FOR_A_DAY)) {
        move_found(job, here, missing, quarantine, report);
        job->is_missing = job->crash.outcome == MISSING ||
                          (job->crash.outcome == LEFT && job->missed != MISSED_NEVER);
    } else if (job->missed == MISSED_NEVER)
        crash_set(&job->crash, MISSING, "%s was not found%s; %s for 24 hours", missing, why,
                  is_half ? "the rest and the row stay" : "the row stays");
    else if (job->missed == MISSED_LATELY)
        crash_wait(&job->crash, "%s has been missing for less than 24 hours; %s", missing,
                   is_half ? "the rest and the row stay" : "the row stays");
    else
        crash_set(&job->crash, MISSING, "%s was not found for 24 hours%s; the row is removed",
                  missing, why);
}

/* Reads the first note; of half a pair the second one, too. Beside a whole pair a second one is out
 * of date, as somebody has put the pair back: it goes, or the next run would believe it when half
 * of the pair has gone. */
static bool read_note(const struct finished_job *job, const struct pair_location *here,
                      struct move_note *note, bool dry_run, struct failure *failure)
{
    *note = (struct move_note){.is_there = false};
    if (here->has_no_notes)
        return true;
    if (!move_note_read(&here->pair, here->directory, false, note, failure))
        return false;
    if (note->is_there)
        return true;
    if (!move_note_read(&here->pair, here->directory, true, note, failure))
        return false;
    bool is_left = note->is_there && here->found == LOCATED_WHOLE;
    note->is_there = note->is_there && !is_left && note->job == job->id;
    return !is_left || dry_run || move_note_remove(&here->pair, here->directory, failure);
}

/* A run that was killed may have noted where the pair goes: all of it goes there, whatever the
 * verdict is by now. True if no more than that is to be done. */
static bool follow_note(struct finished_job *job, const struct pair_location *here,
                        struct quarantine *quarantine, struct report *report)
{
    struct failure failure;
    struct move_note note;
    if (here->found != LOCATED_WHOLE && here->found != LOCATED_PART)
        return false;
    if (!read_note(job, here, &note, report->dry_run, &failure)) {
        keep(job, &failure, report);
        return true;
    }
    if (note.is_there && note.to == PLACE_QUARANTINE) {
        job->move.pair = here->pair;
        keep_newcomer_out(job, note.why, quarantine, report);
        return true;
    }
    bool is_its = note.is_there && note.job == job->id;
    bool is_other =
        is_its && note.to == archive_place(job->other) && archive_path(job->other) != NULL;
    if (is_other && !note.is_copying)
        job->archive = job->other;
    else if (is_other && !report->dry_run && findings_open_archive(job->other, report))
        archive_remove_leftovers(job->other, &here->pair);
    job->move.is_noted = note.is_there;
    job->move.is_begun = is_its && !note.is_copying && note.to == archive_place(job->archive);
    return !can_use_archive(job, report);
}

/* Where the row says that its pair is, or else the id; without a spool: that is not known. */
static struct pair own_place(const struct finished_job *job, const struct crash_id *id,
                             const struct roots *roots)
{
    const struct origin *origin = &job->origin;
    struct pair own = {.id = *id};
    if (origin->state == ORIGIN_KNOWN) {
        own.spool = origin->spool;
        memcpy(own.day, origin->day, sizeof own.day);
    } else if (origin->state == ORIGIN_UNKNOWN && id->day[0] != '\0') {
        own.spool = roots->spools[0];
        memcpy(own.day, id->day, sizeof own.day);
    }
    return own;
}

/* Reads the notes in the place where the pair is not. Nothing may be left to do but to delete the
 * row: a pair elsewhere is that of another crash. True if that is so, or cannot be told. */
static bool is_quarantined(struct finished_job *job, bool *was_going, struct report *report)
{
    struct failure failure;
    struct move_note arrived, going;
    bool is_known = move_note_read(&job->noted, -1, true, &arrived, &failure) &&
                    move_note_read(&job->noted, -1, false, &going, &failure);
    bool is_its = is_known && arrived.is_there && arrived.job == job->id;
    *was_going = is_known && going.is_there && going.to == PLACE_QUARANTINE;
    if (!is_known)
        keep(job, &failure, report);
    else if (is_its) {
        crash_set(&job->crash, QUARANTINED, "%s", arrived.why);
        archive_note_source(job->archive, &job->noted);
    }
    return is_its || !is_known;
}

/* True if it waits for what may be the next crash with its id. */
static bool waits_for_further(struct finished_job *job, struct pair_location *here,
                              struct report *report)
{
    struct failure failure;
    if (evidence_of_further(here, &job->origin, &failure))
        return false;
    if (failure.error != 0)
        keep(job, &failure, report);
    else
        crash_wait(&job->crash, "%s", failure.text);
    return true;
}

/* Where pairs are deleted, a part that lies where the row says is what a killed run has left. */
static bool is_being_deleted(const struct finished_job *job, const struct pair_location *here)
{
    return here->found == LOCATED_PART && archive_path(job->archive) == NULL &&
           job->origin.state == ORIGIN_KNOWN && here->pair.spool == job->origin.spool &&
           strcmp(here->pair.day, job->origin.day) == 0;
}

/* What may be another crash goes to long-term storage if that has nothing of its id, and it is
 * whole; it is never deleted. What was written over its pair is compared with what is there; what
 * lies elsewhere stays where it is. */
static bool is_doubtful(const struct pair_location *here)
{
    return (here->is_later || here->is_elsewhere) && here->found != LOCATED_FAILED;
}

static void forget(struct pair_location *here)
{
    location_close(here);
    *here = (struct pair_location){.pair = here->pair,
                                   .directory = -1,
                                   .is_doubted = !here->is_elsewhere,
                                   .is_replaced = here->is_replaced};
}

static void judge_doubtful(const struct finished_job *job, struct pair_location *here,
                           enum located archived, struct failure *failure)
{
    bool is_kept_out = archived != LOCATED_NOWHERE
                           ? here->is_elsewhere
                           : here->found == LOCATED_PART || archive_path(job->archive) == NULL;
    if (!is_doubtful(here) || !is_kept_out)
        return;
    if (here->is_later && archived == LOCATED_NOWHERE && !evidence_has_clock(here, failure))
        here->found = LOCATED_FAILED;
    else
        forget(here);
}

enum { MISSING_SIZE = PATH_MAX + 64 };

/* Whether what long-term storage has may be another crash, so that the pair counts as missing: it
 * was going to quarantine, as there is one; or, for a day, the disk of its day may not be mounted.
 */
static bool may_be_namesake(const struct finished_job *job, bool was_going,
                            char missing[MISSING_SIZE])
{
    const struct pair *own = &job->noted;
    if (was_going) {
        snprintf(missing, MISSING_SIZE, "its pair, which was going to quarantine,");
        return true;
    }
    if (own->spool == NULL || job->origin.state != ORIGIN_KNOWN || job->missed == MISSED_FOR_A_DAY)
        return false;
    struct timespec queued = spool_time_ago(own->spool, job->origin.queued);
    queued.tv_sec += CLOCK_TOLERANCE;
    const char *doubt = pair_tree_doubt(own);
    snprintf(missing, MISSING_SIZE, "its pair, whose day \"%s/%s\" %s,", own->spool->path, own->day,
             doubt != NULL ? doubt : "has a name tree younger than its job (is it mounted?)");
    return doubt != NULL || pair_tree_is_younger(own, &queued);
}

static void say_why_missing(const struct finished_job *job, const struct pair_location *here,
                            char text[MISSING_SIZE])
{
    bool is_known = here->found == LOCATED_NOWHERE && job->noted.spool != NULL;
    const char *doubt = is_known ? pair_tree_doubt(&job->noted) : NULL;
    text[0] = '\0';
    if (here->is_doubted)
        snprintf(text, MISSING_SIZE, "; what is in its place may be another crash of its id");
    else if (is_known && here->is_replaced)
        snprintf(text, MISSING_SIZE, ", and another crash of its id is in its place");
    else if (doubt != NULL)
        snprintf(text, MISSING_SIZE, ", and its day %s", doubt);
}

static void find_and_move(struct finished_job *job, const struct crash_id *id,
                          const struct roots *roots, struct quarantine *quarantine,
                          struct report *report)
{
    char missing[MISSING_SIZE];
    struct failure failure;
    struct findings found = {.archived = {.directory = -1}};
    enum located archived = LOCATED_NOWHERE;
    job->is_searched = true;
    locate_queued(roots, id, &job->origin, &found.here, &failure);
    location_look_around(&found.here);
    bool was_going = false;
    bool is_elsewhere = found.here.is_elsewhere && found.here.found != LOCATED_FAILED;
    if (found.here.found == LOCATED_NOWHERE || is_elsewhere)
        job->noted = own_place(job, id, roots);
    if (waits_for_further(job, &found.here, report) ||
        follow_note(job, &found.here, quarantine, report) ||
        (job->noted.spool != NULL && is_quarantined(job, &was_going, report))) {
        location_close(&found.here);
        return;
    }
    if (found.here.found < LOCATED_FAILED || is_doubtful(&found.here))
        archived = findings_look(&found, job, id, report, &failure);
    judge_doubtful(job, &found.here, archived, &failure);
    bool is_nowhere = found.here.found == LOCATED_NOWHERE;
    bool has_rest = findings_have_rest(&found);
    job->move.is_alone = found.here.found == LOCATED_PART && !has_rest;
    bool is_complete = found.here.found == LOCATED_WHOLE || has_rest ||
                       (found.has_all && archived == LOCATED_WHOLE);
    if (found.here.found == LOCATED_FAILED || archived == LOCATED_FAILED) {
        keep(job, &failure, report);
        job->is_missing = job->missed != MISSED_NEVER; /* it was not found again */
    } else if (is_nowhere && archived != LOCATED_NOWHERE &&
               may_be_namesake(job, was_going, missing))
        miss(job, &found, missing, "", quarantine, report);
    else if (is_nowhere && archived == LOCATED_WHOLE) {
        job->move.pair = found.archived.pair;
        crash_set(&job->crash, ARCHIVED, "it was in \"%s\" already", archive_path(job->archive));
    } else if (is_complete || is_being_deleted(job, &found.here))
        move_found(job, &found.here, NULL, quarantine, report);
    else {
        char why[MISSING_SIZE];
        findings_name_missing(&found, roots->spools[0], missing, sizeof missing);
        say_why_missing(job, &found.here, why);
        miss(job, &found, missing, why, quarantine, report);
    }
    location_close(&found.here);
}

void put_away(struct finished_job *job, const struct roots *roots, struct quarantine *quarantine,
              struct report *report)
{
    struct crash_id id;
    if (!crash_id_parse(&id, job->uuid))
        crash_set(&job->crash, REJECTED, "not a crash id; the row is removed");
    else if (can_use_archive(job, report))
        find_and_move(job, &id, roots, quarantine, report);
}

bool put_away_delete(struct finished_job *job, const char *left, struct report *report)
{
    struct failure failure;
    bool good = left == NULL && archive_remove_originals(job->archive, &job->move, &failure);
    if (left != NULL)
        crash_wait(&job->crash, "%s", left);
    else if (!good)
        keep(job, &failure, report);
    job->move.unwanted = false;
    job->is_gone = good;
    return good;
}

bool put_away_has_copies(const struct finished_job jobs[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (jobs[i].move.copied)
            return true;
    return false;
}

void put_away_copies(struct finished_job jobs[], size_t count, archive_step *step,
                     struct report *report)
{
    struct failure failure;
    for (struct finished_job *job = jobs; job < jobs + count; job++)
        if (job->move.copied && !step(job->archive, &job->move, &failure))
            keep(job, &failure, report);
}

void put_away_forget(const struct finished_job jobs[], size_t count)
{
    struct failure failure;
    for (const struct finished_job *job = jobs; job < jobs + count; job++)
        if (job->noted.spool != NULL && finished_job_is_done(job) &&
            !move_note_remove(&job->noted, -1, &failure))
            log_warning("%s; it stays, which does no harm", failure.text);
}

void put_away_reasons(struct finished_job jobs[], size_t count, struct report *report)
{
    struct failure failure;
    for (struct finished_job *job = jobs; job < jobs + count; job++) {
        if (job->reason == NULL || job->crash.outcome != ARCHIVED)
            continue;
        char *line = log_format_plain(job->reason);
        if (line == NULL)
            fail(&failure, ENOMEM, "cannot write why its job failed");
        if (line == NULL || !archive_write_reason(job->archive, &job->move, line, &failure))
            keep(job, &failure, report);
        free(line);
    }
}
