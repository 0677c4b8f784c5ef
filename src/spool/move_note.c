#include "spool/move_note.h"

#include "base/quote.h"
#include "spool/case_dir.h"
#include "spool/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char moving[] = ".moving.", quarantined[] = ".quarantined.", replacing[] = ".tmp";

enum { NAME_SIZE = sizeof quarantined + CRASH_ID_LENGTH };

static const char *const places[PLACE_COUNT] = {
    [PLACE_SUCCESSFUL] = "successful",
    [PLACE_FAILED] = "failed",
};
static const char copying[] = "copying to ", to_quarantine[] = "quarantine ";

static void note_name(char name[NAME_SIZE], const char *prefix, const struct pair *pair)
{
    snprintf(name, NAME_SIZE, "%s%s", prefix, pair->id.text);
}

/* With errno. */
static bool fail_note(const struct pair *pair, const char *what, const char *name,
                      struct failure *failure)
{
    char text[NAME_SIZE + 32];
    snprintf(text, sizeof text, "%s note %s in", what, name);
    return pair_fail(pair, text, failure);
}

/* In place of a note that says something else. */
static bool replace(int directory, const char *name, const char *text)
{
    char found[MOVE_NOTE_SIZE], temporary[NAME_SIZE + sizeof replacing];
    ssize_t length = readlinkat(directory, name, found, sizeof found);
    if (length == (ssize_t)strlen(text) && memcmp(found, text, (size_t)length) == 0)
        return true;
    snprintf(temporary, sizeof temporary, "%s%s", name, replacing);
    return (symlinkat(text, directory, temporary) == 0 ||
            (errno == EEXIST && unlinkat(directory, temporary, 0) == 0 &&
             symlinkat(text, directory, temporary) == 0)) &&
           renameat(directory, temporary, directory, name) == 0;
}

bool move_note_make(const struct pair *pair, int directory, const struct move_note *note,
                    struct failure *failure)
{
    char name[NAME_SIZE], text[MOVE_NOTE_SIZE];
    note_name(name, moving, pair);
    if (note->to == PLACE_QUARANTINE)
        snprintf(text, sizeof text, "%s%s %lld: %s", to_quarantine, note->in, note->job, note->why);
    else
        snprintf(text, sizeof text, "%s%s %lld", note->is_copying ? copying : "", places[note->to],
                 note->job);
    return symlinkat(text, directory, name) == 0 ||
           (errno == EEXIST && replace(directory, name, text)) ||
           fail_note(pair, "make", name, failure);
}

void move_note_arrived(const struct pair *pair, int directory)
{
    char from[NAME_SIZE], to[NAME_SIZE];
    note_name(from, moving, pair);
    note_name(to, quarantined, pair);
    renameat(directory, from, directory, to);
}

static const char *skip(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* The name of a case of the crash; the job, and why. */
static bool parse_quarantine(const char *text, const struct pair *pair, struct move_note *note)
{
    const char *end = strchr(text, ' ');
    size_t length = end != NULL ? (size_t)(end - text) : 0;
    char *rest;
    if (length >= sizeof note->in)
        return false;
    snprintf(note->in, sizeof note->in, "%.*s", (int)length, text);
    if (!case_is_of(note->in, &pair->id))
        return false;
    note->job = strtoll(end, &rest, 10);
    const char *why = skip(rest, ": ");
    snprintf(note->why, sizeof note->why, "%s", why != NULL ? why : "");
    note->to = PLACE_QUARANTINE;
    return why != NULL;
}

static bool parse(const char *text, const struct pair *pair, struct move_note *note)
{
    const char *quarantine = skip(text, to_quarantine), *copy = skip(text, copying);
    errno = EINVAL;
    if (quarantine != NULL)
        return parse_quarantine(quarantine, pair, note);
    note->is_copying = copy != NULL;
    for (note->to = PLACE_SUCCESSFUL; note->to <= PLACE_FAILED; note->to++) {
        const char *job = skip(copy != NULL ? copy : text, places[note->to]);
        char *end;
        if (job != NULL && *job == ' ') {
            note->job = strtoll(job, &end, 10);
            return *end == '\0';
        }
    }
    return false;
}

static bool read_note(int directory, const char *name, const struct pair *pair,
                      struct move_note *note)
{
    char text[MOVE_NOTE_SIZE];
    ssize_t length = directory >= 0 ? readlinkat(directory, name, text, sizeof text - 1) : -1;
    *note = (struct move_note){.is_there = length >= 0};
    if (!note->is_there)
        return errno == ENOENT || (directory < 0 && errno == ENOTDIR);
    text[length] = '\0';
    return parse(text, pair, note);
}

bool move_note_read(const struct pair *pair, int directory, bool has_arrived,
                    struct move_note *note, struct failure *failure)
{
    char name[NAME_SIZE];
    note_name(name, has_arrived ? quarantined : moving, pair);
    int opened = directory >= 0 ? directory : pair_open_directory(pair);
    bool good = read_note(opened, name, pair, note) || fail_note(pair, "read", name, failure);
    if (!good && failure->error == EINVAL)
        failure->error = 0;
    if (opened >= 0 && opened != directory)
        close(opened);
    return good;
}

/* Under a name that nobody has looked up there: the kernel remembers what such a file system has
 * said of others. */
bool move_note_is_seen_in(const struct pair *pair, int directory, int other, uint64_t unique)
{
    char name[NAME_SIZE + 32];
    struct stat status;
    snprintf(name, sizeof name, "%s%s.%016" PRIx64 "%s", moving, pair->id.text, unique, replacing);
    if (symlinkat("-", directory, name) < 0)
        return true; /* not known */
    bool is_seen = fstatat(other, name, &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
    unlinkat(directory, name, 0);
    return is_seen;
}

bool move_note_is_one(const char *name, unsigned char type)
{
    struct crash_id id;
    char text[CRASH_ID_LENGTH + 1];
    const char *after = skip(name, moving);
    if (after == NULL)
        after = skip(name, quarantined);
    if (type != DT_LNK || after == NULL || strnlen(after, CRASH_ID_LENGTH) < CRASH_ID_LENGTH)
        return false;
    snprintf(text, sizeof text, "%.*s", CRASH_ID_LENGTH, after);
    return crash_id_parse(&id, text) &&
           (after[CRASH_ID_LENGTH] == '\0' ||
            (after[CRASH_ID_LENGTH] == '.' && strcmp(strrchr(after, '.'), replacing) == 0));
}

bool move_note_remove(const struct pair *pair, int directory, struct failure *failure)
{
    static const char *const names[][2] = {{moving, ""}, {quarantined, ""}, {moving, replacing}};
    int opened = directory >= 0 ? directory : pair_open_directory(pair);
    bool good = opened >= 0 || errno == ENOENT || errno == ENOTDIR ||
                pair_fail(pair, "remove a note from", failure);
    for (size_t i = 0; opened >= 0 && i < sizeof names / sizeof names[0]; i++) {
        char name[NAME_SIZE + sizeof replacing];
        snprintf(name, sizeof name, "%s%s%s", names[i][0], pair->id.text, names[i][1]);
        if (unlinkat(opened, name, 0) == 0 || errno == ENOENT)
            continue;
        good = fail_note(pair, "remove", name, failure);
        if (failure->error == EISDIR)
            failure->error = 0;
    }
    if (opened >= 0 && opened != directory)
        close(opened);
    return good;
}
