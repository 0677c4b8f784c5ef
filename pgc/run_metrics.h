/* run_metrics.h - what a run writes into its metrics (report/metrics.h), if it is asked for any: at
 * its start, now and then while it works, and at its end. A dry run and a repair write none. */
#ifndef RUN_METRICS_H
#define RUN_METRICS_H

#include "options/options.h"
#include "report/exit_code.h"
#include "report/metrics.h"
#include "report/tally.h"

#include <time.h>

/* Enough for what measure.h has. */
enum { FIGURES_MAXIMUM = 48 };

struct run_metrics {
    const struct options *options;
    time_t started; /* by this machine's clock, as Prometheus expects */
    bool has_lock, found_lock_taken;
    bool is_paused;       /* the storage */
    struct tally written; /* what of the counts is in the file */
    bool is_measured;     /* by measure.h: what follows replaces what is in the file */
    struct run_figure {
        enum metric metric;
        const char *value;
        double number;
    } figures[FIGURES_MAXIMUM];
    size_t count;
};

/* Whether the options have been read, and ask for metrics. */
bool run_metrics_are_wanted(const struct run_metrics *run);

/* Adds a figure that is to be written at the end; `value` must outlive the run. */
void run_metrics_tell(struct run_metrics *run, enum metric metric, const char *value,
                      double number);

/* Each returns false with the reason. To begin and to go on is for a run that has its lock. */
bool run_metrics_begin(struct run_metrics *run, struct failure *failure);
bool run_metrics_go_on(struct run_metrics *run, const struct tally *tally, struct failure *failure);
bool run_metrics_end(struct run_metrics *run, const struct tally *tally, enum exit_code code,
                     double duration, struct failure *failure);

#endif
