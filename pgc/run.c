#include "run.h"

#include "base/signals.h"
#include "base/version.h"
#include "bisect.h"
#include "lock.h"
#include "options/command_line.h"
#include "report/figures.h"
#include "report/problems.h"
#include "report/say.h"
#include "runs.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Seconds after which a change of the run's row counts as slow: more than a server far away, or a
 * busy machine, makes it take. */
static const double SLOW_NOTE = 0.5;

static bool fail_check(struct run *run, const char *reason)
{
    struct problems problems = {0};
    problems_add(&problems, SEVERITY_UNKNOWN, "%s", reason);
    problems_print(&problems, stdout, run->options.program_name, "", "");
    problems_free(&problems);
    run->is_answered = true;
    run->report.code = (enum exit_code)SEVERITY_UNKNOWN;
    return false;
}

/* Before the log is open. An empty reason: the program only had to show its version or settings. */
static bool fail_begin(struct run *run, enum exit_code code, const char *reason)
{
    if (run->options.check && *reason != '\0')
        return fail_check(run, reason);
    if (*reason != '\0')
        report_error(&run->report, code, "%s: %s", options_program_name(run->options.program),
                     reason);
    run->is_answered = *reason == '\0';
    run->report.code = code;
    return false;
}

/* A dry run writes no log: what it has to say besides goes to whoever has started it. */
static bool open_log(struct run *run)
{
    const struct options *options = &run->options;
    struct failure failure;
    bool to_stderr_alone = options->dry_run && options->stderr_level > LEVEL_WARNING;
    const struct log_settings settings = {
        .program = options->program_name,
        .file_pathname = options->dry_run ? NULL : options->log_file_pathname,
        .file_mode = 0666 & ~run->umask,
        .file_maximum_size = options->log_file_maximum_size,
        .file_backups = (int)options->log_file_backups,
        .file_format = options->log_file_format,
        .file_level = (int)options->log_file_level,
        .stderr_format = options->stderr_format,
        .stderr_level = to_stderr_alone ? LEVEL_WARNING : (int)options->stderr_level,
    };
    run->has_log = log_open(&settings, &failure);
    return run->has_log || fail_begin(run, EXIT_CONFIGURATION, failure.text);
}

static bool connect_to_database(struct run *run)
{
    struct failure failure;
    enum db_status status = session_open(&run->options, &failure);
    if (status != DB_OK)
        fail_further(&failure, "; nothing was done");
    return run_check(run, status, &failure);
}

/* cron must not mail this, but whoever has given ids or repairs has to know. */
static bool is_paused(struct run *run)
{
    const struct options *options = &run->options;
    char *pause = run->pause;
    struct failure failure;
    if (options->adopt)
        return false;
    if (!run_check(run, pauses_read(options->storage_name, pause, &failure), &failure))
        return true;
    run->metrics.is_paused = pause[0] != '\0';
    if (run->metrics.is_paused && options->arguments != NULL)
        report_error(&run->report, EXIT_LEFT, "%s; nothing is done", pause);
    else if (run->metrics.is_paused)
        report_note(&run->report, LEVEL_INFO, "%s; nothing is done", pause);
    if (run->metrics.is_paused && options->repair && !options->dry_run && !options->json)
        say("%s; nothing is done", pause);
    return run->metrics.is_paused;
}

static bool take_lock(struct run *run)
{
    struct failure failure;
    bool got = true;
    if (run->options.dry_run) /* it changes nothing, so it needs no lock */
        return true;
    enum db_status status = lock_take(run->options.program_name, run->options.storage_name,
                                      run->options.lock_wait, &got, &failure);
    if (got || status != DB_OK)
        return run_check(run, status, &failure);
    run->metrics.found_lock_taken = true;
    if (signals_caught() != 0) {
        log_info("ended by %s while waiting for the lock",
                 signals_caught() == SIGALRM ? "--run-time-limit" : "a signal");
        return false;
    }
    if (is_paused(run)) /* since the other run began: this one would do nothing anyway */
        return false;
    /* No error, as cron should not mail each overlap; if it is no other run that holds the lock,
     * the message says so, and --check that no run has begun for too long. A person is told. */
    bool is_awaited = run->options.arguments != NULL || run->options.adopt || isatty(STDERR_FILENO);
    log_write(is_awaited ? LEVEL_ERROR : LEVEL_WARNING, "%s", failure.text);
    snprintf(run->report.error, sizeof run->report.error, "%s", failure.text);
    run->report.code = EXIT_LOCKED;
    return false;
}

