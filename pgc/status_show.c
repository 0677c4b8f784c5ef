#include "status_show.h"

#include "base/quote.h"
#include "base/utf8.h"
#include "base/version.h"
#include "options/command_line.h"
#include "report/say.h"
#include "status.h"
#include "status_disk.h"
#include "status_json.h"
#include "storage_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The beginning of a name, in quotes. */
static const char *name_short(char buffer[QUOTE_SIZE], const char *name)
{
    char cut[21];
    if (name == NULL)
        name = "";
    snprintf(cut, sizeof cut, "%.*s", (int)utf8_cut(name, sizeof cut - 1), name);
    return quote(buffer, cut);
}

static void say_title(const struct options *options, const struct database_status *database)
{
    char host[256] = "", when[32];
    struct tm calendar;
    time_t now = time(NULL);
    gethostname(host, sizeof host - 1);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &calendar));
    say("crashmon %s, storage %s on %s, %s", VERSION, options->storage_name, host, when);
    if (database->is_standby)
        say("The server only reads (a standby): it cannot tell which runs are at work.");
}

/* "New         1,234                        oldest 4 min 10 s" and what else there is to say. */
static void say_count(const char *what, const struct count *count, const char *age_word,
                      const char *more)
{
    char number[FIGURE_SIZE], age[FIGURE_SIZE], text[2 * FIGURE_SIZE] = "";
    if (count->state != COUNT_UNKNOWN && count->oldest >= 0 && age_word != NULL)
        snprintf(text, sizeof text, "%s %s%s", age_word, figure_oldest(age, count),
                 *more != '\0' ? ", " : "");
    say("%-12s%-22s%s%s", what, figure_count(number, count), text, more);
}

static void say_queue(const struct options *options, const struct disk_status *disk,
                      const struct database_status *database)
{
    const struct job_counts *jobs = &database->jobs;
    char number[FIGURE_SIZE], name[QUOTE_SIZE], requested[2 * FIGURE_SIZE] = "",
                                                              by[QUOTE_SIZE + 8] = "";
    if (jobs->with_priority.number > 0)
        snprintf(requested, sizeof requested, "%s requested",
                 figure_count(number, &jobs->with_priority));
    if (jobs->oldest_started_by[0] != '\0')
        snprintf(by, sizeof by, "by %s", name_short(name, jobs->oldest_started_by));
    say_count("New", &disk->fresh, "oldest", "");
    say_count("Waiting", &jobs->waiting, "oldest", requested);
    say_count("Started", &jobs->started, "oldest", by);
    if (jobs->tried.number > 0)
        say("%-12s%-22sbegun before; most attempts: %d", "", figure_count(number, &jobs->tried),
            jobs->most_attempts);
    say_count("Finished", &jobs->finished, "oldest", "");
    say_count("Failed", &jobs->failed, "oldest", "");
    if (jobs->missing.number > 0)
        say_count("Missing", &jobs->missing, "oldest", "each row stays until 24 h are over");
    say_count("Requests", &database->requests, "oldest", "");
    if (options->deferred_storage_root != NULL)
        say_count("Deferred", &disk->deferred, NULL, "");
}

static void say_quarantine(const struct survey_cases *cases)
{
    char number[FIGURE_SIZE];
    say_count("Quarantine", &cases->count, "newest", "");
    const struct reason *reasons = cases->reasons.items;
    for (int i = 0; i < REASONS && reasons[i].count > 0; i++)
        say("  %8s  %.*s", figure_number(number, reasons[i].count),
            (int)utf8_cut(reasons[i].text, 68), reasons[i].text);
    if (cases->reasons.others > 0)
        say("  %8s  other reasons", figure_number(number, cases->reasons.others));
}

