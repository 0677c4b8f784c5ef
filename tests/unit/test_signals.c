#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/signals.h"

#include <pthread.h>
#include <signal.h>

/* A thread that gets both, while another one asks: ThreadSanitizer sees whether that is safe. */
static void *be_interrupted(void *argument)
{
    (void)argument;
    pthread_kill(pthread_self(), SIGTERM);
    pthread_kill(pthread_self(), SIGINT);
    return NULL;
}

static void the_first_signal_is_kept_whichever_thread_gets_it(void **state)
{
    (void)state;
    pthread_t thread;
    signals_catch();
    assert_int_equal(signals_caught(), 0);
    assert_int_equal(pthread_create(&thread, NULL, be_interrupted, NULL), 0);
    while (signals_caught() == 0)
        ;
    assert_int_equal(signals_caught(), SIGTERM);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(signals_caught(), SIGTERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_signal_is_kept_whichever_thread_gets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
