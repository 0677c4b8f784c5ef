#include "options/option_table.h"

#include "options/duration.h"

#include <limits.h>
#include <string.h>

#define ALL   (PROGRAM_SCAN | PROGRAM_PRIORITY | PROGRAM_CLEANUP)
#define QUEUE (PROGRAM_SCAN | PROGRAM_PRIORITY)

#define LINE_FORMAT "%(asctime)s %(levelname)s - %(message)s"

#define IN(member) offsetof(struct options, member)

enum { DAYS_MAXIMUM = 100000 };

/* clang-format off */
const struct option option_table[] = {
    {"database-host", GROUP_DATABASE, ALL, KIND_CONNECT, IN(database_host), 0, 0,
     NULL, "HOST", "server, or directory of its socket"},
    {"database-port", GROUP_DATABASE, ALL, KIND_CONNECT, IN(database_port), 0, 0,
     NULL, "PORT", "port of the server"},
    {"database-name", GROUP_DATABASE, ALL, KIND_CONNECT, IN(database_name), 0, 0,
     NULL, "NAME", "database"},
    {"database-user-name", GROUP_DATABASE, ALL, KIND_CONNECT, IN(database_user_name), 0, 0,
     NULL, "USER", "role to connect as"},

    {"storage-root", GROUP_SPOOL, ALL, KIND_PATH, IN(storage_root), 0, 0,
     NULL, "DIR", "the spool: where the collector writes"},
    {"deferred-storage-root", GROUP_SPOOL, ALL, KIND_PATH, IN(deferred_storage_root), 0, 0,
     NULL, "DIR", "where the collector puts throttled crashes"},
    {"storage-name", GROUP_SPOOL, ALL, KIND_NAME, IN(storage_name), 0, 0,
     "main", "NAME", "the name of this spool in the database"},
    {"json-file-suffix", GROUP_SPOOL, ALL, KIND_SUFFIX, IN(json_file_suffix), 0, 0,
     ".json", "SUFFIX", "suffix of metadata files"},
    {"dump-file-suffix", GROUP_SPOOL, ALL, KIND_SUFFIX, IN(dump_file_suffix), 0, 0,
     ".dump", "SUFFIX", "suffix of minidumps"},
    {"quarantine-to", GROUP_SPOOL, ALL, KIND_PATH, IN(quarantine_to), 0, 0,
     NULL, "DIR", "the quarantine (STORAGE-ROOT/quarantine)"},
    {"keep-empty-days", GROUP_SPOOL, PROGRAM_CLEANUP,
     KIND_NUMBER, IN(keep_empty_days), 0, DAYS_MAXIMUM,
     "2", "NUMBER", "days after which empty directories of a day are removed"},
    {"keep-deferred-days", GROUP_SPOOL, PROGRAM_CLEANUP,
     KIND_NUMBER, IN(keep_deferred_days), 1, DAYS_MAXIMUM,
     NULL, "NUMBER", "days after which throttled crashes are deleted; blank: never"},
    {"keep-quarantine-days", GROUP_SPOOL, PROGRAM_CLEANUP,
     KIND_NUMBER, IN(keep_quarantine_days), 1, DAYS_MAXIMUM,
     NULL, "NUMBER", "days after which quarantined crashes are deleted; blank: never"},

    {"processor-check-in-time", GROUP_TIME, QUEUE,
     KIND_DURATION, IN(processor_check_in_time), 0, DURATION_MAXIMUM,
     "00:05:00", "HHH:MM:SS", "a processor not seen for this time gets no new jobs; after twice "
     "this time it is dead"},
    {"standard-loop-delay", GROUP_TIME, PROGRAM_SCAN,
     KIND_DURATION, IN(standard_loop_delay), 0, DURATION_MAXIMUM,
     "00:05:00", "HHH:MM:SS", "how often cron starts crashmon-scan"},
    {"priority-loop-delay", GROUP_TIME, PROGRAM_PRIORITY,
     KIND_DURATION, IN(priority_loop_delay), 0, DURATION_MAXIMUM,
     "00:01:00", "HHH:MM:SS", "how often cron starts crashmon-priority"},
    {"cleanup-jobs-loop-delay", GROUP_TIME, PROGRAM_CLEANUP,
     KIND_DURATION, IN(cleanup_jobs_loop_delay), 0, DURATION_MAXIMUM,
     "00:05:00", "HHH:MM:SS", "how often cron starts crashmon-cleanup"},
    {"settle-time", GROUP_TIME, QUEUE, KIND_DURATION, IN(settle_time), 0, DURATION_MAXIMUM,
     "00:00:05", "HHH:MM:SS", "a pair is ready when unchanged for this time"},
    {"incomplete-age", GROUP_TIME, PROGRAM_SCAN | PROGRAM_CLEANUP,
     KIND_DURATION, IN(incomplete_age), 0, DURATION_MAXIMUM,
     "24:00:00", "HHH:MM:SS", "age at which an incomplete pair goes to quarantine, and a stranded "
     "one is repaired"},
    {"give-up-after", GROUP_TIME, PROGRAM_PRIORITY,
     KIND_DURATION, IN(give_up_after), 0, DURATION_MAXIMUM,
     "00:10:00", "HHH:MM:SS", "how long to look for a requested crash"},

    {"job-timeout", GROUP_TIME, PROGRAM_SCAN, KIND_DURATION, IN(job_timeout), 0, DURATION_MAXIMUM,
     "24:00:00", "HHH:MM:SS", "how long a job may take before it waits again; 00:00:00: no limit"},
    {"maximum-attempts", GROUP_TIME, PROGRAM_SCAN,
     KIND_NUMBER, IN(maximum_attempts), 1, 1000000,
     "5", "NUMBER", "attempts after which a job fails"},

    {"save-successful-minidumps-to", GROUP_ARCHIVE, PROGRAM_CLEANUP,
     KIND_PATH, IN(save_successful_to), 0, 0,
     "/tmp/socorro-sucessful", "DIR", "where the pair of a successful job goes; blank: delete it"},
    {"save-failed-minidumps-to", GROUP_ARCHIVE, PROGRAM_CLEANUP,
     KIND_PATH, IN(save_failed_to), 0, 0,
     "/tmp/socorro-failed", "DIR", "where the pair of a failed job goes; blank: delete it"},
    {"dump-permissions", GROUP_ARCHIVE, PROGRAM_CLEANUP, KIND_MODE, IN(dump_permissions), 0, 0777,
     "0660", "MODE", "mode of files in long-term storage, octal"},
    {"dir-permissions", GROUP_ARCHIVE, PROGRAM_CLEANUP, KIND_MODE, IN(dir_permissions), 0700, 07777,
     "0770", "MODE", "mode of directories created there, octal"},
    {"dump-gid", GROUP_ARCHIVE, PROGRAM_CLEANUP, KIND_NUMBER, IN(dump_gid), 0, INT_MAX,
     NULL, "GID", "group of these files and directories, by number"},

    {"log-file-pathname", GROUP_LOG, ALL, KIND_TEXT, IN(log_file_pathname), 0, 0,
     "./monitor.log", "FILE", "the log; the three programs may share it"},
    {"log-file-maximum-size", GROUP_LOG, ALL, KIND_NUMBER, IN(log_file_maximum_size), 0, LONG_MAX,
     "1000000", "BYTES", "size at which the log is rotated; 0: never"},
    {"log-file-maximum-backup-history", GROUP_LOG, ALL,
     KIND_NUMBER, IN(log_file_backups), 0, 100000,
     "50", "NUMBER", "how many rotated logs are kept"},
    {"log-file-line-format-string", GROUP_LOG, ALL, KIND_FORMAT, IN(log_file_format), 0, 0,
     LINE_FORMAT, "FORMAT", "format of a line in the log, as in Python's logging"},
    {"log-file-error-logging-level", GROUP_LOG, ALL, KIND_LEVEL, IN(log_file_level), 0, 100,
     "10", "LEVEL", "lowest level in the log: 10 DEBUG, 20 INFO, 30 WARNING, 40 ERROR, "
     "50 CRITICAL"},
    {"stderr-line-format-string", GROUP_LOG, ALL, KIND_FORMAT, IN(stderr_format), 0, 0,
     LINE_FORMAT, "FORMAT", "format of a line on stderr"},
    {"stderr-error-logging-level", GROUP_LOG, ALL, KIND_LEVEL, IN(stderr_level), 0, 100,
     "40", "LEVEL", "lowest level on stderr"},
    {"stderr-repeat-delay", GROUP_LOG, ALL,
     KIND_DURATION, IN(stderr_repeat_delay), 0, DURATION_MAXIMUM,
     "01:00:00", "HHH:MM:SS", "how long an error that lasts is not repeated on stderr"},

    {"batch-size", GROUP_RUN, ALL, KIND_NUMBER, IN(batch_size), 1, 10000,
     "1000", "NUMBER", "crashes in a transaction"},
    {"share-waiting", GROUP_RUN, PROGRAM_SCAN, KIND_FLAG, IN(share_waiting), 0, 0,
     "off", NULL, "give waiting jobs to processors that have less to do"},
    {"run-time-limit", GROUP_RUN, ALL, KIND_DURATION, IN(run_time_limit), 0, DURATION_MAXIMUM,
     "00:00:00", "HHH:MM:SS", "end after the batch once this time is over; 00:00:00: no limit"},
    {"lock-wait", GROUP_RUN, ALL, KIND_DURATION, IN(lock_wait), 0, DURATION_MAXIMUM,
     "00:00:00", "HHH:MM:SS", "how long to wait for another run to end"},
    {"limit", GROUP_RUN, ALL, KIND_NUMBER, IN(limit), 0, LONG_MAX,
     "0", "NUMBER", "crashes in a run; 0: all"},
    {"dry-run", GROUP_RUN, ALL, KIND_FLAG, IN(dry_run), 0, 0,
     "off", NULL, "change nothing, print what a run would do"},
    {"adopt", GROUP_RUN, ALL, KIND_TASK, IN(adopt), 0, 0,
     "off", NULL, "instead: accept the directories as they are now, with their marks"},
    {"repair", GROUP_RUN, PROGRAM_SCAN | PROGRAM_CLEANUP, KIND_TASK, IN(repair), 0, 0,
     "off", NULL, "instead: compare spool and database, and repair what does not match"},
    {"release", GROUP_RUN, PROGRAM_PRIORITY, KIND_TASK, IN(release), 0, 0,
     "off", NULL, "instead: bring the crashes out of quarantine, as new"},
    {"status", GROUP_RUN, PROGRAM_SCAN, KIND_TASK, IN(status), 0, 0,
     "off", NULL, "instead: print what is new, queued and running"},
    {"explain", GROUP_RUN, PROGRAM_PRIORITY, KIND_TASK, IN(explain), 0, 0,
     "off", NULL, "instead: print all that is known of the crashes, and what happens to them next"},
    {"check", GROUP_RUN, ALL, KIND_TASK, IN(check), 0, 0,
     "off", NULL, "instead: print what is wrong, as a Nagios plugin does"},
    {"json", GROUP_RUN, ALL, KIND_FLAG, IN(json), 0, 0,
     "off", NULL, "at the end print what became of the crashes, as a JSON object"},
    {"progress", GROUP_RUN, PROGRAM_SCAN | PROGRAM_CLEANUP, KIND_FLAG, IN(progress), 0, 0,
     "off", NULL, "show on stderr how far the run is, as on a terminal"},
    {"metrics-file", GROUP_RUN, ALL, KIND_FILE, IN(metrics_file), 0, 0,
     NULL, "PATH", "where to write metrics for Prometheus: a file, or a directory for "
     "PROGRAM-STORAGE.prom"},

    {"check-new", GROUP_CHECK, PROGRAM_SCAN, KIND_AGES, IN(check_new), 0, 0,
     "00:15:00,01:00:00", "AGE,AGE", "age of the oldest new pair"},
    {"check-waiting", GROUP_CHECK, PROGRAM_SCAN, KIND_AGES, IN(check_waiting), 0, 0,
     "01:00:00,06:00:00", "AGE,AGE", "age of the oldest waiting job"},
    {"check-started", GROUP_CHECK, PROGRAM_SCAN, KIND_AGES, IN(check_started), 0, 0,
     "06:00:00,24:00:00", "AGE,AGE", "how long ago the oldest unfinished job was started"},
    {"check-processors", GROUP_CHECK, PROGRAM_SCAN, KIND_LEAST, IN(check_processors), 0, INT_MAX,
     "1,1", "NUMBER,NUMBER", "least number of live processors"},
    {"check-requests", GROUP_CHECK, PROGRAM_PRIORITY, KIND_AGES, IN(check_requests), 0, 0,
     "00:15:00,00:30:00", "AGE,AGE", "age of the oldest request"},
    {"check-finished", GROUP_CHECK, PROGRAM_CLEANUP, KIND_AGES, IN(check_finished), 0, 0,
     "06:00:00,48:00:00", "AGE,AGE", "how long ago the oldest job to be put away was finished"},
    {"check-quarantine", GROUP_CHECK, PROGRAM_SCAN | PROGRAM_CLEANUP,
     KIND_LATELY, IN(check_quarantine), 0, 0,
     "24:00:00", "AGE,AGE", "how long a quarantined crash counts as a problem"},
    {"check-overdue", GROUP_CHECK, ALL, KIND_AGES, IN(check_overdue), 0, 0,
     "00:05:00,00:30:00", "AGE,AGE", "how late the next run of the program is"},
    {"check-running", GROUP_CHECK, ALL, KIND_AGES, IN(check_running), 0, 0,
     "06:00:00,24:00:00", "AGE,AGE", "how long a run has been at work"},
    {"check-exit-code", GROUP_CHECK, ALL, KIND_LIMITS, IN(check_exit_code), 0, 255,
     "1,64", "NUMBER,NUMBER", "exit code of the last run"},
    {"check-space", GROUP_CHECK, ALL, KIND_LEAST, IN(check_space), 0, 100,
     "10,5", "NUMBER,NUMBER", "least free space of a file system, in percent"},
    {"check-inodes", GROUP_CHECK, ALL, KIND_LEAST, IN(check_inodes), 0, 100,
     "10,5", "NUMBER,NUMBER", "least free inodes of a file system, in percent"},
};
/* clang-format on */

const size_t option_count = sizeof option_table / sizeof option_table[0];
_Static_assert(sizeof option_table / sizeof option_table[0] <= OPTION_COUNT_MAXIMUM,
               "struct options has room for the source of every option");

const char *const option_group_titles[GROUP_COUNT] = {
    [GROUP_DATABASE] = "Database (blank: as libpq decides):",
    [GROUP_SPOOL] = "Spool:",
    [GROUP_TIME] = "Time:",
    [GROUP_ARCHIVE] = "Long-term storage:",
    [GROUP_LOG] = "Log:",
    [GROUP_RUN] = "Run:",
    [GROUP_CHECK] = "Check (WARNING from, CRITICAL from; blank: never):",
};

const struct option *option_find(const char *name, size_t length)
{
    for (size_t i = 0; i < option_count; i++)
        if (strlen(option_table[i].name) == length &&
            memcmp(option_table[i].name, name, length) == 0)
            return &option_table[i];
    return NULL;
}
