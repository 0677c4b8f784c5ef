#include "options/command_line.h"

#include "base/signals.h"
#include "base/version.h"
#include "options/config_file.h"
#include "options/option_table.h"
#include "spool/crash_id.h"
#include "spool/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <popt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#ifndef SYSCONFDIR
#define SYSCONFDIR "/usr/local/etc"
#endif
#define DEFAULT_CONFIG SYSCONFDIR "/crashmon.conf"

/* What popt returns for options that are not settings; for settings it is 1 + their index. */
enum { ASK_CONFIG = OPTION_COUNT_MAXIMUM + 1, ASK_VERSION, ASK_SHOW_CONFIG, ASK_VERBOSE };

/* clang-format off */
static struct poptOption general[] = {
    {"config", 'c', POPT_ARG_STRING, NULL, ASK_CONFIG,
     "the configuration file (" DEFAULT_CONFIG ")", "FILE"},
    {"show-config", '\0', POPT_ARG_NONE, NULL, ASK_SHOW_CONFIG,
     "print every setting and where it comes from", NULL},
    {"verbose", 'v', POPT_ARG_NONE, NULL, ASK_VERBOSE,
     "print on stderr what a run does; twice: each crash, too", NULL},
    {"version", '\0', POPT_ARG_NONE, NULL, ASK_VERSION, "print the version", NULL},
    POPT_TABLEEND
};
/* clang-format on */

/* popt's tables, made from ours: one for each group, and one that includes them all. */
struct command_line {
    struct poptOption groups[GROUP_COUNT][OPTION_COUNT_MAXIMUM + 1];
    struct poptOption all[GROUP_COUNT + 3];
    char *helps[OPTION_COUNT_MAXIMUM];
};

/* For what people type. */
static char short_name(const char *name)
{
    return strcmp(name, "dry-run") == 0 ? 'n' : strcmp(name, "limit") == 0 ? 'l' : '\0';
}

static bool is_flag(const struct option *option)
{
    return option->kind == KIND_FLAG || option->kind == KIND_TASK;
}

static void add_setting(struct command_line *line, size_t index)
{
    const struct option *option = &option_table[index];
    struct poptOption *row = line->groups[option->group];
    while (row->longName != NULL)
        row++;
    if (option->initial != NULL && !is_flag(option) &&
        asprintf(&line->helps[index], "%s (%s)", option->help, option->initial) < 0)
        line->helps[index] = NULL;
    *row = (struct poptOption){
        .longName = option->name,
        .shortName = short_name(option->name),
        .argInfo = is_flag(option) ? POPT_ARG_NONE : POPT_ARG_STRING,
        .val = (int)index + 1,
        .descrip = line->helps[index] != NULL ? line->helps[index] : option->help,
        .argDescrip = option->value_name,
    };
}

static void make_tables(struct command_line *line, enum program program)
{
    memset(line, 0, sizeof *line);
    for (size_t i = 0; i < option_count; i++)
        if (option_table[i].programs & program)
            add_setting(line, i);

    struct poptOption *next = line->all;
    for (int group = 0; group < GROUP_COUNT; group++) {
        if (line->groups[group][0].longName != NULL)
            *next++ = (struct poptOption){.argInfo = POPT_ARG_INCLUDE_TABLE,
                                          .arg = line->groups[group],
                                          .descrip = option_group_titles[group]};
    }
    *next++ = (struct poptOption){
        .argInfo = POPT_ARG_INCLUDE_TABLE, .arg = general, .descrip = "General:"};
    *next = (struct poptOption){
        .argInfo = POPT_ARG_INCLUDE_TABLE, .arg = poptHelpOptions, .descrip = "Help:"};
}

static void free_tables(struct command_line *line)
{
    for (size_t i = 0; i < option_count; i++)
        free(line->helps[i]);
}

/* A directory is known by its mark. */
static void show_mark(const char *option, const char *path)
{
    static const char *const options[] = {
        [PLACE_STORAGE] = "storage-root",
        [PLACE_DEFERRED] = "deferred-storage-root",
        [PLACE_SUCCESSFUL] = "save-successful-minidumps-to",
        [PLACE_FAILED] = "save-failed-minidumps-to",
        [PLACE_QUARANTINE] = "quarantine-to",
    };
    char mark[MARK_SIZE];
    struct failure failure;
    for (int place = 0; place < PLACE_COUNT; place++) {
        if (strcmp(option, options[place]) != 0)
            continue;
        int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory >= 0 && mark_read((enum place)place, path, directory, mark, &failure))
            printf("# %s%s\n", mark[0] != '\0' ? "mark " : "no mark", mark);
        if (directory >= 0)
            close(directory);
    }
}

static void show_config(const struct options *options)
{
    char value[8192];
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        option_print(options, option, value, sizeof value);
        show_mark(option->name, value);
        printf("# %s\n%s = %s\n", option_source(options, option), option->name, value);
    }
}

