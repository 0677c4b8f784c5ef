#include "check.h"

#include "base/access.h"
#include "base/quote.h"
#include "options/command_line.h"
#include "report/metrics.h"
#include "report/problems.h"
#include "rights.h"
#include "status.h"
#include "status_disk.h"
#include "storage_rows.h"
#include "tables.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PUNCTUALITY = 60 }; /* seconds by which the clocks of file systems and server may differ */

struct check {
    const struct options *options;
    struct database_status database;
    struct problems problems;
    FILE *figures; /* performance data */
};

/* --- the thresholds */

/* A figure of which there must not be too much: "new_age=250s;900;3600". */
static void put_figure(struct check *check, const char *name, long long value, const char *unit,
                       const struct thresholds *limits)
{
    fprintf(check->figures, "%s%s=%lld%s", ftell(check->figures) > 0 ? " " : "", name, value, unit);
    if (limits == NULL)
        return;
    fputc(';', check->figures);
    if (limits->warning >= 0)
        fprintf(check->figures, "%ld", limits->warning);
    fputc(';', check->figures);
    if (limits->critical >= 0)
        fprintf(check->figures, "%ld", limits->critical);
}

/* What has not been counted to the end is no figure: U, as plugins say it. */
static void put_count(struct check *check, const char *name, const struct count *count)
{
    if (count->state == COUNT_COMPLETE)
        put_figure(check, name, count->number, "", NULL);
    else
        fprintf(check->figures, "%s%s=U", ftell(check->figures) > 0 ? " " : "", name);
}

/* One of which there must be enough: "processors=3;1:;1:". */
static void put_least(struct check *check, const char *name, long long value, const char *unit,
                      const struct thresholds *limits)
{
    put_figure(check, name, value, unit, NULL);
    fputc(';', check->figures);
    if (limits->warning >= 0)
        fprintf(check->figures, "%ld:", limits->warning);
    fputc(';', check->figures);
    if (limits->critical >= 0)
        fprintf(check->figures, "%ld:", limits->critical);
}

static enum severity severity_of(long long value, const struct thresholds *limits)
{
    return limits->critical >= 0 && value >= limits->critical ? SEVERITY_CRITICAL
           : limits->warning >= 0 && value >= limits->warning ? SEVERITY_WARNING
                                                              : SEVERITY_OK;
}

static enum severity severity_of_least(long long value, const struct thresholds *limits)
{
    return limits->critical >= 0 && value < limits->critical ? SEVERITY_CRITICAL
           : limits->warning >= 0 && value < limits->warning ? SEVERITY_WARNING
                                                             : SEVERITY_OK;
}

/* Judges the age of the oldest; the text has it after "has waited for". With an excuse it is a
 * warning at most. Where there may be older ones, its age is no figure, and no proof that all is
 * well.
 */
static void judge_age_unless(struct check *check, const char *excuse, const char *name,
                             const struct count *count, const struct thresholds *limits,
                             const char *text)
{
    char age[FIGURE_SIZE], figure[64];
    if (count->state == COUNT_UNKNOWN)
        return;
    put_count(check, name, count);
    bool is_judged = limits->warning >= 0 || limits->critical >= 0;
    if (count->oldest < 0 && count->is_least && is_judged && count->number == 0)
        problems_add(&check->problems, SEVERITY_UNKNOWN,
                     "%s is not known: nothing was found before the time was over", name);
    else if (count->oldest < 0 && count->is_least && is_judged)
        problems_add(&check->problems, SEVERITY_UNKNOWN,
                     "%s an unknown time: %s were seen, and none of them has an age", text,
                     figure_count(age, count));
    if (count->oldest < 0)
        return;
    snprintf(figure, sizeof figure, "%s_age", name);
    if (!count->is_least)
        put_figure(check, figure, count->oldest, "s", limits);
    enum severity severity = severity_of(count->oldest, limits);
    if (severity == SEVERITY_OK && count->is_least && is_judged)
        problems_add(&check->problems, SEVERITY_UNKNOWN, "%s %s: there may be older ones", text,
                     figure_oldest(age, count));
    else if (severity != SEVERITY_OK)
        problems_add(&check->problems, *excuse != '\0' ? SEVERITY_WARNING : severity, "%s %s%s",
                     text, figure_oldest(age, count), excuse);
}

