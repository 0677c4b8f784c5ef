#include "status_json.h"

#include "base/version.h"
#include "report/json.h"
#include "session.h"
#include "storage_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Without an age if `age` is NULL. */
static void put_count(struct json *json, const char *key, const struct count *count,
                      const char *age)
{
    if (count->state == COUNT_UNKNOWN) {
        json_text(json, key, NULL);
        return;
    }
    json_begin(json, key, '{');
    json_number(json, "count", count->number);
    json_bool(json, "complete", count->state == COUNT_COMPLETE);
    if (age != NULL)
        json_known(json, age, count->oldest);
    json_end(json, '}');
}

static void put_about(struct json *json, const struct options *options,
                      const struct database_status *database)
{
    char host[256] = "", when[FIGURE_SIZE];
    gethostname(host, sizeof host - 1);
    json_text(json, "version", VERSION);
    json_text(json, "time", figure_time(when, time(NULL)));
    json_text(json, "host", host);
    json_text(json, "storage", options->storage_name);
    json_begin(json, "database", '{');
    json_bool(json, "connected", session_is_connected());
    json_name(json, "version", database->version);
    if (database->is_connected)
        json_bool(json, "standby", database->is_standby);
    else
        json_text(json, "standby", NULL);
    json_end(json, '}');
}

static void put_jobs(struct json *json, const struct job_counts *jobs)
{
    json_begin(json, "jobs", '{');
    put_count(json, "waiting", &jobs->waiting, "oldest");
    put_count(json, "requested", &jobs->with_priority, "oldest");
    put_count(json, "started", &jobs->started, "oldest");
    json_name(json, "oldest_started_by", jobs->oldest_started_by);
    put_count(json, "tried", &jobs->tried, NULL);
    json_known(json, "most_attempts",
               jobs->tried.state != COUNT_UNKNOWN ? jobs->most_attempts : -1);
    put_count(json, "finished", &jobs->finished, "oldest");
    put_count(json, "failed", &jobs->failed, "oldest");
    put_count(json, "missing", &jobs->missing, "oldest");
    json_end(json, '}');
}

static void put_quarantine(struct json *json, const struct survey_cases *cases)
{
    put_count(json, "quarantine", &cases->count, "newest");
    json_begin(json, "quarantine_reasons", '[');
    for (int i = 0; i < REASONS && cases->reasons.items[i].count > 0; i++) {
        json_begin(json, NULL, '{');
        json_text(json, "reason", cases->reasons.items[i].text);
        json_number(json, "count", cases->reasons.items[i].count);
        json_end(json, '}');
    }
    if (cases->reasons.others > 0) {
        json_begin(json, NULL, '{');
        json_text(json, "reason", "other reasons");
        json_number(json, "count", cases->reasons.others);
        json_end(json, '}');
    }
    json_end(json, ']');
}

static void put_storages(struct json *json, const struct processor_status *processor)
{
    char name[STORAGE_NAME_SIZE];
    if (processor->storages == NULL || *processor->storages == '\0') {
        json_text(json, "storages", NULL);
        return;
    }
    json_begin(json, "storages", '[');
    for (const char *at = processor->storages; (at = processor_next_storage(at, name)) != NULL;)
        json_text(json, NULL, name);
    json_end(json, ']');
}

static void put_processors(struct json *json, const struct database_status *database)
{
    json_begin(json, "processors", '{');
    json_known(json, "alive", database->processors.alive);
    json_known(json, "late", database->processors.late);
    json_known(json, "dead", database->processors.dead);
    json_known(json, "others", database->processors.others);
    json_bool(json, "complete",
              database->processors.count >= 0 && !database->processors.loads_are_partial);
    json_begin(json, "list", '[');
    for (long i = 0; i < database->processors.count; i++) {
        const struct processor_status *one = &database->processors.items[i];
        json_begin(json, NULL, '{');
        json_number(json, "id", one->id);
        json_text(json, "name", one->name);
        json_text(json, "state", one->state);
        json_known(json, "seen", one->seen);
        json_known(json, "registered", one->registered);
        json_number(json, "waiting", one->waiting);
        json_number(json, "started", one->started);
        put_storages(json, one);
        json_end(json, '}');
    }
    json_end(json, ']');
    json_end(json, '}');
}

