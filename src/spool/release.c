#include "spool/release.h"

#include "base/quote.h"
#include "spool/cases.h"
#include "spool/dir.h"
#include "spool/file.h"
#include "spool/flush.h"
#include "spool/links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Below `date`: no collector has a directory of that name. */
#define DATE_DIRECTORY "released"

static const char temporary[] = ".released.tmp";

struct release {
    struct pair pair; /* where it goes */
    char name[NAME_MAX + 1];
    int from; /* its case in quarantine; -1: none yet */
    struct names files;
    int to;      /* the directory of the pair; -1: not there yet */
    bool has[2]; /* the case has the metadata, the dump */
    char main_names[2][NAME_MAX + 1];
};

static void forget_case(struct release *release)
{
    if (release->from >= 0)
        close(release->from);
    release->from = -1;
    names_free(&release->files);
}

/* --- look */

static bool open_case(struct release *release, int quarantine, const char *day, const char *name,
                      struct failure *failure)
{
    forget_case(release);
    memcpy(release->pair.day, day, sizeof release->pair.day);
    snprintf(release->name, sizeof release->name, "%s", name);
    release->from = cases_open(quarantine, day, name);
    if (release->from < 0)
        return fail(failure, errno, "cannot open \"%s/%s\" in quarantine", day, name);
    if (!cases_files(release->from, &release->files, failure))
        return false;
    for (int i = 0; i < 2; i++) {
        release->has[i] = false;
        for (size_t j = 0; j < release->files.count; j++)
            if (strcmp(release->files.items[j], release->main_names[i]) == 0)
                release->has[i] = true;
    }
    return true;
}

/* The only case of the crash, or the only one that has a pair. */
static bool find_case(struct release *release, int quarantine, struct failure *failure)
{
    struct names days = {0}, names = {0};
    struct release found = *release;
    int whole = 0, all = 0;
    bool good = cases_days(quarantine, &days, failure);
    for (size_t i = 0; good && i < days.count; i++) {
        good = cases_of_day(quarantine, days.items[i], &release->pair.id, &names, failure);
        for (size_t j = 0; good && j < names.count; j++, all++) {
            good = open_case(release, quarantine, days.items[i], names.items[j], failure);
            bool is_whole = release->has[0] && release->has[1];
            if (!good || (all > 0 && !is_whole))
                continue;
            whole += is_whole;
            forget_case(&found);
            found = *release;
            release->from = -1;
            release->files = (struct names){0};
        }
        names_free(&names);
    }
    names_free(&days);
    forget_case(release);
    *release = found;
    if (good && all == 0)
        return fail(failure, 0, "it is not in quarantine");
    if (good && all > 1 && whole != 1)
        return fail(
            failure, 0,
            "quarantine has %d of its id, and %s is a whole pair: move away all but the one "
            "that is meant",
            all, whole == 0 ? "none" : "more than one");
    return good;
}