static void judge_age(struct check *check, const char *name, const struct count *count,
                      const struct thresholds *limits, const char *text)
{
    judge_age_unless(check, "", name, count, limits, text);
}

/* --- the runs of the program: one that could not write its log has done its work */

static void judge_late(struct check *check, long long late, const char *what, const char *holder)
{
    char age[FIGURE_SIZE];
    enum severity severity = severity_of(late, &check->options->check_overdue);
    put_figure(check, "overdue", late > 0 ? late : 0, "s", &check->options->check_overdue);
    if (severity != SEVERITY_OK)
        problems_add(&check->problems, severity, "%s %s %s%s%s", check->options->program_name, what,
                     figure_age(age, late), *holder != '\0' ? "; its lock is taken: " : "", holder);
}

/* What a run that was ended at its work has left the next one goes on with. */
static bool goes_on(const struct run_status *run)
{
    return strcmp(run->state, "ended") == 0 && run->exit_code > EXIT_SIGNAL && run->has_done;
}

/* One that was ended by a signal or its time limit is no failure if it has got anything done. */
static int code_to_judge(const struct run_status *run)
{
    if (goes_on(run))
        return EXIT_DONE;
    return run->exit_code == EXIT_LOG || run->exit_code > EXIT_SIGNAL ? EXIT_LEFT : run->exit_code;
}

/* Whether it works for too long, or was killed. */
static void judge_state(struct check *check, const struct run_status *run)
{
    char age[FIGURE_SIZE], host[ELSEWHERE_SIZE];
    enum severity severity = severity_of(run->started, &check->options->check_running);
    if (last_run_is_held_up(run))
        problems_add(&check->problems, SEVERITY_WARNING,
                     "the session of process %d of %s on %s has waited for a synchronous standby "
                     "for %s",
                     run->pid, run->program, quote(host, run->host), figure_age(age, run->held_up));
    if (last_run_is_at_work(run) && severity != SEVERITY_OK)
        problems_add(&check->problems, severity, "process %d of %s on %s has been at work for %s",
                     run->pid, run->program, quote(host, run->host), figure_age(age, run->started));
    if (strcmp(run->state, "killed") == 0)
        problems_add(&check->problems, SEVERITY_WARNING,
                     "the last run of %s was killed, or could not record its end (see its log): "
                     "process %d on %s, begun %s ago",
                     run->program, run->pid, quote(host, run->host), figure_age(age, run->started));
}

static void judge_code(struct check *check, const struct run_status *run, int code,
                       const char *note)
{
    char age[FIGURE_SIZE], host[ELSEWHERE_SIZE];
    enum severity severity = severity_of(code, &check->options->check_exit_code);
    const char *words = exit_code_words((enum exit_code)run->exit_code);
    if (severity != SEVERITY_OK)
        problems_add(&check->problems, severity,
                     "the last run of %s ended with exit code %d%s%s%s%s%s, %s ago%s%s",
                     run->program, run->exit_code, *words != '\0' ? " (" : "", words,
                     *words != '\0' ? ")" : "", last_run_elsewhere(run, host), note,
                     figure_age(age, run->ended), *run->error != '\0' ? ": " : "", run->error);
}

static void judge_run(struct check *check, const struct run_status *run)
{
    const struct options *options = check->options;
    if (last_run_is_at_work(run))
        put_figure(check, "running", run->started, "s", &options->check_running);
    else
        judge_late(check, run->is_due ? -run->due : 0, "should have run again, but is late by",
                   run->holder);
    judge_state(check, run);
    if (strcmp(run->state, "ended") != 0)
        return;
    put_figure(check, "exit_code", run->exit_code, "", &options->check_exit_code);
    judge_code(check, run, code_to_judge(run), "");
}

static const struct run_status *find_last(const struct check *check, const char *program)
{
    return last_runs_find(check->database.runs, check->database.run_count, program,
                          check->options->storage_name);
}

/* Of a repair 1 is no failure: what it has found was told. But where it was ended too soon, or at
 * --limit, the next one does not go on: it begins anew. */