bool run_note(struct run *run, enum db_status status, const struct failure *failure)
{
    bool waits = status == DB_BUSY || status == DB_CANCELLED;
    if (waits)
        log_warning("%s; nothing else depends on it", failure->text);
    return waits || run_check(run, status, failure) || db_is_refused(status);
}

static bool enter_run(struct run *run)
{
    struct failure failure;
    if (run->options.dry_run || run->options.adopt)
        return true;
    enum db_status status = runs_enter(run->options.program_name, run->options.storage_name,
                                       options_interval(&run->options), &run->row, &failure);
    if (status != DB_OK)
        return run_note(run, status, &failure);
    if (run->row == 0)
        log_warning("cannot record this run: a trigger or a policy keeps its row out, or "
                    "crashmon.runs_id_seq is behind the rows (load sql/schema.sql)");
    return true;
}

double run_elapsed(const struct run *run)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - run->started.tv_sec) +
           (double)(now.tv_nsec - run->started.tv_nsec) / 1e9;
}

/* One warning is enough: what goes wrong here once does so again. */
static void check_metrics(struct run *run, bool good, const struct failure *failure)
{
    if (!good && !run->metrics_failed)
        log_warning("%s", failure->text);
    run->metrics_failed = run->metrics_failed || !good;
}

/* The row may be locked by somebody, or a trigger on it may refuse or be slow: that holds up no
 * batch, and takes a hundredth of the time at most. */
static void note_row(struct run *run, double began, bool done, const struct failure *failure)
{
    double end = run_elapsed(run), took = end - began;
    if (!done && !run->has_warned)
        log_warning("%s; nothing else depends on it", failure->text);
    run->has_warned = run->has_warned || !done;
    if (!done || took > SLOW_NOTE)
        run->next_row = end + (took > SLOW_NOTE ? 100 * took : 1);
}

/* As the last part of a batch's transaction: the row says of it what the tables say. */
static enum db_status note_batch(void *context, struct failure *failure)
{
    struct run *run = context;
    bool done = true;
    struct tally tally = report_tally(&run->report);
    if (!run->has_row || run_elapsed(run) < run->next_row || !bisect_add_outcomes(&tally))
        return DB_OK;
    enum db_status status = runs_begin_note(failure);
    if (status != DB_OK)
        return status;
    double began = run_elapsed(run);
    status = runs_note_in_batch(run->row, &tally, &done, failure);
    if (status == DB_OK)
        note_row(run, began, done, failure);
    return status;
}

static void note_progress(void *context)
{
    struct run *run = context;
    struct failure failure;
    double now = run_elapsed(run);
    bisect_count_outcomes();
    if (now < run->next_note)
        return;
    const struct tally tally = report_tally(&run->report);
    if (run->has_row && now >= run->next_row) {
        bool done = runs_note(run->row, &tally, NULL, &failure) == DB_OK;
        note_row(run, now, done, &failure);
        now = run_elapsed(run);
    }
    check_metrics(run, run_metrics_go_on(&run->metrics, &tally, &failure), &failure);
    double end = run_elapsed(run);
    run->next_note = end + (end - now > 0.01 ? 100 * (end - now) : 1);
}

static void begin_notes(struct run *run)
{
    struct failure failure;
    run->has_row = run->row != 0;
    check_metrics(run, run_metrics_begin(&run->metrics, &failure), &failure);
    if (!run->options.dry_run)
        session_around_commit(note_batch, note_progress, run);
}

/* Before it is over (NAN) all that is not known is null, and the code one of three digits. */
static void write_json(const struct run *run, FILE *stream, double duration)
{
    struct json json = {.stream = stream};
    bool is_over = isfinite(duration);
    char host[256] = "", started[FIGURE_SIZE];
    gethostname(host, sizeof host - 1);
    json_begin(&json, NULL, '{');
    json_text(&json, "program", run->options.program_name);
    json_text(&json, "version", VERSION);
    json_text(&json, "storage", run->options.storage_name);
    json_text(&json, "host", host);
    json_number(&json, "pid", getpid());
    json_text(&json, "started", figure_time(started, run->date));
    json_bool(&json, "dry_run", run->options.dry_run);
    json_seconds(&json, "duration", duration);
    json_number(&json, "exit_code", is_over ? run->report.code : EXIT_SIGNAL);
    json_sentence(&json, "error", run->report.error);
    json_sentence(&json, "paused", run->pause);
    json_known(&json, "seen", is_over ? run->report.tally.seen : -1);
    if (is_over)
        tally_write_json(&run->report.tally, &json, "outcomes");
    else
        json_text(&json, "outcomes", NULL);
    json_end(&json, '}');
    putc('\n', stream);
}

