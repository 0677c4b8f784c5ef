#include "base/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

/* Any thread may be interrupted, so sig_atomic_t is not enough. */
static _Atomic int caught;

static void note(int signal)
{
    int none = 0;
    atomic_compare_exchange_strong(&caught, &none, signal);
}

void signals_catch(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
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
