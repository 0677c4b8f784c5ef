#include "spool/deletion.h"

#include "spool/put_away.h"

/* Pairs that are deleted: for fewer another flush costs more than it saves. */
enum { WORTH_A_FLUSH = 100 };

/* What is gone and not flushed would be missed by the next run, as its row stays. */
static const char *why_left(const struct deletion *deletion)
{
    return deletion->is_flushed ? deletion->why_left() : "the disk did not write down what is gone";
}

static void delete_next(struct deletion *deletion)
{
    size_t i = deletion->next++;
    if (i >= deletion->count)
        return;
    struct finished_job *job = &deletion->jobs[i];
    if (job->move.unwanted && job->deleted &&
        !put_away_delete(job, why_left(deletion), deletion->report))
        deletion->is_whole = false;
}

static void delete_all(void *context, void *item)
{
    struct deletion *deletion = item;
    (void)context;
    while (deletion->next < deletion->count)
        delete_next(deletion);
}

/* The kernel tells of a disk error once: a later flush does not make up for one that failed. */
static void flush(struct deletion *deletion)
{
    deletion->is_flushed =
        deletion->is_flushed && flush_all(deletion->changes, &deletion->unflushed);
}

static void delete_or_flush(void *context, void *item)
{
    struct deletion *deletion = item;
    size_t flushed = 0;
    bool has_other_work = deletion->meanwhile != NULL;
    (void)context;
    while (deletion->next < deletion->count) {
        bool is_helped = pipeline_is_helped(deletion->pipeline);
        if (is_helped && has_other_work) {
            has_other_work = false;
            deletion->meanwhile(deletion->context);
        } else if (is_helped && deletion->next - flushed >= WORTH_A_FLUSH) {
            flushed = deletion->next;
            flush(deletion);
        } else {
            delete_next(deletion);
        }
    }
}

bool deletion_run(struct deletion *deletion, struct pipeline *pipeline)
{
    deletion->pipeline = pipeline;
    deletion->is_whole = deletion->is_flushed = true;
    if (deletion->changes->error != 0) /* then no flush will do */
        flush(deletion);
    pipeline_share(pipeline, delete_or_flush, delete_all, deletion);
    return deletion->is_whole;
}

bool deletion_flush(struct deletion *deletion, struct failure *failure)
{
    flush(deletion);
    if (!deletion->is_flushed)
        *failure = deletion->unflushed;
    return deletion->is_flushed;
}
