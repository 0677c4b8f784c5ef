/* locate_steps.h - two roots for the tests of locate.h. Include it after scratch_spool.h. */
#ifndef LOCATE_STEPS_H
#define LOCATE_STEPS_H

#include "spool/locate.h"

static struct roots roots;

/* Both roots: the spool, and "deferred" beside it. */
static inline void open_roots(void)
{
    static char deferred[PATH_MAX];
    struct failure failure;
    assert_true(mkdir("../deferred", 0755) == 0 || errno == EEXIST);
    assert_non_null(realpath("../deferred", deferred));
    roots = (struct roots){0};
    if (!roots_open(&roots, scratch_directory, deferred, ".json", ".dump", &failure) ||
        !roots_refresh(&roots, &failure))
        fail_msg("%s", failure.text);
}

/* As a collector lays the files of a crash in the deferred root. */
static inline void defer_files(const char *id, const char *day)
{
    assert_true(mkdir("../deferred", 0755) == 0 || errno == EEXIST);
    assert_int_equal(chdir("../deferred"), 0);
    make_files(id, day, 3600);
    assert_int_equal(chdir("../spool"), 0);
}

static inline void close_roots(struct pair_location *location)
{
    location_close(location);
    roots_close(&roots);
}

#endif
