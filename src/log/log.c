/* log4c's own appenders and layouts do not suit short-lived programs: they truncate or rotate the
 * file at each start, are not safe between processes, and cut long messages. So crashmon has its
 * own. log4c_init() is not called: it obeys a configuration file in the working directory and
 * environment variables.
 *
 * An event goes to the appender of its category (the file), then to that of the root category
 * (stderr). Each has its own threshold; the category's priority is the lower of the two. */
#include "log/log.h"

#include "base/access.h"
#include "log/log_file.h"
#include "log/log_format.h"
#include "log/mail.h"

#include <errno.h>
#include <fcntl.h>
#include <log4c.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a layout and its appender share. */
struct output {
    const char *format;
    int level;
    char *line; /* reused for every event */
    size_t size;
};

static const struct {
    int level, priority;
} priorities[] = {
    {LEVEL_DEBUG, LOG4C_PRIORITY_DEBUG},   {LEVEL_INFO, LOG4C_PRIORITY_INFO},
    {LEVEL_WARNING, LOG4C_PRIORITY_WARN},  {LEVEL_ERROR, LOG4C_PRIORITY_ERROR},
    {LEVEL_CRITICAL, LOG4C_PRIORITY_CRIT},
};
enum { PRIORITY_COUNT = sizeof priorities / sizeof priorities[0] };

static log4c_category_t *category; /* NULL: not open */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *program;
static int process; /* in every line, so asked for once */
static struct output to_file, to_stderr;
static struct log_file file, errors; /* all lines; those at WARNING and above once more */
static char *errors_pathname;
static struct failure first_failure; /* of a file; without a text there was none */
static bool lasts;      /* the cause of the message that is written, see log_vlasting() */
static bool is_showing; /* a line on stderr that is to be replaced by the next */

/* Lines below INFO, one for each crash, are collected here and written together. */
static char pending[1 << 16];
static size_t pending_length;

/* The log4c priority of the lowest level that is not below `level`. */
static int priority_of(int level)
{
    for (int i = 0; i < PRIORITY_COUNT; i++)
        if (priorities[i].level >= level)
            return priorities[i].priority;
    return LOG4C_PRIORITY_FATAL; /* which no event has */
}

static int level_of(int priority)
{
    for (int i = 0; i < PRIORITY_COUNT; i++)
        if (priorities[i].priority == priority)
            return priorities[i].level;
    return LEVEL_CRITICAL;
}

/* Ignores errors: there is nowhere to report them. */
static void write_all_to_stderr(const char *line)
{
    size_t length = strlen(line);
    while (length > 0) {
        ssize_t count = write(STDERR_FILENO, line, length);
        if (count >= 0) {
            line += count;
            length -= (size_t)count;
        } else if (errno != EINTR) {
            return;
        }
    }
}

static void write_to_stderr(const char *line)
{
    if (is_showing && *line != '\0')
        write_all_to_stderr("\r\033[K");
    is_showing = is_showing && *line == '\0';
    write_all_to_stderr(line);
}

static const char out_of_memory[] = "crashmon: out of memory for a line of the log\n";

static const char *make_line(struct output *output, int level, struct timeval time,
                             const char *message)
{
    struct log_event event = {program, level, time, process, message};
    return log_format_render(output->format, &event, &output->line, &output->size) >= 0
               ? output->line
               : out_of_memory;
}

/* Reports a failure of the files on stderr, whatever its threshold, but only once. */
static void complain(const struct failure *failure)
{
    struct timeval now;
    struct failure told = *failure;
    gettimeofday(&now, NULL);
    fail_further(&told, "; the run goes on");
    if (first_failure.text[0] != '\0')
        return;
    first_failure = *failure;
    if (mail_admits(failure->text, true, file.pathname))
        write_to_stderr(make_line(&to_stderr, LEVEL_ERROR, now, told.text));
}