static void say_storages(const struct processor_status *processor)
{
    char name[STORAGE_NAME_SIZE], quoted[QUOTE_SIZE], text[512] = "";
    if (processor->storages == NULL || *processor->storages == '\0')
        return;
    for (const char *at = processor->storages; (at = processor_next_storage(at, name)) != NULL;)
        snprintf(strchr(text, '\0'), sizeof text - strlen(text), "%s%s", *text != '\0' ? ", " : "",
                 quote(quoted, name));
    say("    serves %s", *text != '\0' ? text : "no storage");
}

static int rank_of_state(const struct processor_status *processor)
{
    return strcmp(processor->state, "dead") == 0 ? 2 : strcmp(processor->state, "late") == 0;
}

/* The dead come first, then the late, then who has most to do; else they stay in order. */
static int compare_processors(const void *left, const void *right)
{
    const struct processor_status *one = *(const struct processor_status *const *)left;
    const struct processor_status *other = *(const struct processor_status *const *)right;
    long long loads = other->waiting + other->started - one->waiting - one->started;
    int states = rank_of_state(other) - rank_of_state(one);
    return states != 0 ? states : loads != 0 ? (loads > 0 ? 1 : -1) : (one > other) - (one < other);
}

static void say_processor(const struct options *options, const struct processor_status *one,
                          const char *at_least)
{
    char name[QUOTE_SIZE], seen[FIGURE_SIZE], since[FIGURE_SIZE], waiting[FIGURE_SIZE],
        started[FIGURE_SIZE], its_waiting[FIGURE_SIZE + 1], its_started[FIGURE_SIZE + 1];
    snprintf(its_waiting, sizeof its_waiting, "%s%s", at_least,
             figure_number(waiting, one->waiting));
    snprintf(its_started, sizeof its_started, "%s%s", at_least,
             figure_number(started, one->started));
    say("  %-22s %-5s %-15s %-15s %8s %7s", name_short(name, one->name), one->state,
        one->has_left ? "has left" : figure_ago(seen, one->seen),
        figure_ago(since, one->registered), its_waiting, its_started);
    if (processor_is_excused(options, one))
        say("    not %s, as the server or all runs were away meanwhile",
            strcmp(one->state, "alive") == 0 ? "late" : "dead");
    say_storages(one);
}

/* Those for which there is no room on the screen, in one line. */
static void say_others(const struct processor_status *const *others, long count,
                       const char *at_least)
{
    char number[FIGURE_SIZE], text[FIGURE_SIZE + 8], its_waiting[FIGURE_SIZE],
        its_started[FIGURE_SIZE];
    long long waiting = 0, started = 0;
    for (long i = 0; i < count; i++) {
        waiting += others[i]->waiting;
        started += others[i]->started;
    }
    snprintf(text, sizeof text, "%s others", figure_number(number, count));
    if (count > 0)
        say("  %-60s %s%8s %s%7s", text, at_least, figure_number(its_waiting, waiting), at_least,
            figure_number(its_started, started));
}

static void say_processors(const struct options *options, const struct database_status *database)
{
    enum { MOST = 10 };
    char others[64];
    const char *at_least = database->processors.loads_are_partial ? ">" : "";
    long count = database->processors.count, shown = count < MOST ? count : MOST;
    if (count < 0)
        return;
    say("%s", "");
    snprintf(others, sizeof others, ", %ld for other storages alone", database->processors.others);
    say("Processors  %ld alive, %ld late, %ld dead%s", database->processors.alive,
        database->processors.late, database->processors.dead,
        database->processors.others > 0 ? others : "");
    const struct processor_status **sorted = calloc((size_t)count + 1, sizeof(*sorted));
    if (count == 0 || sorted == NULL) {
        free(sorted);
        return;
    }
    for (long i = 0; i < count; i++)
        sorted[i] = &database->processors.items[i];
    qsort(sorted, (size_t)count, sizeof(*sorted), compare_processors);
    say("  %-22s %-5s %-15s %-15s %8s %7s", "name", "state", "last seen", "registered", "waiting",
        "started");
    for (long i = 0; i < shown; i++)
        say_processor(options, sorted[i], at_least);
    say_others(sorted + shown, count - shown, at_least);
    free(sorted);
}

