/* put_away.h - moves the pair of a finished job to long-term storage, or deletes it. The outcome of
 * the job says what became of the pair; LEFT: pair and row stay. A pair that is not found counts as
 * missing, so the roots must be known to be the right ones (mark.h). As what is mounted inside a
 * root has no mark, the row stays for 24 hours, and so does half a pair: the first run that misses
 * something reports it, and so does the one that removes the row. Failures are logged here. A batch
 * with copies takes two more steps (archive.h), with a flush before each and after the last; a pair
 * that is to be deleted takes one.
 */
#ifndef PUT_AWAY_H
#define PUT_AWAY_H

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
    char *reason; /* why it failed; NULL: not told */
};

void finished_job_init(struct finished_job *job, const struct finished_row *row,
                       const struct roots *roots, struct archive *archives[2]);
void finished_job_clear(struct finished_job *job);

/* The one with this id, of jobs in order of their ids that have it. */
struct finished_job *finished_job_find(struct finished_job jobs[], size_t count, long long id);

/* Whether nothing is left to do but to delete the row. */
bool finished_job_is_done(const struct finished_job *job);

/* Finds the pair and takes the first step, the only one unless job->move.copied or .unwanted. */
void put_away(struct finished_job *job, const struct roots *roots, struct quarantine *quarantine,
              struct report *report);

/* Deletes a pair that is unwanted, unless it is to be `left` for this reason. False if it is LEFT.
 * Another thread may be at other jobs meanwhile. */
bool put_away_delete(struct finished_job *job, const char *left, struct report *report);

/* A further step of archive.h, for the jobs that have copies. */
void put_away_copies(struct finished_job jobs[], size_t count, archive_step *step,
                     struct report *report);
bool put_away_has_copies(const struct finished_job jobs[], size_t count);

/* How many are not LEFT. Those that are do not count against --limit, as they come first again in
 * each run. */
long put_away_count(const struct finished_job jobs[], size_t count);

/* Writes why jobs have failed beside their pairs, which are in place. */
void put_away_reasons(struct finished_job jobs[], size_t count, struct report *report);

/* Reports and counts the outcomes of jobs, and why they have failed. Those that are LEFT although
 * their pairs are gone are told, too. */
void put_away_report(struct finished_job jobs[], size_t count, struct report *report);

#endif
