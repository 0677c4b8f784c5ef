/* scratch_directory.h - a directory of its own for each test, which is the working directory.
 * Include it after cmocka.h. */
#ifndef SCRATCH_DIRECTORY_H
#define SCRATCH_DIRECTORY_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch_directory[4096];

static inline int enter_scratch_directory(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(scratch_directory, sizeof scratch_directory, "%s/crashmon_unit.XXXXXX",
             parent == NULL ? "/tmp" : parent);
    return mkdtemp(scratch_directory) == NULL || chdir(scratch_directory) != 0;
}

static inline int remove_entry(const char *name, const struct stat *status, int type,
                               struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(name);
}

static inline int leave_scratch_directory(void **state)
{
    (void)state;
    return chdir("/") != 0 || nftw(scratch_directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0;
}

static inline void expect_content(const char *name, const char *expected)
{
    static char content[300000];
    FILE *stream = fopen(name, "r");
    assert_non_null(stream);
    content[fread(content, 1, sizeof content - 1, stream)] = '\0';
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(content, expected);
}

static inline void expect_missing(const char *name)
{
    assert_int_equal(access(name, F_OK), -1);
    assert_int_equal(errno, ENOENT);
}

#define in_scratch_directory(test)                                                                 \
    cmocka_unit_test_setup_teardown(test, enter_scratch_directory, leave_scratch_directory)

#endif