/* The command line, which is applied after the file. */
struct given {
    char *values[OPTION_COUNT_MAXIMUM]; /* by index; NULL: not given */
    char *config;
    bool version, show_config;
    int verbose; /* how often */
};

/* -v stands for --stderr-error-logging-level=INFO, a second one for DEBUG. */
static char **place_of_value(struct given *given, int found, char **value)
{
    static const char level[] = "stderr-error-logging-level";
    if (found == ASK_CONFIG)
        return &given->config;
    if (found != ASK_VERBOSE) {
        if (is_flag(&option_table[found - 1]))
            *value = strdup("on");
        return &given->values[found - 1];
    }
    *value = strdup(given->verbose++ == 0 ? "INFO" : "DEBUG");
    return &given->values[option_find(level, strlen(level)) - option_table];
}

/* One that is unknown here may be another program's. */
static bool fail_option(const char *text, int error, struct failure *failure)
{
    const char *name = text + strspn(text, "-");
    const struct option *option = option_find(name, strcspn(name, "="));
    if (error != POPT_ERROR_BADOPT)
        return fail(failure, 0, "%s: %s (see --help)", text, poptStrerror(error));
    if (option == NULL)
        return fail(failure, 0, "unrecognized option \"%.*s\" (see --help)",
                    (int)strcspn(text, "="), text);
    fail(failure, 0, "--%s is an option of", option->name);
    const char *separator = " ";
    for (unsigned one = PROGRAM_SCAN; one <= PROGRAM_CLEANUP; one *= 2)
        if (option->programs & one) {
            fail_further(failure, "%s%s", separator, options_program_name((enum program)one));
            separator = " and ";
        }
    return fail_further(failure, " (see --help)");
}

static bool read_command_line(poptContext context, struct given *given, struct failure *failure)
{
    int found;
    while ((found = poptGetNextOpt(context)) > 0) {
        char *value = poptGetOptArg(context);
        if (found == ASK_VERSION) {
            given->version = true;
        } else if (found == ASK_SHOW_CONFIG) {
            given->show_config = true;
        } else {
            char **place = place_of_value(given, found, &value);
            free(*place);
            *place = value;
            if (value == NULL)
                return fail(failure, ENOMEM, "cannot read the command line");
        }
    }
    return found == -1 ||
           fail_option(poptBadOption(context, POPT_BADOPTION_NOALIAS), found, failure);
}

static bool check_arguments(const struct options *options, struct failure *failure)
{
    struct crash_id id;
    for (const char **next = options->arguments; next != NULL && *next != NULL; next++) {
        if (options->program != PROGRAM_PRIORITY)
            return fail(failure, 0, "unexpected argument \"%s\" (see --help)", *next);
        char *text = (char *)(uintptr_t)*next;
        if (strncasecmp(text, "bp-", 3) == 0) /* as Socorro's reporter shows it */
            memmove(text, text + 3, strlen(text + 3) + 1);
        if (!crash_id_parse(&id, *next))
            return fail(failure, 0, "\"%s\" is not a crash id", *next);
    }
    return true;
}

/* A file named on the command line must exist; the default one need not. */
static bool apply_file(struct options *options, const struct given *given, struct failure *failure)
{
    options->config = strdup(given->config != NULL ? given->config : DEFAULT_CONFIG);
    if (options->config == NULL)
        return fail(failure, errno, "cannot read the configuration");
    if (config_file_read(options, options->config, failure))
        return true;
    return given->config == NULL && failure->error == ENOENT;
}

static bool apply_given(struct options *options, const struct given *given, struct failure *failure)
{
    for (size_t i = 0; i < option_count; i++) {
        struct failure reason;
        if (given->values[i] != NULL &&
            !option_set(options, &option_table[i], given->values[i], "command line", &reason))
            return fail(failure, reason.error == ENOMEM ? ENOMEM : 0, "--%s", reason.text);
    }
    return true;
}

static bool check_together(const struct options *options, struct failure *failure)
{
    if (options->storage_root == NULL)
        return fail(failure, 0,
                    "storage-root is not set; give --storage-root=DIR or set it in \"%s\"",
                    options->config);
    if (options->deferred_storage_root != NULL &&
        strcmp(options->storage_root, options->deferred_storage_root) == 0)
        return fail(failure, 0, "storage-root and deferred-storage-root are the same: \"%s\"",
                    options->storage_root);
    if (strcmp(options->json_file_suffix, options->dump_file_suffix) == 0)
        return fail(failure, 0, "json-file-suffix and dump-file-suffix are the same: \"%s\"",
                    options->json_file_suffix);
    return true;
}

static bool *flag(struct options *options, const struct option *option)
{
    return (bool *)((char *)options + option->offset);
}

/* The file may set it for the other programs. (What else it sets for them --explain knows.) */
static void drop_tasks_of_others(struct options *options)
{
    for (size_t i = 0; i < option_count; i++)
        if (option_table[i].kind == KIND_TASK && !(option_table[i].programs & options->program))
            *flag(options, &option_table[i]) = false;
}

