#include "spool/spool.h"

#include "base/quote.h"
#include "spool/crash_id.h"
#include "spool/dir.h"
#include "spool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct spool_clock {
    _Atomic int error; /* why it cannot be asked; 0: it can */
    bool is_ours;      /* this machine's, as nothing may be made */
    /* Nanoseconds: the time when it was asked for by spool_ask_clock(), and when it was asked last,
     * as a file was younger; how far it was ahead of this machine's then; when a file was last
     * made to ask, by ticks(), and the time then. */
    _Atomic long long asked, latest, ahead, made_ticks, made_time;
};

/* Two hosts whose clocks are set over the network differ by less. */
enum { DIFFERENCE = 60 };

static const long long second = 1000000000;

static long long in_nanoseconds(const struct timespec *time)
{
    return time->tv_sec * second + time->tv_nsec;
}

static struct timespec from_nanoseconds(long long time)
{
    return (struct timespec){.tv_sec = time / second, .tv_nsec = time % second};
}

/* A new file without a name, or unlinked at once if the file system has none of these (NFS). */
static int make_nameless_file(int root)
{
    char name[64];
    int file = openat(root, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return file;
    snprintf(name, sizeof name, ".crashmon-clock.%ld", (long)gettid());
    file = openat(root, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file >= 0)
        unlinkat(root, name, 0);
    return file;
}

/* Ages are measured by the clock that stamps the files, which may be a file server's. If no file
 * can be created, this machine's clock has to do, as far off as it was when both were known. */
static bool ask_clock(const struct spool *spool, struct timespec *now)
{
    struct stat status;
    struct timespec ours;
    int file = make_nameless_file(spool->root);
    bool known = file >= 0 && fstat(file, &status) == 0;
    if (file >= 0)
        close_keeping_errno(file);
    clock_gettime(CLOCK_REALTIME, &ours);
    if (known)
        spool->clock->ahead = in_nanoseconds(&status.st_mtim) - in_nanoseconds(&ours);
    *now = from_nanoseconds(in_nanoseconds(&ours) + spool->clock->ahead);
    return known;
}

static bool ask_again(const struct spool *spool, struct timespec *now)
{
    if (spool->clock->is_ours)
        return clock_gettime(CLOCK_REALTIME, now) == 0;
    return spool->clock->error == 0 && ask_clock(spool, now);
}

/* Of a second; and how far the time of a file may be behind: it is that of the last clock tick. */
enum { MICROSECONDS = 1000000, TICK = 10000 };

void spool_set_clock(const struct spool *spool, long long time)
{
    spool->clock->asked = time;
}

struct timespec spool_time(const struct spool *spool)
{
    return from_nanoseconds(spool->clock->asked);
}

/* Where the file system keeps whole seconds, what has the time of the second counts as later. */
struct timespec spool_time_ago(const struct spool *spool, long long microseconds)
{
    bool is_coarse = spool->clock->asked % second == 0;
    long long time = spool->clock->asked / 1000 - microseconds + (is_coarse ? -MICROSECONDS : TICK);
    long long parts = (time % MICROSECONDS + MICROSECONDS) % MICROSECONDS;
    return (struct timespec){.tv_sec = (time - parts) / MICROSECONDS, .tv_nsec = parts * 1000};
}

/* The latest time; asked again if `then` lies behind it: false if it cannot be. */
static bool find_now(const struct spool *spool, const struct timespec *then, struct timespec *now)
{
    struct timespec asked;
    *now = from_nanoseconds(spool->clock->latest);
    if (time_is_past(then, 0, now))
        return true;
    if (!ask_again(spool, &asked))
        return false;
    spool->clock->latest = in_nanoseconds(&asked);
    *now = asked;
    return true;
}

/* Nanoseconds, by a clock that nobody sets, with the ticks of the times of files. */
static long long ticks(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return in_nanoseconds(&now);
}

/* Once a second at most, as it takes long to make a file where many have just been removed: ext4
 * does not use their inodes again so soon. In between it is computed, unless the file system keeps
 * whole seconds. It is asked for again as a file system may fill up, or become read-only, while a
 * run is at work.
 */
long long spool_read_clock(const struct spool *spool)
{
    struct spool_clock *clock = spool->clock;
    long long passed = ticks() - clock->made_ticks;
    struct timespec now = from_nanoseconds(clock->made_time + passed);
    if (clock->error != 0)
        return clock->asked;
    if (clock->made_ticks == 0 || passed >= second || clock->made_time % second == 0) {
        if (!ask_again(spool, &now))
            clock->error = errno;
        clock->made_ticks = ticks();
        clock->made_time = in_nanoseconds(&now);
    }
    clock->latest = in_nanoseconds(&now);
    return in_nanoseconds(&now);
}

void spool_ask_clock(const struct spool *spool)
{
    spool_set_clock(spool, spool_read_clock(spool));
}

struct timespec spool_changed(const struct spool *spool, const struct stat *status)
{
    struct timespec now;
    find_now(spool, &status->st_mtim, &now);
    return file_changed(status, &now);
}

bool spool_is_past(const struct spool *spool, const struct timespec *then, long seconds)
{
    struct timespec now;
    find_now(spool, then, &now);
    return time_is_past(then, seconds, &now);
}

bool spool_is_old(const struct spool *spool, const struct timespec *then, long seconds)
{
    return spool_has_clock(spool) && spool_is_past(spool, then, seconds);
}

bool spool_is_ahead(const struct spool *spool, const struct timespec *then)
{
    struct timespec now;
    return find_now(spool, then, &now) && !time_is_past(then, -DIFFERENCE, &now);
}

bool spool_has_clock(const struct spool *spool)
{
    errno = spool->clock->error;
    return errno == 0;
}

/* As a NULL pointer. */
static struct spool *fail_open(enum place place, const char *path, bool ask,
                               struct failure *failure)
{
    int error = errno;
    fail(failure, error, "cannot open %s \"%s\"", place_title(place), path);
    bool is_root = place == PLACE_STORAGE || place == PLACE_DEFERRED;
    fail_further(failure, "%s%s%s",
                 error == ENOENT ? " (has it not been made yet, or is its disk not mounted?)" : "",
                 ask ? "; nothing was read or changed" : "", ask && !is_root ? " there" : "");
    return NULL;
}

static struct spool *open_root(enum place place, const char *path, const char *json_suffix,
                               const char *dump_suffix, bool ask, struct failure *failure)
{
    struct spool *spool = malloc(sizeof *spool);
    if (spool == NULL)
        return fail_open(place, path, ask, failure);
    *spool = (struct spool){
        .place = place, .path = path, .json_suffix = json_suffix, .dump_suffix = dump_suffix};
    spool->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->root >= 0) {
        spool->clock = malloc(sizeof *spool->clock);
        spool->seen = calloc(1, sizeof *spool->seen);
    }
    if (spool->clock == NULL || spool->seen == NULL) {
        fail_open(place, path, ask, failure);
        spool_close(spool);
        return NULL;
    }
    *spool->clock = (struct spool_clock){.is_ours = !ask, .ahead = -DIFFERENCE * second};
    bool is_known = ask_again(spool, &spool->now);
    spool->clock->error = is_known ? 0 : errno;
    spool->clock->asked = spool->clock->latest = in_nanoseconds(&spool->now);
    return spool;
}

