/* scratch_directory.h - a directory of its own for each test, which is the working directory.
 * Include it after cmocka.h. */
#ifndef SCRATCH_DIRECTORY_H
#define SCRATCH_DIRECTORY_H

#include "../scratch.h"

#include <errno.h>
#include <string.h>

static inline int enter_scratch_directory(void **state)
{
    (void)state;
    return !scratch_enter();
}

static inline int leave_scratch_directory(void **state)
{
    (void)state;
    return !scratch_empty() || chdir("/") != 0 || rmdir(scratch_directory) != 0;
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
