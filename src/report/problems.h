/* problems.h - what is wrong, as plugins of Nagios and Icinga tell it. */
#ifndef PROBLEMS_H
#define PROBLEMS_H

#include <stddef.h>
#include <stdio.h>

/* The numbers are the exit codes of a plugin. */
enum severity { SEVERITY_OK, SEVERITY_WARNING, SEVERITY_CRITICAL, SEVERITY_UNKNOWN };

/* Zero-initialise; free with problems_free(). */
struct problems {
    struct problem {
        enum severity severity;
        char *text; /* one line */
    } * items;
    size_t count;
    enum severity worst; /* CRITICAL before WARNING before UNKNOWN */
};

/* When out of memory the problem counts, but has no text. */
void problems_add(struct problems *problems, enum severity severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void problems_free(struct problems *problems);

const char *problem_text(const struct problem *problem);

/* Prints "SERVICE WARNING - 2 problems: ...|FIGURES", and a line for each; without a problem
 * "SERVICE OK - SUMMARY|FIGURES". The service is called like the program, "crashmon-scan". What
 * could end a text early is replaced. */
void problems_print(const struct problems *problems, FILE *stream, const char *service,
                    const char *summary, const char *figures);

#endif