/* From "already queued 20, left 1". */
static void put_outcomes(struct json *json, const char *outcomes)
{
    char *copy = strdup(outcomes), *rest = copy, *item;
    json_begin(json, "outcomes", '{');
    while (copy != NULL && (item = strsep(&rest, ",")) != NULL) {
        item += strspn(item, " ");
        char *number = strrchr(item, ' ');
        if (number == NULL)
            continue;
        *number = '\0';
        for (char *at = item; (at = strchr(at, ' ')) != NULL;)
            *at = '_';
        json_number(json, item, atoll(number + 1));
    }
    json_end(json, '}');
    free(copy);
}

static void put_runs(struct json *json, const struct database_status *database)
{
    json_begin(json, "runs", '[');
    for (long i = 0; i < database->run_count; i++) {
        const struct run_status *one = &database->runs[i];
        bool has_ended = strcmp(one->state, "ended") == 0;
        json_begin(json, NULL, '{');
        json_text(json, "program", one->program);
        json_text(json, "storage", one->storage);
        json_text(json, "host", one->host);
        json_number(json, "pid", one->pid);
        json_text(json, "state", one->state);
        json_known(json, "started", one->started);
        json_known(json, "ended", one->ended);
        if (one->is_due)
            json_number(json, "due", one->due);
        else
            json_text(json, "due", NULL);
        json_seconds(json, "duration", one->duration >= 0 ? one->duration : NAN);
        json_known(json, "exit_code", has_ended ? one->exit_code : -1);
        json_sentence(json, "error", one->error);
        json_number(json, "seen", one->seen);
        json_name(json, "lock", one->holder);
        json_known(json, "held_up", one->held_up);
        put_outcomes(json, one->outcomes != NULL ? one->outcomes : "");
        json_end(json, '}');
    }
    json_end(json, ']');
}

/* A file system that cannot tell is one that is not known, like one that was not asked. */
static void put_room(struct json *json, const struct place_status *one)
{
    const struct survey_room *room = &one->room;
    bool has_inodes = one->has_room && room->inodes > 0;
    json_known(json, "bytes", one->has_room ? (long long)room->bytes : -1);
    json_known(json, "free_bytes", one->has_room ? (long long)room->free_bytes : -1);
    json_known(json, "inodes", has_inodes ? (long long)room->inodes : -1);
    json_known(json, "free_inodes", has_inodes ? (long long)room->free_inodes : -1);
}

static void put_places(struct json *json, const struct disk_status *disk)
{
    json_begin(json, "places", '[');
    for (int place = 0; place < PLACE_COUNT; place++) {
        const struct place_status *one = &disk->places[place];
        if (one->path == NULL)
            continue;
        json_begin(json, NULL, '{');
        json_text(json, "place", storage_row_names[place]);
        json_text(json, "path", one->path);
        json_bool(json, "usable", one->is_usable || one->is_missing);
        json_name(json, "mark", one->mark);
        put_room(json, one);
        json_end(json, '}');
    }
    json_end(json, ']');
}

void status_print_json(const struct options *options, const struct database_status *database,
                       const struct disk_status *disk, const struct problems *troubles)
{
    struct json json = {.stream = stdout};
    json_begin(&json, NULL, '{');
    put_about(&json, options, database);
    put_count(&json, "new", &disk->fresh, "oldest");
    put_jobs(&json, &database->jobs);
    put_count(&json, "requests", &database->requests, "oldest");
    put_count(&json, "deferred", &disk->deferred, NULL);
    put_quarantine(&json, &disk->quarantine);
    put_processors(&json, database);
    put_runs(&json, database);
    put_places(&json, disk);
    problems_write_json(troubles, &json, "troubles");
    json_end(&json, '}');
    putchar('\n');
}
