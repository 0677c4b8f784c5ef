#include "spool/pair.h"

#include "spool/dir.h"
#include "spool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Names are made by hand: several for each crash are needed, and snprintf() would show. */
void pair_directory(const struct pair *pair, char path[PAIR_DIRECTORY_SIZE])
{
    crash_id_name_path(&pair->id, stpcpy(stpcpy(path, pair->day), "/name/"));
}

void pair_file_name(const struct pair *pair, const char *suffix, char name[NAME_MAX + 1])
{
    size_t length = strnlen(suffix, NAME_MAX - CRASH_ID_LENGTH);
    memcpy(name, pair->id.text, CRASH_ID_LENGTH);
    memcpy(name + CRASH_ID_LENGTH, suffix, length);
    name[CRASH_ID_LENGTH + length] = '\0';
}

int pair_open_directory(const struct pair *pair)
{
    char path[PAIR_DIRECTORY_SIZE];
    pair_directory(pair, path);
    return dir_open(pair->spool->root, path);
}

int pair_open_directory_to_list(const struct pair *pair)
{
    char path[PAIR_DIRECTORY_SIZE];
    pair_directory(pair, path);
    return dir_open_to_list(pair->spool->root, path);
}

void pair_path(const struct pair *pair, char path[PAIR_PATH_SIZE])
{
    char directory[PAIR_DIRECTORY_SIZE];
    pair_directory(pair, directory);
    snprintf(path, PAIR_PATH_SIZE, "%s/%s%s", directory, pair->id.text, pair->spool->json_suffix);
}

/* What a directory holds, in so far as that tells whether a disk is away. */
struct contents {
    bool has_directory; /* not a hidden one, as snapshots of some disks are */
    bool has_name;
    bool has_others; /* what no disk brings along */
};

static bool read_contents(const struct spool *spool, const char *path, struct contents *contents)
{
    const struct dirent64 *entry;
    struct dir_reader reader;
    *contents = (struct contents){0};
    if (!dir_begin(&reader, spool->root, path))
        return false;
    while ((entry = dir_next(&reader)) != NULL) {
        const char *name = entry->d_name;
        if (!contents->has_directory && name[0] != '.')
            contents->has_directory = dir_entry_type(&reader, entry) == DT_DIR;
        contents->has_name |= strcmp(name, "name") == 0;
        contents->has_others |= !dir_is_of_disk(name);
    }
    bool is_known = errno == 0;
    dir_end(&reader);
    return is_known;
}

enum { TREE_SIZE = DAY_LENGTH + sizeof "/name" };

static void tree_path(const struct pair *pair, char path[TREE_SIZE])
{
    snprintf(path, TREE_SIZE, "%s/name", pair->day);
}

/* What is wrong with its day; `empty` becomes the path of what holds no directory, or "". */
static const char *judge_tree(const struct pair *pair, char empty[TREE_SIZE])
{
    struct contents day, tree;
    empty[0] = '\0';
    if (!read_contents(pair->spool, pair->day, &day))
        return NULL;
    if (!day.has_directory) {
        memcpy(empty, pair->day, sizeof pair->day);
        return "is empty (is it mounted?)";
    }
    if (!day.has_name)
        return day.has_others ? "has no name tree (was it moved?)" : NULL;
    tree_path(pair, empty);
    if (read_contents(pair->spool, empty, &tree) && !tree.has_directory)
        return "has an empty name tree (is it mounted?)";
    return NULL;
}

const char *pair_tree_doubt(const struct pair *pair)
{
    char empty[TREE_SIZE];
    return judge_tree(pair, empty);
}

const char *pair_tree_away(const struct pair *pair)
{
    char empty[TREE_SIZE];
    int root = pair->spool->root;
    const char *doubt = judge_tree(pair, empty);
    return empty[0] != '\0' && dir_is_mounted(root, root, empty) ? NULL : doubt;
}

/* A part of an id has two characters. */
static bool was_there(int tree, const char *name, const struct timespec *then)
{
    struct timespec birth;
    return strlen(name) == 2 && (!dir_birth(tree, name, &birth) || time_is_past(&birth, 0, then));
}