static void print_json(struct run *run, double duration)
{
    signals_last_words(NULL, NULL);
    write_json(run, stdout, duration);
    report_flush(&run->report);
}

/* The object of a run that a second or third signal ends at once. */
static void prepare_json(const struct run *run)
{
    static const char code[] = "\"exit_code\": ";
    static char *text; /* for a handler */
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        return;
    write_json(run, stream, NAN);
    if (fclose(stream) == 0)
        signals_last_words(text, strstr(text, code) + strlen(code));
}

static bool has_ended;

/* A library without memory may call exit(1), which would say that the work is done. */
static void refuse_exit(int code, void *context)
{
    (void)context;
    if (code == EXIT_FAILURE && !has_ended)
        abort();
}

bool run_begin(struct run *run, enum program program, int argc, char **argv)
{
    struct failure failure;
    enum exit_code code;
    *run = (struct run){.umask = umask(0), .next_note = 1};
    report_init(&run->report);
    clock_gettime(CLOCK_MONOTONIC, &run->started);
    run->date = time(NULL);
    signals_catch();
    on_exit(refuse_exit, NULL);

    if (!log_occupy_descriptors(&failure))
        return fail_begin(run, EXIT_INTERNAL, failure.text);
    bool good = options_read(&run->options, program, argc, (const char **)argv, &code, &failure);
    if (!run->options.dry_run)
        log_remember(argv, run->options.config, run->options.stderr_repeat_delay);
    run->report.is_json = run->options.json;
    if (!good)
        return fail_begin(run, code, failure.text);
    run->is_answered = options_ask(&run->options);
    if (run->is_answered)
        return true;
    if (run->options.json)
        prepare_json(run);
    run->report.dry_run = run->options.dry_run;
    if (!run->options.dry_run && !run->options.json && !run->options.release &&
        isatty(STDERR_FILENO))
        run->report.awaited = run->options.arguments;
    run->report.shown = run->options.stderr_level;
    run->metrics = (struct run_metrics){.options = &run->options, .started = run->date};
    signals_limit(run->options.run_time_limit);
    if (!open_log(run) || !connect_to_database(run) || !take_lock(run))
        return false;
    log_info("%s %s, storage %s, process %d, %s", run->options.program_name, VERSION,
             run->options.storage_name, (int)getpid(),
             run->options.dry_run ? "a dry run" : "has its lock");
    /* A repair that does nothing has no row: it would take the place of one that was killed. */
    bool is_extra = options_are_extra(&run->options), is_idle = is_extra && is_paused(run);
    run->begun = is_idle || enter_run(run);
    if (run->begun)
        begin_notes(run);
    return run->begun && !is_idle && (is_extra || !is_paused(run));
}

static void note_log(struct report *report)
{
    if (report->code > EXIT_LEFT || log_failure() == NULL)
        return;
    report->code = EXIT_LOG;
    snprintf(report->error, sizeof report->error, "%s", log_failure());
}

/* A dry run that nobody reads is of no use; a run does its work, whoever reads what it prints. */
static bool is_unread(const struct report *report)
{
    return report->dry_run && report->is_reader_gone;
}

static void tell_limit(struct report *report)
{
    char first[sizeof report->error];
    strcpy(first, report->error);
    snprintf(report->error, sizeof report->error, "%s%s%.900s", RUN_ENDED_AT_LIMIT,
             *first != '\0' ? "; " : "", first);
}