struct spool *spool_open(enum place place, const char *path, const char *json_suffix,
                         const char *dump_suffix, struct failure *failure)
{
    return open_root(place, path, json_suffix, dump_suffix, true, failure);
}

struct spool *spool_open_to_look(enum place place, const char *path, const char *json_suffix,
                                 const char *dump_suffix, struct failure *failure)
{
    return open_root(place, path, json_suffix, dump_suffix, false, failure);
}

void spool_close(struct spool *spool)
{
    if (spool == NULL)
        return;
    if (spool->root >= 0)
        close(spool->root);
    free(spool->clock);
    if (spool->seen != NULL)
        names_free(&spool->seen->names);
    free(spool->seen);
    free(spool);
}

/* What cannot be seen may be one. */
static bool may_be_day(unsigned char type)
{
    return type == DT_DIR || type == DT_LNK || type == DT_UNKNOWN;
}

bool spool_is_day(const struct spool *spool, const char *name)
{
    struct stat status;
    return fstatat(spool->root, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
           may_be_day((unsigned char)IFTODT(status.st_mode));
}

bool spool_days(const struct spool *spool, struct names *days, struct failure *failure)
{
    struct dir_reader reader;
    if (!dir_begin(&reader, spool->root, NULL))
        return fail(failure, errno, "cannot read %s \"%s\"", place_title(spool->place),
                    spool->path);
    const struct dirent64 *entry;
    bool good = true;
    while (good && (entry = dir_next(&reader)) != NULL)
        if (day_is_valid(entry->d_name) && may_be_day(dir_entry_type(&reader, entry)))
            good = names_add(days, entry->d_name);
    if (!good || errno != 0)
        good =
            fail(failure, errno, "cannot read %s \"%s\"", place_title(spool->place), spool->path);
    dir_end(&reader);
    names_sort(days);
    return good;
}

bool spool_day_is_over(const struct spool *spool, const char *day, long days)
{
    char last[64];
    struct tm calendar;
    time_t there = spool->now.tv_sec - 12 * 3600 - days * 24 * 3600;
    return gmtime_r(&there, &calendar) != NULL &&
           strftime(last, sizeof last, "%Y%m%d", &calendar) == DAY_LENGTH && strcmp(day, last) < 0;
}

const char *spool_below(const struct spool *spool, const char *path)
{
    char prefix[PATH_MAX];
    const char *below = NULL;
    struct stat root, status;
    if (fstat(spool->root, &root) < 0)
        return NULL;
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(prefix, sizeof prefix, "%.*s", (int)(slash - path), path);
        if (stat(prefix, &status) == 0 && file_is_same(&status, &root))
            below = slash + strspn(slash, "/");
    }
    bool is_inside = below != NULL && strcmp(below, ".") != 0 && strncmp(below, "../", 3) != 0;
    return is_inside ? below : NULL;
}

bool spool_fail(const struct spool *spool, const char *what, const char *directory,
                struct failure *failure)
{
    int error = errno;
    char path[PATH_MAX], quoted[QUOTE_SIZE];
    size_t length = dir_in_the_way(spool->root, directory);
    snprintf(path, sizeof path, "%s/%.*s", spool->path, (int)length, directory);
    return fail(failure, error, "cannot %s %s", what, quote(quoted, path));
}