bool pair_tree_is_younger(const struct pair *pair, const struct timespec *then)
{
    char tree[TREE_SIZE];
    const struct dirent64 *entry;
    struct dir_reader reader;
    int directory = pair_open_directory(pair);
    if (directory >= 0)
        close(directory);
    if (directory >= 0 || errno != ENOENT)
        return false;
    tree_path(pair, tree);
    if (!dir_begin(&reader, pair->spool->root, tree))
        return errno != ENOENT;
    bool found = false;
    while (!found && (entry = dir_next(&reader)) != NULL)
        found = dir_entry_type(&reader, entry) == DT_DIR &&
                was_there(reader.descriptor, entry->d_name, then);
    dir_end(&reader);
    return !found;
}

bool pair_tree_is_mounted(const struct pair *pair)
{
    char tree[TREE_SIZE];
    int root = pair->spool->root;
    tree_path(pair, tree);
    return dir_is_mounted(root, root, pair->day) || dir_is_mounted(root, root, tree);
}

bool pair_fail(const struct pair *pair, const char *what, struct failure *failure)
{
    char path[PAIR_DIRECTORY_SIZE];
    pair_directory(pair, path);
    return spool_fail(pair->spool, what, path, failure);
}

bool pair_is_gone(const struct pair *pair, int directory)
{
    char name[NAME_MAX + 1], path[PAIR_PATH_SIZE];
    struct stat status;
    if (directory >= 0) {
        pair_file_name(pair, pair->spool->json_suffix, name);
        if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
            return false;
        if (errno != ESTALE) /* NFS: the directory was removed */
            return errno == ENOENT;
    }
    pair_path(pair, path);
    return !dir_has(pair->spool->root, path) && errno == ENOENT;
}

bool pair_may_be_newer(const struct pair *pair, const struct stat *status)
{
    return pair->looked.tv_sec != 0 && !time_is_past(&status->st_ctim, 0, &pair->looked) &&
           !spool_is_ahead(pair->spool, &status->st_ctim);
}

bool pair_is_newer(const struct pair *pair, const struct stat *status)
{
    return spool_has_clock(pair->spool) && pair_may_be_newer(pair, status);
}

bool pair_link_is_newer(const struct stat *link, int directory, const struct timespec *then)
{
    struct stat around;
    return !time_is_past(&link->st_ctim, 0, then) &&
           !(time_is_past(&link->st_mtim, 0, then) && fstat(directory, &around) == 0 &&
             time_is_past(&around.st_mtim, 0, then));
}

