#include "spool/release.h"

#include "spool/case_dir.h"
#include "spool/cases.h"
#include "spool/dir.h"
#include "spool/file.h"
#include "spool/flush.h"
#include "spool/move_note.h"
#include "spool/release_case.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Below `date`: no collector has a directory of that name. */
#define DATE_DIRECTORY "released"

struct release {
    struct pair pair; /* where it goes */
    const struct roots *roots;
    const struct release_job *job;
    struct release_case its; /* its case in quarantine */
    int to, date; /* the directories of the pair, and of its date link; -1: not there yet */
    char name_target[64], date_target[64]; /* of its links */
    bool is_claimed;                       /* the name link is ours */
    bool is_new;                           /* the spool has all of it, with a link or a row */
};

static const char temporary[] = ".released.";

bool release_has_made(const char *name_link)
{
    static const char end[] = "/date/" DATE_DIRECTORY;
    size_t length = strlen(name_link);
    return length >= strlen(end) && strcmp(name_link + length - strlen(end), end) == 0;
}

bool release_has_noted(const char *reason)
{
    return case_line_says_released(reason);
}

static void temporary_name(char name[NAME_MAX + 1], const struct released_file *file)
{
    snprintf(name, NAME_MAX + 1, "%s%s", temporary, file->name);
}

static bool has_link(int directory, const char *name, const char *target)
{
    char found[PATH_MAX];
    ssize_t length = directory >= 0 ? readlinkat(directory, name, found, sizeof found) : -1;
    return length == (ssize_t)strlen(target) && memcmp(found, target, (size_t)length) == 0;
}

static bool is_queued_from_here(const struct release *release)
{
    const struct origin *origin = &release->job->origin;
    return release->job->text[0] != '\0' && origin->state == ORIGIN_KNOWN &&
           origin->spool == release->pair.spool && strcmp(origin->day, release->pair.day) == 0;
}

/* --- look */

/* Lists what begins with the id where a pair should be. */
static bool list_there(const struct pair *pair, struct names *names, struct failure *failure)
{
    const struct dirent64 *entry;
    struct dir_reader reader;
    char path[PAIR_DIRECTORY_SIZE];
    pair_directory(pair, path);
    bool is_open = dir_begin(&reader, pair->spool->root, path), good = is_open || errno == ENOENT;
    while (is_open && good && (entry = dir_next(&reader)) != NULL)
        if (strncmp(entry->d_name, pair->id.text, CRASH_ID_LENGTH) == 0)
            good = names_add(names, entry->d_name);
    good = good && (!is_open || errno == 0);
    if (is_open)
        dir_end(&reader);
    return good || fail(failure, errno, "cannot look for it in \"%s/%s\"", pair->spool->path, path);
}

static bool fail_taken(const struct pair *pair, const char *name, int error,
                       struct failure *failure)
{
    char quoted[QUOTE_SIZE];
    return fail(failure, error,
                error == 0 ? "the spool has a crash of its id: %s in \"%s/%s\""
                           : "cannot compare its file %s in \"%s/%s\"",
                quote(quoted, name), pair->spool->path, pair->day);
}

static bool is_nothing_there(const struct pair *pair, struct failure *failure)
{
    struct names names = {0};
    bool good = list_there(pair, &names, failure) &&
                (names.count == 0 || fail_taken(pair, names.items[0], 0, failure));
    names_free(&names);
    return good;
}

/* Else the crash would get the place of a disk that is away, or of a name tree that was moved; and
 * these may have one of its id. */
static bool is_day_there(const struct pair *pair, struct failure *failure)
{
    const char *doubt = pair_tree_away(pair);
    return doubt == NULL ||
           fail(failure, 0, "its day %s: \"%s/%s\" (rmdir what is empty if no disk belongs there)",
                doubt, pair->spool->path, pair->day);
}

