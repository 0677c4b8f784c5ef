/* measure.c - what a command took: one line of JSON on stdout. What the command prints goes to
 * stderr. Not done by the bench itself: the peak memory of a process counts what it was before it
 * executed the command, and this is as small as can be. */
#include "floor.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void measure(char **command)
{
    int status;
    struct rusage usage;
    double begun = seconds();
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        must(dup2(STDERR_FILENO, STDOUT_FILENO), "stderr");
        must(execvp(command[0], command), command[0]);
    }
    must(wait4(child, &status, 0, &usage), "wait");
    double wall = seconds() - begun;
    printf("{\"wall\": %.6f, \"cpu\": %.6f, \"peak_kib\": %ld, \"status\": %d}\n", wall,
           seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), usage.ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