static void judge_repair(struct check *check)
{
    char name[64];
    snprintf(name, sizeof name, "%s-repair", check->options->program_name);
    const struct run_status *run = find_last(check, name);
    if (run == NULL || !last_run_is_news(run))
        return;
    judge_state(check, run);
    bool is_whole = exit_code_is_done((enum exit_code)run->exit_code) &&
                    strncmp(run->error, RUN_ENDED_AT_LIMIT, strlen(RUN_ENDED_AT_LIMIT)) != 0;
    if (strcmp(run->state, "ended") == 0 && !is_whole)
        judge_code(check, run, run->exit_code > EXIT_SIGNAL ? EXIT_LEFT : run->exit_code,
                   ", which the next repair clears");
}

/* The last one of the program on this storage; NULL: none is known. */
static const struct run_status *find_run(const struct check *check)
{
    return find_last(check, check->options->program_name);
}

/* A program that has never run is as late as the first run on the storage is old. */
static void judge_runs(struct check *check)
{
    const struct database_status *database = &check->database;
    const struct run_status *run = find_run(check);
    if (run != NULL)
        judge_run(check, run);
    else if (database->run_count >= 0 && database->first_run >= 0)
        judge_late(check, database->first_run,
                   "has never run on this storage, where others run for", "");
    judge_repair(check);
}

/* For what only runs change. */
static const char *excuse_of_pause(const struct check *check)
{
    return check->database.is_paused ? "; the storage is paused" : "";
}

/* What runs are at work on may be what an outage has left. */
static bool is_at_work(const struct check *check)
{
    const struct run_status *run = find_run(check);
    return run != NULL && last_run_is_at_work(run) && !last_run_is_held_up(run) &&
           severity_of(run->started, &check->options->check_running) == SEVERITY_OK;
}

static const char *excuse_of_new(const struct check *check)
{
    const struct run_status *run = find_run(check);
    if (check->database.is_paused)
        return excuse_of_pause(check);
    if (is_at_work(check))
        return "; a run is at work";
    return run != NULL && goes_on(run) ? "; the next run goes on" : "";
}

/* --- what the program works on */

static void judge_processors(struct check *check)
{
    const struct thresholds *limits = &check->options->check_processors;
    long alive = check->database.processors.alive;
    if (alive < 0)
        return;
    put_least(check, "processors", alive, "", limits);
    enum severity severity = severity_of_least(alive, limits);
    if (severity != SEVERITY_OK && alive == 0)
        problems_add(&check->problems, severity, "no processor%s is alive",
                     check->database.processors.others > 0 ? " that serves this storage" : "");
    else if (severity != SEVERITY_OK)
        problems_add(&check->problems, severity, "too few processors are alive: %ld", alive);
}

/* Their rows go after a day: until then something can be done. */
static void judge_missing(struct check *check)
{
    const struct count *missing = &check->database.jobs.missing;
    char age[FIGURE_SIZE], number[FIGURE_SIZE];
    if (missing->state == COUNT_UNKNOWN)
        return;
    put_count(check, "missing", missing);
    if (missing->number > 0)
        problems_add(&check->problems, SEVERITY_WARNING,
                     "finished jobs whose pair is missing: %s, the oldest for %s; each row "
                     "stays until it has been missing for 24 hours",
                     figure_count(number, missing), figure_age(age, missing->oldest));
}

/* The later, the worse. */
static void judge_quarantine(struct check *check, const struct count *cases)
{
    const struct thresholds *limits = &check->options->check_quarantine;
    char age[FIGURE_SIZE], number[FIGURE_SIZE];
    if (cases->state == COUNT_UNKNOWN)
        return;
    put_count(check, "quarantined", cases);
    if (cases->oldest < 0)
        return;
    bool is_critical = cases->oldest <= limits->critical;
    if (is_critical || cases->oldest <= limits->warning)
        problems_add(&check->problems, is_critical ? SEVERITY_CRITICAL : SEVERITY_WARNING,
                     "%s in quarantine, the latest came %s ago", figure_count(number, cases),
                     figure_age(age, cases->oldest));
}

/* A run that was killed has left the links of what it had just queued, and the next one removes
 * them. */