/* Applies the threshold, as log4c formats every event. An empty line is not written. */
static const char *format_event(const log4c_layout_t *layout, const log4c_logging_event_t *event)
{
    struct output *output = log4c_layout_get_udata(layout);
    int level = level_of(event->evt_priority);
    return level < output->level ? ""
                                 : make_line(output, level, event->evt_timestamp, event->evt_msg);
}

static void write_to(struct log_file *target, const char *lines, size_t length)
{
    struct failure failure;
    if (length > 0 && target->descriptor >= 0 && !log_file_write(target, lines, length, &failure))
        complain(&failure);
}

static void open_target(struct log_file *target)
{
    struct failure failure;
    if (!log_file_open(target, &failure))
        complain(&failure);
}

/* Only once there is something to write: a good run makes no such file. */
static void write_error(const char *line, size_t length)
{
    if (errors.pathname == NULL)
        return;
    if (errors.descriptor < 0)
        open_target(&errors);
    write_to(&errors, line, length);
    if (errors.descriptor < 0)
        errors.pathname = NULL; /* not again */
}

static void write_pending(void)
{
    write_to(&file, pending, pending_length);
    pending_length = 0;
}

static int append_to_file(log4c_appender_t *appender, const log4c_logging_event_t *event)
{
    (void)appender;
    const char *line = event->evt_rendered_msg;
    size_t length = strlen(line);
    int level = level_of(event->evt_priority);
    if (level >= LEVEL_WARNING && length > 0)
        write_error(line, length);
    if (length > sizeof pending - pending_length)
        write_pending();
    if (length > sizeof pending) {
        write_to(&file, line, length);
        return 0;
    }
    memcpy(pending + pending_length, line, length);
    pending_length += length;
    if (level >= LEVEL_INFO)
        write_pending();
    return 0;
}

/* Whoever has DEBUG and INFO lines written to stderr wants to see them all. */
static int append_to_stderr(log4c_appender_t *appender, const log4c_logging_event_t *event)
{
    (void)appender;
    const char *line = event->evt_rendered_msg;
    if (*line != '\0' && (level_of(event->evt_priority) < LEVEL_WARNING ||
                          mail_admits(event->evt_msg, lasts, file.pathname)))
        write_to_stderr(line);
    return 0;
}

static void tell_rest(long others, const char *first)
{
    char *message = NULL;
    struct timeval now;
    gettimeofday(&now, NULL);
    if (asprintf(&message, "and %ld more like this: %s", others, first) >= 0)
        write_to_stderr(make_line(&to_stderr, LEVEL_ERROR, now, message));
    free(message);
}

static const log4c_layout_type_t line_layout = {"line", format_event};
static const log4c_appender_type_t file_type = {"file", NULL, append_to_file, NULL};
static const log4c_appender_type_t stderr_type = {"stderr", NULL, append_to_stderr, NULL};

static log4c_appender_t *make_appender(const log4c_appender_type_t *type, struct output *output)
{
    log4c_layout_t *layout = log4c_layout_get(type->name);
    log4c_layout_set_type(layout, &line_layout);
    log4c_layout_set_udata(layout, output);
    log4c_appender_t *appender = log4c_appender_get(type->name);
    log4c_appender_set_type(appender, type);
    log4c_appender_set_layout(appender, layout);
    return appender;
}

bool log_occupy_descriptors(struct failure *failure)
{
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            return fail(failure, errno, "cannot open \"/dev/null\"");
    return true;
}

/* NULL: it has none, or out of memory. */
static char *name_errors(const char *pathname)
{
    char *name = NULL;
    return !access_is_system(pathname) && asprintf(&name, "%s.errors", pathname) >= 0 ? name : NULL;
}

bool log_may_write(const char *file_pathname, struct failure *failure)
{
    char *name = name_errors(file_pathname);
    bool good = access_may_append(file_pathname, failure) &&
                (name == NULL || access_may_append(name, failure));
    free(name);
    return good;
}

