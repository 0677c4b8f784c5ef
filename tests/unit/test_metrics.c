#include "report/metrics.h"

#include <dirent.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch_directory.h"

static struct tally tally;
static struct metrics metrics = {
    .program = "crashmon-scan",
    .storage = "main",
    .ended = 1230163200,
    .next_due = 1230163500,
    .duration = 1.5,
    .exit_code = 74,
    .tally = &tally,
};

static char *content_of(const char *path)
{
    static char content[65536];
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    content[fread(content, 1, sizeof content - 1, stream)] = '\0';
    fclose(stream);
    return content;
}

static void write_to(const char *path, mode_t mode)
{
    struct failure failure;
    if (!metrics_write(path, mode, &metrics, &failure))
        fail_msg("%s", failure.text);
}

static bool matches(const char *text, const char *pattern)
{
    regex_t expression;
    assert_int_equal(regcomp(&expression, pattern, REG_EXTENDED | REG_NEWLINE | REG_NOSUB), 0);
    bool found = regexec(&expression, text, 0, NULL, 0) == 0;
    regfree(&expression);
    return found;
}

static void has_every_figure_under_the_outcomes_key(void **state)
{
    (void)state;
    char pattern[200];
    tally.seen = 5050;
    for (enum outcome outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        tally.outcomes[outcome] = 100 + (long)outcome;
    write_to("file", 0644);
    const char *content = content_of("file");
    for (enum outcome outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        snprintf(pattern, sizeof pattern, "^[a-z_]+\\{.*\"%s\".*\\} %d$", outcome_key(outcome),
                 100 + (int)outcome);
        assert_true(matches(content, pattern));
    }
    assert_true(matches(content, "^[a-z_]+\\{.*\"crashmon-scan\".*\\} 74$"));
    assert_true(matches(content, "^[a-z_]+\\{.*\"main\".*\\} 1.50*$"));
    assert_true(matches(content, "^[a-z_]+\\{.*\\} 1230163200$"));
    assert_true(matches(content, "^[a-z_]+\\{.*\\} 1230163500$"));
}

/* https://prometheus.io/docs/instrumenting/exposition_formats/ */
static void every_line_is_of_the_exposition_format(void **state)
{
    (void)state;
    char type[200] = "";
    write_to("file", 0644);
    for (char *line = strtok(content_of("file"), "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (matches(line, "^# TYPE [a-z_]+ (gauge|counter)$"))
            snprintf(type, sizeof type, "%.*s{", (int)strcspn(line + 7, " "), line + 7);
        else if (!matches(line, "^# HELP [a-z_]+ .+$")) {
            assert_true(matches(line, "^[a-z_]+\\{([a-z_]+=\"[^\"]*\",?)+\\} [-0-9.e+]+$"));
            assert_int_equal(strncmp(line, type, strlen(type)), 0);
        }
    }
    assert_true(*type != '\0');
}

static void in_a_directory_it_has_a_name_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(mkdir("text", 0700), 0);
    write_to("text", 0644);
    metrics.program = "crashmon-cleanup";
    write_to("text/", 0644);
    metrics.program = "crashmon-scan";
    assert_int_equal(access("text/crashmon-scan-main.prom", R_OK), 0);
    assert_int_equal(access("text/crashmon-cleanup-main.prom", R_OK), 0);
}

static bool directory_has_only(const char *path, const char *name)
{
    int others = 0;
    DIR *stream = opendir(path);
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        others += *entry->d_name != '.' && strcmp(entry->d_name, name) != 0;
    closedir(stream);
    return others == 0;
}

static void replaces_the_file_as_a_whole(void **state)
{
    (void)state;
    struct stat before, after;
    umask(0);
    write_to("file", 0600);
    FILE *reader = fopen("file", "r");
    assert_int_equal(stat("file", &before), 0);
    assert_int_equal(before.st_mode & 07777, 0600);
    metrics.exit_code = 0;
    write_to("file", 0640);
    metrics.exit_code = 74;
    assert_int_equal(stat("file", &after), 0);
    assert_int_equal(after.st_mode & 07777, 0640);
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(fseek(reader, 0, SEEK_END), 0);
    assert_int_equal(ftell(reader), before.st_size);
    fclose(reader);
    assert_true(directory_has_only(".", "file"));
}

static void says_why_it_cannot_and_leaves_nothing(void **state)
{
    (void)state;
    struct failure failure;
    assert_false(metrics_write("none/file", 0644, &metrics, &failure));
    assert_int_equal(failure.error, ENOENT);
    assert_non_null(strstr(failure.text, "none/file"));
    /* A directory of the name that the file would have cannot be replaced. */
    assert_int_equal(mkdir("text", 0700), 0);
    assert_int_equal(mkdir("text/crashmon-scan-main.prom", 0700), 0);
    assert_false(metrics_write("text", 0644, &metrics, &failure));
    assert_int_equal(failure.error, EISDIR);
    assert_true(directory_has_only("text", "crashmon-scan-main.prom"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch_directory(has_every_figure_under_the_outcomes_key),
        in_scratch_directory(every_line_is_of_the_exposition_format),
        in_scratch_directory(in_a_directory_it_has_a_name_of_its_own),
        in_scratch_directory(replaces_the_file_as_a_whole),
        in_scratch_directory(says_why_it_cannot_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