/* Each would leave undone what the other asks for. Those that are priority's alone are about
 * crashes. */
static bool check_task(struct options *options, struct failure *failure)
{
    const struct option *task = NULL;
    for (size_t i = 0; i < option_count; i++) {
        if (option_table[i].kind != KIND_TASK || !*flag(options, &option_table[i]))
            continue;
        if (task != NULL)
            return fail(failure, 0, "--%s and --%s cannot be used together", task->name,
                        option_table[i].name);
        task = &option_table[i];
    }
    bool needs_id = task != NULL && task->programs == PROGRAM_PRIORITY;
    if (task == NULL || needs_id == (options->arguments != NULL))
        return true;
    return fail(failure, 0,
                needs_id ? "--%s needs the id of a crash" : "--%s cannot be used with crash ids",
                task->name);
}

static bool settle(struct options *options, const struct given *given, enum exit_code *code,
                   struct failure *failure)
{
    *code = EXIT_DONE;
    if (given->version) {
        printf("%s %s\n", options->program_name, VERSION);
        return false;
    }
    *code = EXIT_CONFIGURATION;
    if (!apply_file(options, given, failure)) {
        if (failure->error == EINTR)
            *code = EXIT_SIGNAL + (unsigned)signals_caught();
        return false;
    }
    if (!apply_given(options, given, failure))
        return false;
    if (given->show_config) {
        failure->text[0] = '\0';
        show_config(options);
        *code = EXIT_DONE;
        return false;
    }
    drop_tasks_of_others(options);
    if (!check_together(options, failure))
        return false;
    *code = EXIT_BAD_USAGE;
    return check_task(options, failure);
}

/* Also where the command line or the file is wrong: the answer tells so, in its own way. */
static bool has_flag(const char **argv, const char *flag)
{
    for (; *argv != NULL; argv++)
        if (strcmp(*argv, flag) == 0)
            return true;
    return false;
}

const char *options_program_name(enum program program)
{
    switch (program) {
    case PROGRAM_SCAN: return "crashmon-scan";
    case PROGRAM_PRIORITY: return "crashmon-priority";
    case PROGRAM_CLEANUP: break;
    }
    return "crashmon-cleanup";
}

bool options_read(struct options *options, enum program program, int argc, const char **argv,
                  enum exit_code *code, struct failure *failure)
{
    static struct command_line line;
    struct given given = {0};
    *options = (struct options){.program = program, .program_name = options_program_name(program)};
    *failure = (struct failure){0};
    *code = EXIT_INTERNAL;
    if (!option_set_defaults(options, failure))
        return false;

    make_tables(&line, program);
    poptContext context = poptGetContext(NULL, argc, argv, line.all, POPT_CONTEXT_NO_EXEC);
    options->context = context;
    if (context == NULL)
        return fail(failure, 0, "out of memory");
    poptSetOtherOptionHelp(context, program == PROGRAM_PRIORITY ? "[OPTION...] [CRASH-ID...]"
                                                                : "[OPTION...]");
    *code = EXIT_BAD_USAGE;
    bool good = read_command_line(context, &given, failure);
    options->arguments = poptGetArgs(context);
    good = good && check_arguments(options, failure);
    bool has_check = has_flag(argv, "--check"), has_json = has_flag(argv, "--json");
    if (good && has_check && has_json)
        good = fail(failure, 0, "--check and --json cannot be used together");
    good = good && settle(options, &given, code, failure);
    options->check |= has_check;
    options->json |= has_json;
    options->dry_run |= options_ask(options);
    if (!good && failure->error == ENOMEM)
        *code = EXIT_INTERNAL;
    if (options->repair)
        options->program_name =
            program == PROGRAM_SCAN ? "crashmon-scan-repair" : "crashmon-cleanup-repair";
    else if (options->release)
        options->program_name = "crashmon-priority-release";

    for (size_t i = 0; i < option_count; i++)
        free(given.values[i]);
    free(given.config);
    free_tables(&line);
    return good;
}

long options_interval(const struct options *options)
{
    if (options_are_extra(options))
        return 0;
    switch (options->program) {
    case PROGRAM_SCAN: return options->standard_loop_delay;
    case PROGRAM_PRIORITY: return options->priority_loop_delay;
    case PROGRAM_CLEANUP: return options->cleanup_jobs_loop_delay;
    }
    return 0;
}

bool options_are_extra(const struct options *options)
{
    return options->adopt || options->repair || options->release;
}

bool options_ask(const struct options *options)
{
    return options->status || options->check || options->explain;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < option_count; i++) {
        if (option_table[i].kind < KIND_DURATION)
            free(*(char **)((char *)options + option_table[i].offset));
        free(options->sources[i]);
    }
    free(options->config);
    poptFreeContext(options->context);
}
