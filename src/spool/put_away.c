#include "spool/put_away.h"

#include "base/quote.h"
#include "log/log_format.h"
#include "spool/evidence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    job->crash.has_job = true;
    job->crash.job_failed = !row->success;
    if (crash_id_parse(&id, job->uuid))
        origin_read(&job->origin, roots, &id, row->mark, row->pathname);
    job->origin.taken = row->taken;
    job->origin.ended = row->ended;
    job->origin.queued = row->queued;
    if (row->reason != NULL && row->reason[0] != '\0')
        job->reason = strdup(row->reason);
}

void finished_job_clear(struct finished_job *job)
{
    crash_clear(&job->crash);
    archive_move_free(&job->move);
    free(job->reason);
}

static int compare_ids(const void *left, const void *right)
{
    const struct finished_job *one = left, *other = right;
    return (one->id > other->id) - (one->id < other->id);
}

struct finished_job *finished_job_find(struct finished_job jobs[], size_t count, long long id)
{
    const struct finished_job key = {.id = id};
    return bsearch(&key, jobs, count, sizeof key, compare_ids);
}

bool finished_job_is_done(const struct finished_job *job)
{
    return job->crash.outcome != LEFT && (!job->is_missing || job->missed == MISSED_FOR_A_DAY);
}

static void keep(struct finished_job *job, const struct failure *failure, struct report *report)
{
    char name[QUOTE_SIZE];
    if (failure->error != EINTR) /* the run was asked to end: the rest of its batch stays */
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
    if (!archive_open(archive, &failure) ||
        (report->dry_run && !archive_may_change(archive, &failure)))
        return report_error(report, exit_code_of_errno(failure.error),
                            "%s; its jobs stay for the next run", failure.text);
    if (archive_is_shared(archive))
        log_warning("long-term storage \"%s\" lies in a directory in which everybody may create "
                    "files; set another one",
                    archive_path(archive));
    return true;
}

/* Another crash of the same id has been archived. */
static void keep_newcomer_out(struct finished_job *job, const char *reason,
                              struct quarantine *quarantine, struct report *report)
{
    struct failure failure;
    const struct pair *pair = &job->move.pair;
    bool is_out = report->dry_run
                      ? quarantine == NULL || quarantine_foresee(quarantine, pair, &failure)
                      : quarantine_newcomer(quarantine, pair, job->move.conflict, reason, &failure);
    if (is_out)
        crash_set(&job->crash, QUARANTINED, "%s", reason);
    else
        keep(job, &failure, report);
}

/* What was found of a pair: in the spool, and unless it is whole there, in long-term storage. */
struct findings {
    struct pair_location here, archived;
};

/* What is found nowhere: "its pair", or "its .dump file". */
static void name_missing(const struct findings *found, const struct roots *roots, char *text,
                         size_t size)
{
    bool has_json = found->here.json.found || found->archived.json.found;
    bool has_dump = found->here.dump.found || found->archived.dump.found;
    const struct spool *spool = roots->spools[0];
    if (has_json || has_dump)
        snprintf(text, size, "its %s file", has_json ? spool->dump_suffix : spool->json_suffix);
    else
        snprintf(text, size, "its pair");
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
        crash_set(&job->crash, ARCHIVED, "moved to \"%s\"", path);
}

static bool is_twice(const struct main_file *here, const struct main_file *archived)
{
    return here->found && (archived->found || archived->is_older);
}

/* What is missing may be on a disk that is not mounted. Until its time is over nothing is done to
 * what is there, as it need not be the rest of this pair; but if long-term storage has such a file,
 * too, the bytes tell: the rest of another crash with the id may be in quarantine already. */
static void miss(struct finished_job *job, const struct findings *found, const char *missing,
                 struct quarantine *quarantine, struct report *report)
{
    const struct pair_location *here = &found->here, *archived = &found->archived;
    bool is_half = here->found == LOCATED_PART;
    bool has_namesake =
        is_twice(&here->json, &archived->json) || is_twice(&here->dump, &archived->dump);
    job->is_missing = true;
    if (is_half && (has_namesake || job->missed == MISSED_FOR_A_DAY)) {
        move_found(job, here, missing, quarantine, report);
        job->is_missing = job->crash.outcome == MISSING ||
                          (job->crash.outcome == LEFT && job->missed != MISSED_NEVER);
    } else if (job->missed == MISSED_NEVER)
        crash_set(&job->crash, MISSING, "%s was not found; %s for 24 hours", missing,
                  is_half ? "the rest and the row stay" : "the row stays");
    else if (job->missed == MISSED_LATELY)
        crash_wait(&job->crash, "%s is missing; %s until it has been so for 24 hours", missing,
                   is_half ? "the rest and the row stay" : "the row stays");
    else
        crash_set(&job->crash, MISSING, "%s was not found for 24 hours; the row is removed",
                  missing);
}

