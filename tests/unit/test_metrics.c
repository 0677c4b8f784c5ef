#include "report/metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>

#include <cmocka.h>

#include "scratch_directory.h"

static const char *path, *program;

static char *content_of(const char *name)
{
    static char content[65536];
    FILE *stream = fopen(name, "r");
    assert_non_null(stream);
    content[fread(content, 1, sizeof content - 1, stream)] = '\0';
    fclose(stream);
    return content;
}

static struct metrics *begin(void)
{
    struct failure failure;
    struct metrics *metrics = metrics_open(path, program, "main", &failure);
    if (metrics == NULL)
        fail_msg("%s", failure.text);
    return metrics;
}

static void end(struct metrics *metrics)
{
    struct failure failure;
    if (!metrics_close(metrics, &failure))
        fail_msg("%s", failure.text);
}

static void set(enum metric metric, const char *value, double number)
{
    struct metrics *metrics = begin();
    metrics_set(metrics, metric, value, number);
    end(metrics);
}

static void add(enum metric metric, const char *value, double number)
{
    struct metrics *metrics = begin();
    metrics_add(metrics, metric, value, number);
    end(metrics);
}

/* Each case writes into a file of its own, as crashmon-scan. */
static int enter(void **state)
{
    path = "file";
    program = "crashmon-scan";
    return enter_scratch_directory(state);
}

static void has(const char *line)
{
    char wanted[300];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (strstr(content_of("file"), wanted) == NULL)
        fail_msg("not there: %s\n%s", line, content_of("file"));
}

static void gauges_are_set_and_counters_go_on(void **state)
{
    (void)state;
    add(METRIC_CRASHES, "queued", 20);
    add(METRIC_CRASHES, "queued", 22);
    add(METRIC_CRASHES, "left", 0);
    set(METRIC_LAST_RUN_DURATION, NULL, 1.25);
    set(METRIC_LAST_RUN_DURATION, NULL, 0.5);
    set(METRIC_LAST_RUN, NULL, 1230163200);
    add(METRIC_CRASHES_SEEN, NULL, 9007199254740991);
    has("crashmon_crashes_total{program=\"crashmon-scan\",storage=\"main\",outcome=\"queued\"} 42");
    has("crashmon_crashes_total{program=\"crashmon-scan\",storage=\"main\",outcome=\"left\"} 0");
    has("crashmon_last_run_duration_seconds{program=\"crashmon-scan\",storage=\"main\"} 0.5");
    has("crashmon_last_run_timestamp_seconds{program=\"crashmon-scan\",storage=\"main\"} "
        "1230163200");
    has("# TYPE crashmon_crashes_total counter");
    has("# TYPE crashmon_last_run_timestamp_seconds gauge");
}

static void what_is_forgotten_is_gone_and_the_rest_stays(void **state)
{
    (void)state;
    set(METRIC_RUN_ACTIVE, NULL, 1);
    set(METRIC_JOBS, "waiting", 3);
    program = "crashmon-cleanup";
    set(METRIC_JOBS, "failed", 4);
    program = "crashmon-scan";
    struct metrics *metrics = begin();
    metrics_forget(metrics, METRIC_FIRST_DEPTH);
    end(metrics);
    has("crashmon_run_active{program=\"crashmon-scan\",storage=\"main\"} 1");
    has("crashmon_jobs{program=\"crashmon-cleanup\",storage=\"main\",state=\"failed\"} 4");
    assert_null(strstr(content_of("file"), "waiting"));
}

static void programs_and_storages_share_a_file(void **state)
{
    (void)state;
    struct failure failure;
    add(METRIC_CRASHES, "left", 1);
    struct metrics *other = metrics_open("file", "crashmon-scan", "main2", &failure);
    assert_non_null(other);
    metrics_add(other, METRIC_CRASHES, "left", 5);
    end(other);
    add(METRIC_CRASHES, "left", 1);
    has("crashmon_crashes_total{program=\"crashmon-scan\",storage=\"main\",outcome=\"left\"} 2");
    has("crashmon_crashes_total{program=\"crashmon-scan\",storage=\"main2\",outcome=\"left\"} 5");
    const char *first = strstr(content_of("file"), "# TYPE");
    assert_null(strstr(first + 1, "# TYPE"));
}

static void in_a_directory_each_has_a_file_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(mkdir("text", 0700), 0);
    path = "text";
    set(METRIC_RUN_ACTIVE, NULL, 0);
    path = "text/";
    program = "crashmon-cleanup";
    set(METRIC_RUN_ACTIVE, NULL, 0);
    assert_int_equal(access("text/crashmon-scan-main.prom", R_OK), 0);
    assert_int_equal(access("text/crashmon-cleanup-main.prom", R_OK), 0);
}

/* https://prometheus.io/docs/instrumenting/exposition_formats/ */
static void every_line_is_of_the_exposition_format(void **state)
{
    (void)state;
    regex_t help, sample;
    struct metrics *metrics = begin();
    for (int i = 0; i < METRIC_COUNT; i++)
        metrics_set(metrics, (enum metric)i, "x", 1e15 + 0.5 + i);
    end(metrics);
    assert_int_equal(regcomp(&help, "^# HELP crashmon_[a-z_]+ [A-Z].+\\.$", REG_EXTENDED), 0);
    assert_int_equal(regcomp(&sample, "^crashmon_[a-z_]+\\{([a-z_]+=\"[^\"]*\",?)+\\} [-0-9.e+]+$",
                             REG_EXTENDED),
                     0);
    char name[100] = "", type[100] = "";
    int count = 0;
    for (char *line = strtok(content_of("file"), "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (sscanf(line, "# HELP %99s", name) == 1) {
            assert_int_equal(regexec(&help, line, 0, NULL, 0), 0);
        } else if (sscanf(line, "# TYPE %99s", type) == 1) {
            assert_string_equal(type, name);
        } else {
            assert_int_equal(regexec(&sample, line, 0, NULL, 0), 0);
            assert_int_equal(strncmp(line, type, strlen(type)), 0);
            count++;
        }
    }
    regfree(&help);
    regfree(&sample);
    assert_int_equal(count, METRIC_COUNT);
}

