#include "spool/move_note.h"

#include "base/quote.h"
#include "spool/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char moving[] = ".moving.", quarantined[] = ".quarantined.";

enum { NAME_SIZE = sizeof quarantined + CRASH_ID_LENGTH };

/* Each begins with one of these; the last one is followed by why. */
static const char *const texts[PLACE_COUNT] = {
    [PLACE_SUCCESSFUL] = "successful",
    [PLACE_FAILED] = "failed",
    [PLACE_QUARANTINE] = "quarantine: ",
};

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

bool move_note_make(const struct pair *pair, int directory, enum place to, const char *why,
                    struct failure *failure)
{
    char name[NAME_SIZE], text[MOVE_NOTE_SIZE];
    note_name(name, moving, pair);
    snprintf(text, sizeof text, "%s%s", texts[to], to == PLACE_QUARANTINE ? why : "");
    bool good = symlinkat(text, directory, name) == 0 ||
                (errno == EEXIST && unlinkat(directory, name, 0) == 0 &&
                 symlinkat(text, directory, name) == 0);
    return good || errno == ENOSPC || errno == EDQUOT || fail_note(pair, "make", name, failure);
}

void move_note_arrived(const struct pair *pair, int directory)
{
    char from[NAME_SIZE], to[NAME_SIZE];
    note_name(from, moving, pair);
    note_name(to, quarantined, pair);
    renameat(directory, from, directory, to);
}

static bool parse(const char *text, struct move_note *note)
{
    for (enum place to = PLACE_SUCCESSFUL; to <= PLACE_QUARANTINE; to++) {
        size_t length = strlen(texts[to]);
        if (strncmp(text, texts[to], length) != 0 ||
            (text[length] != '\0' && to != PLACE_QUARANTINE))
            continue;
        note->to = to;
        snprintf(note->why, sizeof note->why, "%s", text + length);
        return true;
    }
    errno = EINVAL;
    return false;
}

static bool read_note(int directory, const char *name, struct move_note *note)
{
    char text[MOVE_NOTE_SIZE];
    ssize_t length = directory >= 0 ? readlinkat(directory, name, text, sizeof text - 1) : -1;
    note->is_there = length >= 0;
    if (!note->is_there)
        return errno == ENOENT;
    text[length] = '\0';
    return parse(text, note);
}

bool move_note_read(const struct pair *pair, int directory, bool has_arrived,
                    struct move_note *note, struct failure *failure)
{
    char name[NAME_SIZE];
    note_name(name, has_arrived ? quarantined : moving, pair);
    int opened = directory >= 0 ? directory : pair_open_directory(pair);
    bool good = read_note(opened, name, note) || fail_note(pair, "read", name, failure);
    if (!good && failure->error == EINVAL)
        failure->error = 0;
    if (opened >= 0 && opened != directory)
        close(opened);
    return good;
}

bool move_note_remove(const struct pair *pair, int directory, struct failure *failure)
{
    const char *const prefixes[] = {moving, quarantined};
    int opened = directory >= 0 ? directory : pair_open_directory(pair);
    bool good = true;
    for (int i = 0; i < 2; i++) {
        char name[NAME_SIZE];
        note_name(name, prefixes[i], pair);
        if ((opened < 0 || unlinkat(opened, name, 0) < 0) && errno != ENOENT)
            good = fail_note(pair, "remove", name, failure);
    }
    if (opened >= 0 && opened != directory)
        close(opened);
    return good;
}
