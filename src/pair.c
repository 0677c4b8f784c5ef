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

/* 1: at least one of the two files is there; 0: none; -1: it cannot be told, see errno. */
static int has_file(const struct pair *pair)
{
    const char *suffixes[] = {pair->spool->json_suffix, pair->spool->dump_suffix};
    int directory = pair_open_directory(pair);
    if (directory < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    int found = 0;
    for (int i = 0; i < 2 && found == 0; i++) {
        char name[FILE_NAME_SIZE];
        struct stat status;
        snprintf(name, sizeof name, "%s%s", pair->id.text, suffixes[i]);
        if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
            found = 1;
        else if (errno != ENOENT)
            found = -1;
    }
    int error = errno;
    close(directory);
    errno = error;
    return found;
}

static int has_file_on(struct pair *pair, const char *day)
{
    memcpy(pair->day, day, sizeof pair->day);
    return has_file(pair);
}

enum search pair_find(const struct spool *spool, const struct names *days,
                      const struct crash_id *id, struct pair *pair, struct failure *failure)
{
    int found = 0;
    *pair = (struct pair){.spool = spool, .id = *id};
    if (spool->root < 0)
        return SEARCH_NOWHERE;
    if (id->day[0] != '\0')
        found = has_file_on(pair, id->day);
    for (size_t i = days->count; found == 0 && i-- > 0;)
        if (strcmp(days->items[i], id->day) != 0)
            found = has_file_on(pair, days->items[i]);
    if (found < 0)
        fail(failure, errno, "cannot look for it under %s/%s", spool->path, pair->day);
    return found > 0 ? SEARCH_FOUND : found == 0 ? SEARCH_NOWHERE : SEARCH_FAILED;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* <id>.<name>.dump */
static bool is_further_dump(const struct pair *pair, const char *name)
{
    return strncmp(name, pair->id.text, CRASH_ID_LENGTH) == 0 && name[CRASH_ID_LENGTH] == '.' &&
           ends_with(name + CRASH_ID_LENGTH + 1, pair->spool->dump_suffix);
}

static bool add_plain(int directory, const char *name, struct names *files)
{
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    return !file_is_plain(&status) || names_add(files, name);
}

bool pair_files(const struct pair *pair, int directory, struct names *files)
{
    char name[FILE_NAME_SIZE];
    DIR *stream = dir_read(directory);
    if (stream == NULL)
        return false;
    const struct dirent *entry;
    bool good = true;
    while (good && (entry = dir_next(stream)) != NULL)
        if (is_further_dump(pair, entry->d_name))
            good = add_plain(directory, entry->d_name, files);
    good = good && errno == 0;
    int error = errno;
    closedir(stream);
    errno = error;

    snprintf(name, sizeof name, "%s%s", pair->id.text, pair->spool->dump_suffix);
    good = good && add_plain(directory, name, files);
    snprintf(name, sizeof name, "%s%s", pair->id.text, pair->spool->json_suffix);
    return good && add_plain(directory, name, files);
}
