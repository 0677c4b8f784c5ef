#include "report/report.h"

#include "base/quote.h"
#include "base/signals.h"
#include "log/log_format.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_init(struct report *report)
{
    *report = (struct report){0};
    pthread_mutex_init(&report->mutex, NULL);
}

void report_seen(struct report *report, long count)
{
    pthread_mutex_lock(&report->mutex);
    report->tally.seen += count;
    pthread_mutex_unlock(&report->mutex);
}

void report_count(struct report *report, enum outcome outcome)
{
    pthread_mutex_lock(&report->mutex);
    report->tally.outcomes[outcome]++;
    pthread_mutex_unlock(&report->mutex);
}

struct tally report_tally(struct report *report)
{
    pthread_mutex_lock(&report->mutex);
    struct tally tally = report->tally;
    pthread_mutex_unlock(&report->mutex);
    tally.seen = tally_sum(&tally);
    return tally;
}

FILE *report_stream(const struct report *report)
{
    return report->is_json ? stderr : stdout;
}

static void print(struct report *report, const char *format, va_list arguments)
{
    char *text = NULL;
    char *line = vasprintf(&text, format, arguments) >= 0 ? log_format_plain(text) : NULL;
    if (fputs(line != NULL ? line : "out of memory for a line\n", report_stream(report)) == EOF &&
        errno == EPIPE)
        report->is_reader_gone = true;
    free(line);
    free(text);
}

void report_flush(struct report *report)
{
    int error = fflush(stdout) != 0 ? errno : ferror(stdout) != 0 ? EIO : 0;
    if (error == EPIPE)
        report->is_reader_gone = true;
    else if (error != 0 && !report->is_reader_gone)
        report_error(report, EXIT_STORAGE, "cannot write to the standard output: %s",
                     strerror(error));
}

static void tell(struct report *report, enum log_level level, const char *format, va_list arguments)
{
    if (report->is_silent)
        return;
    if (report->dry_run)
        print(report, format, arguments);
    else
        log_vwrite(level, format, arguments);
}

void report_note(struct report *report, enum log_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell(report, level, format, arguments);
    va_end(arguments);
}

/* The first sentence for a code counts; one for a code above 1 takes the place of others. What is
 * EXIT_LEFT at the end alone has EXIT_DONE here. */
static void note_sentence(struct report *report, enum exit_code code, const char *sentence)
{
    pthread_mutex_lock(&report->mutex);
    if (report->code <= EXIT_LEFT) {
        if (code > EXIT_LEFT || report->error[0] == '\0')
            snprintf(report->error, sizeof report->error, "%s", sentence);
        if (code > report->code)
            report->code = code;
    }
    pthread_mutex_unlock(&report->mutex);
}

static void note_error(struct report *report, enum exit_code code, const char *format,
                       va_list arguments)
{
    char sentence[sizeof report->error];
    vsnprintf(sentence, sizeof sentence, format, arguments);
    note_sentence(report, code, sentence);
}

static void print_line(struct report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(report, format, arguments);
    va_end(arguments);
}

static bool is_awaited(const struct report *report, const char *name)
{
    const char *const *awaited = report->awaited;
    while (awaited != NULL && *awaited != NULL && strcmp(*awaited, name) != 0)
        awaited++;
    return awaited != NULL && *awaited != NULL;
}

static void tell_outcome(struct report *report, enum log_level level, const struct crash *crash,
                         const char *format, va_list arguments)
{
    char line[QUOTE_SIZE + 1100];
    enum outcome outcome = crash->outcome;
    quote(line, crash->name);
    char *detail = stpcpy(stpcpy(stpcpy(strchr(line, '\0'), ": "), outcome_word(outcome)), ": ");
    vsnprintf(detail, sizeof line - (size_t)(detail - line), format, arguments);
    report_note(report, level, "%s", line);
    if (level < report->shown && is_awaited(report, crash->name))
        print_line(report, "%s", line);
    if (!crash->counted)
        report_count(report, outcome);
    if (outcome >= LEFT && !crash->waits)
        note_sentence(report, EXIT_DONE, line);
    if (outcome != QUARANTINED && !crash->waits)
        return;
    pthread_mutex_lock(&report->mutex);
    if (crash->waits)
        report->tally.waiting++;
    else
        reasons_count(&report->tally.reasons, detail);
    pthread_mutex_unlock(&report->mutex);
}

void report_outcome(struct report *report, enum log_level level, const char *name,
                    enum outcome outcome, const char *format, ...)
{
    const struct crash crash = {.name = name, .outcome = outcome};
    va_list arguments;
    va_start(arguments, format);
    tell_outcome(report, level, &crash, format, arguments);
    va_end(arguments);
}

void report_crash_as(struct report *report, enum log_level level, const struct crash *crash,
                     const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell_outcome(report, level, crash, format, arguments);
    va_end(arguments);
}

void report_waiting(struct report *report, const char *name, const char *reason)
{
    const struct crash crash = {.name = name, .outcome = LEFT, .waits = true};
    report_crash_as(report, LEVEL_DEBUG, &crash, "%s", reason);
}

void report_crash(struct report *report, enum log_level level, const struct crash *crash)
{
    report_crash_as(report, crash->waits ? LEVEL_DEBUG : level, crash, "%s", crash_reason(crash));
}

void report_commit(struct report *report, struct crash *crash)
{
    pthread_mutex_lock(&report->mutex);
    report->tally.outcomes[crash->outcome]++;
    if (crash->has_job && (crash->outcome == ARCHIVED || crash->outcome == DELETED)) {
        report->tally.jobs_put_away++;
        report->tally.job_failures += crash->job_failed;
    }
    pthread_mutex_unlock(&report->mutex);
    crash->counted = true;
}

bool report_error(struct report *report, enum exit_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (report->is_silent)
        ;
    else if (signals_are_urgent() && (code == EXIT_NO_DATABASE || report->code == EXIT_NO_DATABASE))
        /* as somebody wanted, or what follows from it */
        log_vwrite(LEVEL_INFO, format, arguments);
    else if (code == EXIT_LEFT || (code >= EXIT_NO_PROCESSOR && code <= EXIT_CONFIGURATION))
        log_vlasting(format, arguments);
    else
        log_vwrite(LEVEL_ERROR, format, arguments);
    va_end(arguments);
    va_start(arguments, format);
    note_error(report, code, format, arguments);
    va_end(arguments);
    return false;
}

void report_refusal(struct report *report, enum exit_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_vlasting(format, arguments);
    va_end(arguments);
    va_start(arguments, format);
    note_error(report, EXIT_LEFT, format, arguments);
    va_end(arguments);
    report->refusal = code;
}

void report_warning(struct report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell(report, LEVEL_WARNING, format, arguments);
    va_end(arguments);
    va_start(arguments, format);
    note_error(report, EXIT_LEFT, format, arguments);
    va_end(arguments);
}

bool report_failure(struct report *report, const struct failure *failure)
{
    return report_error(report, exit_code_of_errno(failure->error), "%s", failure->text);
}
