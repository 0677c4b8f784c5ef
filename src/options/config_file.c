#include "options/config_file.h"

#include "base/utf8.h"
#include "options/option_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAXIMUM = 4096 };

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    text[length] = '\0';
    return text;
}

/* Editors of another system begin a file with a byte order mark. */
static char *skip_mark(char *line, long number)
{
    static const char mark[] = "\xef\xbb\xbf";
    return line + (number == 1 && strncmp(line, mark, strlen(mark)) == 0 ? strlen(mark) : 0);
}

static bool apply_line(struct options *options, char *line, const char *source,
                       const char *file_prefix, struct failure *failure)
{
    char *name = trim(line);
    if (*name == '\0' || *name == '#')
        return true;
    char *equals = strchr(name, '=');
    if (equals == NULL)
        return fail(failure, 0, "not of the form name = value: \"%.200s\"", name);
    *equals = '\0';
    char *value = trim(equals + 1);
    name = trim(name);

    const struct option *option = option_find(name, strlen(name));
    if (option == NULL)
        return fail(failure, 0, "unrecognized option \"%.200s\"", name);
    const char *earlier = option_source(options, option);
    if (strncmp(earlier, file_prefix, strlen(file_prefix)) == 0)
        return fail(failure, 0, "%s: already set at %s", name, earlier);
    return option_set(options, option, value, source, failure);
}

static bool read_lines(struct options *options, FILE *file, const char *path,
                       struct failure *failure)
{
    char *line = NULL, *source = NULL, *prefix = NULL;
    size_t size = 0;
    ssize_t length;
    bool good = asprintf(&prefix, "%s:", path) >= 0 || fail(failure, ENOMEM, "%s", path);
    struct failure reason = {0};

    for (long number = 1; good && (length = getline(&line, &size, file)) >= 0; number++) {
        if (asprintf(&source, "%s:%ld", path, number) < 0) {
            good = fail(failure, ENOMEM, "%s", path);
            break;
        }
        if (length > LINE_MAXIMUM)
            good = fail(&reason, 0, "the line is longer than %d bytes", LINE_MAXIMUM);
        else if (strlen(line) != (size_t)length)
            good = fail(&reason, 0, "the line contains a NUL byte");
        else if (!utf8_is_valid(line))
            good = fail(&reason, 0, "the line is not UTF-8");
        else
            good = apply_line(options, skip_mark(line, number), source, prefix, &reason);
        if (!good && reason.error == ENOMEM)
            *failure = reason;
        else if (!good)
            fail(failure, 0, "%s: %s", source, reason.text);
        free(source);
    }
    if (good && !feof(file)) /* there may have been no memory for a line */
        good = fail(failure, errno, "cannot read configuration file \"%s\"", path);
    free(line);
    free(prefix);
    return good;
}

bool config_file_read(struct options *options, const char *path, struct failure *failure)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail(failure, errno, "cannot open configuration file \"%s\"", path);
    bool good = read_lines(options, file, path, failure);
    fclose(file);
    return good;
}
