#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_NAME_SIZE = NAME_MAX + 1, BRANCH_SIZE = 32 };

/* "20081225/name/22/ad" */
static void name_directory(const struct pair *pair, char path[BRANCH_SIZE])
{
    char branch[NAME_BRANCH_LENGTH + 1];
    crash_id_name_branch(&pair->id, branch);
    snprintf(path, BRANCH_SIZE, "%s/name/%s", pair->day, branch);
}

int pair_open_directory(const struct pair *pair)
{
    char path[BRANCH_SIZE];
    name_directory(pair, path);
    return dir_open(pair->spool->root, path);
}

char *pair_relative_pathname(const struct pair *pair)
{
    char path[BRANCH_SIZE], *pathname;
    name_directory(pair, path);
    if (asprintf(&pathname, "%s/%s%s", path, pair->id.text, pair->spool->json_suffix) < 0)
        return NULL;
    return pathname;
}

char *pair_pathname(const struct pair *pair)
{
    char *pathname = NULL, *relative = pair_relative_pathname(pair);
    if (relative == NULL || asprintf(&pathname, "%s/%s", pair->spool->path, relative) < 0)
        pathname = NULL;
    free(relative);
    return pathname;
}

static void keep_latest(struct timespec *latest, struct timespec candidate)
{
    if (time_is_past(latest, 0, &candidate))
        *latest = candidate;
}

/* One of the two files; what is wrong with it is added to `reason`. */
static enum pair_state examine_file(const struct pair *pair, int directory, const char *suffix,
                                    long settle_time, struct timespec *changed,
                                    struct failure *reason)
{
    char name[FILE_NAME_SIZE];
    struct stat status;
    snprintf(name, sizeof name, "%s%s", pair->id.text, suffix);
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT) {
            fail(reason, 0, "%s is missing", suffix);
            return PAIR_INCOMPLETE;
        }
        fail(reason, errno, "cannot look at %s", suffix);
        return PAIR_UNREADABLE;
    }
    struct timespec its_change = file_changed(&status, &pair->spool->now);
    keep_latest(changed, its_change);
    if (!file_is_plain(&status)) {
        fail(reason, 0, "%s is not a plain file", suffix);
        return PAIR_INCOMPLETE;
    }
    if (status.st_size == 0) {
        fail(reason, 0, "%s is empty", suffix);
        return PAIR_INCOMPLETE;
    }
    if (!time_is_past(&its_change, settle_time, &pair->spool->now)) {
        fail(reason, 0, "%s is still being written", suffix);
        return PAIR_UNSETTLED;
    }
    return PAIR_READY;
}

enum pair_state pair_examine(const struct pair *pair, long settle_time, struct timespec *changed,
                             struct failure *reason)
{
    int directory = pair_open_directory(pair);
    if (directory < 0) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        fail(reason, errno, "cannot open its directory");
        return absent ? PAIR_INCOMPLETE : PAIR_UNREADABLE;
    }
    struct failure json = {0}, dump = {0};
    enum pair_state json_state =
        examine_file(pair, directory, pair->spool->json_suffix, settle_time, changed, &json);
    enum pair_state dump_state =
        examine_file(pair, directory, pair->spool->dump_suffix, settle_time, changed, &dump);
    close(directory);
    if (json_state != PAIR_READY && dump_state != PAIR_READY)
        fail(reason, 0, "%.500s, %.500s", json.text, dump.text);
    else
        *reason = json_state != PAIR_READY ? json : dump;
    return json_state > dump_state ? json_state : dump_state;
}

/* What of a pair lies in one place. What is there but is no plain file cannot be told from one
 * that somebody has put in a pair's way: it is neither taken for the pair nor for nothing. */
static enum search look(struct pair *pair, const char *day, struct failure *failure)
{
    const char *suffixes[] = {pair->spool->json_suffix, pair->spool->dump_suffix};
    int found = 0, error = 0;
    memcpy(pair->day, day, sizeof pair->day);
    int directory = pair_open_directory(pair);
    if (directory < 0)
        error = errno == ENOENT || errno == ENOTDIR ? 0 : errno;
    for (int i = 0; i < 2 && directory >= 0 && error == 0; i++) {
        char name[FILE_NAME_SIZE];
        struct stat status;
        snprintf(name, sizeof name, "%s%s", pair->id.text, suffixes[i]);
        if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            error = errno == ENOENT ? 0 : errno;
        else if (file_is_plain(&status))
            found++;
        else
            error = EINVAL;
    }
    if (directory >= 0)
        close(directory);
    if (error == EINVAL)
        fail(failure, 0, "what lies under %s/%s is not a plain file", pair->spool->path, day);
    else if (error != 0)
        fail(failure, error, "cannot look for it under %s/%s", pair->spool->path, day);
    return error != 0   ? SEARCH_FAILED
           : found == 2 ? SEARCH_WHOLE
           : found == 1 ? SEARCH_PART
                        : SEARCH_NOWHERE;
}

/* Keeps the better of what was found before and what has been found now. */
static bool keep_better(enum search *best, struct pair *pair, enum search found,
                        const struct pair *looked_at)
{
    if (found > *best) {
        *best = found;
        *pair = *looked_at;
    }
    return *best < SEARCH_WHOLE;
}

enum search pair_find(const struct spool *spool, const struct names *days,
                      const struct crash_id *id, struct pair *pair, struct failure *failure)
{
    enum search best = SEARCH_NOWHERE;
    struct pair candidate = {.spool = spool, .id = *id};
    *pair = candidate;
    if (spool->root < 0)
        return SEARCH_NOWHERE;
    bool go_on = id->day[0] == '\0' ||
                 keep_better(&best, pair, look(&candidate, id->day, failure), &candidate);
    for (size_t i = days->count; go_on && i-- > 0;)
        if (strcmp(days->items[i], id->day) != 0)
            go_on = keep_better(&best, pair, look(&candidate, days->items[i], failure), &candidate);
    return best;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* <id>.<name>.dump, and not the metadata of a suffix that ends so. */
static bool is_further_dump(const struct pair *pair, const char *name)
{
    return strcmp(name + strnlen(name, CRASH_ID_LENGTH), pair->spool->json_suffix) != 0 &&
           strncmp(name, pair->id.text, CRASH_ID_LENGTH) == 0 && name[CRASH_ID_LENGTH] == '.' &&
           ends_with(name + CRASH_ID_LENGTH + 1, pair->spool->dump_suffix);
}

/* A further dump that is no plain file is none. */
static bool add_further_dump(int directory, const char *name, struct names *files)
{
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    return !file_is_plain(&status) || names_add(files, name);
}

bool pair_files(const struct pair *pair, int directory, struct names *files)
{
    const char *suffixes[] = {pair->spool->dump_suffix, pair->spool->json_suffix};
    char main_files[2][FILE_NAME_SIZE];
    bool found[2] = {false, false};
    for (int i = 0; i < 2; i++)
        snprintf(main_files[i], sizeof main_files[i], "%s%s", pair->id.text, suffixes[i]);

    DIR *stream = dir_read(directory);
    if (stream == NULL)
        return false;
    const struct dirent *entry;
    bool good = true;
    while (good && (entry = dir_next(stream)) != NULL) {
        for (int i = 0; i < 2; i++)
            found[i] = found[i] || strcmp(entry->d_name, main_files[i]) == 0;
        if (is_further_dump(pair, entry->d_name))
            good = add_further_dump(directory, entry->d_name, files);
    }
    good = good && errno == 0;
    closedir_keeping_errno(stream);

    for (int i = 0; i < 2 && good; i++)
        good = !found[i] || names_add(files, main_files[i]);
    return good;
}