bool pair_came_again(const struct pair *pair, int directory, bool both)
{
    const char *const suffixes[] = {pair->spool->json_suffix, pair->spool->dump_suffix};
    int opened = directory >= 0 ? directory : pair_open_directory(pair);
    bool is_newer = false;
    for (int i = 0; i < 1 + both && opened >= 0 && !is_newer; i++) {
        char name[NAME_MAX + 1];
        struct stat status;
        pair_file_name(pair, suffixes[i], name);
        is_newer = fstatat(opened, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                   file_is_regular(&status) && pair_is_newer(pair, &status);
    }
    if (opened >= 0 && opened != directory)
        close(opened);
    return is_newer;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Unless it is the metadata, whose suffix may end likewise. */
bool pair_is_further(const struct pair *pair, const char *name)
{
    return strcmp(name + strnlen(name, CRASH_ID_LENGTH), pair->spool->json_suffix) != 0 &&
           strncmp(name, pair->id.text, CRASH_ID_LENGTH) == 0 && name[CRASH_ID_LENGTH] == '.' &&
           ends_with(name + CRASH_ID_LENGTH + 1, pair->spool->dump_suffix);
}

bool pair_came_since(const struct pair *pair, const struct stat *status)
{
    return pair_may_be_newer(pair, status) &&
           !(pair->is_touched && time_is_past(&status->st_mtim, 0, &pair->looked));
}

bool pair_leaves(const struct pair *pair, int directory, const char *name)
{
    struct stat status;
    return pair->latest.tv_sec != 0 && pair_is_further(pair, name) &&
           fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
           pair_came_since(pair, &status) && !time_is_past(&status.st_ctim, 0, &pair->latest);
}

bool pair_may_leave(const struct pair *pair)
{
    errno = FURTHER_CAME;
    return pair->has_next;
}

static bool find_directory(const struct pair *pair, struct stat *status)
{
    int directory = pair_open_directory(pair);
    bool found = directory >= 0 && fstat(directory, status) == 0;
    if (directory >= 0)
        close(directory);
    return found;
}

bool pair_is_same_under(const struct pair *pair, const char *day)
{
    struct pair other = *pair;
    struct stat here, there;
    if (!day_is_valid(day) || strcmp(day, pair->day) == 0)
        return false;
    memcpy(other.day, day, sizeof other.day);
    return find_directory(pair, &here) && find_directory(&other, &there) &&
           file_is_same(&here, &there);
}

bool pair_has_files(const struct pair *pair, struct timespec *changed)
{
    const char *const suffixes[] = {pair->spool->json_suffix, pair->spool->dump_suffix};
    int directory = pair_open_directory(pair);
    bool has_files = false;
    for (int i = 0; i < 2 && directory >= 0; i++) {
        char name[NAME_MAX + 1];
        struct stat status;
        pair_file_name(pair, suffixes[i], name);
        if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        time_keep_latest(changed, spool_changed(pair->spool, &status));
        has_files = true;
    }
    if (directory >= 0)
        close(directory);
    return has_files;
}

/* One of the two files; `reason` says what is wrong with it. */
static enum pair_state examine_file(const struct pair *pair, int directory, const char *suffix,
                                    long settle_time, struct timespec *changed,
                                    struct failure *reason)
{
    char name[NAME_MAX + 1], what[NAME_MAX + 20];
    struct stat status;
    pair_file_name(pair, suffix, name);
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT) {
            fail(reason, 0, "%s is missing", suffix);
            return PAIR_INCOMPLETE;
        }
        snprintf(what, sizeof what, "look at its %s in", suffix);
        pair_fail(pair, what, reason);
        return PAIR_UNREADABLE;
    }
    struct timespec its_change = spool_changed(pair->spool, &status);
    time_keep_latest(changed, its_change);
    if (!file_is_regular(&status)) {
        fail(reason, 0, "%s is not a regular file", suffix);
        return PAIR_INCOMPLETE;
    }
    if (status.st_size == 0) {
        fail(reason, 0, "%s is empty", suffix);
        return PAIR_INCOMPLETE;
    }
    if (!spool_is_past(pair->spool, &its_change, settle_time) &&
        !spool_is_ahead(pair->spool, &its_change)) {
        fail(reason, 0, "%s is still being written", suffix);
        return PAIR_UNSETTLED;
    }
    return PAIR_READY;
}

static enum pair_state examine_files(const struct pair *pair, int directory, long settle_time,
                                     struct timespec *changed, struct failure *reason)
{
    if (directory < 0 && errno == ENOENT) {
        fail(reason, 0, "its directory is missing");
        return PAIR_INCOMPLETE;
    }
    if (directory < 0) {
        pair_fail(pair, "open directory", reason);
        return PAIR_UNREADABLE;
    }
    struct failure json, dump;
    enum pair_state json_state =
        examine_file(pair, directory, pair->spool->json_suffix, settle_time, changed, &json);
    enum pair_state dump_state =
        examine_file(pair, directory, pair->spool->dump_suffix, settle_time, changed, &dump);
    if (json_state != PAIR_READY && dump_state != PAIR_READY) {
        fail(reason, 0, "%.500s, %.500s", json.text, dump.text);
        reason->error = json.error != 0 ? json.error : dump.error;
    } else if (json_state != dump_state) {
        *reason = json_state > dump_state ? json : dump;
    }
    return json_state > dump_state ? json_state : dump_state;
}

enum pair_state pair_examine(const struct pair *pair, long settle_time, int *directory,
                             struct timespec *changed, struct failure *reason)
{
    int opened = pair_open_directory(pair);
    enum pair_state state = examine_files(pair, opened, settle_time, changed, reason);
    if (state == PAIR_READY && directory != NULL)
        *directory = opened;
    else if (opened >= 0)
        close(opened);
    return state;
}