/* Whether a part of the pair is in the spool, and the rest there. */
static bool is_rest(const struct pair_location *here, const struct pair_location *there)
{
    return here->found == LOCATED_PART && there->found == LOCATED_PART &&
           (here->json.found ? there->dump.found : there->json.found);
}

/* Whether the other long-term storage is in use, and can be looked into. */
static bool has_other(struct finished_job *job, struct report *report)
{
    bool is_new = archive_state(job->other) == ARCHIVE_NOT_OPEN && !archive_is_in_use(job->other);
    return !is_new && is_usable(job->other, report);
}

/* Looks in long-term storage, first where the verdict says. A processor may have changed its
 * verdict since the pair was put away, or half of it: then the job goes on where the pair is. A
 * whole pair beside half of one in the spool may be that of a namesake. */
static enum located find_archived(struct finished_job *job, const struct crash_id *id,
                                  struct findings *found, struct report *report,
                                  struct failure *failure)
{
    struct pair_location other;
    enum located here = archive_find(job->archive, id, &job->origin, &found->archived, failure);
    bool may_be_other = here == LOCATED_WHOLE && found->here.found == LOCATED_PART;
    if (here != LOCATED_NOWHERE && !(may_be_other && has_other(job, report)))
        return here;
    if (!is_usable(job->other, report)) {
        fail(failure, 0, "it may be in the other long-term storage, which cannot be used");
        return LOCATED_FAILED;
    }
    enum located there = archive_find(job->other, id, &job->origin, &other, failure);
    if (may_be_other && !is_rest(&found->here, &other))
        return here;
    if (there == LOCATED_WHOLE || there == LOCATED_PART) {
        found->archived = other;
        job->archive = job->other;
    }
    return there;
}

/* A run that was killed may have put a part of it into the other long-term storage, by a verdict
 * that has changed since: then the job goes on there. If that cannot be looked into, it keeps back
 * only what is for it. */
static enum archive_holds follow_begun(struct finished_job *job, const struct pair_location *here,
                                       struct report *report)
{
    if (!has_other(job, report))
        return ARCHIVE_HOLDS_NOTHING;
    enum archive_holds holds = archive_holds(job->other, here, job->origin.queued / SECOND);
    if (holds == ARCHIVE_HOLDS_PART && here->found == LOCATED_WHOLE)
        job->archive = job->other;
    return holds;
}

/* Or it has put a part into quarantine, as there was another crash with the id: then all of it goes
 * there. If the quarantine cannot be looked into, only what may have been on its way is kept. */
static bool goes_on_to_quarantine(struct finished_job *job, const struct pair_location *here,
                                  enum archive_holds holds, struct quarantine *quarantine,
                                  struct report *report)
{
    char *reason;
    struct failure failure;
    if (quarantine == NULL)
        return false;
    bool is_known = quarantine_find_begun(quarantine, here, &reason, &failure);
    if (!is_known && holds != ARCHIVE_HOLDS_NOTHING)
        keep(job, &failure, report);
    else if (reason != NULL) {
        job->move.pair = here->pair;
        keep_newcomer_out(job, reason, quarantine, report);
    }
    bool goes_on = reason != NULL || (!is_known && holds != ARCHIVE_HOLDS_NOTHING);
    free(reason);
    return goes_on;
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
    *here = (struct pair_location){.pair = here->pair, .directory = -1};
}

static void judge_doubtful(const struct finished_job *job, struct pair_location *here,
                           enum located archived, struct failure *failure)
{
    bool is_kept_out = archived != LOCATED_NOWHERE
                           ? here->is_elsewhere
                           : here->found == LOCATED_PART || archive_path(job->archive) == NULL;
    if (!is_doubtful(here) || !is_kept_out)
        return;
    if (here->is_later && archived == LOCATED_NOWHERE)
        here->found = evidence_by_times(here, failure);
    if (here->found != LOCATED_FAILED)
        forget(here);
}

enum { AWAY_SIZE = PATH_MAX + 64 };

/* Where the disk of its day may not be mounted, what long-term storage has may be a namesake; for a
 * day the pair counts as missing. */
