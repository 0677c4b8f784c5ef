#include "report/problems.h"

#include "base/utf8.h"
#include "log/log_format.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {
    [SEVERITY_OK] = "OK",
    [SEVERITY_WARNING] = "WARNING",
    [SEVERITY_CRITICAL] = "CRITICAL",
    [SEVERITY_UNKNOWN] = "UNKNOWN",
};

/* Of the first line: what is longer is for the lines that follow. */
enum { ENOUGH = 400 };

static int rank(enum severity severity)
{
    static const int ranks[] = {
        [SEVERITY_OK] = 0,
        [SEVERITY_UNKNOWN] = 1,
        [SEVERITY_WARNING] = 2,
        [SEVERITY_CRITICAL] = 3,
    };
    return ranks[severity];
}

/* Names in it may come from outside: no line ends in it. */
static char *make_text(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        return NULL;
    char *line = log_format_plain(text);
    free(text);
    if (line == NULL)
        return NULL;
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static bool has(const struct problems *problems, const char *text)
{
    for (size_t i = 0; text != NULL && i < problems->count; i++)
        if (strcmp(problem_text(&problems->items[i]), text) == 0)
            return true;
    return false;
}

void problems_add(struct problems *problems, enum severity severity, const char *format, ...)
{
    va_list arguments;
    if (rank(severity) > rank(problems->worst))
        problems->worst = severity;
    va_start(arguments, format);
    char *text = make_text(format, arguments);
    va_end(arguments);
    struct problem *items = has(problems, text)
                                ? NULL
                                : realloc(problems->items, (problems->count + 1) * sizeof *items);
    if (items == NULL) {
        free(text);
        return;
    }
    items[problems->count++] = (struct problem){severity, text};
    problems->items = items;
}

void problems_add_failure(struct problems *problems, enum exit_code code,
                          const struct failure *failure)
{
    if (problems->code == EXIT_DONE)
        problems->code = code;
    problems_add(problems, failure->error == EACCES ? SEVERITY_UNKNOWN : SEVERITY_CRITICAL, "%s",
                 failure->text);
}

void problems_free(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        free(problems->items[i].text);
    free(problems->items);
    *problems = (struct problems){0};
}

const char *problem_text(const struct problem *problem)
{
    return problem->text != NULL ? problem->text : "out of memory for the problem";
}

void problems_write_json(const struct problems *problems, struct json *json, const char *key)
{
    json_begin(json, key, '[');
    for (size_t i = 0; i < problems->count; i++)
        json_text(json, NULL, problem_text(&problems->items[i]));
    json_end(json, ']');
}

/* The worst come first; those of a lower rank than `lowest` not at all. Returns their number. */
static size_t print_each(const struct problems *problems, FILE *stream, int lowest,
                         void (*print)(FILE *stream, const struct problem *problem, bool is_first))
{
    size_t count = 0;
    for (int wanted = rank(SEVERITY_CRITICAL); wanted >= lowest; wanted--)
        for (size_t i = 0; i < problems->count; i++)
            if (rank(problems->items[i].severity) == wanted)
                print(stream, &problems->items[i], count++ == 0);
    return count;
}

/* For a plugin's reader, to whom figures follow after a "|". */
static void print_text(FILE *stream, const struct problem *problem)
{
    for (const char *at = problem_text(problem); *at != '\0'; at++)
        fputc(*at == '|' ? '!' : *at, stream);
}

static void print_in_line(FILE *stream, const struct problem *problem, bool is_first)
{
    fputs(is_first ? "" : "; ", stream);
    print_text(stream, problem);
}

static void print_as_line(FILE *stream, const struct problem *problem, bool is_first)
{
    (void)is_first;
    fprintf(stream, "%s: ", words[problem->severity]);
    print_text(stream, problem);
    fputc('\n', stream);
}

static void print_first_line(const struct problems *problems, FILE *stream)
{
    char *text = NULL;
    size_t size = 0, count = problems->count;
    FILE *line = open_memstream(&text, &size);
    if (line != NULL) {
        count = print_each(problems, line, rank(SEVERITY_OK) + 1, print_in_line);
        fclose(line);
    }
    if (text == NULL || count == 0)
        fputs("out of memory for the problems", stream);
    else
        fprintf(stream, "%zu problem%s: %.*s%s", count, count == 1 ? "" : "s",
                (int)utf8_cut(text, ENOUGH), text, size > ENOUGH ? " ..." : "");
    free(text);
}

void problems_print(const struct problems *problems, FILE *stream, const char *service,
                    const char *summary, const char *figures)
{
    for (; *service != '\0'; service++)
        fputc(*service == '-' ? ' ' : toupper((unsigned char)*service), stream);
    fprintf(stream, " %s - ", words[problems->worst]);
    if (problems->worst == SEVERITY_OK)
        fputs(summary, stream);
    else
        print_first_line(problems, stream);
    fprintf(stream, "%s%s\n", *figures != '\0' ? "|" : "", figures);
    print_each(problems, stream, rank(SEVERITY_OK), print_as_line);
}
