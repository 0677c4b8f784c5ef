#include "spool/survey.h"

#include "base/access.h"
#include "base/quote.h"
#include "spool/case_dir.h"
#include "spool/date_dir.h"
#include "spool/dir.h"
#include "spool/file.h"
#include "spool/links.h"
#include "spool/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static bool is_over(const struct timespec *end)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return time_is_past(end, 0, &now);
}

static struct timespec end_in(long milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += milliseconds * 1000000L;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    return end;
}

/* --- crashes in a root */

/* The link and the files are there since then: a spool may have been copied with its times. Where
 * the disk with the files may be away there is the link alone. */
static long long age_of(const struct walk_entry *entry, const struct pair *pair, long settle_time)
{
    struct timespec changed = {0}, linked = walk_entry_changed(entry);
    struct failure reason;
    enum pair_state state = pair_examine(pair, settle_time, NULL, &changed, &reason);
    if (state != PAIR_READY &&
        (state != PAIR_INCOMPLETE || !links_may_lead_away(pair, entry->directory, &reason)))
        return -1;
    long long since = changed.tv_sec > linked.tv_sec ? changed.tv_sec : linked.tv_sec;
    return since < pair->spool->now.tv_sec ? pair->spool->now.tv_sec - since : 0;
}

/* Counts what `is_one` says, until the time is over; the caller frees the walk. */
static bool count_entries(struct walk *walk, struct count *count,
                          bool (*is_one)(const struct walk_entry *entry, void *context),
                          void *context, struct failure *failure)
{
    struct walk_entry entry;
    struct timespec end = end_in(SURVEY_TIME);
    bool good = true, goes_on = true;
    *count = (struct count){.oldest = -1};
    while ((goes_on = !is_over(&end)) && walk_next(walk, &entry)) {
        if (entry.kind != WALK_UNREADABLE) {
            count->number += is_one(&entry, context);
        } else if (good) {
            *failure = *entry.failure;
            good = false;
        }
    }
    count->state = goes_on && good ? COUNT_COMPLETE : COUNT_PARTIAL;
    return good;
}

/* Where not even one was found, and not all could be read, nothing is known. */
static bool settle(struct count *count, bool good)
{
    if (!good && count->number == 0)
        *count = (struct count){.oldest = -1};
    return good;
}

struct search {
    struct count *count;
    struct survey_link *oldest;
    long settle_time;
    survey_waits *waits;
    void *context;                    /* of that */
    const struct date_dir *directory; /* in which the first ready pair was found */
    bool is_through;                  /* all of that has been seen */
};

static void note_link(struct survey_link *link, const struct pair *pair,
                      const struct walk_entry *entry)
{
    snprintf(link->id, sizeof link->id, "%s", pair->id.text);
    snprintf(link->path, sizeof link->path, "%s/%s/%s", pair->spool->path, entry->directory->path,
             entry->name);
}

/* The oldest one is in the directory that has the first one; before that may be any number of pairs
 * that are not ready. */
static bool is_new(const struct walk_entry *entry, void *context)
{
    struct search *search = context;
    struct pair pair;
    if (!walk_entry_pair(entry, &pair))
        return false;
    search->is_through |= search->directory != NULL && search->directory != entry->directory;
    if (!search->is_through) {
        long long age = age_of(entry, &pair, search->settle_time);
        bool is_older = age > search->count->oldest;
        if (is_older && search->waits(pair.id.text, age, search->context))
            return true;
        if (age >= 0)
            search->directory = entry->directory;
        if (is_older) {
            search->count->oldest = age;
            note_link(search->oldest, &pair, entry);
        }
    }
    return true;
}

/* How old the oldest is, has to be known more than how many there are. */
static void look_on(struct walk *walk, struct search *search)
{
    struct walk_entry entry;
    struct timespec end = end_in(4L * SURVEY_TIME);
    while (search->count->state == COUNT_PARTIAL && search->directory == NULL && !is_over(&end) &&
           walk_next(walk, &entry))
        search->count->number += entry.kind != WALK_UNREADABLE && is_new(&entry, search);
}

