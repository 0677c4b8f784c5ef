#include "base/signals.h"

#include "base/failure.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INTERNAL_ERROR = 70 };           /* as in report/exit_code.h */
enum { SAME_SIGNAL = 200, GRACE = 10 }; /* milliseconds; seconds */

/* Any thread may be interrupted, so sig_atomic_t is not enough. */
static _Atomic int caught, count, guarded = -1;
static _Atomic long latest;          /* when the latest signal was caught, in milliseconds */
static _Atomic long watched, waited; /* seconds */
static _Atomic bool is_urgent;

static struct timer {
    timer_t id;
    bool exists;
} watch, limit;

static long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool shut_down(void)
{
    int socket = guarded;
    return socket >= 0 && shutdown(socket, SHUT_RDWR) == 0;
}

/* Whether stdout or stderr takes no more, as a pipe whose reader stands still. */
static bool is_unread(void)
{
    struct pollfd ends[] = {{.fd = STDOUT_FILENO, .events = POLLOUT},
                            {.fd = STDERR_FILENO, .events = POLLOUT}};
    return poll(ends, 2, 0) < 2;
}

static void note(int signal, siginfo_t *info, void *context)
{
    (void)context;
    int none = 0, error = errno;
    bool is_timer = info->si_code == SI_TIMER;
    long now = milliseconds();
    if (is_timer && info->si_value.sival_ptr == &watch) {
        waited = watched;
        if (waited > 0) /* it may just have been called off */
            shut_down();
    } else if (atomic_compare_exchange_strong(&caught, &none, signal)) {
        latest = now;
        count = 1;
    } else if (now - latest >= SAME_SIGNAL) {
        latest = now;
        bool has_cut = ++count == 2 && guarded >= 0;
        is_urgent = is_urgent || has_cut; /* before the thread that waits can tell that */
        has_cut = has_cut && shut_down();
        if (is_unread() || (!has_cut && (count == 2 || !is_timer)))
            _exit(128 + caught);
    }
    errno = error;
}

/* log4c does so where it gets no memory; the C library has told its own reasons by then. */
static void end_at_abort(int signal)
{
    static const char text[] = "crashmon: out of memory, or an error in a library; what was not "
                               "done is left for the next run\n";
    (void)signal;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(INTERNAL_ERROR);
}

void signals_catch(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGALRM};
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_RESTART | SA_SIGINFO};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGABRT, end_at_abort);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction inherited;
        if (sigaction(signals[i], NULL, &inherited) == 0 &&
            (inherited.sa_handler != SIG_IGN || signals[i] == SIGALRM))
            sigaction(signals[i], &action, NULL);
    }
}

int signals_caught(void)
{
    return caught;
}

bool signals_are_urgent(void)
{
    return is_urgent;
}

bool signals_permit(struct failure *failure)
{
    return !(is_urgent || waited > 0) || fail(failure, EINTR, "the run has closed its connection");
}

long signals_have_waited(void)
{
    return waited;
}

void signals_guard(int socket)
{
    guarded = socket;
}

/* Without a timer, which costs some memory of the kernel's, there is no limit. */
static void set(struct timer *timer, long seconds, long again)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    const struct itimerspec times = {.it_value.tv_sec = seconds, .it_interval.tv_sec = again};
    event.sigev_value.sival_ptr = timer;
    if (!timer->exists && seconds > 0)
        timer->exists = timer_create(CLOCK_MONOTONIC, &event, &timer->id) == 0;
    if (timer->exists)
        timer_settime(timer->id, 0, &times, NULL);
}

void signals_watch(long seconds)
{
    watched = seconds;
    set(&watch, seconds, 0);
}

void signals_limit(long seconds)
{
    set(&limit, seconds, GRACE);
}
