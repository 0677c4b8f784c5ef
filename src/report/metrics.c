#include "report/metrics.h"

#include "base/access.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "crashmon_"

/* Files that are larger are none of ours. */
enum { SIZE_MAXIMUM = 1 << 20 };

static const struct {
    const char *name, *type, *label, *help;
} families[METRIC_COUNT] = {
    [METRIC_BUILD_INFO] = {"build_info", "gauge", "version",
                           "The version of the program; always 1."},
    [METRIC_RUN_INTERVAL] = {"run_interval_seconds", "gauge", NULL, "How often cron starts it."},
    [METRIC_RUNS] = {"runs_total", "counter", "exit_code",
                     "Runs that have ended, by exit code, or were killed."},
    [METRIC_RUN_SECONDS] = {"run_seconds_total", "counter", NULL, "Time that runs took."},
    [METRIC_CRASHES_SEEN] = {"crashes_seen_total", "counter", NULL, "Crashes that runs saw."},
    [METRIC_CRASHES] = {"crashes_total", "counter", "outcome", "What became of them, by outcome."},
    [METRIC_JOBS_PUT_AWAY] = {"jobs_put_away_total", "counter", NULL,
                              "Those that were archived or deleted as their jobs were finished."},
    [METRIC_JOB_FAILURES] = {"job_failures_total", "counter", NULL, "Those whose jobs had failed."},
    [METRIC_RUN_ACTIVE] = {"run_active", "gauge", NULL, "Whether a run is at work, or was killed."},
    [METRIC_RUN_START] = {"run_start_timestamp_seconds", "gauge", NULL, "When it began."},
    [METRIC_RUN_PROGRESS] = {"run_progress_timestamp_seconds", "gauge", NULL,
                             "When it last told that it is at work."},
    [METRIC_LAST_RUN] = {"last_run_timestamp_seconds", "gauge", NULL, "When the last run ended."},
    [METRIC_LAST_SUCCESS] = {"last_success_timestamp_seconds", "gauge", NULL,
                             "When the last run ended that did its work (exit code 0, 1 or 73)."},
    [METRIC_LAST_FAILURE] = {"last_failure_timestamp_seconds", "gauge", NULL,
                             "When the last run ended that failed, or was killed."},
    [METRIC_LAST_RUN_DURATION] = {"last_run_duration_seconds", "gauge", NULL,
                                  "How long the last run took."},
    [METRIC_LAST_RUN_EXIT_CODE] = {"last_run_exit_code", "gauge", NULL,
                                   "The exit code of the last run."},
    [METRIC_NEXT_RUN] = {"next_run_timestamp_seconds", "gauge", NULL, "When the next run is due."},
    [METRIC_PAUSED] = {"paused", "gauge", NULL, "Whether the last run found its storage paused."},
    [METRIC_NEW_CRASHES] = {"new_crashes", "gauge", NULL,
                            "Crashes in the storage root that have a date link."},
    [METRIC_NEW_CRASHES_OLDEST] = {"new_crashes_oldest_timestamp_seconds", "gauge", NULL,
                                   "Since when the oldest of them whose pair is ready is there."},
    [METRIC_JOBS] = {"jobs", "gauge", "state", "Jobs of the storage, by state."},
    [METRIC_JOBS_OLDEST] = {"jobs_oldest_timestamp_seconds", "gauge", "state",
                            "Since when the oldest of them is in this state."},
    [METRIC_WAITING_LOWEST] = {"waiting_job_lowest_id", "gauge", NULL,
                               "The lowest id of a job that waits."},
    [METRIC_REQUESTS] = {"requests", "gauge", NULL, "Requests that are not served."},
    [METRIC_REQUESTS_OLDEST] = {"requests_oldest_timestamp_seconds", "gauge", NULL,
                                "When the oldest of them was made."},
    [METRIC_PROCESSORS] = {"processors", "gauge", "state", "Registered processors, by state."},
    [METRIC_QUARANTINED] = {"quarantined_crashes", "gauge", NULL, "Crashes in quarantine."},
    [METRIC_QUARANTINED_NEWEST] = {"quarantined_crashes_newest_timestamp_seconds", "gauge", NULL,
                                   "When the newest of them came there."},
    [METRIC_FILE_SYSTEM_SIZE] = {"file_system_size_bytes", "gauge", "place",
                                 "Size of the file system of a directory."},
    [METRIC_FILE_SYSTEM_FREE] = {"file_system_free_bytes", "gauge", "place",
                                 "What is free of it for users that are not root."},
    [METRIC_FILE_SYSTEM_INODES] = {"file_system_inodes", "gauge", "place",
                                   "Inodes of the file system of a directory."},
    [METRIC_FILE_SYSTEM_FREE_INODES] = {"file_system_free_inodes", "gauge", "place",
                                        "What is free of them."},
};

struct sample {
    enum metric metric;
    char *labels; /* as in the file, without the braces */
    double value;
};

struct metrics {
    char *path;      /* of the file */
    char *temporary; /* and of the one that replaces it */
    char *labels;    /* that all our series begin with */
    int lock;        /* the directory */
    bool has_no_memory;
    struct sample *samples;
    size_t count, size;
};