/* What is in the way, or left of a release that was killed. */
static bool look_at_file(const struct release *release, const char *name, struct failure *failure)
{
    char quoted[QUOTE_SIZE];
    struct stat status;
    quote(quoted, name);
    if (fstatat(release->from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return fail(failure, errno, "cannot look at %s in quarantine", quoted);
    if (!file_is_regular(&status) || strncmp(name, release->pair.id.text, CRASH_ID_LENGTH) != 0)
        return fail(failure, 0, "%s in quarantine is not a file of it", quoted);
    if (release->to < 0 ||
        (fstatat(release->to, name, &status, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT) ||
        file_is_equal(release->from, release->to, name))
        return true;
    return fail(failure, errno, "in the spool is another file %s", quoted);
}

/* Each main file is in quarantine, or by now in its place. */
static bool is_whole(const struct release *release, const struct pair_location *there,
                     struct failure *failure)
{
    const struct spool *spool = release->pair.spool;
    const char *const suffixes[] = {spool->json_suffix, spool->dump_suffix};
    const struct main_file *const files[] = {&there->json, &there->dump};
    for (int i = 0; i < 2; i++) {
        struct stat status = files[i]->status;
        if (release->has[i] &&
            fstatat(release->from, release->main_names[i], &status, AT_SYMLINK_NOFOLLOW) < 0)
            return fail(failure, errno, "cannot look at its %s in quarantine", suffixes[i]);
        if (!release->has[i] && !files[i]->found)
            return fail(failure, 0, "it is not a pair: %s is missing in quarantine", suffixes[i]);
        if (status.st_size == 0)
            return fail(failure, 0, "it is not a pair: %s is empty", suffixes[i]);
    }
    return true;
}

/* Its own place apart, nothing of it may be in the roots. */
static bool is_nowhere_else(const struct release *release, const struct roots *roots,
                            struct failure *failure)
{
    struct pair pair = release->pair;
    struct pair_location location;
    for (int i = 0; i < ROOT_COUNT && roots->spools[i] != NULL; i++)
        for (size_t j = 0; j < roots->days[i].count; j++) {
            pair.spool = roots->spools[i];
            memcpy(pair.day, roots->days[i].items[j], sizeof pair.day);
            if (pair.spool == release->pair.spool && strcmp(pair.day, release->pair.day) == 0)
                continue;
            locate_there(&pair, &location, failure);
            location_close(&location);
            if (location.found == LOCATED_FAILED)
                return false;
            if (location.found != LOCATED_NOWHERE)
                return fail(failure, 0, "the spool has a crash of its id, in \"%s/%s\"",
                            pair.spool->path, pair.day);
        }
    return true;
}

/* A temporary name that a killed release has left may be the second one of a file. */
static bool remove_leftover(const struct pair *pair, struct failure *failure)
{
    int directory = pair_open_directory(pair);
    if (directory < 0)
        return true;
    bool good = unlinkat(directory, temporary, 0) == 0 || errno == ENOENT ||
                fail(failure, errno, "cannot remove \"%s\" beside it", temporary);
    close(directory);
    return good;
}

static bool look(struct release *release, const struct roots *roots, struct failure *failure)
{
    struct pair_location there;
    if (!is_nowhere_else(release, roots, failure))
        return false;
    locate_there(&release->pair, &there, failure);
    release->to = there.directory;
    bool good = there.found != LOCATED_FAILED;
    for (size_t i = 0; good && i < release->files.count; i++)
        good = look_at_file(release, release->files.items[i], failure);
    return good && is_whole(release, &there, failure);
}

/* --- copy and link */

static bool open_directories(struct release *release, int *date, struct failure *failure)
{
    struct stat status;
    char path[PAIR_DIRECTORY_SIZE];
    const struct spool *spool = release->pair.spool;
    if (fstat(spool->root, &status) < 0)
        return fail(failure, errno, "cannot look at \"%s\"", spool->path);
    const struct dir_style style = {.mode = status.st_mode & 07777, .group = (gid_t)-1};
    if (release->to >= 0)
        close(release->to);
    pair_directory(&release->pair, path);
    release->to = dir_make(spool->root, path, &style);
    if (release->to < 0)
        return fail(failure, errno, "cannot make directory \"%s/%s\"", spool->path, path);
    snprintf(path, sizeof path, "%s/date/" DATE_DIRECTORY, release->pair.day);
    *date = dir_make(spool->root, path, &style);
    return *date >= 0 || fail(failure, errno, "cannot make directory \"%s/%s\"", spool->path, path);
}

static bool copy_file(const struct release *release, const char *name)
{
    struct stat status;
    if (fstatat(release->from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    const struct file_style style = {.mode = status.st_mode & 07777, .group = (gid_t)-1};
    return file_is_equal(release->from, release->to, name) ||
           (file_copy(release->from, name, &status, release->to, temporary, &style) &&
            file_publish(release->to, temporary, name));
}

static bool copy_files(const struct release *release, struct failure *failure)
{
    bool good = true;
    for (size_t i = 0; good && i < release->files.count; i++)
        good = copy_file(release, release->files.items[i]);
    int error = errno;
    unlinkat(release->to, temporary, 0);
    return good || fail(failure, error, "cannot copy it to \"%s/%s\"", release->pair.spool->path,
                        release->pair.day);
}

static bool make_link(int directory, const char *name, const char *target)
{
    char found[PATH_MAX];
    if (symlinkat(target, directory, name) == 0)
        return true;
    if (errno != EEXIST)
        return false;
    ssize_t length = readlinkat(directory, name, found, sizeof found);
    errno = EEXIST;
    return length == (ssize_t)strlen(target) && memcmp(found, target, (size_t)length) == 0;
}

/* Both are ours, or they were there already. */
static bool make_links(const struct release *release, int date, struct failure *failure)
{
    const struct pair *pair = &release->pair;
    char up[3 * 8 + 1] = "../../", path[NAME_PATH_LENGTH + 1], name_target[64], date_target[64];
    for (int i = 1; i < pair->id.depth; i++)
        strcat(up, "../");
    crash_id_name_path(&pair->id, path);
    snprintf(name_target, sizeof name_target, "%sdate/" DATE_DIRECTORY, up);
    snprintf(date_target, sizeof date_target, "../../name/%s", path);
    return (make_link(release->to, pair->id.text, name_target)
                ? make_link(date, pair->id.text, date_target)
                : errno == EEXIST && links_has_date_link(pair, release->to)) ||
           fail(failure, errno, "cannot make its links in \"%s/%s\"", pair->spool->path, pair->day);
}

static bool remove_from_quarantine(const struct release *release, int quarantine,
                                   struct failure *failure)
{
    struct stat status;
    bool good = true;
    for (size_t i = 0; good && i < release->files.count; i++)
        good = fstatat(release->from, release->files.items[i], &status, AT_SYMLINK_NOFOLLOW) == 0 &&
               file_remove(release->from, release->files.items[i], &status);
    return (good && cases_remove_empty(quarantine, release->pair.day, release->name)) ||
           fail(failure, errno, "it is new, but cannot be removed from quarantine");
}

static bool carry_out(struct release *release, int quarantine, struct failure *failure)
{
    int date = -1;
    struct stat status;
    struct flush_set changed = {0};
    bool good = open_directories(release, &date, failure);
    if (good && fstat(release->to, &status) == 0)
        flush_add(&changed, status.st_dev, release->to, release->pair.spool->path);
    if (good && fstat(date, &status) == 0)
        flush_add(&changed, status.st_dev, date, release->pair.spool->path);
    good = good && copy_files(release, failure) && flush_all(&changed, failure) &&
           make_links(release, date, failure) && flush_all(&changed, failure) &&
           remove_from_quarantine(release, quarantine, failure);
    flush_clear(&changed);
    if (date >= 0)
        close(date);
    return good;
}

bool release(struct quarantine *quarantine, const struct roots *roots, const struct crash_id *id,
             bool dry_run, char where[RELEASE_PATH_SIZE], struct failure *failure)
{
    const struct spool *spool = roots->spools[0];
    struct release work = {.pair = {.spool = spool, .id = *id}, .from = -1, .to = -1};
    pair_file_name(&work.pair, spool->json_suffix, work.main_names[0]);
    pair_file_name(&work.pair, spool->dump_suffix, work.main_names[1]);
    where[0] = '\0';
    int directory = quarantine_hold(quarantine, dry_run, failure);
    if (directory < 0)
        return failure->error == ENOENT ? fail(failure, 0, "there is no quarantine yet") : false;
    bool good = find_case(&work, directory, failure);
    if (work.name[0] != '\0')
        snprintf(where, RELEASE_PATH_SIZE, "%s/%s", work.pair.day, work.name);
    good = good && (dry_run || remove_leftover(&work.pair, failure)) &&
           look(&work, roots, failure) && (dry_run || carry_out(&work, directory, failure));
    quarantine_let_go(quarantine);
    forget_case(&work);
    if (work.to >= 0)
        close(work.to);
    return good;
}