static const char *excuse_of_link(const struct check *check, long long queued,
                                  char text[FIGURE_SIZE + 32])
{
    char age[FIGURE_SIZE];
    if (is_at_work(check))
        return excuse_of_new(check);
    snprintf(text, FIGURE_SIZE + 32, "; it was queued %s ago", figure_age(age, queued));
    return queued < options_interval(check->options) ? text : "";
}

/* Nobody has to wait for a processor where only the links of queued crashes cannot be removed; a
 * run at work may be about to. */
static void judge_new(struct check *check, const struct disk_status *disk)
{
    char text[QUOTE_SIZE + 128], quoted[QUOTE_SIZE], excuse[FIGURE_SIZE + 32];
    long long queued = -1;
    struct failure failure;
    snprintf(text, sizeof text, "the oldest new pair has not been queued for");
    if (check->database.is_connected && disk->oldest_new.id[0] != '\0' &&
        status_ask_queued(check->options, disk->oldest_new.id, &queued, &failure) != DB_OK)
        snprintf(text, sizeof text, "the oldest new pair is still in the spool after");
    if (queued >= 0)
        snprintf(text, sizeof text,
                 "the oldest new pair, or another crash of its id, is queued, but its link %s is "
                 "still there after",
                 quote(quoted, disk->oldest_new.path));
    judge_age_unless(check,
                     queued >= 0 ? excuse_of_link(check, queued, excuse) : excuse_of_new(check),
                     "new", &disk->fresh, &check->options->check_new, text);
}

static void judge_work(struct check *check, const struct disk_status *disk)
{
    const struct options *options = check->options;
    const struct job_counts *jobs = &check->database.jobs;
    char text[QUOTE_SIZE + 64], quoted[QUOTE_SIZE];
    switch (options->program) {
    case PROGRAM_SCAN:
        judge_new(check, disk);
        judge_age(check, "waiting", &jobs->waiting, &options->check_waiting,
                  "the oldest job has waited for");
        snprintf(text, sizeof text, "the oldest started job has been with %s for",
                 quote(quoted, jobs->oldest_started_by));
        judge_age(check, "started", &jobs->started, &options->check_started, text);
        judge_processors(check);
        judge_quarantine(check, &disk->quarantine.count);
        break;
    case PROGRAM_PRIORITY:
        judge_age_unless(check, excuse_of_pause(check), "requests", &check->database.requests,
                         &options->check_requests, "the oldest request has waited for");
        break;
    case PROGRAM_CLEANUP:
        judge_age_unless(check, excuse_of_pause(check), "finished", &jobs->finished,
                         &options->check_finished,
                         "the oldest successful job has not been put away for");
        judge_age_unless(check, excuse_of_pause(check), "failed", &jobs->failed,
                         &options->check_finished,
                         "the oldest failed job has not been put away for");
        judge_missing(check);
        judge_quarantine(check, &disk->quarantine.count);
        break;
    }
}

/* --- the places, and what is written to */

static int percent(unsigned long long part, unsigned long long whole)
{
    return (int)(100.0 * (double)part / (double)whole);
}

static void judge_free(struct check *check, const struct place_status *one, const char *name,
                       const char *what, int free, const struct thresholds *limits)
{
    enum severity severity = severity_of_least(free, limits);
    put_least(check, name, free, "%", limits);
    if (severity != SEVERITY_OK)
        problems_add(&check->problems, severity, "only %d%% of the %s are free in \"%s\"", free,
                     what, one->path);
}

/* Places on one file system are judged once. */
static bool is_judged(const struct disk_status *disk, int place)
{
    for (int before = 0; before < place; before++)
        if (disk->places[before].has_room &&
            disk->places[before].room.device == disk->places[place].room.device)
            return true;
    return false;
}

static void judge_places(struct check *check, const struct disk_status *disk)
{
    const struct options *options = check->options;
    char name[64];
    for (int place = 0; place < PLACE_COUNT; place++) {
        const struct place_status *one = &disk->places[place];
        if (one->barrier.text[0] != '\0')
            problems_add(&check->problems, SEVERITY_CRITICAL, "%s", one->barrier.text);
        if (one->path == NULL || !one->has_room || is_judged(disk, place))
            continue;
        snprintf(name, sizeof name, "%s_space", storage_row_names[place]);
        if (one->room.bytes > 0)
            judge_free(check, one, name, "bytes", percent(one->room.free_bytes, one->room.bytes),
                       &options->check_space);
        snprintf(name, sizeof name, "%s_inodes", storage_row_names[place]);
        if (one->room.inodes > 0)
            judge_free(check, one, name, "inodes", percent(one->room.free_inodes, one->room.inodes),
                       &options->check_inodes);
    }
}

