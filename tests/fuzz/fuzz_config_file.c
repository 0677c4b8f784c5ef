/* fuzz_config_file - a configuration file: one that is read can be printed and read again to the
 * same effect; one that is not is refused with the line. */
#include "fuzz.h"
#include "options/command_line.h"
#include "options/config_file.h"
#include "options/option_table.h"

#include <sys/mman.h>
#include <unistd.h>

enum { LINE_MAXIMUM = 4096, VALUE_SIZE = 16384 };

/* Reads these bytes as a file; `path` becomes its name. */
static bool read_bytes(struct options *options, const void *data, size_t size, char path[64],
                       struct failure *failure)
{
    int file = memfd_create("config", MFD_CLOEXEC);
    CHECK(file >= 0 && write(file, data, size) == (ssize_t)size);
    snprintf(path, 64, "/proc/self/fd/%d", file);
    *options = (struct options){.program = PROGRAM_SCAN, .program_name = "crashmon-scan"};
    CHECK(option_set_defaults(options, failure));
    bool good = config_file_read(options, path, failure);
    close(file);
    return good;
}

/* The line of that number, from 1; NULL when there is none. */
static const char *line_at(const char *text, size_t size, long number)
{
    const char *end = text + size;
    for (; number > 1 && text != NULL && text < end; number--) {
        text = memchr(text, '\n', (size_t)(end - text));
        text = text != NULL ? text + 1 : NULL;
    }
    return number == 1 && text < end ? text : NULL;
}

/* "path:line", and what follows it; returns the line. */
static const char *check_place(const char *place, const char *path, const char *text, size_t size,
                               const char *follows)
{
    char *end;
    CHECK(strncmp(place, path, strlen(path)) == 0 && place[strlen(path)] == ':');
    const char *line = line_at(text, size, strtol(place + strlen(path) + 1, &end, 10));
    CHECK(line != NULL && strncmp(end, follows, strlen(follows)) == 0);
    return line;
}

/* What was set has its place in the file. */
static void check_sources(const struct options *options, const char *path, const char *text,
                          size_t size)
{
    for (size_t i = 0; i < option_count; i++) {
        const char *source = option_source(options, &option_table[i]);
        if (strcmp(source, "default") == 0)
            continue;
        const char *line = check_place(source, path, text, size, "");
        if (line == text && size >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
            line += 3; /* a byte order mark */
        line += strspn(line, " \t");
        CHECK(strncmp(line, option_table[i].name, strlen(option_table[i].name)) == 0);
    }
}

/* Prints all that was set as a file. NULL when a line is too long for one: a path has become
 * absolute. */
static char *print_again(const struct options *options)
{
    char *text = NULL, value[VALUE_SIZE];
    size_t size = 0;
    bool fits = true;
    FILE *stream = open_memstream(&text, &size);
    CHECK(stream != NULL);
    for (size_t i = 0; i < option_count; i++) {
        if (strcmp(option_source(options, &option_table[i]), "default") == 0)
            continue;
        option_print(options, &option_table[i], value, sizeof value);
        fits = fprintf(stream, "%s = %s\n", option_table[i].name, value) <= LINE_MAXIMUM && fits;
    }
    fclose(stream);
    if (fits)
        return text;
    free(text);
    return NULL;
}

static void check_same(const struct options *left, const struct options *right)
{
    char left_value[VALUE_SIZE], right_value[VALUE_SIZE];
    for (size_t i = 0; i < option_count; i++) {
        option_print(left, &option_table[i], left_value, sizeof left_value);
        option_print(right, &option_table[i], right_value, sizeof right_value);
        CHECK(strcmp(left_value, right_value) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct options options, again;
    struct failure failure = {0};
    char path[64];
    if (read_bytes(&options, data, size, path, &failure)) {
        check_sources(&options, path, text, size);
        char *printed = print_again(&options);
        if (printed != NULL) {
            CHECK(read_bytes(&again, printed, strlen(printed), path, &failure));
            check_same(&options, &again);
            options_free(&again);
        }
        free(printed);
    } else {
        check_place(failure.text, path, text, size, ": ");
        CHECK(strchr(failure.text, '\n') == NULL);
    }
    options_free(&options);
    return 0;
}
