#include "spool/places.h"

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

/* A directory on the way up to the top. */
struct step {
    int descriptor;
    struct stat status;
};

static bool begin_at(struct step *step, int directory)
{
    step->descriptor = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    return step->descriptor >= 0 && fstat(step->descriptor, &step->status) == 0;
}

static void end_at(struct step *step)
{
    if (step->descriptor >= 0)
        close_keeping_errno(step->descriptor);
    step->descriptor = -1;
}

/* False at the top, with errno 0, and on error. */
static bool go_up(struct step *step)
{
    struct step above = {.descriptor =
                             openat(step->descriptor, "..", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    bool good = above.descriptor >= 0 && fstat(above.descriptor, &above.status) == 0;
    if (good && file_is_same(&above.status, &step->status)) {
        errno = 0;
        good = false;
    }
    if (!good) {
        end_at(&above);
        return false;
    }
    end_at(step);
    *step = above;
    return true;
}

/* The answer to a question about what is open: 1, 0, or -1 with errno. */
typedef int answer;

/* Whether a directory is that of `inner`, or above it. */
static answer is_above(const struct stat *status, int inner)
{
    struct step step;
    bool good = begin_at(&step, inner), found = false;
    while (good && !(found = file_is_same(&step.status, status)))
        good = go_up(&step);
    answer result = found ? 1 : !good && errno != 0 ? -1 : 0;
    end_at(&step);
    return result;
}

static bool is_at(int root, const char *path, const struct stat *status)
{
    struct stat found;
    return fstatat(root, path, &found, AT_SYMLINK_NOFOLLOW) == 0 && file_is_same(&found, status);
}

/* Whether a directory is a day of this root. */
static answer is_day(const struct stat *status, int root)
{
    const struct spool spool = {.path = "", .root = root};
    struct names days = {0};
    struct failure failure;
    bool good = spool_days(&spool, &days, &failure), found = false;
    for (size_t i = 0; good && i < days.count && !found; i++)
        found = is_at(root, days.items[i], status);
    names_free(&days);
    errno = good ? 0 : failure.error;
    return good ? found : -1;
}

/* What is mounted: a path in its file system, "/" but for a bind mount. Empty if that cannot be
 * told. */
static void find_mounted(unsigned long long mount, char path[PATH_MAX])
{
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    unsigned long long number = 0;
    char *line = NULL;
    size_t size = 0;
    path[0] = '\0';
    while (mounts != NULL && number != mount && getline(&line, &size, mounts) > 0)
        if (sscanf(line, "%llu %*u %*u:%*u %4095s", &number, path) != 2 || number != mount)
            path[0] = '\0';
    free(line);
    if (mounts != NULL)
        fclose(mounts);
}

/* Whether a directory is a part of a day of this root that is mounted elsewhere. */
static bool is_mounted_day(const struct step *step, int root)
{
    char path[PATH_MAX], day[DAY_LENGTH + 1];
    struct statx mount;
    struct stat top;
    if (statx(step->descriptor, "", AT_EMPTY_PATH, STATX_MNT_ID, &mount) < 0 ||
        (mount.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0 || stat("/", &top) < 0 ||
        file_is_same(&top, &step->status) || is_above(&step->status, root) != 0)
        return false;
    find_mounted(mount.stx_mnt_id, path);
    for (const char *at = strchr(path, '/'); at != NULL; at = strchr(at, '/')) {
        at++;
        snprintf(day, sizeof day, "%.*s", (int)strcspn(at, "/"), at);
        if (strcspn(at, "/") == DAY_LENGTH && day_is_valid(day) && is_at(root, at, &step->status))
            return true;
    }
    return false;
}

/* Whether a directory lies in a day of this root. On the way up a day is met below the root; one
 * that is mounted elsewhere leads up from there. */
static answer is_in_day(int directory, int root)
{
    struct stat status;
    struct step step;
    answer found = 0;
    bool good = begin_at(&step, directory) && fstat(root, &status) == 0;
    while (good && found == 0) {
        struct stat here = step.status;
        found = is_mounted_day(&step, root);
        good = go_up(&step);
        if (good && found == 0 && file_is_same(&step.status, &status)) {
            found = is_day(&here, root);
            break;
        }
    }
    if (found == 0 && !good && errno != 0)
        found = -1;
    end_at(&step);
    return found;
}

/* What has a title in messages. */
struct place_directory {
    enum place place;
    const char *path;
    int directory;
};

static bool is_long_term(enum place place)
{
    return place == PLACE_SUCCESSFUL || place == PLACE_FAILED;
}

static bool refuse(const struct place_directory *one, const char *relation,
                   const struct place_directory *other, struct failure *failure)
{
    fail(failure, 0, "%s \"%s\" %s %s \"%s\": each needs a directory of its own",
         place_title(one->place), one->path, relation, place_title(other->place), other->path);
    failure->error = ENOTUNIQ;
    return false;
}

static bool check_in_day(const struct place_directory *one, const struct place_directory *other,
                         struct failure *failure)
{
    answer in_day = is_in_day(one->directory, other->directory);
    if (in_day < 0)
        return fail(failure, errno, "cannot tell whether %s \"%s\" lies in %s \"%s\"",
                    place_title(one->place), one->path, place_title(other->place), other->path);
    return in_day == 0 || refuse(one, "lies in a day of", other, failure);
}

static bool check_two(const struct place_directory *one, const struct place_directory *other,
                      struct failure *failure)
{
    struct stat status, its_status;
    if (fstat(one->directory, &status) < 0 || fstat(other->directory, &its_status) < 0)
        return fail(failure, errno, "cannot look at %s \"%s\"", place_title(one->place), one->path);
    if (file_is_same(&status, &its_status))
        return (is_long_term(one->place) && is_long_term(other->place)) ||
               refuse(one, "is the same directory as", other, failure);
    return check_in_day(one, other, failure) && check_in_day(other, one, failure);
}

/* Whether it is the one that was checked before. */
static bool is_known(const struct places *places, enum place place, int directory)
{
    struct stat status, its_status;
    return places->known[place].path != NULL && fstat(directory, &status) == 0 &&
           fstat(places->known[place].directory, &its_status) == 0 &&
           file_is_same(&status, &its_status);
}

static bool add(struct places *places, const struct place_directory *new, struct failure *failure)
{
    for (enum place place = 0; place <= PLACE_QUARANTINE; place++) {
        const struct place_directory other = {place, places->known[place].path,
                                              places->known[place].directory};
        if (place != new->place && other.path != NULL && !check_two(new, &other, failure))
            return false;
    }
    int held = fcntl(new->directory, F_DUPFD_CLOEXEC, 0);
    if (held < 0)
        return fail(failure, errno, "cannot hold %s \"%s\" open", place_title(new->place),
                    new->path);
    if (places->known[new->place].path != NULL)
        close(places->known[new->place].directory);
    places->known[new->place].path = new->path;
    places->known[new->place].directory = held;
    return true;
}

bool places_add(struct places *places, enum place place, const char *path, int directory,
                struct failure *failure)
{
    const struct place_directory new = {place, path, directory};
    pthread_mutex_lock(&places->mutex);
    bool good = is_known(places, place, directory) || add(places, &new, failure);
    pthread_mutex_unlock(&places->mutex);
    return good;
}

bool places_find_above(enum place place, const char *path, int directory, char mark[MARK_SIZE],
                       struct failure *failure)
{
    struct failure unread;
    struct step step;
    bool found = false;
    bool good = begin_at(&step, directory);
    while (good && !found) {
        struct stat here = step.status;
        good = go_up(&step);
        /* What cannot be read there is not ours to judge. */
        found = good && mark_read(place, path, step.descriptor, mark, &unread) && mark[0] != '\0' &&
                is_day(&here, step.descriptor) > 0;
    }
    int error = errno;
    end_at(&step);
    if (!found)
        mark[0] = '\0';
    return found || error == 0 ||
           fail(failure, error, "cannot look at the directories above %s \"%s\"",
                place_title(place), path);
}

static bool begins_with_day(const char *path)
{
    char day[DAY_LENGTH + 1];
    snprintf(day, sizeof day, "%s", path);
    return strcspn(path, "/") == DAY_LENGTH && day_is_valid(day);
}

bool places_add_path(struct places *places, enum place place, const char *path,
                     const struct spool *spool, struct failure *failure)
{
    const char *below = spool != NULL ? spool_below(spool, path) : NULL;
    int directory =
        below != NULL ? dir_open(spool->root, below) : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 && below != NULL && begins_with_day(below))
        return refuse(&(struct place_directory){.place = place, .path = path}, "lies in a day of",
                      &(struct place_directory){.place = spool->place, .path = spool->path},
                      failure);
    if (directory < 0)
        return true;
    bool good = places_add(places, place, path, directory, failure);
    close(directory);
    return good || failure->error != ENOTUNIQ;
}
