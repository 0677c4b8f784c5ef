#include "base/signals.h"

#include "base/failure.h"
#include "base/milliseconds.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { INTERNAL_ERROR = 70 };              /* as in report/exit_code.h */
enum { SAME_SIGNAL = 200, GRACE = 10000 }; /* milliseconds */

/* Any thread may be interrupted, so sig_atomic_t is not enough. */
static _Atomic int caught, count, guarded = -1;
static _Atomic long latest;          /* when the latest signal was caught, in milliseconds */
static _Atomic long watched, waited; /* seconds */
static _Atomic bool is_urgent, is_spared;
static char *_Atomic last_words, *_Atomic last_code;

/* When the wait for the server, and the run, have taken too long, in milliseconds; 0: never. One
 * timer of the process serves both: those that timer_create() makes need what a limit of pending
 * signals can deny. */
static _Atomic long watch_end, limit_end;

/* Sets the timer to the next end. Whoever is late, as another thread or the handler has set it
 * meanwhile, sets it too early, and it is set again. */
static void set_timer(void)
{
    long watch = watch_end, limit = limit_end;
    long end = watch == 0 || (limit != 0 && limit < watch) ? limit : watch;
    long left = end - milliseconds();
    struct itimerval timer = {0};
    if (end != 0 && left > 0)
        timer.it_value = (struct timeval){left / 1000, left % 1000 * 1000};
    else if (end != 0)
        timer.it_value.tv_usec = 1;
    setitimer(ITIMER_REAL, &timer, NULL);
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

static void end_at_once(int code)
{
    char *text = last_words;
    struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (text != NULL && poll(&output, 1, 0) == 1 && (output.revents & POLLOUT) != 0) {
        for (int i = 2, left = code; i >= 0; i--, left /= 10)
            last_code[i] = (char)('0' + left % 10);
        (void)!write(STDOUT_FILENO, text, strlen(text));
    }
    _exit(code);
}

static void note_signal(int signal, bool is_timer, long now)
{
    int none = 0;
    if (atomic_compare_exchange_strong(&caught, &none, signal)) {
        latest = now;
        count = 1;
    } else if (is_spared) {
        if (is_unread()) /* the disk may not be what is waited for */
            end_at_once(128 + caught);
    } else if (now - latest >= SAME_SIGNAL) {
        latest = now;
        bool has_cut = ++count == 2 && guarded >= 0;
        is_urgent = is_urgent || has_cut; /* before the thread that waits can tell that */
        has_cut = has_cut && shut_down();
        if (is_unread() || (!has_cut && (count == 2 || !is_timer)))
            end_at_once(128 + caught);
    }
}

static void note_time(long now)
{
    long watch = watch_end, limit = limit_end;
    if (watch != 0 && watch <= now && atomic_compare_exchange_strong(&watch_end, &watch, 0)) {
        waited = watched;
        if (waited > 0) /* it may just have been called off */
            shut_down();
    }
    if (limit != 0 && limit <= now) {
        limit_end = now + GRACE;
        note_signal(SIGALRM, true, now);
    }
    set_timer();
}

static void note(int signal, siginfo_t *info, void *context)
{
    (void)context;
    int error = errno;
    if (signal == SIGALRM && info->si_code == SI_KERNEL)
        note_time(milliseconds());
    else
        note_signal(signal, false, milliseconds());
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
    sigset_t blocked; /* by whoever has started the program, as a mask is inherited */
    sigemptyset(&action.sa_mask);
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction inherited;
        sigaddset(&blocked, signals[i]);
        if (sigaction(signals[i], NULL, &inherited) == 0 &&
            (inherited.sa_handler != SIG_IGN || signals[i] == SIGALRM))
            sigaction(signals[i], &action, NULL);
    }
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

void signals_last_words(char *text, char *code)
{
    last_code = code;
    last_words = text;
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

void signals_spare(bool waits_for_disk)
{
    is_spared = waits_for_disk;
}

static long end_after(long seconds)
{
    return seconds > 0 ? milliseconds() + seconds * 1000 : 0;
}

void signals_watch(long seconds)
{
    watched = seconds;
    watch_end = end_after(seconds);
    set_timer();
}

void signals_limit(long seconds)
{
    limit_end = end_after(seconds);
    set_timer();
}