bool log_open(const struct log_settings *settings, struct failure *failure)
{
    if (!log_format_check(settings->file_format, failure) ||
        !log_format_check(settings->stderr_format, failure))
        return false;
    program = settings->program;
    process = getpid();
    to_file = (struct output){.format = settings->file_format, .level = settings->file_level};
    to_stderr = (struct output){.format = settings->stderr_format, .level = settings->stderr_level};
    file = errors = (struct log_file){
        .pathname = settings->file_pathname,
        .maximum_size = settings->file_maximum_size,
        .backups = settings->file_backups,
        .mode = settings->file_mode | 0600,
        .descriptor = -1,
        .lock.descriptor = -1,
    };
    errors_pathname = file.pathname != NULL ? name_errors(file.pathname) : NULL;
    errors.pathname = errors_pathname;
    errors.like = &file;
    first_failure.text[0] = '\0';
    if (file.pathname != NULL)
        open_target(&file);
    category = log4c_category_get("crashmon");
    log4c_category_set_appender(category, make_appender(&file_type, &to_file));
    log4c_category_set_appender(log4c_category_get("root"),
                                make_appender(&stderr_type, &to_stderr));
    log4c_category_set_priority(
        category, priority_of(to_file.level < to_stderr.level ? to_file.level : to_stderr.level));
    return true;
}

static void write_bare(const char *format, va_list arguments)
{
    char *message = NULL;
    if (vasprintf(&message, format, arguments) < 0) {
        write_to_stderr(out_of_memory);
        return;
    }
    char *line = log_format_plain(message);
    if (mail_admits(message, lasts, NULL))
        write_to_stderr(line != NULL ? line : out_of_memory);
    free(line);
    free(message);
}

static void write_event(enum log_level level, bool its_cause_lasts, const char *format,
                        va_list arguments)
{
    int error = errno;
    int priority = priority_of((int)level);
    if (category == NULL ? level >= LEVEL_ERROR
                         : log4c_category_is_priority_enabled(category, priority)) {
        pthread_mutex_lock(&mutex);
        lasts = its_cause_lasts;
        if (category == NULL)
            write_bare(format, arguments);
        else
            log4c_category_vlog(category, priority, format, arguments);
        pthread_mutex_unlock(&mutex);
    }
    errno = error;
}

void log_write(enum log_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_vwrite(level, format, arguments);
    va_end(arguments);
}

void log_vwrite(enum log_level level, const char *format, va_list arguments)
{
    write_event(level, false, format, arguments);
}

void log_vlasting(const char *format, va_list arguments)
{
    write_event(LEVEL_ERROR, true, format, arguments);
}

void log_remember(char *const argv[], const char *config, long seconds)
{
    mail_remember(argv, config, seconds);
}

void log_flush(void)
{
    pthread_mutex_lock(&mutex);
    write_pending();
    pthread_mutex_unlock(&mutex);
}

const char *log_failure(void)
{
    return first_failure.text[0] != '\0' ? first_failure.text : NULL;
}

static void close_target(struct log_file *target)
{
    struct failure failure;
    if (target->descriptor >= 0 && !log_file_close(target, &failure))
        complain(&failure);
}

void log_show(const char *line)
{
    pthread_mutex_lock(&mutex);
    write_to_stderr(line);
    is_showing = strchr(line, '\n') == NULL;
    pthread_mutex_unlock(&mutex);
}

/* log4c's own memory stays: log4c_fini() does nothing without log4c_init(). */
void log_close(void)
{
    if (category == NULL)
        return;
    write_pending();
    mail_end(tell_rest);
    close_target(&file);
    close_target(&errors);
    log4c_category_set_appender(category, NULL);
    log4c_category_set_appender(log4c_category_get("root"), NULL);
    category = NULL;
    free(errors_pathname);
    free(to_file.line);
    free(to_stderr.line);
}
