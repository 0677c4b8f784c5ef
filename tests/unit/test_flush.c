#include "spool/flush.h"
#include "spool/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_spool.h"

static void keeps_one_directory_for_each_device(void **state)
{
    (void)state;
    struct flush_set set = {0};
    struct failure failure;
    size_t before = open_descriptors();
    assert_true(flush_all(&set, &failure));
    for (int i = 0; i < 300; i++)
        flush_add(&set, (dev_t)(i % 3), spool->root, spool->path);
    assert_int_equal(set.count, 3);
    assert_int_equal(open_descriptors(), before + 3);
    assert_true(flush_all(&set, &failure));
    flush_clear(&set);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(set.count, 0);
    flush_clear(&set);
}

static void a_directory_may_be_open_as_a_path_alone(void **state)
{
    (void)state;
    struct flush_set set = {0};
    struct failure failure;
    int directory = open(".", O_PATH | O_DIRECTORY);
    flush_add(&set, 1, directory, spool->path);
    close(directory);
    assert_true(flush_all(&set, &failure));
    flush_clear(&set);
}

static void what_could_not_be_noted_is_a_failure(void **state)
{
    (void)state;
    struct flush_set set = {0};
    struct failure failure = {0};
    flush_add(&set, 1, -1, spool->path);
    flush_add(&set, 1, spool->root, spool->path);
    assert_false(flush_all(&set, &failure));
    assert_int_equal(failure.error, EBADF);
    flush_clear(&set);
    assert_true(flush_all(&set, &failure));
    flush_add_directory(&set, -1, spool->path);
    assert_false(flush_all(&set, &failure));
    flush_clear(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_spool(keeps_one_directory_for_each_device),
        in_scratch_spool(a_directory_may_be_open_as_a_path_alone),
        in_scratch_spool(what_could_not_be_noted_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