/* Whatever a repair finds, somebody should look why. */
static void find_final_code(struct run *run)
{
    struct report *report = &run->report;
    if (!tally_adds_up(&report->tally))
        report_error(report, EXIT_INTERNAL, "the outcomes do not add up to the crashes seen");
    bool is_lost = report->code == EXIT_NO_DATABASE && signals_are_urgent();
    if ((report->code <= EXIT_LEFT || is_lost) && signals_caught() != 0)
        report->code = EXIT_SIGNAL + (unsigned)signals_caught();
    bool has_done = tally_has_done(&report->tally) || report->has_moved;
    if (report->code <= EXIT_LEFT && report->refusal != EXIT_DONE && !has_done) /* all is refused */
        report->code = report->refusal;
    if (report->code == EXIT_DONE &&
        (tally_has_left(&report->tally) || (run->options.repair && report->tally.seen > 0)))
        report->code = EXIT_LEFT;
    if (report->code == EXIT_LEFT && run->is_cut)
        tell_limit(report);
    if (report->code == EXIT_LEFT && is_unread(report)) /* who wanted to see no more */
        report->code = EXIT_DONE;
    if (report->code == EXIT_DONE || report->code > EXIT_SIGNAL)
        report->error[0] = '\0';
    log_flush();
    note_log(report);
}

/* That a connection is lost is told with its end. */
static void note_error(struct run *run)
{
    struct failure failure;
    enum db_status status = run->report.error[0] != '\0'
                                ? runs_note_error(run->row, run->report.error, &failure)
                                : DB_OK;
    if (status != DB_OK && status != DB_LOST)
        log_info("%s", failure.text);
}

static void complete_run(struct run *run)
{
    struct failure failure;
    if (run->row == 0)
        return;
    note_error(run);
    enum db_status status = runs_note(run->row, &run->report.tally, &run->report.code, &failure);
    bool is_told = run->report.code == EXIT_NO_DATABASE || signals_are_urgent();
    if (status == DB_LOST && is_told)
        log_info("the end of this run is not recorded, as the connection is lost");
    else
        run_note(run, status, &failure);
}

/* Whoever repairs or releases waits for the answer; so does one who gives ids at a terminal. */
static void write_summary(struct run *run, double duration)
{
    const struct options *options = &run->options;
    char text[TALLY_TEXT_SIZE];
    bool is_awaited = options->repair || options->release || run->report.awaited != NULL;
    tally_print(&run->report.tally, text);
    if (run->begun && is_awaited && !options->dry_run && !options->json) {
        printf("%s; exit code %d\n", text, (int)run->report.code);
        report_flush(&run->report);
    }
    if (!run->begun && run->has_log &&
        run->report.code != EXIT_LOCKED) /* whose errors were these? */
        log_info("%s, storage %s, process %d: exit code %d after %.3f s", options->program_name,
                 options->storage_name, (int)getpid(), (int)run->report.code, duration);
    else if (run->begun)
        log_info("%s%s; exit code %d after %.3f s", options->dry_run ? "dry run, " : "", text,
                 (int)run->report.code, duration);
}

static void write_metrics(struct run *run, double duration)
{
    struct failure failure;
    check_metrics(
        run,
        run_metrics_end(&run->metrics, &run->report.tally, run->report.code, duration, &failure),
        &failure);
}

/* The last words may fail, too, and then the code is another one than was recorded. */
int run_end(struct run *run)
{
    session_watch();
    report_flush(&run->report);
    double duration = run_elapsed(run);
    find_final_code(run);
    complete_run(run);
    enum exit_code recorded = run->report.code;
    write_summary(run, duration);
    write_metrics(run, duration);
    if (run->options.json && !run->is_answered)
        print_json(run, duration);
    if (run->report.code != recorded)
        complete_run(run);
    lock_release();
    session_close();
    log_close();
    note_log(&run->report);
    options_free(&run->options);
    has_ended = true;
    return (int)run->report.code;
}

bool run_check(struct run *run, enum db_status status, const struct failure *failure)
{
    return status == DB_OK || report_error(&run->report, db_exit_code(status), "%s", failure->text);
}

bool run_transact(struct run *run, session_work *work, void *context)
{
    struct failure failure;
    return run_check(run, session_transact(work, context, &failure), &failure);
}

bool run_read(struct run *run, session_work *work, void *context)
{
    struct failure failure;
    return run_check(run, session_read(work, context, &failure), &failure);
}

enum db_status run_try(struct run *run, session_work *work, void *context)
{
    struct failure failure;
    enum db_status status = session_try(work, context, &failure);
    if (status == DB_BUSY) /* somebody should try again */
        report_error(&run->report, EXIT_LEFT, "%s", failure.text);
    else
        run_check(run, status, &failure);
    return status;
}

bool run_has_lock(struct run *run)
{
    return run_transact(run, NULL, NULL);
}

bool run_should_stop(const struct run *run, long worked)
{
    return signals_caught() != 0 || is_unread(&run->report) ||
           (run->options.limit > 0 && worked >= run->options.limit);
}
