#include "report/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print_gauge(FILE *file, const struct metrics *metrics, const char *name,
                        const char *help, double value)
{
    fprintf(file, "# HELP crashmon_%s %s\n# TYPE crashmon_%s gauge\n", name, help, name);
    fprintf(file, "crashmon_%s{program=\"%s\",storage=\"%s\"} %.15g\n", name, metrics->program,
            metrics->storage, value);
}

static void print_all(FILE *file, const struct metrics *metrics)
{
    print_gauge(file, metrics, "last_run_timestamp_seconds", "When the last run ended.",
                (double)metrics->ended);
    print_gauge(file, metrics, "next_run_timestamp_seconds", "When the next run is due.",
                (double)metrics->next_due);
    print_gauge(file, metrics, "last_run_duration_seconds", "How long the last run took.",
                metrics->duration);
    print_gauge(file, metrics, "last_run_exit_code", "The exit code of the last run.",
                metrics->exit_code);
    print_gauge(file, metrics, "last_run_seen", "Crashes that the last run saw.",
                (double)metrics->tally->seen);
    fprintf(file, "# HELP crashmon_last_run_crashes Crashes by outcome.\n"
                  "# TYPE crashmon_last_run_crashes gauge\n");
    for (int i = 0; i < OUTCOME_COUNT; i++)
        fprintf(file,
                "crashmon_last_run_crashes{program=\"%s\",storage=\"%s\",outcome=\"%s\"} %ld\n",
                metrics->program, metrics->storage, outcome_key((enum outcome)i),
                metrics->tally->outcomes[i]);
}

static bool write_file(const char *temporary, mode_t mode, const struct metrics *metrics)
{
    unlink(temporary);
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (file == NULL) {
        if (descriptor >= 0)
            close(descriptor);
        return false;
    }
    print_all(file, metrics);
    bool good = !ferror(file);
    return fclose(file) == 0 && good;
}

static bool replace_file(const char *target, const char *temporary, mode_t mode,
                         const struct metrics *metrics)
{
    if (write_file(temporary, mode, metrics) && rename(temporary, target) == 0)
        return true;
    int error = errno;
    unlink(temporary);
    errno = error;
    return false;
}

bool metrics_write(const char *path, mode_t mode, const struct metrics *metrics,
                   struct failure *failure)
{
    struct stat status;
    char *target = NULL, *temporary = NULL;
    bool in_directory = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    if ((in_directory ? asprintf(&target, "%s/%s-%s.prom", path, metrics->program, metrics->storage)
                      : asprintf(&target, "%s", path)) < 0)
        return fail(failure, ENOMEM, "cannot write metrics file \"%s\"", path);
    bool good = asprintf(&temporary, "%s.%ld.tmp", target, (long)getpid()) >= 0 &&
                replace_file(target, temporary, mode, metrics);
    if (!good)
        fail(failure, errno, "cannot write metrics file \"%s\"", target);
    free(temporary);
    free(target);
    return good;
}
