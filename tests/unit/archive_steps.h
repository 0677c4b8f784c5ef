/* archive_steps.h - an archive for the tests of archive.h and put_away.h. Include it after
 * scratch_spool.h. */
#ifndef ARCHIVE_STEPS_H
#define ARCHIVE_STEPS_H

#include "spool/archive.h"

/* Beside the files of a pair that is copied (move_note.h). */
enum { NOTE = 1 };

static struct archive_settings settings;
static struct archive *archive;
static struct archive_move moved;

static inline void make_archive(const char *path)
{
    settings = (struct archive_settings){
        .path = path,
        .json_suffix = ".json",
        .dump_suffix = ".dump",
        .file_mode = 0640,
        .dir_mode = 0750,
        .group = (gid_t)-1,
        .place = PLACE_SUCCESSFUL,
    };
    archive = archive_new(&settings);
    assert_non_null(archive);
    assert_int_equal(archive_state(archive), ARCHIVE_NOT_OPEN);
    umask(0);
}

static inline void open_archive(const char *path)
{
    struct failure failure;
    make_archive(path);
    if (!archive_open(archive, &failure))
        fail_msg("%s", failure.text);
    assert_int_equal(archive_state(archive), ARCHIVE_OPEN);
}

/* The first step, for a crash that is in the spool. */
static inline bool move_crash(const char *id, struct failure *failure)
{
    struct names days = {0};
    struct pair_location location;
    struct pair pair = pair_of(id, DAY);
    archive_move_free(&moved);
    moved = (struct archive_move){0};
    assert_true(spool_days(spool, &days, failure));
    locate_in(spool, &days, &pair.id, ANY_AGE, &location, failure);
    assert_true(location.found == LOCATED_WHOLE || location.found == LOCATED_PART);
    bool done = archive_move(archive, &location, &moved, failure) == ARCHIVE_MOVED;
    location_close(&location);
    names_free(&days);
    return done;
}

static inline void end_archive(void)
{
    archive_move_free(&moved);
    archive_free(archive);
}

static inline void expect_mode(const char *path, mode_t mode)
{
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, mode);
}

/* The path of a directory beside the spool, which is made. */
static inline const char *beside_spool(const char *name)
{
    static char path[PATH_MAX];
    char from_spool[NAME_MAX];
    snprintf(from_spool, sizeof from_spool, "../%s", name);
    make_directory(from_spool);
    assert_non_null(realpath(from_spool, path));
    return path;
}

#endif
