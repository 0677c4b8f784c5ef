#include "measure.h"

#include "report/metrics.h"
#include "session.h"
#include "status.h"
#include "status_disk.h"
#include "storage_rows.h"

/* A count, and the time of the oldest or the newest that it counts, where there is one. */
static void tell_count(struct run *run, enum metric metric, enum metric date, const char *value,
                       const struct count *count)
{
    if (count->state == COUNT_UNKNOWN)
        return;
    run_metrics_tell(&run->metrics, metric, value, (double)count->number);
    if (count->number > 0 && count->oldest >= 0)
        run_metrics_tell(&run->metrics, date, value, (double)(time(NULL) - count->oldest));
}

static void measure_queue(struct run *run)
{
    struct database_status status;
    struct problems troubles = {0}; /* which this run has reported, or the next one will */
    status_read_queue(&run->options, &status, &troubles);
    const struct job_counts *jobs = &status.jobs;
    tell_count(run, METRIC_JOBS, METRIC_JOBS_OLDEST, "waiting", &jobs->waiting);
    tell_count(run, METRIC_JOBS, METRIC_JOBS_OLDEST, "started", &jobs->started);
    tell_count(run, METRIC_JOBS, METRIC_JOBS_OLDEST, "succeeded", &jobs->finished);
    tell_count(run, METRIC_JOBS, METRIC_JOBS_OLDEST, "failed", &jobs->failed);
    tell_count(run, METRIC_JOBS, METRIC_JOBS_OLDEST, "missing", &jobs->missing);
    if (jobs->lowest_waiting > 0)
        run_metrics_tell(&run->metrics, METRIC_WAITING_LOWEST, NULL, (double)jobs->lowest_waiting);
    if (status.processors.count >= 0) {
        run_metrics_tell(&run->metrics, METRIC_PROCESSORS, "alive",
                         (double)status.processors.alive);
        run_metrics_tell(&run->metrics, METRIC_PROCESSORS, "late", (double)status.processors.late);
        run_metrics_tell(&run->metrics, METRIC_PROCESSORS, "dead", (double)status.processors.dead);
    }
    status_free(&status);
    problems_free(&troubles);
}

static void measure_requests(struct run *run)
{
    struct database_status status;
    struct problems troubles = {0};
    status_read_requests(&status, &troubles);
    tell_count(run, METRIC_REQUESTS, METRIC_REQUESTS_OLDEST, NULL, &status.requests);
    status_free(&status);
    problems_free(&troubles);
}

static void tell_room(struct run *run, enum place place, const struct survey_room *room)
{
    const char *name = storage_row_names[place];
    run_metrics_tell(&run->metrics, METRIC_FILE_SYSTEM_SIZE, name, (double)room->bytes);
    run_metrics_tell(&run->metrics, METRIC_FILE_SYSTEM_FREE, name, (double)room->free_bytes);
    run_metrics_tell(&run->metrics, METRIC_FILE_SYSTEM_INODES, name, (double)room->inodes);
    run_metrics_tell(&run->metrics, METRIC_FILE_SYSTEM_FREE_INODES, name,
                     (double)room->free_inodes);
}

/* What a directory holds counts only where the run has not found that it is another one. */
static void measure_disk(struct run *run, bool is_right)
{
    static struct disk_status status;
    struct problems troubles = {0};
    status_read_disk(run, false, &status, &troubles);
    for (int place = 0; place < PLACE_COUNT; place++)
        if (status.places[place].has_room)
            tell_room(run, (enum place)place, &status.places[place].room);
    if (run->options.program == PROGRAM_SCAN && is_right) {
        tell_count(run, METRIC_NEW_CRASHES, METRIC_NEW_CRASHES_OLDEST, NULL, &status.fresh);
        tell_count(run, METRIC_QUARANTINED, METRIC_QUARANTINED_NEWEST, NULL,
                   &status.quarantine.count);
    }
    problems_free(&troubles);
}

void measure(struct run *run)
{
    enum exit_code code = run->report.code;
    if (!run_metrics_are_wanted(&run->metrics) || run->metrics.found_lock_taken)
        return;
    run->metrics.is_measured = true;
    bool has_database = run->begun && session_is_usable();
    session_watch();
    if (has_database && run->options.program == PROGRAM_SCAN)
        measure_queue(run);
    if (has_database && run->options.program == PROGRAM_PRIORITY)
        measure_requests(run);
    measure_disk(run, code != EXIT_STORAGE && code != EXIT_CONFIGURATION);
}
