/* metrics.h - the metrics of a program for a storage, in a file for Prometheus (the textfile
 * collector of node_exporter). doc/crashmon.metrics.5 describes them.
 *
 * A file is changed under a lock on its directory, and replaced as a whole, so no incomplete one is
 * ever read, and several programs and storages can share one: what is not of this program and
 * storage stays. Counters continue from what is in the file; without it, or if it is damaged, from
 * 0. */
#ifndef METRICS_H
#define METRICS_H

#include "base/failure.h"

#include <time.h>

/* In the order of the file. What has "label" in metrics.c has a series for each value of it. */
enum metric {
    METRIC_BUILD_INFO,
    METRIC_RUN_INTERVAL,
    METRIC_RUNS,
    METRIC_RUN_SECONDS,
    METRIC_CRASHES_SEEN,
    METRIC_CRASHES,
    METRIC_JOBS_PUT_AWAY,
    METRIC_JOB_FAILURES,
    METRIC_RUN_ACTIVE,
    METRIC_RUN_START,
    METRIC_RUN_PROGRESS,
    METRIC_LAST_RUN,
    METRIC_LAST_SUCCESS,
    METRIC_LAST_FAILURE,
    METRIC_LAST_RUN_DURATION,
    METRIC_LAST_RUN_EXIT_CODE,
    METRIC_NEXT_RUN,
    METRIC_PAUSED,
    METRIC_NEW_CRASHES,
    METRIC_NEW_CRASHES_OLDEST,
    METRIC_JOBS,
    METRIC_JOBS_OLDEST,
    METRIC_WAITING_LOWEST,
    METRIC_REQUESTS,
    METRIC_REQUESTS_OLDEST,
    METRIC_PROCESSORS,
    METRIC_QUARANTINED,
    METRIC_QUARANTINED_NEWEST,
    METRIC_FILE_SYSTEM_SIZE,
    METRIC_FILE_SYSTEM_FREE,
    METRIC_FILE_SYSTEM_INODES,
    METRIC_FILE_SYSTEM_FREE_INODES,
    METRIC_COUNT,
    METRIC_FIRST_DEPTH = METRIC_NEW_CRASHES, /* from here on: how much there is to do, and room */
};

struct metrics;

/* Locks and reads the metrics of a program and storage. `path` is a file, which must be regular if
 * it is there, or a directory for PROGRAM-STORAGE.prom. NULL with the reason, also if somebody else
 * holds the lock for longer than a quarter of a second. `program` and `storage` must outlive it. */
struct metrics *metrics_open(const char *path, const char *program, const char *storage,
                             struct failure *failure);

/* Whether that can be written, as far as one can tell without doing so; *written becomes when it
 * last was, 0: never. */
bool metrics_may_write(const char *path, const char *program, const char *storage, time_t *written,
                       struct failure *failure);

/* Sets, or adds to, the series of one label's value (NULL: it has no such label). Out of memory is
 * told by metrics_close(). */
void metrics_set(struct metrics *metrics, enum metric metric, const char *value, double number);
void metrics_add(struct metrics *metrics, enum metric metric, const char *value, double number);

/* What it is now; it is made, with 0, if there is none. */
double metrics_get(struct metrics *metrics, enum metric metric, const char *value);

/* Removes all series from this one on. */
void metrics_forget(struct metrics *metrics, enum metric first);

/* Writes the file, readable by everybody, and frees all. False with the reason; the file is then as
 * it was. */
bool metrics_close(struct metrics *metrics, struct failure *failure);

#endif
