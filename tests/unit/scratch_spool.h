/* scratch_spool.h - a small spool of its own for each test: the directory "spool" of the scratch
 * directory, which is the working directory. Include it after cmocka.h,
 * and pair.h before that, as both have a fail().
 *
 * A day in short: "20081225"; a slot in short: "12/05/web01_0". Ages are in seconds. */
#ifndef SCRATCH_SPOOL_H
#define SCRATCH_SPOOL_H

#define CHECK assert_true

#include "scratch_directory.h"
#include "scratch_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#define OTHER_ID "33adfb61-f75b-11dc-b6be-001322081225"
#define SLOT     "12/05/web01_0"
#define DATES    DAY "/date/" SLOT

enum { NOBODY = 65534 };

static struct spool *spool;
static char other_place[PATH_MAX]; /* see elsewhere() */

static inline int enter_scratch_spool(void **state)
{
    struct failure failure;
    if (enter_scratch_directory(state) != 0 || mkdir("spool", 0755) != 0 || chdir("spool") != 0)
        return 1;
    strcat(scratch_directory, "/spool");
    umask(022);
    spool = spool_open(PLACE_STORAGE, scratch_directory, ".json", ".dump", &failure);
    return spool == NULL;
}

static inline int leave_scratch_spool(void **state)
{
    if (getuid() == 0 && seteuid(0) != 0)
        return 1;
    spool_close(spool);
    if (*other_place != '\0' && (!scratch_empty_other(other_place) || rmdir(other_place) != 0))
        return 1;
    *other_place = '\0';
    *strrchr(scratch_directory, '/') = '\0';
    return leave_scratch_directory(state);
}

/* A directory on another file system than the spool, for the rest of the test; where there is none
 * the test is skipped. */
static inline const char *elsewhere(void)
{
    struct stat status, root;
    const char *disk = getenv("OTHER_DISK"); /* which tests/run knows */
    snprintf(other_place, sizeof other_place, "%s/crashmon_unit.XXXXXX",
             disk != NULL && *disk != '\0' ? disk : "/dev/shm");
    if (mkdtemp(other_place) == NULL || stat(other_place, &status) != 0 ||
        fstat(spool->root, &root) != 0 || status.st_dev == root.st_dev)
        skip();
    return other_place;
}

#define in_scratch_spool(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, enter_scratch_spool, leave_scratch_spool)

/* As if it had last been changed so long ago. Also a link or a directory. */
static inline void set_age(const char *path, long age)
{
    struct timespec then[2];
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &then[0]), 0);
    then[0].tv_sec -= age;
    then[1] = then[0];
    assert_int_equal(utimensat(AT_FDCWD, path, then, AT_SYMLINK_NOFOLLOW), 0);
}

static inline void make_file(const char *path, const char *content, long age)
{
    make_parents(path);
    write_file(path, content);
    set_age(path, age);
}

static inline void make_link(const char *path, const char *target, long age)
{
    make_parents(path);
    assert_int_equal(symlink(target, path), 0);
    set_age(path, age);
}

static inline struct pair pair_of(const char *id, const char *day)
{
    struct pair pair = {.spool = spool};
    assert_true(crash_id_parse(&pair.id, id));
    strcpy(pair.day, day);
    return pair;
}

/* A file of a crash; the suffix is its content, too. */
static inline void make_crash_file(const char *id, const char *day, const char *suffix, long age)
{
    char path[PAIR_DIRECTORY_SIZE + NAME_MAX];
    struct pair pair = pair_of(id, day);
    pair_directory(&pair, path);
    sprintf(path + strlen(path), "/%s%s", id, suffix);
    make_file(path, suffix, age);
}

static inline void make_files(const char *id, const char *day, long age)
{
    make_crash_file(id, day, ".json", age);
    make_crash_file(id, day, ".dump", age);
}

static inline void make_date_link(const char *id, const char *day, const char *slot, long age)
{
    struct pair pair = pair_of(id, day);
    char path[PATH_MAX], target[PATH_MAX] = "../", names[PAIR_DIRECTORY_SIZE];
    snprintf(path, sizeof path, "%s/date/%s/%s", day, slot, id);
    for (const char *level = slot; level != NULL; level = strchr(level + 1, '/'))
        strcat(target, "../");
    pair_directory(&pair, names);
    strcat(target, strchr(names, '/') + 1);
    make_link(path, target, age);
}

static inline void make_name_link(const char *id, const char *day, const char *slot, long age)
{
    struct pair pair = pair_of(id, day);
    char path[PATH_MAX], target[PATH_MAX] = "../";
    pair_directory(&pair, path);
    for (int level = 0; level < pair.id.depth; level++)
        strcat(target, "../");
    sprintf(target + strlen(target), "date/%s", slot);
    sprintf(path + strlen(path), "/%s", id);
    make_link(path, target, age);
}

/* A whole crash, as a collector leaves it. */
static inline void make_crash(const char *id, const char *day, const char *slot, long age)
{
    make_files(id, day, age);
    make_name_link(id, day, slot, age);
    make_date_link(id, day, slot, age);
}

static inline size_t entries_in(const char *path)
{
    size_t count = 0;
    DIR *stream = opendir(path);
    assert_non_null(stream);
    while (readdir(stream) != NULL)
        count++;
    closedir(stream);
    return count - 2;
}

static inline size_t open_descriptors(void)
{
    return entries_in("/proc/self/fd");
}

/* From here on without the rights of root: what the test has made before cannot be changed then. */
static inline void become_nobody(void)
{
    assert_int_equal(chmod("..", 0755), 0);
    if (getuid() == 0)
        assert_int_equal(seteuid(NOBODY), 0);
}

static inline void become_root_again(void)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

#endif