/* In whatever letters. Its own place apart. */
static bool is_nowhere_else(const struct release *release, struct failure *failure)
{
    struct crash_id spellings[CRASH_ID_SPELLINGS];
    const struct roots *roots = release->roots;
    struct pair pair = release->pair;
    size_t count = crash_id_spell(spellings, release->pair.id.text);
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++)
        for (size_t j = 0; j < roots->days[i].count; j++) {
            pair.spool = roots->spools[i];
            memcpy(pair.day, roots->days[i].items[j], sizeof pair.day);
            bool is_its_day = strcmp(pair.day, release->pair.day) == 0;
            if ((is_its_day || crash_id_may_be_of(&release->pair.id, pair.day)) &&
                !is_day_there(&pair, failure))
                return false;
            for (size_t k = 0; k < count; k++) {
                pair.id = spellings[k];
                bool is_own = k == 0 && is_its_day && pair.spool == release->pair.spool;
                if (!is_own && !is_nothing_there(&pair, failure))
                    return false;
            }
        }
    return !roots->has_closed ||
           fail(failure, 0,
                "a crash of its id may be in the deferred storage root, which is not set in this "
                "run");
}

/* Whether what has a name in its place was left by a release of this very case. */
static bool is_left_of_release(struct release *release, const char *name)
{
    errno = 0;
    if (strcmp(name, release->pair.id.text) == 0)
        return release->is_claimed;
    struct released_file *file = release_case_find(&release->its, name);
    file = release->is_claimed || is_queued_from_here(release) ? file : NULL;
    if (file == NULL || !file_is_equal(release->its.directory, release->to, name) ||
        fstatat(release->to, name, &file->there, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    file->is_there = true;
    return true;
}

/* A file with its temporary name as well is taken back before it could be taken for one of a pair.
 */
static bool take_back(const struct release *release, const struct released_file *file)
{
    struct stat status, there;
    char name[NAME_MAX + 1];
    temporary_name(name, file);
    if (fstatat(release->to, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        fstatat(release->to, file->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        file_is_same(&status, &there))
        return unlinkat(release->to, file->name, 0) == 0;
    return file_remove(release->to, file->name, &file->there);
}

static bool remove_temporaries(const struct release *release, struct failure *failure)
{
    char name[NAME_MAX + 1];
    int error = 0;
    for (size_t i = 0; i < release->its.count; i++) {
        temporary_name(name, &release->its.files[i]);
        if (unlinkat(release->to, name, 0) < 0 && errno != ENOENT)
            error = errno;
    }
    return error == 0 || fail(failure, error, "cannot remove its temporary names in \"%s/%s\"",
                              release->pair.spool->path, release->pair.day);
}

/* The name link last, by which what remains after a kill is known as ours. */
static void undo(const struct release *release)
{
    struct failure ignored;
    for (size_t i = 0; i < release->its.count; i++)
        if (release->its.files[i].is_there && !take_back(release, &release->its.files[i]))
            return;
    if (!remove_temporaries(release, &ignored))
        return;
    if (has_link(release->to, release->pair.id.text, release->name_target))
        unlinkat(release->to, release->pair.id.text, 0);
}

/* What a release that was killed has left beside files of another crash. Those with the same bytes
 * as ours may be that one's, too, unless they have a temporary name as well, or that is gone
 * although others are there, or all are. */
static void undo_killed(struct release *release, bool is_whole)
{
    struct stat status;
    char name[NAME_MAX + 1];
    bool has_any = is_whole;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < release->its.count; i++) {
            struct released_file *file = &release->its.files[i];
            temporary_name(name, file);
            bool has_temporary = fstatat(release->to, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
            has_any = has_any || has_temporary;
            if (round == 1)
                file->is_there = file->is_there && has_any &&
                                 (!has_temporary || file_is_same(&status, &file->there));
        }
    undo(release);
}

/* Nothing, or what a release that was killed has left. */
static bool look_at_place(struct release *release, bool dry_run, struct failure *failure)
{
    char path[PAIR_DIRECTORY_SIZE];
    struct names names = {0};
    const struct pair *pair = &release->pair;
    bool is_whole = true;
    release->to = pair_open_directory(pair);
    snprintf(path, sizeof path, "%s/date/" DATE_DIRECTORY, pair->day);
    release->date = dir_open(pair->spool->root, path);
    release->is_claimed = has_link(release->to, pair->id.text, release->name_target);
    bool is_listed = list_there(pair, &names, failure), good = is_listed, can_compare = is_listed;
    for (size_t i = 0; is_listed && i < names.count; i++)
        if (!is_left_of_release(release, names.items[i])) {
            can_compare = can_compare && errno == 0;
            if (good)
                good = fail_taken(pair, names.items[i], errno, failure);
        }
    names_free(&names);
    for (size_t i = 0; i < release->its.count; i++)
        is_whole = is_whole && release->its.files[i].is_there;
    bool has_date_link = has_link(release->date, pair->id.text, release->date_target);
    release->is_new = is_whole && (has_date_link || is_queued_from_here(release));
    if (!good && can_compare && release->is_claimed && !has_date_link && !dry_run &&
        !is_queued_from_here(release))
        undo_killed(release, is_whole);
    if (good && release->job->text[0] != '\0' && !release->is_new)
        return fail(failure, 0, "%s", release->job->text);
    return good && (release->is_new || !has_date_link ||
                    fail(failure, 0, "the spool has its date link, but not all of its files"));
}

/* --- claim, copy, publish, link */

static bool open_directories(struct release *release, struct failure *failure)
{
    struct stat status;
    char paths[2][PAIR_DIRECTORY_SIZE];
    int *const directories[] = {&release->to, &release->date};
    const struct spool *spool = release->pair.spool;
    if (fstat(spool->root, &status) < 0)
        return fail(failure, errno, "cannot look at \"%s\"", spool->path);
    const struct dir_style style = {.mode = status.st_mode & 07777, .group = (gid_t)-1};
    pair_directory(&release->pair, paths[0]);
    snprintf(paths[1], sizeof paths[1], "%s/date/" DATE_DIRECTORY, release->pair.day);
    for (int i = 0; i < 2; i++) {
        if (*directories[i] >= 0)
            close(*directories[i]);
        *directories[i] = dir_make(spool->root, paths[i], &style);
        if (*directories[i] < 0)
            return fail(failure, errno, "cannot make directory \"%s/%s\"", spool->path, paths[i]);
    }
    return true;
}

static bool make_link(const struct release *release, int directory, const char *target,
                      struct failure *failure)
{
    const struct pair *pair = &release->pair;
    if (symlinkat(target, directory, pair->id.text) == 0)
        return true;
    int error = errno;
    if (error != EEXIST)
        return fail(failure, error, "cannot make its links in \"%s/%s\"", pair->spool->path,
                    pair->day);
    return has_link(directory, pair->id.text, target) ||
           fail_taken(pair, pair->id.text, 0, failure);
}

static bool copy_files(struct release *release, struct failure *failure)
{
    char name[NAME_MAX + 1];
    for (size_t i = 0; i < release->its.count; i++) {
        const struct released_file *file = &release->its.files[i];
        const struct file_style style = {.mode = file->status.st_mode & 07777, .group = (gid_t)-1};
        temporary_name(name, file);
        if (!file->is_there)
            unlinkat(release->to, name, 0); /* of a release that was killed */
        if (!file->is_there && !file_copy(release->its.directory, file->name, &file->status,
                                          release->to, name, &style))
            return fail(failure, errno, "cannot copy it to \"%s/%s\"", release->pair.spool->path,
                        release->pair.day);
    }
    return true;
}

/* With its temporary name as well, so that nobody takes it for a file of a pair before all have
 * their names, and none is another crash's; if the file system has no second names, without. */
static bool publish(const struct release *release, const char *copy, const char *name)
{
    return linkat(release->to, copy, release->to, name, 0) == 0 ||
           (errno != EEXIST && file_publish(release->to, copy, name));
}

static bool publish_files(struct release *release, struct failure *failure)
{
    char name[NAME_MAX + 1];
    const struct pair *pair = &release->pair;
    for (size_t i = 0; i < release->its.count; i++) {
        struct released_file *file = &release->its.files[i];
        temporary_name(name, file);
        if (file->is_there)
            continue;
        if (fstatat(release->to, name, &file->there, AT_SYMLINK_NOFOLLOW) == 0 &&
            publish(release, name, file->name))
            file->is_there = true;
        else if (errno == EEXIST)
            return fail_taken(pair, file->name, 0, failure);
        else
            return fail(failure, errno, "cannot rename a copy of it in \"%s/%s\"",
                        pair->spool->path, pair->day);
    }
    return true;
}

/* Whatever names it has. */
static bool has_same_bytes(const struct stat *left, const struct stat *right)
{
    return file_is_same(left, right) && left->st_size == right->st_size &&
           left->st_mtim.tv_sec == right->st_mtim.tv_sec &&
           left->st_mtim.tv_nsec == right->st_mtim.tv_nsec;
}

/* Not what a collector has put beside it meanwhile, or in its place. */
static bool has_only_ours(struct release *release, struct failure *failure)
{
    struct stat status;
    struct names names = {0};
    const struct pair *pair = &release->pair;
    bool good = list_there(pair, &names, failure);
    for (size_t i = 0; good && i < names.count; i++) {
        const struct released_file *file = release_case_find(&release->its, names.items[i]);
        bool is_ours = file != NULL
                           ? fstatat(release->to, file->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                                 has_same_bytes(&status, &file->there)
                           : has_link(release->to, names.items[i], release->name_target);
        good = is_ours || fail_taken(pair, names.items[i], 0, failure);
    }
    good = good && (names.count == release->its.count + 1 ||
                    fail(failure, 0, "its copies in \"%s/%s\" have just been removed",
                         pair->spool->path, pair->day));
    names_free(&names);
    return good;
}

static bool make_new(struct release *release, const struct flush_set *changed,
                     struct failure *failure)
{
    const struct pair *pair = &release->pair;
    bool good = make_link(release, release->to, release->name_target, failure) &&
                copy_files(release, failure) && flush_all(changed, failure) &&
                publish_files(release, failure) && has_only_ours(release, failure) &&
                remove_temporaries(release, failure) &&
                move_note_remove(pair, release->to, failure) && flush_all(changed, failure) &&
                make_link(release, release->date, release->date_target, failure);
    if (!good)
        undo(release);
    return good;
}

static bool carry_out(struct release *release, int quarantine, struct failure *failure)
{
    struct flush_set changed = {0};
    char where[PAIR_PATH_SIZE];
    const struct spool *spool = release->pair.spool;
    const struct case_source source = {.mark = spool->mark, .root = PLACE_STORAGE};
    bool good = open_directories(release, failure);
    if (good) {
        flush_add_directory(&changed, release->to, spool->path);
        flush_add_directory(&changed, release->date, spool->path);
    }
    pair_path(&release->pair, where);
    good = good &&
           (release->is_new ? remove_temporaries(release, failure)
                            : make_new(release, &changed, failure)) &&
           flush_all(&changed, failure) &&
           (case_note_released(release->its.directory, &source, where) ||
            fail(failure, errno, "it is new, but that cannot be noted in its reason")) &&
           release_case_remove(&release->its, quarantine, failure);
    flush_clear(&changed);
    return good;
}

static void name_links(struct release *release)
{
    char path[NAME_PATH_LENGTH + 1];
    int up = release->pair.id.depth + 1;
    crash_id_name_path(&release->pair.id, path);
    snprintf(release->name_target, sizeof release->name_target, "%.*sdate/" DATE_DIRECTORY, 3 * up,
             "../../../../../");
    snprintf(release->date_target, sizeof release->date_target, "../../name/%s", path);
}

bool release(struct quarantine *quarantine, const struct roots *roots, const struct crash_id *id,
             const struct release_job *job, bool dry_run, char where[RELEASE_PATH_SIZE],
             struct failure *failure)
{
    struct release work = {.pair = {.spool = roots->spools[0], .id = *id},
                           .roots = roots,
                           .job = job,
                           .to = -1,
                           .date = -1};
    where[0] = '\0';
    name_links(&work);
    int directory = quarantine_hold(quarantine, dry_run, failure);
    if (directory < 0)
        return failure->error == ENOENT ? fail(failure, 0, "there is no quarantine yet") : false;
    enum release_found found = release_case_find_one(&work.its, &work.pair, directory,
                                                     quarantine_mark(quarantine), dry_run, failure);
    if (work.its.name[0] != '\0')
        snprintf(where, RELEASE_PATH_SIZE, "%s/%s", work.its.day, work.its.name);
    memcpy(work.pair.day, work.its.day, sizeof work.pair.day);
    bool good =
        found == RELEASE_DONE || (found == RELEASE_FOUND && is_nowhere_else(&work, failure) &&
                                  look_at_place(&work, dry_run, failure) &&
                                  (dry_run || carry_out(&work, directory, failure)));
    quarantine_let_go(quarantine);
    release_case_close(&work.its);
    if (work.to >= 0)
        close(work.to);
    if (work.date >= 0)
        close(work.date);
    return good;
}