/* --- the series */

static void append(struct metrics *metrics, enum metric metric, char *labels, double value)
{
    if (labels != NULL && metrics->count == metrics->size) {
        size_t size = metrics->size * 2 + 64;
        struct sample *samples = realloc(metrics->samples, size * sizeof *samples);
        if (samples != NULL) {
            metrics->samples = samples;
            metrics->size = size;
        }
    }
    if (labels == NULL || metrics->count == metrics->size) {
        metrics->has_no_memory = true;
        free(labels);
        return;
    }
    metrics->samples[metrics->count++] = (struct sample){metric, labels, value};
}

static double *find(struct metrics *metrics, enum metric metric, const char *value)
{
    char *labels = NULL;
    if ((families[metric].label == NULL ? asprintf(&labels, "%s", metrics->labels)
                                        : asprintf(&labels, "%s,%s=\"%s\"", metrics->labels,
                                                   families[metric].label, value)) < 0)
        labels = NULL;
    for (size_t i = 0; labels != NULL && i < metrics->count; i++) {
        struct sample *sample = &metrics->samples[i];
        if (sample->metric == metric && strcmp(sample->labels, labels) == 0) {
            free(labels);
            return &sample->value;
        }
    }
    append(metrics, metric, labels, 0);
    return metrics->has_no_memory ? NULL : &metrics->samples[metrics->count - 1].value;
}

void metrics_set(struct metrics *metrics, enum metric metric, const char *value, double number)
{
    double *found = find(metrics, metric, value);
    if (found != NULL)
        *found = number;
}

void metrics_add(struct metrics *metrics, enum metric metric, const char *value, double number)
{
    double *found = find(metrics, metric, value);
    if (found != NULL)
        *found += number;
}

double metrics_get(struct metrics *metrics, enum metric metric, const char *value)
{
    const double *found = find(metrics, metric, value);
    return found != NULL ? *found : 0;
}

static bool is_ours(const struct metrics *metrics, const char *labels)
{
    size_t length = strlen(metrics->labels);
    return strncmp(labels, metrics->labels, length) == 0 &&
           (labels[length] == '\0' || labels[length] == ',');
}

void metrics_forget(struct metrics *metrics, enum metric first)
{
    size_t kept = 0;
    for (size_t i = 0; i < metrics->count; i++) {
        struct sample *sample = &metrics->samples[i];
        if (sample->metric >= first && is_ours(metrics, sample->labels))
            free(sample->labels);
        else
            metrics->samples[kept++] = *sample;
    }
    metrics->count = kept;
}

/* --- the file */

/* Whether labels are as we write them, and those of one series of a family. */
static bool are_labels(const char *labels, enum metric metric)
{
    const char *names[] = {"program", "storage", families[metric].label};
    for (int i = 0; i < 3 && names[i] != NULL; i++) {
        size_t length = strlen(names[i]);
        if (i > 0 && *labels++ != ',')
            return false;
        if (strncmp(labels, names[i], length) != 0 || strncmp(labels + length, "=\"", 2) != 0)
            return false;
        labels += length + 2;
        labels += strcspn(labels, "\"\\\n");
        if (*labels++ != '"')
            return false;
    }
    return *labels == '\0';
}

static bool has_sample(const struct metrics *metrics, enum metric metric, const char *labels)
{
    for (size_t i = 0; i < metrics->count; i++)
        if (metrics->samples[i].metric == metric && strcmp(metrics->samples[i].labels, labels) == 0)
            return true;
    return false;
}

/* A line `crashmon_NAME{LABELS} VALUE`; comments, and what an older version had, are made anew.
 * False if it is damaged. */
static bool read_line(struct metrics *metrics, char *line)
{
    char *brace = strchr(line, '{'), *end = brace != NULL ? strrchr(brace, '}') : NULL, *rest;
    if (*line == '#')
        return true;
    if (end == NULL || strncmp(line, PREFIX, strlen(PREFIX)) != 0)
        return false;
    double value = strtod(end + 1, &rest);
    if (rest == end + 1 || *rest != '\n' || !isfinite(value) || value < 0)
        return false;
    *brace = *end = '\0';
    for (int i = 0; i < METRIC_COUNT; i++)
        if (strcmp(line + strlen(PREFIX), families[i].name) == 0) {
            if (!are_labels(brace + 1, (enum metric)i) ||
                has_sample(metrics, (enum metric)i, brace + 1))
                return false;
            append(metrics, (enum metric)i, strdup(brace + 1), value);
        }
    return true;
}

static void free_samples(struct metrics *metrics)
{
    while (metrics->count > 0)
        free(metrics->samples[--metrics->count].labels);
}

