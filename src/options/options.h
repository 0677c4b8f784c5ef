/* options.h - the options of the programs.
 *
 * Public: options.h, command_line.h.
 * Private to this folder: option_table.h, config_file.h, duration.h.
 *
 * Each can be set on the command line (--name=value) and in the configuration file (name = value);
 * the command line overrides the file. option_table.c describes them. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

enum program {
    PROGRAM_SCAN = 1,
    PROGRAM_PRIORITY = 2,
    PROGRAM_CLEANUP = 4,
};

#define OPTION_COUNT_MAXIMUM 128

/* From when on --check warns, and when it is critical; below 0: never. */
struct thresholds {
    long warning, critical;
};

/* Durations are in seconds, sizes in bytes. Strings live until options_free(). */
struct options {
    enum program program;
    const char *program_name; /* of --repair, "crashmon-scan-repair"; of --release alike:
                               * other locks, other runs */

    /* NULL: libpq's own settings. */
    char *database_host, *database_port, *database_name, *database_user_name;

    char *storage_root;
    char *deferred_storage_root; /* NULL: none */
    char *storage_name;
    char *json_file_suffix, *dump_file_suffix;

    long processor_check_in_time;
    long standard_loop_delay, priority_loop_delay, cleanup_jobs_loop_delay;
    long settle_time, incomplete_age, give_up_after;
    long job_timeout;    /* 0: none */
    long run_time_limit; /* 0: none */
    long maximum_attempts;
    bool share_waiting;
    char *quarantine_to; /* NULL: "quarantine" below the storage root */
    long keep_empty_days;
    long keep_deferred_days, keep_quarantine_days; /* -1: for ever */

    char *save_successful_to, *save_failed_to; /* NULL: delete */
    long dump_permissions, dir_permissions;
    long dump_gid; /* -1: leave the group as it is */

    char *log_file_pathname, *log_file_format, *stderr_format;
    long log_file_maximum_size, log_file_backups, log_file_level, stderr_level;
    long stderr_repeat_delay;

    long batch_size;
    long lock_wait;
    long limit; /* crashes in a run; 0: all */
    bool dry_run;
    bool adopt;
    bool repair;
    bool release;
    bool status, check, explain; /* any: also dry_run, as nothing is changed */
    bool json;
    bool progress;
    char *metrics_file; /* NULL: none */

    /* Ages in seconds, a number that is the least, percents free, and exit codes. */
    struct thresholds check_new, check_waiting, check_started, check_requests, check_finished;
    struct thresholds check_overdue, check_running, check_exit_code;
    struct thresholds check_processors, check_quarantine, check_space, check_inodes;

    char *config;           /* path of the configuration file */
    const char **arguments; /* arguments that are not options, NULL at the end */

    /* Source of each value, by index: "default", "command line", or "file:line". */
    char *sources[OPTION_COUNT_MAXIMUM];
    void *context; /* popt's, which owns `arguments` */
};

#endif
