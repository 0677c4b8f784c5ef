#include "report/progress.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { TERMINAL_INTERVAL = 1, FILE_INTERVAL = 10 };

static struct {
    struct progress_settings settings;
    struct timespec started;
    long before; /* what was done when it began */
    bool is_running, is_terminal, has_shown;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards `stops` */
    pthread_cond_t stopped;
    bool stops;
} progress = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static double elapsed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - progress.started.tv_sec) +
           (double)(now.tv_nsec - progress.started.tv_nsec) / 1e9;
}

static long done(void)
{
    const struct progress_settings *settings = &progress.settings;
    const struct tally tally = report_tally(settings->report);
    return settings->report->looked > 0 ? settings->report->looked : tally.seen;
}

/* Whether a line can be replaced by the next one. */
static bool is_terminal(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDERR_FILENO) && kind != NULL && *kind != '\0' && strcmp(kind, "dumb") != 0;
}

/* A line that does not fit its window could not be replaced by the next one. */
static void cut_to_window(char *line)
{
    struct winsize window;
    if (progress.is_terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 &&
        window.ws_col > 0 && window.ws_col <= strlen(line))
        line[window.ws_col - 1] = '\0';
}

static void show(bool is_last)
{
    const struct progress_settings *settings = &progress.settings;
    char line[200], of[40] = "", left[60] = "";
    long count = done(), all = settings->expected;
    double rate = (double)(count - progress.before) / elapsed();
    all += progress.before;
    if (settings->limit > 0 && settings->limit < all)
        all = settings->limit;
    if (settings->more == NULL && all >= count && !is_last) {
        long seconds = rate > 0 ? (long)((double)(all - count) / rate) : 0;
        snprintf(of, sizeof of, " of %ld", all);
        if (rate > 0)
            snprintf(left, sizeof left, ", %ld:%02ld:%02ld left", seconds / 3600, seconds / 60 % 60,
                     seconds % 60);
    }
    snprintf(line, sizeof line - 1, "%s: crashes: %ld%s, %.0f a second%s", settings->program, count,
             of, rate, left);
    cut_to_window(line);
    if (is_last || !progress.is_terminal)
        strcat(line, "\n");
    log_show(line);
    progress.has_shown = true;
}

/* Waits until a time. False when it is to stop. */
static bool wait_until(double due)
{
    double seconds = due - elapsed();
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    long nanoseconds = seconds > 0 ? (long)(seconds * 1e9) + end.tv_nsec : 0;
    end.tv_sec += nanoseconds / 1000000000;
    end.tv_nsec = nanoseconds % 1000000000;
    pthread_mutex_lock(&progress.mutex);
    while (!progress.stops && seconds > 0 &&
           pthread_cond_timedwait(&progress.stopped, &progress.mutex, &end) == 0)
        ;
    bool goes_on = !progress.stops;
    pthread_mutex_unlock(&progress.mutex);
    return goes_on;
}

static void *tell(void *unused)
{
    (void)unused;
    struct progress_settings *settings = &progress.settings;
    double interval = progress.is_terminal ? TERMINAL_INTERVAL : FILE_INTERVAL, due = interval;
    while (wait_until(settings->more != NULL ? 0 : due)) {
        long more = settings->more != NULL ? settings->more(settings->context) : 0;
        if (more < 0)
            settings->more = NULL;
        else
            settings->expected += more;
        if (elapsed() >= due) {
            show(false);
            due = elapsed() + interval;
        }
    }
    return NULL;
}

/* Signals are for the threads that work. */
void progress_start(const struct progress_settings *settings)
{
    sigset_t all, before;
    pthread_condattr_t clock;
    progress.settings = *settings;
    progress.is_terminal = is_terminal();
    progress.stops = false;
    progress.has_shown = settings->is_asked_for;
    progress.before = done();
    clock_gettime(CLOCK_MONOTONIC, &progress.started);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&progress.stopped, &clock);
    pthread_condattr_destroy(&clock);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    progress.is_running = pthread_create(&progress.thread, NULL, tell, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void progress_stop(void)
{
    if (!progress.is_running)
        return;
    pthread_mutex_lock(&progress.mutex);
    progress.stops = true;
    pthread_cond_signal(&progress.stopped);
    pthread_mutex_unlock(&progress.mutex);
    pthread_join(progress.thread, NULL);
    pthread_cond_destroy(&progress.stopped);
    progress.is_running = false;
    if (progress.has_shown)
        show(true);
}
