/* metrics.h - the metrics of the last run, for Prometheus (node_exporter's textfile collector).
 * Written under a temporary name first, so that no incomplete file is ever read. */
#ifndef METRICS_H
#define METRICS_H

#include "base/failure.h"
#include "report/tally.h"

#include <sys/stat.h>
#include <time.h>

struct metrics {
    const char *program;
    const char *storage;
    time_t ended;    /* by this machine's clock, as Prometheus expects */
    time_t next_due; /* when cron should start the next run */
    double duration; /* seconds */
    int exit_code;
    const struct tally *tally;
};

/* `path` is a file, or a directory for PROGRAM-STORAGE.prom. */
bool metrics_write(const char *path, mode_t mode, const struct metrics *metrics,
                   struct failure *failure);

#endif
