#include "options/config_file.h"

#include "base/access.h"
#include "base/signals.h"
#include "base/utf8.h"
#include "options/option_table.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes; milliseconds. */
enum { LINE_MAXIMUM = 4096, FILE_MAXIMUM = 1 << 20, WRITER_PATIENCE = 10000 };

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

/* By its byte order mark. */
static bool is_utf16(const char *line)
{
    return strncmp(line, "\xff\xfe", 2) == 0 || strncmp(line, "\xfe\xff", 2) == 0;
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
        return fail(failure, 0, "unrecognized option \"%.200s\" (see crashmon.conf(5))", name);
    const char *earlier = option_source(options, option);
    if (strncmp(earlier, file_prefix, strlen(file_prefix)) == 0)
        return fail(failure, 0, "%s: already set at %s", name, earlier);
    return option_set(options, option, value, source, failure);
}

static bool read_line(struct options *options, char *line, size_t length, const char *path,
                      long number, struct failure *failure)
{
    char *source = NULL, *prefix = NULL;
    struct failure reason = {0};
    bool good = false;
    if (asprintf(&prefix, "%s:", path) < 0 || asprintf(&source, "%s%ld", prefix, number) < 0)
        fail(&reason, ENOMEM, "%s", path);
    else if (length > LINE_MAXIMUM)
        fail(&reason, 0, "the line is longer than %d bytes", LINE_MAXIMUM);
    else if (strlen(line) != length)
        fail(&reason, 0, "the line contains a NUL byte%s",
             number == 1 && is_utf16(line) ? ": the file is in UTF-16; save it as UTF-8" : "");
    else if (!utf8_is_valid(line))
        fail(&reason, 0, "the line is not UTF-8");
    else
        good = apply_line(options, skip_mark(line, number), source, prefix, &reason);
    if (!good && reason.error == ENOMEM)
        *failure = reason;
    else if (!good)
        fail(failure, 0, "%s: %s", source, reason.text);
    free(source);
    free(prefix);
    return good;
}

/* The text has room for one more byte. */
static bool read_lines(struct options *options, char *text, size_t length, const char *path,
                       struct failure *failure)
{
    long number = 0;
    bool good = true;
    text[length] = '\n';
    for (char *line = text, *end; good && line < text + length; line = end + 1) {
        end = memchr(line, '\n', length + 1 - (size_t)(line - text));
        *end = '\0';
        good = read_line(options, line, (size_t)(end - line), path, ++number, failure);
    }
    return good;
}

/* Whoever is to write it to a pipe is waited for. */
static bool is_written(int descriptor)
{
    struct pollfd end = {.fd = descriptor, .events = POLLIN};
    int count = signals_caught() == 0 ? poll(&end, 1, WRITER_PATIENCE) : -1;
    if (count <= 0)
        errno = count == 0 ? ETIME : EINTR;
    return count > 0;
}

static ssize_t read_part(int descriptor, char *buffer, size_t size)
{
    ssize_t count;
    do
        count = read(descriptor, buffer, size);
    while (count < 0 && errno == EAGAIN && is_written(descriptor));
    return count;
}

static bool read_file(struct options *options, int descriptor, const char *path, char *text,
                      struct failure *failure)
{
    size_t length = 0;
    ssize_t count;
    while ((count = read_part(descriptor, text + length, FILE_MAXIMUM - length)) > 0)
        length += (size_t)count;
    if (count < 0)
        return fail(failure, errno, "cannot read configuration file \"%s\"", path);
    if (length == FILE_MAXIMUM)
        return fail(failure, 0, "cannot read configuration file \"%s\": it is too large", path);
    return read_lines(options, text, length, path, failure);
}

/* A FIFO, or a device, would be read for ever; but what the shell puts there for <(...) lies below
 * /dev. */
static int open_file(const char *path, struct failure *failure)
{
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &status) < 0)
        fail(failure, errno, "cannot open configuration file \"%s\"", path);
    else if (!S_ISREG(status.st_mode) && !access_is_system(path))
        fail(failure, 0, "cannot open configuration file \"%s\": it is not a regular file", path);
    else
        return descriptor;
    if (descriptor >= 0)
        close(descriptor);
    return -1;
}

bool config_file_read(struct options *options, const char *path, struct failure *failure)
{
    int descriptor = open_file(path, failure);
    if (descriptor < 0)
        return false;
    char *text = malloc(FILE_MAXIMUM);
    bool good = text != NULL ? read_file(options, descriptor, path, text, failure)
                             : fail(failure, ENOMEM, "%s", path);
    free(text);
    close(descriptor);
    return good;
}
