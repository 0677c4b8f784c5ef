/* finished_job.h - a finished job while its pair is put away (put_away.h): what its row says, and
 * what becomes of it. */
#ifndef FINISHED_JOB_H
#define FINISHED_JOB_H

#include "report/report.h"
#include "spool/archive.h"

/* Whether its pair has been missing before. */
enum missed { MISSED_NEVER, MISSED_LATELY, MISSED_FOR_A_DAY };

/* What the row of a job says. */
struct finished_row {
    long long id;
    const char *uuid;            /* perhaps not a crash id */
    bool success;                /* of the processor */
    const char *mark, *pathname; /* see origin_read() */
    enum missed missed;
    long long taken, ended, queued; /* see struct origin */
    const char *reason;             /* why it failed; NULL or "": not told */
};

struct finished_job {
    struct crash crash; /* first, for bisect.h; its name is `uuid` */
    long long id;
    char uuid[50 * 4 + 1];           /* as in the row: perhaps not a crash id */
    bool success;                    /* of the processor, when the job was listed */
    struct origin origin;            /* if it has a crash id */
    enum missed missed;              /* by earlier runs */
    bool is_searched, is_missing;    /* its pair, or half of it, by this run */
    bool is_held;                    /* its row is locked, before its pair is deleted */
    bool deleted, is_gone;           /* its row; its pair, where that is deleted */
    struct archive *archive, *other; /* for its verdict, and for the other one */
    struct archive_move move;
    struct pair noted; /* where a note is left (move_note.h); without a spool: nowhere */
    char *reason;      /* why it failed; NULL: not told */
};

void finished_job_init(struct finished_job *job, const struct finished_row *row,
                       const struct roots *roots, struct archive *archives[2]);
void finished_job_clear(struct finished_job *job);

/* The one with this id, of jobs in order of their ids that have it. */
struct finished_job *finished_job_find(struct finished_job jobs[], size_t count, long long id);

/* Whether nothing is left to do but to delete the row. */
bool finished_job_is_done(const struct finished_job *job);

/* How many are not LEFT. Those that are do not count against --limit, as they come first again in
 * each run. */
long finished_jobs_count(const struct finished_job jobs[], size_t count);

/* Reports and counts the outcomes of jobs, and why they have failed. Those that are LEFT although
 * their pairs are gone are told, too. */
void finished_jobs_report(struct finished_job jobs[], size_t count, struct report *report);

#endif
