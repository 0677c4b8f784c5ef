#include "run_metrics.h"

#include "base/version.h"
#include "options/command_line.h"

#include <stdio.h>

bool run_metrics_are_wanted(const struct run_metrics *run)
{
    return run->options != NULL && run->options->metrics_file != NULL && !run->options->dry_run &&
           !options_are_extra(run->options);
}

void run_metrics_tell(struct run_metrics *run, enum metric metric, const char *value, double number)
{
    if (run->count < FIGURES_MAXIMUM)
        run->figures[run->count++] = (struct run_figure){metric, value, number};
}

static struct metrics *open_metrics(const struct run_metrics *run, struct failure *failure)
{
    const struct options *options = run->options;
    return metrics_open(options->metrics_file, options->program_name, options->storage_name,
                        failure);
}

/* An outcome or a code that has not occurred counts as 0: the step from there to 1 is seen. */
static void add_counts(const struct run_metrics *run, struct metrics *metrics,
                       const struct tally *tally)
{
    static const int codes[] = {
        EXIT_DONE,     EXIT_LEFT,       EXIT_NO_PROCESSOR,  EXIT_NO_DATABASE,
        EXIT_INTERNAL, EXIT_LOG,        EXIT_STORAGE,       EXIT_LOCKED,
        EXIT_SCHEMA,   EXIT_PERMISSION, EXIT_CONFIGURATION,
    };
    char code[16];
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        snprintf(code, sizeof code, "%d", codes[i]);
        metrics_add(metrics, METRIC_RUNS, code, 0);
    }
    metrics_add(metrics, METRIC_RUN_SECONDS, NULL, 0);
    metrics_add(metrics, METRIC_CRASHES_SEEN, NULL, (double)(tally->seen - run->written.seen));
    for (int i = 0; i < OUTCOME_COUNT; i++)
        metrics_add(metrics, METRIC_CRASHES, outcome_key((enum outcome)i),
                    (double)(tally->outcomes[i] - run->written.outcomes[i]));
    if (run->options->program != PROGRAM_CLEANUP)
        return;
    metrics_add(metrics, METRIC_JOBS_PUT_AWAY, NULL,
                (double)(tally->jobs_put_away - run->written.jobs_put_away));
    metrics_add(metrics, METRIC_JOB_FAILURES, NULL,
                (double)(tally->job_failures - run->written.job_failures));
}

static bool close_metrics(struct run_metrics *run, struct metrics *metrics,
                          const struct tally *tally, struct failure *failure)
{
    bool good = metrics_close(metrics, failure);
    if (good)
        run->written = *tally;
    return good;
}

static void describe(const struct run_metrics *run, struct metrics *metrics)
{
    metrics_set(metrics, METRIC_BUILD_INFO, VERSION, 1);
    metrics_set(metrics, METRIC_RUN_INTERVAL, NULL, (double)options_interval(run->options));
}

/* The lock that this run has is free only if the run before has ended. */
static void note_killed(struct metrics *metrics)
{
    bool is_killed = metrics_get(metrics, METRIC_RUN_ACTIVE, NULL) == 1;
    metrics_add(metrics, METRIC_RUNS, "killed", is_killed);
    if (is_killed)
        metrics_set(metrics, METRIC_LAST_FAILURE, NULL,
                    metrics_get(metrics, METRIC_RUN_PROGRESS, NULL));
}

static bool write_progress(struct run_metrics *run, const struct tally *tally, bool is_begin,
                           struct failure *failure)
{
    if (!run_metrics_are_wanted(run))
        return true;
    struct metrics *metrics = open_metrics(run, failure);
    if (metrics == NULL)
        return false;
    describe(run, metrics);
    if (is_begin)
        note_killed(metrics);
    add_counts(run, metrics, tally);
    metrics_set(metrics, METRIC_RUN_ACTIVE, NULL, 1);
    metrics_set(metrics, METRIC_RUN_START, NULL, (double)run->started);
    metrics_set(metrics, METRIC_RUN_PROGRESS, NULL, (double)time(NULL));
    return close_metrics(run, metrics, tally, failure);
}

bool run_metrics_begin(struct run_metrics *run, struct failure *failure)
{
    const struct tally none = {0};
    run->has_lock = true;
    return write_progress(run, &none, true, failure);
}

bool run_metrics_go_on(struct run_metrics *run, const struct tally *tally, struct failure *failure)
{
    return write_progress(run, tally, false, failure);
}

/* Where another run is at work its figures stay: this one has only come and gone. */
bool run_metrics_end(struct run_metrics *run, const struct tally *tally, enum exit_code code,
                     double duration, struct failure *failure)
{
    char text[16];
    if (!run_metrics_are_wanted(run))
        return true;
    double now = (double)time(NULL), interval = (double)options_interval(run->options);
    struct metrics *metrics = open_metrics(run, failure);
    if (metrics == NULL)
        return false;
    snprintf(text, sizeof text, "%d", (int)code);
    describe(run, metrics);
    add_counts(run, metrics, tally);
    metrics_add(metrics, METRIC_RUNS, text, 1);
    metrics_add(metrics, METRIC_RUN_SECONDS, NULL, duration);
    if (run->has_lock)
        metrics_set(metrics, METRIC_RUN_ACTIVE, NULL, 0);
    else
        metrics_add(metrics, METRIC_RUN_ACTIVE, NULL, 0);
    metrics_set(metrics, METRIC_LAST_RUN, NULL, now);
    if (exit_code_is_done(code) && !run->found_lock_taken)
        metrics_set(metrics, METRIC_LAST_SUCCESS, NULL, now);
    else if (!exit_code_is_done(code) && code != EXIT_LOCKED)
        metrics_set(metrics, METRIC_LAST_FAILURE, NULL, now);
    metrics_set(metrics, METRIC_LAST_RUN_DURATION, NULL, duration);
    metrics_set(metrics, METRIC_LAST_RUN_EXIT_CODE, NULL, (double)code);
    metrics_set(metrics, METRIC_NEXT_RUN, NULL,
                (duration < interval ? (double)run->started : now) + interval);
    metrics_set(metrics, METRIC_PAUSED, NULL, run->is_paused);
    if (run->is_measured)
        metrics_forget(metrics, METRIC_FIRST_DEPTH);
    for (size_t i = 0; i < run->count; i++)
        metrics_set(metrics, run->figures[i].metric, run->figures[i].value, run->figures[i].number);
    return close_metrics(run, metrics, tally, failure);
}