static bool may_be_away(const struct finished_job *job, const struct crash_id *id,
                        char missing[AWAY_SIZE])
{
    const struct origin *origin = &job->origin;
    struct pair its = {.spool = origin->spool, .id = *id};
    if (origin->state != ORIGIN_KNOWN || job->missed == MISSED_FOR_A_DAY)
        return false;
    memcpy(its.day, origin->day, sizeof its.day);
    snprintf(missing, AWAY_SIZE, "its pair, whose day \"%s/%s\" is empty (is it mounted?),",
             its.spool->path, its.day);
    return pair_tree_is_empty(&its);
}

static void find_and_move(struct finished_job *job, const struct crash_id *id,
                          const struct roots *roots, struct quarantine *quarantine,
                          struct report *report)
{
    char missing[AWAY_SIZE];
    struct failure failure;
    struct findings found = {.archived = {.directory = -1}};
    enum located archived = LOCATED_NOWHERE;
    job->is_searched = true;
    locate_queued(roots, id, &job->origin, &found.here, &failure);
    bool is_here = found.here.found == LOCATED_WHOLE || found.here.found == LOCATED_PART;
    if (is_here && goes_on_to_quarantine(job, &found.here, follow_begun(job, &found.here, report),
                                         quarantine, report)) {
        location_close(&found.here);
        return;
    }
    if (found.here.found < LOCATED_FAILED || is_doubtful(&found.here))
        archived = find_archived(job, id, &found, report, &failure);
    judge_doubtful(job, &found.here, archived, &failure);
    bool is_complete = (found.here.json.found || found.archived.json.found) &&
                       (found.here.dump.found || found.archived.dump.found);
    bool is_archived = found.here.found == LOCATED_NOWHERE && archived == LOCATED_WHOLE;
    if (found.here.found == LOCATED_FAILED || archived == LOCATED_FAILED) {
        keep(job, &failure, report);
        job->is_missing = job->missed != MISSED_NEVER; /* it was not found again */
    } else if (is_archived && may_be_away(job, id, missing))
        miss(job, &found, missing, quarantine, report);
    else if (is_archived) {
        job->move.pair = found.archived.pair;
        crash_set(&job->crash, ARCHIVED, "it was in \"%s\" already", archive_path(job->archive));
    } else if (is_complete || is_being_deleted(job, &found.here))
        move_found(job, &found.here, NULL, quarantine, report);
    else {
        name_missing(&found, roots, missing, sizeof missing);
        miss(job, &found, missing, quarantine, report);
    }
    location_close(&found.here);
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

long put_away_count(const struct finished_job jobs[], size_t count)
{
    long done = 0;
    for (size_t i = 0; i < count; i++)
        done += jobs[i].crash.outcome != LEFT;
    return done;
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

/* Adds the reason of the processor, which may be long, to that of the outcome. */
static void add_reason(struct finished_job *job)
{
    char said[QUOTE_SIZE], text[404];
    if (job->reason == NULL || job->crash.outcome == LEFT)
        return;
    snprintf(text, sizeof text, "%.400s%s", job->reason, strlen(job->reason) > 400 ? "..." : "");
    char *outcome = job->crash.reason;
    job->crash.reason = NULL;
    crash_set(&job->crash, job->crash.outcome, "%s; it failed: %s",
              outcome != NULL ? outcome : "no reason", quote(said, text));
    free(outcome);
}

static void report_one(struct finished_job *job, struct report *report)
{
    add_reason(job);
    enum log_level level = LEVEL_DEBUG;
    if (job->crash.outcome == MISSING)
        level = archive_path(job->archive) != NULL ? LEVEL_ERROR : LEVEL_WARNING;
    else if (job->crash.outcome == REJECTED)
        level = LEVEL_ERROR;
    else if (job->crash.outcome == QUARANTINED)
        level = LEVEL_WARNING;
    report_crash(report, level, &job->crash);
}

/* The server has not confirmed the commit with which its row goes. */
static bool has_lost_pair(struct finished_job *job)
{
    if (!job->is_gone || job->crash.outcome != LEFT)
        return false;
    crash_set(&job->crash, LEFT, "its pair is deleted; that its row is was not confirmed");
    return true;
}

void put_away_report(struct finished_job jobs[], size_t count, struct report *report)
{
    long lost = 0;
    for (size_t i = 0; i < count; i++) {
        lost += has_lost_pair(&jobs[i]);
        report_one(&jobs[i], report);
    }
    if (lost > 0)
        report_error(report, EXIT_LEFT,
                     "pairs that were deleted without an answer that their rows are, so that the "
                     "next run may report them as missing: %ld",
                     lost);
}
