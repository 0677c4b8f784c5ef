#include "log/mail.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINES = 10, KINDS = 64, MEMORY_MAXIMUM = 1 << 16 };

/* What was told in this run. The last kind also stands for all that come later. */
static struct kind {
    uint64_t hash;
    long count;
    bool is_known; /* to whoever gets the mail */
    char *first;
} kinds[KINDS];
static size_t kind_count;

static uint64_t command_hash; /* with the time at which the configuration was changed */
static long memory_seconds;

/* FNV-1a: short, and good enough for a few messages. */
static uint64_t add(uint64_t hash, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211U;
    return hash;
}

void mail_remember(char *const argv[], const char *config, long seconds)
{
    struct stat status;
    memory_seconds = seconds;
    for (; *argv != NULL; argv++)
        command_hash = add(command_hash, *argv, strlen(*argv) + 1);
    if (config != NULL && stat(config, &status) == 0)
        command_hash = add(command_hash, (const char *)&status.st_mtim, sizeof status.st_mtim);
}

/* Behind a name in quotes, in which a backslash may stand before a quote. */
static const char *skip_name(const char *at)
{
    while (*at != '\0' && *at != '"')
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    return *at == '"' ? at + 1 : at;
}

/* Where the words of the server begin, behind its "ERROR:  ": a trigger may say anything there. */
static const char *end_of_kind(const char *message)
{
    const char *end = strstr(message, ":  ");
    bool is_free = end != NULL && (end - message < 5 || strncmp(end - 5, "FATAL", 5) != 0);
    return is_free ? end : strchr(message, '\0');
}

/* Behind what stands in parentheses. */
static const char *skip_detail(const char *at)
{
    while (*at != '\0' && *at != ')')
        at = *at == '"' ? skip_name(at + 1) : at + 1;
    return *at == ')' ? at + 1 : at;
}

/* As an id, and a directory of the name tree, may be without a digit. */
static bool is_value(const char *word, size_t length)
{
    return strcspn(word, "0123456789") < length ||
           ((length == 2 || length == 36) && strspn(word, "abcdefABCDEF-") >= length);
}

static uint64_t add_words(uint64_t hash, const char *at, const char *end)
{
    while (at < end) {
        size_t length = strcspn(at, " /\"("), rest = (size_t)(end - at);
        length = length < rest ? length : rest;
        if (!is_value(at, length))
            hash = add(hash, at, length);
        at += length + 1;
    }
    return hash;
}

/* What is likely to be the same in the next run is known by its names, but not by what stands in
 * parentheses: which processors have been silent for how long is no other news. */
static uint64_t hash_of(const char *message, bool is_for_the_hour)
{
    uint64_t hash = 0;
    const char *end = end_of_kind(message);
    while (message < end) {
        const char *next = message + strcspn(message, is_for_the_hour ? "\"(" : "\"");
        hash = add_words(hash, message, next < end ? next : end);
        message = next;
        if (*next == '(')
            message = skip_detail(next + 1);
        else if (*next == '"')
            message = skip_name(next + 1);
        if (*next == '"' && is_for_the_hour)
            hash = add_words(hash, next + 1, message);
    }
    return hash;
}

static bool is_at_terminal(void)
{
    int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (terminal >= 0)
        close(terminal);
    return terminal >= 0;
}

/* Only a file of one's own, since others might want to keep news back. */
static bool is_own(const struct stat *status)
{
    return S_ISREG(status->st_mode) && status->st_uid == geteuid() && status->st_nlink == 1;
}