bool survey_new(const struct spool *spool, long settle_time, survey_waits *waits, void *context,
                struct count *count, struct survey_link *oldest, struct failure *failure)
{
    struct search search = {
        .count = count,
        .oldest = oldest,
        .settle_time = settle_time,
        .waits = waits,
        .context = context,
    };
    struct walk *walk = walk_new(spool, true, failure);
    *count = (struct count){.oldest = -1};
    *oldest = (struct survey_link){.id = ""};
    if (walk == NULL)
        return false;
    bool good = count_entries(walk, count, is_new, &search, failure);
    look_on(walk, &search);
    count->is_least = count->state == COUNT_PARTIAL && !search.is_through;
    walk_free(walk);
    return settle(count, good);
}

static bool is_metadata(const struct walk_entry *entry, void *context)
{
    const char *suffix = context, *name = entry->name;
    struct crash_id id;
    char text[CRASH_ID_LENGTH + 1];
    snprintf(text, sizeof text, "%s", name);
    return entry->kind == WALK_OTHER && crash_id_parse(&id, text) &&
           strcmp(name + CRASH_ID_LENGTH, suffix) == 0;
}

bool survey_pairs(const struct spool *spool, struct count *count, struct failure *failure)
{
    char suffix[NAME_MAX + 1];
    struct walk *walk = walk_new_in(spool, "name", NULL, failure);
    *count = (struct count){.oldest = -1};
    snprintf(suffix, sizeof suffix, "%s", spool->json_suffix);
    bool good = walk != NULL && count_entries(walk, count, is_metadata, suffix, failure);
    walk_free(walk);
    return settle(count, good);
}

/* --- quarantine */

int survey_open_quarantine(const char *path, const struct spool *spool, struct failure *failure)
{
    const char *below = path != NULL ? spool_below(spool, path) : "quarantine";
    int directory =
        below != NULL ? dir_open(spool->root, below) : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 && path != NULL)
        fail(failure, errno, "cannot open directory \"%s\"", path);
    else if (directory < 0)
        fail(failure, errno, "cannot open directory \"%s/quarantine\"", spool->path);
    return directory;
}

/* Of a case, in whose file the first line is "TIME WHERE: REASON". */
static void count_reason(struct reasons *reasons, int directory, const char *name)
{
    char path[NAME_MAX + sizeof "/reason"];
    snprintf(path, sizeof path, "%s/%s", name, case_reason);
    char *line = case_first_line(directory, path);
    const char *at = line != NULL ? strstr(line, ": ") : NULL;
    reasons_count(reasons, at != NULL ? at + 2 : "unknown");
    free(line);
}