/* What its exit code means, and where it was, if not here. */
static void say_end(const struct run_status *run, const char *words)
{
    char host[ELSEWHERE_SIZE];
    last_run_elsewhere(run, host);
    if (*words != '\0' || *host != '\0')
        say("    %s%s", *words != '\0' ? words : run->state, host);
}

static bool is_late(const struct run_status *run)
{
    return run->is_due && run->due < 0 && !last_run_is_at_work(run);
}

static void say_run(const struct options *options, const struct run_status *run)
{
    char title[128], started[FIGURE_SIZE], took[FIGURE_SIZE], due[FIGURE_SIZE + 16],
        age[FIGURE_SIZE], state[32], name[QUOTE_SIZE];
    bool has_ended = strcmp(run->state, "ended") == 0;
    if (strcmp(run->storage, options->storage_name) == 0)
        snprintf(title, sizeof title, "%s", run->program);
    else
        snprintf(title, sizeof title, "%s %s", run->program, name_short(name, run->storage));
    strcpy(due, "");
    if (is_late(run))
        snprintf(due, sizeof due, "%s late", figure_age(age, -run->due));
    else if (run->is_due && run->due >= 0)
        snprintf(due, sizeof due, "in %s", figure_age(age, run->due));
    if (has_ended)
        snprintf(state, sizeof state, "%d", run->exit_code);
    else
        snprintf(state, sizeof state, "%s", run->state);
    say("  %-25.60s %-15s %-9s %-11s %s", title, figure_ago(started, run->started), state,
        has_ended ? figure_seconds(took, run->duration) : "", due);
    say_end(run, has_ended ? exit_code_words((enum exit_code)run->exit_code) : "");
    if (has_ended && *run->error != '\0')
        say("    %s", run->error);
    bool is_expected = !has_ended || is_late(run);
    if (is_expected && *run->holder != '\0')
        say("    its lock is taken: %s", run->holder);
    if (run->held_up >= 0)
        say("    its session waits for a synchronous standby, for %s",
            figure_age(age, run->held_up));
    if (run->seen > 0)
        say("    seen %lld%s%s", run->seen, *run->outcomes != '\0' ? ": " : "", run->outcomes);
}

static bool has_failed(const struct run_status *run)
{
    return !last_run_is_at_work(run) &&
           (strcmp(run->state, "ended") != 0 || !exit_code_is_done((enum exit_code)run->exit_code));
}

/* Those of other storages: who has failed comes first, then who is late; else they stay in order.
 */
static int compare_runs(const void *left, const void *right)
{
    const struct run_status *one = *(const struct run_status *const *)left;
    const struct run_status *other = *(const struct run_status *const *)right;
    int ranks = 2 * has_failed(other) + is_late(other) - 2 * has_failed(one) - is_late(one);
    return ranks != 0 ? ranks : (one > other) - (one < other);
}

static const enum program programs[] = {PROGRAM_SCAN, PROGRAM_PRIORITY, PROGRAM_CLEANUP};

enum { PROGRAM_COUNT = sizeof programs / sizeof *programs };

static bool is_old_news(const struct run_status *run)
{
    for (size_t i = 0; i < PROGRAM_COUNT; i++)
        if (strcmp(run->program, options_program_name(programs[i])) == 0)
            return false;
    return !last_run_is_news(run);
}

/* As long as nothing has run on the storage, this is no news. */
static void say_never_run(const struct options *options, const struct database_status *database)
{
    for (size_t i = 0; i < PROGRAM_COUNT && database->first_run >= 0; i++) {
        const char *name = options_program_name(programs[i]);
        if (last_runs_find(database->runs, database->run_count, name, options->storage_name) ==
            NULL)
            say("  %-25s no run yet", name);
    }
}

