/* problems.h - what is wrong, as plugins of Nagios and Icinga tell it. */
#ifndef PROBLEMS_H
#define PROBLEMS_H

#include "base/failure.h"
#include "report/exit_code.h"
#include "report/json.h"

#include <stddef.h>
#include <stdio.h>

/* The numbers are the exit codes of a plugin. */
enum severity { SEVERITY_OK, SEVERITY_WARNING, SEVERITY_CRITICAL, SEVERITY_UNKNOWN };

/* SEVERITY_OK: no problem, but a note. */
struct problem {
    enum severity severity;
    char *text; /* one line */
};

/* Zero-initialise; free with problems_free(). */
struct problems {
    struct problem *items;
    size_t count;
    enum severity worst; /* CRITICAL before WARNING before UNKNOWN */
    bool is_observer;    /* whoever asks is not the user of the runs */
    enum exit_code code; /* with which a run would end: of the first failure */
};

/* One that is there already, with the same text, is not added again. When out of memory the problem
 * counts, but has no text. */
void problems_add(struct problems *problems, enum severity severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds what hinders a run, which would end with this code: CRITICAL, but UNKNOWN if it is
 * that the user who asks may not see something on the disk (EACCES). */
void problems_add_failure(struct problems *problems, enum exit_code code,
                          const struct failure *failure);
void problems_free(struct problems *problems);

const char *problem_text(const struct problem *problem);

/* Their texts as an array. */
void problems_write_json(const struct problems *problems, struct json *json, const char *key);

/* Prints "SERVICE WARNING - 2 problems: ...|FIGURES", and a line for each, notes last; without a
 * problem "SERVICE OK - SUMMARY|FIGURES". The service is called like the program, "crashmon-scan".
 * What could end a text early is replaced. */
void problems_print(const struct problems *problems, FILE *stream, const char *service,
                    const char *summary, const char *figures);

#endif
