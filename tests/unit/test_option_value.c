#include "options/command_line.h"
#include "options/option_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <limits.h>

static struct options options;

static int begin(void **state)
{
    (void)state;
    struct failure failure;
    options = (struct options){0};
    return option_set_defaults(&options, &failure) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    options_free(&options);
    return 0;
}

static bool set(const char *name, const char *text)
{
    struct failure failure;
    const struct option *option = option_find(name, strlen(name));
    assert_non_null(option);
    bool good = option_set(&options, option, text, "test", &failure);
    if (!good)
        assert_non_null(strstr(failure.text, name));
    return good;
}

static void has_the_defaults_of_the_documentation(void **state)
{
    (void)state;
    assert_int_equal(options.processor_check_in_time, 300);
    assert_int_equal(options.standard_loop_delay, 300);
    assert_int_equal(options.priority_loop_delay, 60);
    assert_int_equal(options.cleanup_jobs_loop_delay, 300);
    assert_string_equal(options.save_successful_to, "/tmp/socorro-sucessful");
    assert_string_equal(options.save_failed_to, "/tmp/socorro-failed");
    assert_string_equal(options.log_file_pathname, "./monitor.log");
    assert_int_equal(options.log_file_maximum_size, 1000000);
    assert_int_equal(options.log_file_backups, 50);
    assert_int_equal(options.log_file_level, 10);
    assert_int_equal(options.stderr_level, 40);
    assert_int_equal(options.dump_permissions, 0660);
    assert_int_equal(options.dir_permissions, 0770);
    assert_int_equal(options.dump_gid, -1);
    assert_null(options.storage_root);
    assert_null(options.deferred_storage_root);
}

