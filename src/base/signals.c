#include "base/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

enum { INTERNAL_ERROR = 70 }; /* as in report/exit_code.h */

/* Any thread may be interrupted, so sig_atomic_t is not enough. */
static _Atomic int caught;

static void note(int signal)
{
    int none = 0;
    atomic_compare_exchange_strong(&caught, &none, signal);
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
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGABRT, end_at_abort);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction inherited;
        if (sigaction(signals[i], NULL, &inherited) == 0 && inherited.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

int signals_caught(void)
{
    return caught;
}