/* All of this storage, and as many of others as there is room for on the screen. */
static void say_each_run(const struct options *options, const struct database_status *database,
                         const struct run_status **others)
{
    enum { MOST = 10 };
    char number[FIGURE_SIZE];
    long count = 0, late = 0, failed = 0;
    for (long i = 0; i < database->run_count; i++)
        if (is_old_news(&database->runs[i]))
            continue;
        else if (strcmp(database->runs[i].storage, options->storage_name) == 0)
            say_run(options, &database->runs[i]);
        else
            others[count++] = &database->runs[i];
    say_never_run(options, database);
    qsort(others, (size_t)count, sizeof(*others), compare_runs);
    for (long i = 0; i < count && i < MOST; i++)
        say_run(options, others[i]);
    for (long i = MOST; i < count; i++) {
        failed += has_failed(others[i]);
        late += is_late(others[i]);
    }
    if (count > MOST)
        say("  %s others; failed or killed: %ld, late: %ld", figure_number(number, count - MOST),
            failed, late);
}

static void say_runs(const struct options *options, const struct database_status *database)
{
    if (database->run_count < 0)
        return;
    say("%s", "");
    say("%-27s %-15s %-9s %-11s %s", "Runs", "begun", "exit code", "took", "next one");
    if (database->run_count == 0)
        say("  none yet");
    const struct run_status **others = calloc((size_t)database->run_count + 1, sizeof(*others));
    if (others != NULL)
        say_each_run(options, database, others);
    free(others);
}

static int percent(unsigned long long part, unsigned long long whole)
{
    return whole > 0 ? (int)(100.0 * (double)part / (double)whole) : 0;
}

static void say_places(const struct disk_status *disk)
{
    char size[FIGURE_SIZE], space[FIGURE_SIZE + 8], inodes[16];
    say("%s", "");
    say("%-12s %-16s %-12s %-9s directory", "Places", "free space", "free inodes", "mark");
    for (int place = 0; place < PLACE_COUNT; place++) {
        const struct place_status *one = &disk->places[place];
        const struct survey_room *room = &one->room;
        if (one->path == NULL)
            continue;
        strcpy(space, "-");
        strcpy(inodes, "-");
        if (one->has_room)
            snprintf(space, sizeof space, "%s, %d%%", figure_size(size, room->free_bytes),
                     percent(room->free_bytes, room->bytes));
        if (one->has_room && room->inodes > 0)
            snprintf(inodes, sizeof inodes, "%d%%", percent(room->free_inodes, room->inodes));
        say("  %-10s %-16s %-12s %-9.8s %s", storage_row_names[place], space, inodes,
            one->mark[0] != '\0' ? one->mark : "-", one->path);
    }
}

static void say_troubles(const struct problems *troubles)
{
    if (troubles->count == 0)
        return;
    say("%s", "");
    say("Troubles");
    for (size_t i = 0; i < troubles->count; i++)
        say("  %s", problem_text(&troubles->items[i]));
}

static void print_text(const struct options *options, const struct database_status *database,
                       const struct disk_status *disk, const struct problems *troubles)
{
    say_title(options, database);
    say_troubles(troubles);
    say("%s", "");
    say_queue(options, disk, database);
    say_quarantine(&disk->quarantine);
    say_processors(options, database);
    say_runs(options, database);
    say_places(disk);
}

bool status_answer(struct run *run)
{
    static struct disk_status disk; /* paths in it are known until the program ends */
    struct database_status database;
    struct problems troubles = {0};
    if (!run->options.status)
        return false;
    status_read(&run->options, &database, &troubles);
    status_read_disk(run, database.is_connected, &disk, &troubles);
    if (run->options.json)
        status_print_json(&run->options, &database, &disk, &troubles);
    else
        print_text(&run->options, &database, &disk, &troubles);
    status_free(&database);
    problems_free(&troubles);
    return true;
}