static void numbers_are_decimal_and_in_range(void **state)
{
    (void)state;
    assert_true(set("batch-size", "010"));
    assert_int_equal(options.batch_size, 10);
    static const char *const wrong[] = {"",   "0",   "-1",   "+1",    " 1",
                                        "1 ", "1e3", "0x10", "10001", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(set("batch-size", wrong[i]));
    assert_int_equal(options.batch_size, 10);
}

static void modes_are_octal(void **state)
{
    (void)state;
    assert_true(set("dump-permissions", "644"));
    assert_int_equal(options.dump_permissions, 0644);
    assert_false(set("dump-permissions", "8"));
    assert_false(set("dump-permissions", "01777"));
    assert_true(set("dir-permissions", "2775"));
    assert_int_equal(options.dir_permissions, 02775);
    assert_false(set("dir-permissions", "0077"));
    assert_true(set("dump-permissions", "0440"));
    assert_false(set("dump-permissions", "432")); /* Socorro's, decimal: 0660 */
}

static void levels_have_names_and_numbers(void **state)
{
    (void)state;
    assert_true(set("stderr-error-logging-level", "warning"));
    assert_int_equal(options.stderr_level, 30);
    assert_true(set("stderr-error-logging-level", "15"));
    assert_int_equal(options.stderr_level, 15);
    assert_false(set("stderr-error-logging-level", "loud"));
    assert_false(set("stderr-error-logging-level", "101"));
}

static void a_blank_path_is_none(void **state)
{
    (void)state;
    assert_true(set("save-failed-minidumps-to", ""));
    assert_null(options.save_failed_to);
    assert_true(set("dump-gid", "7"));
    assert_true(set("dump-gid", ""));
    assert_int_equal(options.dump_gid, -1);
    assert_false(set("log-file-pathname", ""));
}

static void paths_are_absolute_and_lose_slashes_at_the_end(void **state)
{
    (void)state;
    assert_true(set("storage-root", "/srv/spool//"));
    assert_string_equal(options.storage_root, "/srv/spool");
    assert_true(set("storage-root", "/"));
    assert_string_equal(options.storage_root, "/");
    assert_false(set("storage-root", "spool/"));
    assert_string_equal(options.storage_root, "/");
}

static void what_could_be_no_path_is_none(void **state)
{
    (void)state;
    char path[PATH_MAX];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[NAME_MAX + 1] = '\0';
    assert_true(set("storage-root", path));
    path[NAME_MAX + 1] = 'x';
    path[NAME_MAX + 2] = '\0';
    assert_false(set("storage-root", path));
    for (size_t i = 0; i < sizeof path; i += 100)
        path[i] = '/';
    path[NAME_MAX + 2] = 'x';
    path[PATH_MAX - 1000] = '\0';
    assert_true(set("storage-root", path));
    path[PATH_MAX - 1000] = 'x';
    path[PATH_MAX - 100] = '\0';
    assert_false(set("storage-root", path));
}

static void names_and_suffixes_have_no_slash(void **state)
{
    (void)state;
    assert_true(set("storage-name", "web-01.eu_x"));
    assert_false(set("storage-name", ""));
    assert_false(set("storage-name", "a/b"));
    assert_false(set("storage-name", "a'b"));
    assert_true(set("json-file-suffix", ".jsonz"));
    assert_false(set("json-file-suffix", "json"));
    assert_false(set("json-file-suffix", "./json"));
}

static void flags_are_on_or_off(void **state)
{
    (void)state;
    assert_true(set("dry-run", "on"));
    assert_true(options.dry_run);
    assert_true(set("dry-run", "off"));
    assert_false(options.dry_run);
    assert_false(set("dry-run", "yes"));
}

static void thresholds_are_two_values_each_of_which_may_be_blank(void **state)
{
    (void)state;
    assert_true(set("check-new", "00:00:10,00:01:00"));
    assert_int_equal(options.check_new.warning, 10);
    assert_int_equal(options.check_new.critical, 60);
    assert_true(set("check-new", ",00:01:00"));
    assert_int_equal(options.check_new.warning, -1);
    assert_true(set("check-new", "00:00:10"));
    assert_int_equal(options.check_new.critical, -1);
    assert_true(set("check-new", ","));
    assert_true(set("check-new", ""));
    assert_int_equal(options.check_new.warning, -1);
    assert_true(set("check-space", "100,0"));
    assert_int_equal(options.check_space.warning, 100);
    assert_int_equal(options.check_space.critical, 0);
    assert_false(set("check-space", "101,5"));
    assert_false(set("check-space", "1,2,3"));
    assert_false(set("check-space", "-1"));
    assert_false(set("check-space", "5 ,1"));
    assert_false(set("check-new", "60,120"));
    assert_false(set("check-new", "00:00:10,00:01:00,"));
    assert_int_equal(options.check_space.warning, 100);
}

static void what_is_printed_can_be_set_again(void **state)
{
    (void)state;
    set("storage-root", "/srv/spool");
    set("incomplete-age", "100:01:02");
    set("dir-permissions", "2770");
    for (size_t i = 0; i < option_count; i++) {
        struct failure failure;
        char once[512], again[512];
        option_print(&options, &option_table[i], once, sizeof once);
        if (once[0] == '\0')
            continue;
        assert_true(option_set(&options, &option_table[i], once, "test", &failure));
        option_print(&options, &option_table[i], again, sizeof again);
        assert_string_equal(once, again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(has_the_defaults_of_the_documentation, begin, end),
        cmocka_unit_test_setup_teardown(numbers_are_decimal_and_in_range, begin, end),
        cmocka_unit_test_setup_teardown(modes_are_octal, begin, end),
        cmocka_unit_test_setup_teardown(levels_have_names_and_numbers, begin, end),
        cmocka_unit_test_setup_teardown(a_blank_path_is_none, begin, end),
        cmocka_unit_test_setup_teardown(paths_are_absolute_and_lose_slashes_at_the_end, begin, end),
        cmocka_unit_test_setup_teardown(what_could_be_no_path_is_none, begin, end),
        cmocka_unit_test_setup_teardown(names_and_suffixes_have_no_slash, begin, end),
        cmocka_unit_test_setup_teardown(flags_are_on_or_off, begin, end),
        cmocka_unit_test_setup_teardown(thresholds_are_two_values_each_of_which_may_be_blank, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_is_printed_can_be_set_again, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