/* An observer may ask a server on purpose that only reads. */
static void judge_server(struct check *check)
{
    const struct database_status *database = &check->database;
    if (database->only_reads)
        problems_add(
            &check->problems, SEVERITY_CRITICAL, "%s: a run with this login would end with 69",
            database->is_standby ? "the server only reads (a standby)"
                                 : "the database only reads (default_transaction_read_only is on)");
}

/* That a disk is full shows in what is there: each run writes its metrics when it has ended. */
static void judge_metrics(struct check *check)
{
    const struct options *options = check->options;
    const struct run_status *run = find_run(check);
    char host[ELSEWHERE_SIZE], age[FIGURE_SIZE];
    struct failure failure;
    time_t written;
    if (options->metrics_file == NULL)
        return;
    if (!metrics_may_write(options->metrics_file, options->program_name, options->storage_name,
                           &written, &failure)) {
        problems_add(&check->problems, SEVERITY_WARNING, "metrics: %s", failure.text);
        return;
    }
    bool was_here =
        run != NULL && strcmp(run->state, "ended") == 0 && *last_run_elsewhere(run, host) == '\0';
    if (was_here && written != 0 && time(NULL) - written > run->ended + PUNCTUALITY)
        problems_add(&check->problems, SEVERITY_WARNING,
                     "metrics: \"%s\" was last written %s ago, and not by the run that ended since "
                     "(is its file system full?)",
                     options->metrics_file, figure_age(age, time(NULL) - written));
}

static void judge_files(struct check *check)
{
    const struct options *options = check->options;
    struct failure failure;
    if (!log_may_write(options->log_file_pathname, &failure))
        problems_add(&check->problems, SEVERITY_WARNING, "log: %s", failure.text);
    judge_metrics(check);
    const char *const archives[] = {options->save_successful_to, options->save_failed_to};
    for (int i = 0; i < 2 && options->program == PROGRAM_CLEANUP && options->dump_gid >= 0; i++)
        if (archives[i] != NULL &&
            !access_may_give(archives[i], (gid_t)options->dump_gid, &failure))
            problems_add(&check->problems, SEVERITY_CRITICAL, "%s", failure.text);
}

/* Who cannot print the answer has none. */
static void end_with(struct report *report, enum severity worst)
{
    report->code = EXIT_DONE;
    report_flush(report);
    bool is_unread = report->is_reader_gone || report->code != EXIT_DONE;
    report->is_reader_gone = is_unread; /* which is told once */
    report->code = (enum exit_code)(is_unread ? SEVERITY_UNKNOWN : worst);
}

bool check_answer(struct run *run)
{
    static struct disk_status disk; /* paths in it are known until the program ends */
    struct check check = {.options = &run->options};
    char *figures = NULL, summary[256];
    size_t size;
    if (!run->options.check)
        return false;
    check.figures = open_memstream(&figures, &size);
    if (check.figures == NULL) {
        report_error(&run->report, EXIT_INTERNAL, "out of memory");
        return true;
    }
    status_read(&run->options, &check.database, &check.problems);
    if (check.database.is_connected) {
        rights_check(&check.problems);
        rights_check_intruders(&check.problems);
        tables_check(&check.problems);
    }
    judge_server(&check);
    status_read_disk(run, check.database.is_connected, &disk, &check.problems);
    judge_files(&check);
    judge_runs(&check);
    judge_work(&check, &disk);
    judge_places(&check, &disk);
    fclose(check.figures);
    if (figures == NULL)
        problems_add(&check.problems, SEVERITY_UNKNOWN, "out of memory for the figures");
    snprintf(summary, sizeof summary, "storage %s", run->options.storage_name);
    problems_print(&check.problems, stdout, run->options.program_name, summary,
                   figures != NULL ? figures : "");
    end_with(&run->report, check.problems.worst);
    problems_free(&check.problems);
    status_free(&check.database);
    free(figures);
    return true;
}
