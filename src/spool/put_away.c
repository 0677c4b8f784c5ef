#include "spool/put_away.h"

#include "base/quote.h"

#include <stdio.h>

void finished_job_init(struct finished_job *job, const struct finished_row *row,
                       const struct roots *roots, struct archive *archives[2])
{
    struct crash_id id;
    *job = (struct finished_job){.id = row->id,
                                 .success = row->success,
                                 .missed = row->missed,
                                 .archive = archives[row->success],
                                 .other = archives[!row->success]};
    snprintf(job->uuid, sizeof job->uuid, "%s", row->uuid);
    job->crash.name = job->uuid;
    if (crash_id_parse(&id, job->uuid))
        origin_read(&job->origin, roots, &id, row->mark, row->pathname);
    job->origin.age = row->age;
}

void finished_job_clear(struct finished_job *job)
{
    crash_clear(&job->crash);
    archive_move_free(&job->move);
}

bool finished_job_is_done(const struct finished_job *job)
{
    return job->crash.outcome != LEFT && (!job->is_missing || job->missed == MISSED_FOR_A_DAY);
}

static void keep(struct finished_job *job, const struct failure *failure, struct report *report)
{
    char name[QUOTE_SIZE];
    report_error(report, exit_code_of_crash(failure->error),
                 "cannot put %s away: %s; it stays for the next run", quote(name, job->uuid),
                 failure->text);
    crash_set(&job->crash, LEFT, "%s", failure->text);
}

/* A failure of one archive keeps back only its own jobs. */
static bool is_usable(struct archive *archive, struct report *report)
{
    struct failure failure;
    if (archive_state(archive) != ARCHIVE_NOT_OPEN)
        return archive_state(archive) == ARCHIVE_OPEN;
    if (!archive_open(archive, &failure))
        return report_error(report, exit_code_of_errno(failure.error),
                            "%s; its jobs stay for the next run", failure.text);
    if (archive_is_shared(archive))
        log_warning("long-term storage \"%s\" lies where anybody may write; set another directory",
                    archive_path(archive));
    return true;
}

/* Another crash of the same id has been archived. */
static void keep_newcomer_out(struct finished_job *job, const char *reason,
                              struct quarantine *quarantine, struct report *report)
{
    struct failure failure;
    if (quarantine_newcomer(quarantine, &job->move.pair, job->move.conflict, reason, &failure))
        crash_set(&job->crash, QUARANTINED, "%s", reason);
    else
        keep(job, &failure, report);
}

static void move_found(struct finished_job *job, const struct pair_location *location,
                       struct quarantine *quarantine, struct report *report)
{
    struct failure failure, taken;
    const char *path = archive_path(job->archive);
    const struct pair *pair = &location->pair;
    /* In a dry run nothing is moved, but half a pair is missing unless that half is in its place.
     */
    if (report->dry_run && path != NULL && location->found == LOCATED_PART &&
        archive_find(job->archive, &pair->id, &failure) == LOCATED_NOWHERE)
        job->move.missing =
            location->json.found ? pair->spool->dump_suffix : pair->spool->json_suffix;
    enum archive_moved moved = report->dry_run
                                   ? ARCHIVE_MOVED
                                   : archive_move(job->archive, location, &job->move, &failure);
    if (moved == ARCHIVE_STRANGER &&
        !archive_take_stranger(job->archive, &job->move, quarantine, &taken))
        keep(job, &taken, report);
    else if (moved == ARCHIVE_FAILED || moved == ARCHIVE_STRANGER)
        keep(job, &failure, report);
    else if (moved == ARCHIVE_CONFLICT)
        keep_newcomer_out(job, failure.text, quarantine, report);
    else if (job->move.missing != NULL)
        crash_set(&job->crash, MISSING, "its %s file was not found; the rest is in \"%s\"",
                  job->move.missing, path);
    else if (path == NULL)
        crash_set(&job->crash, DELETED, "no long-term storage is set");
    else
        crash_set(&job->crash, ARCHIVED, "moved to \"%s\"", path);
}

/* Where pairs are deleted, a killed run may have deleted it: its row has nothing to wait for. */
static void miss(struct finished_job *job)
{
    job->is_missing = archive_path(job->archive) != NULL;
    if (!job->is_missing)
        crash_set(&job->crash, MISSING, "its pair was not found; the row is removed");
    else if (job->missed == MISSED_NEVER)
        crash_set(&job->crash, MISSING, "its pair was not found; the row stays for 24 hours");
    else if (job->missed == MISSED_LATELY)
        crash_set(&job->crash, LEFT, "its pair is missing; the row stays for 24 hours");
    else
        crash_set(&job->crash, MISSING, "its pair was not found for 24 hours; the row is removed");
}

/* Looks in long-term storage, first where the verdict says. A processor may have changed its
 * verdict since the pair was put away, or half of it: then the job goes on where the pair is. */
static enum located find_archived(struct finished_job *job, const struct crash_id *id,
                                  struct report *report, struct failure *failure)
{
    enum located here = archive_find(job->archive, id, failure);
    if (here != LOCATED_NOWHERE)
        return here;
    if (!is_usable(job->other, report)) {
        fail(failure, 0, "it may be in the other long-term storage, which cannot be used");
        return LOCATED_FAILED;
    }
    enum located there = archive_find(job->other, id, failure);
    if (there == LOCATED_WHOLE || there == LOCATED_PART)
        job->archive = job->other;
    return there;
}

static void find_and_move(struct finished_job *job, const struct crash_id *id,
                          const struct roots *roots, struct quarantine *quarantine,
                          struct report *report)
{
    struct failure failure;
    struct pair_location location;
    enum located archived = LOCATED_NOWHERE;
    job->is_searched = true;
    locate_queued(roots, id, &job->origin, &location, &failure);
    if (location.found < LOCATED_FAILED)
        archived = find_archived(job, id, report, &failure);
    if (location.found == LOCATED_FAILED || archived == LOCATED_FAILED)
        keep(job, &failure, report);
    else if (location.found != LOCATED_NOWHERE)
        move_found(job, &location, quarantine, report);
    else if (archived == LOCATED_WHOLE)
        crash_set(&job->crash, ARCHIVED, "it was in \"%s\" already", archive_path(job->archive));
    else
        miss(job);
    location_close(&location);
}

void put_away(struct finished_job *job, const struct roots *roots, struct quarantine *quarantine,
              struct report *report)
{
    struct crash_id id;
    if (!crash_id_parse(&id, job->uuid))
        crash_set(&job->crash, REJECTED, "not a crash id; the row is removed");
    else if (is_usable(job->archive, report))
        find_and_move(job, &id, roots, quarantine, report);
    else
        crash_set(&job->crash, LEFT, "its long-term storage cannot be used in this run");
}

bool put_away_delete(struct finished_job *job, struct report *report)
{
    struct failure failure;
    bool good = archive_remove_originals(job->archive, &job->move, &failure);
    if (!good)
        keep(job, &failure, report);
    job->move.unwanted = false;
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

void put_away_report(const struct finished_job *job, struct report *report)
{
    enum log_level level = LEVEL_DEBUG;
    if (job->crash.outcome == MISSING)
        level = archive_path(job->archive) != NULL ? LEVEL_ERROR : LEVEL_WARNING;
    else if (job->crash.outcome == REJECTED)
        level = LEVEL_ERROR;
    else if (job->crash.outcome == QUARANTINED)
        level = LEVEL_WARNING;
    if (job->crash.outcome == LEFT && job->is_missing)
        report_waiting(report, &job->crash);
    else
        report_crash(report, level, &job->crash);
}
