#include "spool/finished_job.h"

#include "base/quote.h"

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
    job->move.job = row->id;
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

long finished_jobs_count(const struct finished_job jobs[], size_t count)
{
    long done = 0;
    for (size_t i = 0; i < count; i++)
        done += jobs[i].crash.outcome != LEFT;
    return done;
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

void finished_jobs_report(struct finished_job jobs[], size_t count, struct report *report)
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