/* A case has its time from what was moved there last. False when the time is over. */
static bool survey_day(struct dir_reader *day, time_t now, const struct timespec *end,
                       struct survey_cases *cases)
{
    const struct dirent64 *entry;
    struct stat status;
    while ((entry = dir_next(day)) != NULL) {
        if (is_over(end))
            return false;
        if (fstatat(day->descriptor, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISDIR(status.st_mode))
            continue;
        long long age = status.st_mtim.tv_sec < now ? now - status.st_mtim.tv_sec : 0;
        if (cases->count.oldest < 0 || age < cases->count.oldest)
            cases->count.oldest = age;
        cases->count.number++;
        count_reason(&cases->reasons, day->descriptor, entry->d_name);
    }
    return true;
}

/* What a day is called behind the time at which a case was last added to it. */
enum { TIME_LENGTH = 20 };

/* The days, those last that have the newest cases: they are called after the crashes, which may
 * have been old when they came here. */
static bool list_by_change(const struct spool *quarantine, struct names *list,
                           struct failure *failure)
{
    struct names days = {0};
    struct stat status;
    bool good = spool_days(quarantine, &days, failure);
    for (size_t i = 0; good && i < days.count; i++) {
        char entry[TIME_LENGTH + DAY_LENGTH + 1];
        if (fstatat(quarantine->root, days.items[i], &status, AT_SYMLINK_NOFOLLOW) < 0)
            status.st_mtim.tv_sec = 0; /* it is gone; or the reason is told when it is read */
        snprintf(entry, sizeof entry, "%0*lld%s", TIME_LENGTH, (long long)status.st_mtim.tv_sec,
                 days.items[i]);
        good =
            names_add(list, entry) || fail(failure, errno, "cannot list \"%s\"", quarantine->path);
    }
    names_free(&days);
    names_sort(list);
    return good;
}

bool survey_quarantine(int directory, const char *path, struct survey_cases *cases,
                       struct failure *failure)
{
    struct timespec end = end_in(SURVEY_TIME);
    struct spool quarantine = {
        .place = PLACE_QUARANTINE, .path = path, .root = dir_open_to_list(directory, NULL)};
    struct names days = {0};
    *cases = (struct survey_cases){.count.oldest = -1};
    bool goes_on = true, good = true;
    bool is_listed = quarantine.root >= 0 && list_by_change(&quarantine, &days, failure);
    if (quarantine.root < 0)
        fail(failure, errno, "cannot read directory \"%s\"", path);
    for (size_t i = days.count; is_listed && goes_on && i-- > 0;) {
        struct dir_reader day;
        const char *name = days.items[i] + TIME_LENGTH;
        bool is_open = dir_begin(&day, quarantine.root, name);
        goes_on = !is_open || survey_day(&day, time(NULL), &end, cases);
        if (good && (is_open ? goes_on && errno != 0 : errno != ENOENT))
            good = fail(failure, errno, "cannot read directory \"%s/%s\"", path, name);
        if (is_open)
            dir_end(&day);
    }
    if (is_listed)
        cases->count.state = goes_on && good ? COUNT_COMPLETE : COUNT_PARTIAL;
    names_free(&days);
    if (quarantine.root >= 0)
        close(quarantine.root);
    return settle(&cases->count, is_listed && good);
}

/* --- its file system */

bool survey_room(int directory, const char *path, struct survey_room *room, struct failure *failure)
{
    struct statvfs status;
    struct stat itself;
    if (fstatvfs(directory, &status) < 0 || fstat(directory, &itself) < 0)
        return fail(failure, errno, "cannot look at the file system of \"%s\"", path);
    *room = (struct survey_room){
        .device = itself.st_dev,
        .bytes = (unsigned long long)status.f_blocks * status.f_frsize,
        .free_bytes = (unsigned long long)status.f_bavail * status.f_frsize,
        .inodes = status.f_files,
        .free_inodes = status.f_favail,
    };
    return true;
}

bool survey_may_write(enum place place, const char *path, int directory, struct failure *failure)
{
    return faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) == 0 ||
           fail(failure, errno, "cannot write to %s \"%s\"", place_title(place), path);
}

bool survey_others_may_write(enum place place, const char *path, int directory,
                             struct failure *failure)
{
    struct stat status;
    if (geteuid() != 0 || fstat(directory, &status) < 0 || (status.st_mode & 0222) != 0)
        return true;
    return fail(failure, 0, "nobody but root can write to %s \"%s\": its mode is %04o",
                place_title(place), path, (unsigned)status.st_mode & 07777);
}

static bool may_change_latest_day(const struct spool *spool, const struct names *days,
                                  struct failure *failure)
{
    char below[DAY_LENGTH + sizeof "/name"], path[PATH_MAX];
    int directory = -1;
    for (size_t i = days->count; directory < 0 && i-- > 0;) {
        snprintf(below, sizeof below, "%.*s/name", DAY_LENGTH, days->items[i]);
        directory = dir_open(spool->root, below);
    }
    if (directory < 0)
        return true;
    snprintf(path, sizeof path, "%s/%s", spool->path, below);
    bool good = survey_may_write(spool->place, path, directory, failure);
    close(directory);
    return good;
}

bool survey_may_change(const struct spool *spool, struct failure *failure)
{
    struct names days = {0};
    bool good =
        (!spool->is_archive || survey_may_write(spool->place, spool->path, spool->root, failure)) &&
        spool_days(spool, &days, failure) && may_change_latest_day(spool, &days, failure);
    names_free(&days);
    return good;
}

/* Below the root of the spool directories on the way are made, too. */
bool survey_may_make_quarantine(const char *path, const struct spool *spool,
                                struct failure *failure)
{
    char directory[PATH_MAX];
    struct failure reason;
    bool is_below = path == NULL || spool_below(spool, path) != NULL;
    snprintf(directory, sizeof directory, "%s%s", path != NULL ? path : spool->path,
             path != NULL ? "" : "/quarantine");
    char *whole = strdup(directory);
    do
        dirname(directory);
    while (is_below && access(directory, F_OK) < 0 && errno == ENOENT);
    bool good = access_may_make_in(directory, &reason) ||
                fail(failure, 0, "cannot make quarantine \"%s\": %s", whole != NULL ? whole : "",
                     reason.text);
    if (!good)
        failure->error = reason.error;
    free(whole);
    return good;
}
