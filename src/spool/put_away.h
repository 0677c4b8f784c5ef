/* put_away.h - the pair of a finished job: found, and moved to long-term storage or deleted.
 *
 * The outcome of the job says what became of its pair; LEFT: pair and row stay for the next run.
 * What is wrong is told here. While the storage root holds no day at all, a pair that is not found
 * is LEFT, not MISSING: a disk that is not mounted looks like that. Where pairs are copied, a batch
 * takes two more steps (archive.h), with a flush before each and after the last. */
#ifndef PUT_AWAY_H
#define PUT_AWAY_H

#include "report/report.h"
#include "spool/archive.h"

/* A finished job, and its pair on the way. */
struct finished_job {
    struct crash crash; /* first, as bisect.h wants it; the name is `uuid` */
    long long id;
    char uuid[50 * 4 + 1]; /* as it stands in the row: perhaps not a crash id */
    struct archive *archive;
    struct archive_move move;
};

/* Begins a job with what its row says. */
void finished_job_init(struct finished_job *job, long long id, const char *uuid,
                       struct archive *archive);

void finished_job_clear(struct finished_job *job);

/* Looks for the pair, and takes the first step: that is the only one unless job->move.copied. The
 * archive is opened when the first job needs it. */
void put_away(struct finished_job *job, struct roots *roots, bool dry_run, struct report *report);

/* The steps for copies, for each of `count` jobs that has some: give them their names, then remove
 * the originals. Or instead of both: remove the copies, and leave the originals to the next run. */
void put_away_name_copies(struct finished_job jobs[], size_t count, struct report *report);
void put_away_remove_originals(struct finished_job jobs[], size_t count, struct report *report);
void put_away_drop_copies(struct finished_job jobs[], size_t count);

/* Whether one of the jobs has copies. */
bool put_away_has_copies(const struct finished_job jobs[], size_t count);

/* Tells what became of a job in the end, and counts it. */
void put_away_report(const struct finished_job *job, struct report *report);

#endif
