#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
    assert_false(signals_are_urgent());
}

/* The rest takes place in processes of their own, which have caught nothing yet. */
static void expect_end(void (*child)(void), int code)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signals_catch();
        child();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

static void wait_a_little(void)
{
    const struct timespec time = {.tv_nsec = 250000000};
    nanosleep(&time, NULL);
}

/* Waits for whoever is at the other end of a socket. */
static void read_for_ever(void)
{
    int ends[2];
    char byte;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        _exit(1);
    signals_guard(ends[0]);
    if (read(ends[0], &byte, 1) != 0)
        _exit(2);
}

static void send_two(void)
{
    raise(SIGTERM);
    wait_a_little();
    raise(SIGHUP);
    _exit(3);
}

static void send_one_twice(void)
{
    raise(SIGTERM);
    raise(SIGTERM);
    _exit(signals_caught() == SIGTERM && !signals_are_urgent() ? 4 : 5);
}

static void *send_to_process(void *argument)
{
    kill(getpid(), SIGINT);
    wait_a_little();
    kill(getpid(), SIGTERM);
    return argument;
}

static void read_until_two(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, send_to_process, NULL);
    read_for_ever();
    _exit(signals_are_urgent() && signals_caught() == SIGINT ? 6 : 7);
}

static void *send_to_process_and_end(void *argument)
{
    send_to_process(argument);
    wait_a_little();
    _exit(13);
}

static void *send_one(void *argument)
{
    wait_a_little();
    kill(getpid(), SIGTERM);
    return argument;
}

/* What is told goes to somebody who does not read it. */
static void write_until_two(void)
{
    int ends[2], sockets[2];
    pthread_t thread;
    if (pipe(ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
        _exit(1);
    signals_guard(sockets[0]);
    dup2(ends[1], STDERR_FILENO);
    pthread_create(&thread, NULL, send_to_process_and_end, NULL);
    while (write(STDERR_FILENO, "a line\n", 7) == 7)
        ;
    _exit(2);
}

static void write_until_two_while_a_disk_is_waited_for(void)
{
    signals_spare(true);
    write_until_two();
}

/* One that comes while a disk is waited for ends nothing, nor is it the second one later. */
static void read_until_two_after_a_disk(void)
{
    raise(SIGINT);
    wait_a_little();
    signals_spare(true);
    raise(SIGTERM);
    wait_a_little();
    signals_spare(false);
    if (signals_are_urgent())
        _exit(14);
    pthread_t thread;
    pthread_create(&thread, NULL, send_one, NULL);
    read_for_ever();
    _exit(signals_are_urgent() && signals_caught() == SIGINT ? 15 : 16);
}

/* The third one comes while something else is waited for. */
static void wait_until_three(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, send_to_process, NULL);
    read_for_ever();
    wait_a_little();
    raise(SIGTERM);
    _exit(12);
}

static void read_for_a_second(void)
{
    signals_watch(1);
    read_for_ever();
    _exit(signals_have_waited() && signals_caught() == 0 ? 8 : 9);
}

static void run_for_a_second(void)
{
    signals_watch(1);
    signals_watch(0);
    signals_limit(1);
    while (signals_caught() == 0)
        wait_a_little();
    _exit(signals_caught() == SIGALRM && !signals_have_waited() ? 10 : 11);
}

static void a_second_signal_ends_the_program_where_nobody_waits_for_a_server(void **state)
{
    (void)state;
    expect_end(send_two, 128 + SIGTERM);
}

static void and_where_nobody_reads_what_it_tells(void **state)
{
    (void)state;
    expect_end(write_until_two, 128 + SIGINT);
    expect_end(write_until_two_while_a_disk_is_waited_for, 128 + SIGINT);
}

static void one_that_is_sent_twice_at_once_is_one(void **state)
{
    (void)state;
    expect_end(send_one_twice, 4);
}

static void a_second_one_ends_the_wait_for_the_server_and_a_third_the_program(void **state)
{
    (void)state;
    expect_end(read_until_two, 6);
    expect_end(wait_until_three, 128 + SIGINT);
    expect_end(read_until_two_after_a_disk, 15);
}

static void a_wait_for_the_server_has_an_end(void **state)
{
    (void)state;
    expect_end(read_for_a_second, 8);
}

static void a_limit_of_time_is_a_signal(void **state)
{
    (void)state;
    expect_end(run_for_a_second, 10);
}

/* Whoever starts a program may have left it so. */
static void expect_end_all_the_same(void (*child)(void), int code)
{
    struct rlimit before;
    sigset_t all, mask;
    sigfillset(&all);
    assert_int_equal(sigprocmask(SIG_BLOCK, &all, &mask), 0);
    assert_int_equal(getrlimit(RLIMIT_SIGPENDING, &before), 0);
    const struct rlimit low = {0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_SIGPENDING, &low), 0);
    expect_end(child, code);
    assert_int_equal(setrlimit(RLIMIT_SIGPENDING, &before), 0);
    assert_int_equal(sigprocmask(SIG_SETMASK, &mask, NULL), 0);
}

static void so_it_is_where_signals_are_blocked_and_none_may_be_pending(void **state)
{
    (void)state;
    expect_end_all_the_same(send_two, 128 + SIGTERM);
    expect_end_all_the_same(read_for_a_second, 8);
    expect_end_all_the_same(run_for_a_second, 10);
}

/* One timer serves both, whichever comes first. */
static void wait_and_run_for_a_second(void)
{
    signals_limit(2);
    signals_watch(1);
    read_for_ever();
    signals_watch(9);
    while (signals_caught() == 0)
        wait_a_little();
    _exit(signals_caught() == SIGALRM && signals_have_waited() == 1 ? 14 : 15);
}

static void the_time_of_a_wait_does_not_hide_that_of_the_run(void **state)
{
    (void)state;
    expect_end(wait_and_run_for_a_second, 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_signal_ends_the_program_where_nobody_waits_for_a_server),
        cmocka_unit_test(and_where_nobody_reads_what_it_tells),
        cmocka_unit_test(one_that_is_sent_twice_at_once_is_one),
        cmocka_unit_test(a_second_one_ends_the_wait_for_the_server_and_a_third_the_program),
        cmocka_unit_test(a_wait_for_the_server_has_an_end),
        cmocka_unit_test(a_limit_of_time_is_a_signal),
        cmocka_unit_test(the_time_of_a_wait_does_not_hide_that_of_the_run),
        cmocka_unit_test(so_it_is_where_signals_are_blocked_and_none_may_be_pending),
        cmocka_unit_test(the_first_signal_is_kept_whichever_thread_gets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