static int open_memory(const char *name)
{
    struct stat status;
    int descriptor =
        open(name, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (descriptor < 0 || (fstat(descriptor, &status) == 0 && is_own(&status)))
        return descriptor;
    close(descriptor);
    return -1;
}

/* Each line is a time and a hash. A line that is added twice, as by two programs at once, or lost
 * with an old or damaged file, costs a mail at most. False if it could not be added. */
static bool look_up(const char *name, uint64_t hash, bool *found)
{
    intmax_t now = time(NULL), then;
    uint64_t told;
    int fields = EOF, descriptor = open_memory(name);
    FILE *memory = descriptor >= 0 ? fdopen(descriptor, "a+") : NULL;
    if (memory == NULL) {
        if (descriptor >= 0)
            close(descriptor);
        return false;
    }
    while (!*found && (fields = fscanf(memory, "%jd %" SCNx64, &then, &told)) == 2)
        *found = told == hash && then <= now && now - then < memory_seconds;
    bool is_damaged = fields != EOF, is_full = ftell(memory) > MEMORY_MAXIMUM, good = true;
    if (!*found) {
        good = !(is_damaged || is_full) || ftruncate(descriptor, 0) == 0;
        good = fprintf(memory, "%jd %016" PRIx64 "\n", now, hash) > 0 && good;
    }
    return fclose(memory) == 0 && good;
}

/* A full disk has no room for a line, but for an empty file: its time is that of the mail. */
static bool look_up_empty(const char *name)
{
    struct stat status;
    time_t now = time(NULL);
    if (lstat(name, &status) == 0 && is_own(&status) && status.st_mtime <= now &&
        now - status.st_mtime < memory_seconds)
        return true;
    unlink(name);
    int descriptor = open_memory(name);
    if (descriptor >= 0)
        close(descriptor);
    return false;
}

/* The disk of the log may be full, and that of other files, too. */
static bool is_remembered(const char *log_pathname, uint64_t hash)
{
    char name[PATH_MAX];
    const char *temporary = getenv("TMPDIR");
    bool found = false;
    if (log_pathname != NULL &&
        (size_t)snprintf(name, sizeof name, "%s.mailed", log_pathname) < sizeof name &&
        look_up(name, hash, &found))
        return found;
    int length = snprintf(name, sizeof name, "%s/crashmon-%ld.mailed",
                          temporary != NULL ? temporary : "/tmp", (long)geteuid());
    size_t rest = (size_t)length < sizeof name ? sizeof name - (size_t)length : 0;
    if (rest == 0 || look_up(name, hash, &found) || found)
        return found;
    return (size_t)snprintf(name + length, rest, ".%016" PRIx64, hash) < rest &&
           look_up_empty(name);
}

/* A copy with "..." for each name; NULL when out of memory. */
static char *without_names(const char *message)
{
    char *copy = NULL;
    size_t size;
    FILE *stream = open_memstream(&copy, &size);
    if (stream == NULL)
        return NULL;
    while (*message != '\0')
        if (*message != '"') {
            putc(*message++, stream);
        } else {
            fputs("\"...\"", stream);
            message = skip_name(message + 1);
        }
    fclose(stream);
    return copy;
}

static struct kind *find_kind(uint64_t hash, const char *message)
{
    for (size_t i = 0; i < kind_count; i++)
        if (kinds[i].hash == hash)
            return &kinds[i];
    if (kind_count == KINDS)
        return &kinds[KINDS - 1];
    kinds[kind_count] = (struct kind){.hash = hash, .first = without_names(message)};
    return &kinds[kind_count++];
}

bool mail_admits(const char *message, bool lasts, const char *log_pathname)
{
    struct kind *kind = find_kind(add(hash_of(message, false), lasts ? "!" : ".", 1), message);
    if (kind->count++ == 0)
        kind->is_known = lasts && memory_seconds > 0 && !is_at_terminal() &&
                         is_remembered(log_pathname, command_hash ^ hash_of(message, true));
    return !kind->is_known && kind->count <= LINES;
}

void mail_end(void (*tell)(long others, const char *first))
{
    for (size_t i = 0; i < kind_count; i++) {
        if (!kinds[i].is_known && kinds[i].count > LINES)
            tell(kinds[i].count - LINES, kinds[i].first != NULL ? kinds[i].first : "");
        free(kinds[i].first);
    }
    kind_count = 0;
}