static void what_cannot_be_read_begins_with_0(void **state)
{
    (void)state;
    static const char *const rubbish[] = {
        "",
        "crashmon_crashes_total",
        "crashmon_crashes_total{",
        "crashmon_crashes_total}{ 7\n",
        "crashmon_crashes_total{program=\"crashmon-scan\",storage=\"main\",outcome=\"left\"}\n",
        "crashmon_crashes_total{program=\"crashmon-scan\",storage=\"main\",outcome=\"left\"} x\n",
        "crashmon_crashes_total{program=\"crashmon-scan\",storage=\"main\",outcome=\"left\"} 7",
        "other_crashes_total{program=\"crashmon-scan\",storage=\"main\",outcome=\"left\"} 7\n",
        "\n\n\xff\xfe{} 7\n",
    };
    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++) {
        FILE *stream = fopen("file", "w");
        assert_non_null(stream);
        fputs(rubbish[i], stream);
        assert_int_equal(fclose(stream), 0);
        add(METRIC_CRASHES, "left", 1);
        assert_null(strstr(content_of("file"), "7"));
        has("crashmon_crashes_total{program=\"crashmon-scan\",storage=\"main\",outcome=\"left\"} "
            "1");
    }
}

static void nothing_but_a_regular_file_is_read_or_replaced(void **state)
{
    (void)state;
    struct stat before, after;
    struct failure failure;
    add(METRIC_CRASHES, "left", 7);
    assert_int_equal(rename("file", "target"), 0);
    for (int i = 0; i < 4; i++) {
        const char *name = i < 2 ? "file" : "file.tmp";
        assert_int_equal(i % 2 == 0 ? symlink("target", name) : mkfifo(name, 0600), 0);
        assert_int_equal(lstat(name, &before), 0);
        assert_null(metrics_open("file", program, "main", &failure));
        assert_non_null(strstr(failure.text, name));
        assert_non_null(strstr(failure.text, "not a regular file"));
        assert_int_equal(lstat(name, &after), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        assert_int_equal(unlink(name), 0);
    }
}

static bool directory_has_only(const char *directory, const char *name)
{
    int others = 0;
    DIR *stream = opendir(directory);
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        others += *entry->d_name != '.' && strcmp(entry->d_name, name) != 0;
    closedir(stream);
    return others == 0;
}

static void replaces_the_file_as_a_whole_and_everybody_may_read_it(void **state)
{
    (void)state;
    struct stat before, after;
    mode_t mask = umask(077);
    set(METRIC_RUN_ACTIVE, NULL, 1);
    FILE *reader = fopen("file", "r");
    assert_int_equal(stat("file", &before), 0);
    assert_int_equal(before.st_mode & 07777, 0644);
    FILE *left = fopen("file.tmp", "w"); /* by a run that was killed */
    assert_non_null(left);
    fclose(left);
    set(METRIC_LAST_RUN_EXIT_CODE, NULL, 0);
    assert_int_equal(stat("file", &after), 0);
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(fseek(reader, 0, SEEK_END), 0);
    assert_int_equal(ftell(reader), before.st_size);
    fclose(reader);
    assert_true(directory_has_only(".", "file"));
    umask(mask);
}

static void says_why_it_cannot_and_leaves_nothing(void **state)
{
    (void)state;
    struct failure failure;
    assert_null(metrics_open("none/file", program, "main", &failure));
    assert_int_equal(failure.error, ENOENT);
    assert_non_null(strstr(failure.text, "none/file"));
    /* A directory of the name that the file would have cannot be replaced. */
    assert_int_equal(mkdir("text", 0700), 0);
    assert_int_equal(mkdir("text/crashmon-scan-main.prom", 0700), 0);
    assert_null(metrics_open("text", program, "main", &failure));
    assert_non_null(strstr(failure.text, "crashmon-scan-main.prom"));
    assert_true(directory_has_only("text", "crashmon-scan-main.prom"));
}

static void waits_a_moment_for_whoever_has_the_lock(void **state)
{
    (void)state;
    struct failure failure;
    int directory = open(".", O_RDONLY);
    assert_int_equal(flock(directory, LOCK_SH), 0);
    assert_null(metrics_open("file", program, "main", &failure));
    assert_int_equal(failure.error, EBUSY);
    assert_int_equal(close(directory), 0);
    set(METRIC_RUN_ACTIVE, NULL, 1);
}

#define in_its_directory(test) cmocka_unit_test_setup_teardown(test, enter, leave_scratch_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_its_directory(gauges_are_set_and_counters_go_on),
        in_its_directory(what_is_forgotten_is_gone_and_the_rest_stays),
        in_its_directory(programs_and_storages_share_a_file),
        in_its_directory(in_a_directory_each_has_a_file_of_its_own),
        in_its_directory(every_line_is_of_the_exposition_format),
        in_its_directory(what_cannot_be_read_begins_with_0),
        in_its_directory(nothing_but_a_regular_file_is_read_or_replaced),
        in_its_directory(replaces_the_file_as_a_whole_and_everybody_may_read_it),
        in_its_directory(says_why_it_cannot_and_leaves_nothing),
        in_its_directory(waits_a_moment_for_whoever_has_the_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
