/* metrics.h - the figures of the last run, for Prometheus.
 *
 * Written in the text format of its exposition, for node_exporter's textfile collector: to a
 * temporary name first, so that the collector never reads half a file. */
#ifndef METRICS_H
#define METRICS_H

#include "base/failure.h"
#include "report/tally.h"

#include <sys/stat.h>
#include <time.h>

struct metrics {
    const char *program;
    const char *storage;
    time_t ended;    /* by this machine's clock, like all that Prometheus is given */
    time_t next_due; /* when the next run is meant to start */
    double duration; /* seconds */
    int exit_code;
    const struct tally *tally;
};

/* `path` is the file, or a directory, where the file then is PROGRAM-STORAGE.prom. */
bool metrics_write(const char *path, mode_t mode, const struct metrics *metrics,
                   struct failure *failure);

#endif