/* What cannot be read, or is none of ours, is not there; nor is a file that is damaged anywhere. */
static void read_file(struct metrics *metrics)
{
    char *line = NULL;
    size_t size = 0;
    struct stat status;
    int descriptor = open(metrics->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    FILE *stream = descriptor >= 0 ? fdopen(descriptor, "r") : NULL;
    if (stream == NULL) {
        if (descriptor >= 0)
            close(descriptor);
        return;
    }
    bool good = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
                status.st_size <= SIZE_MAXIMUM;
    while (good && getline(&line, &size, stream) > 0)
        good = read_line(metrics, line);
    if (!good)
        free_samples(metrics);
    free(line);
    fclose(stream);
}

static void print_samples(FILE *file, const struct metrics *metrics, enum metric metric)
{
    const char *name = families[metric].name;
    bool is_first = true;
    for (size_t i = 0; i < metrics->count; i++) {
        const struct sample *sample = &metrics->samples[i];
        if (sample->metric != metric)
            continue;
        if (is_first)
            fprintf(file, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name,
                    families[metric].help, name, families[metric].type);
        fprintf(file, PREFIX "%s{%s} %.15g\n", name, sample->labels, sample->value);
        is_first = false;
    }
}

/* Whoever reads it is another user, whatever our umask: it holds no secrets. */
static bool write_file(const struct metrics *metrics)
{
    unlink(metrics->temporary); /* which a run has left that was killed */
    int descriptor =
        open(metrics->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    FILE *file = descriptor >= 0 && fchmod(descriptor, 0644) == 0 ? fdopen(descriptor, "w") : NULL;
    if (file == NULL) {
        if (descriptor >= 0)
            close(descriptor);
        return false;
    }
    for (int i = 0; i < METRIC_COUNT; i++)
        print_samples(file, metrics, (enum metric)i);
    bool good = !ferror(file);
    return fclose(file) == 0 && good;
}

static bool replace_file(const struct metrics *metrics)
{
    if (metrics->has_no_memory) {
        errno = ENOMEM;
        return false;
    }
    if (write_file(metrics) && rename(metrics->temporary, metrics->path) == 0)
        return true;
    int error = errno;
    unlink(metrics->temporary);
    errno = error;
    return false;
}

/* --- the lock */

/* Anybody who may read the directory can hold it, so the wait has an end. */
static bool lock(int directory)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    for (int i = 0; i < 25; i++) {
        if (flock(directory, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK)
            return false;
        nanosleep(&pause, NULL);
    }
    errno = EBUSY;
    return false;
}

static bool open_directory(struct metrics *metrics)
{
    char *path = strdup(metrics->path);
    if (path != NULL)
        metrics->lock = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(path);
    return metrics->lock >= 0 && lock(metrics->lock);
}

static void metrics_free(struct metrics *metrics)
{
    free_samples(metrics);
    free(metrics->samples);
    if (metrics->lock >= 0)
        close(metrics->lock);
    free(metrics->labels);
    free(metrics->temporary);
    free(metrics->path);
    free(metrics);
}

static bool set_names(struct metrics *metrics, const char *path, const char *program,
                      const char *storage)
{
    struct stat status;
    bool in_directory = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";
    if ((in_directory ? asprintf(&metrics->path, "%s%s%s-%s.prom", path, slash, program, storage)
                      : asprintf(&metrics->path, "%s", path)) < 0)
        metrics->path = NULL;
    if (asprintf(&metrics->labels, "program=\"%s\",storage=\"%s\"", program, storage) < 0)
        metrics->labels = NULL;
    if (metrics->path == NULL || asprintf(&metrics->temporary, "%s.tmp", metrics->path) < 0)
        metrics->temporary = NULL;
    errno = ENOMEM;
    return metrics->labels != NULL && metrics->temporary != NULL;
}

/* A device, or a link, must not become a file. */
static bool prepare(struct metrics *metrics, const char *path, const char *program,
                    const char *storage, struct failure *failure)
{
    metrics->lock = -1;
    if (!set_names(metrics, path, program, storage))
        return fail(failure, errno, "cannot write metrics to \"%s\"", path);
    return access_is_replaceable(metrics->path, failure) &&
           access_is_replaceable(metrics->temporary, failure) &&
           (open_directory(metrics) ||
            fail(failure, errno, "cannot write metrics to \"%s\"", path));
}

struct metrics *metrics_open(const char *path, const char *program, const char *storage,
                             struct failure *failure)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL) {
        fail(failure, errno, "cannot write metrics to \"%s\"", path);
    } else if (prepare(metrics, path, program, storage, failure)) {
        read_file(metrics);
    } else {
        metrics_free(metrics);
        metrics = NULL;
    }
    return metrics;
}

bool metrics_may_write(const char *path, const char *program, const char *storage, time_t *written,
                       struct failure *failure)
{
    struct stat status = {0};
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL)
        return fail(failure, errno, "cannot write metrics to \"%s\"", path);
    metrics->lock = -1;
    bool good = set_names(metrics, path, program, storage)
                    ? access_may_replace(metrics->path, failure) &&
                          access_may_replace(metrics->temporary, failure)
                    : fail(failure, errno, "cannot write metrics to \"%s\"", path);
    *written = good && stat(metrics->path, &status) == 0 ? status.st_mtime : 0;
    metrics_free(metrics);
    return good;
}

bool metrics_close(struct metrics *metrics, struct failure *failure)
{
    bool good = replace_file(metrics) ||
                fail(failure, errno, "cannot write metrics file \"%s\"", metrics->path);
    metrics_free(metrics);
    return good;
}
