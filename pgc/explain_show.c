#include "explain_show.h"

#include "base/quote.h"
#include "explain_hint.h"
#include "options/command_line.h"
#include "report/json.h"
#include "report/say.h"
#include "session.h"
#include "storage_rows.h"

#include <stdio.h>
#include <string.h>

static const enum program programs[] = {PROGRAM_SCAN, PROGRAM_PRIORITY, PROGRAM_CLEANUP};

enum { PROGRAM_COUNT = sizeof programs / sizeof programs[0] };

static const char *state_of(const struct explained_job *job)
{
    return job->is_finished    ? job->success ? "finished" : "failed"
           : job->started >= 0 ? "started"
                               : "waiting";
}

/* --- for people */

static void say_sighting(const struct sighting *sighting)
{
    char quoted[QUOTE_SIZE], size[FIGURE_SIZE], age[FIGURE_SIZE];
    say("  %s \"%s/%s\"", place_title(sighting->place), sighting->path, sighting->where);
    for (size_t i = 0; i < sighting->count; i++) {
        const struct sighted_file *file = &sighting->files[i];
        say("    %-52s %-9s %10s  %s old", quote(quoted, file->name), file->kind,
            figure_size(size, (unsigned long long)file->size), figure_age(age, file->age));
    }
    if (sighting->name_link != NULL)
        say("    name link: %s", quote(quoted, sighting->name_link));
    for (size_t i = 0; i < sighting->date_links.count; i++)
        say("    date link in %s", quote(quoted, sighting->date_links.items[i]));
    if (sighting->place == PLACE_QUARANTINE)
        say("    reason: %s", sighting->reason != NULL ? sighting->reason : "unknown");
    else if (sighting->reason != NULL)
        say("    reason: \"%s\"", sighting->reason); /* escaped by who has written it */
}

static void say_owner(const struct explanation *explanation)
{
    const struct processor_status *owner = explained_owner(explanation);
    char name[QUOTE_SIZE], age[FIGURE_SIZE];
    if (owner != NULL)
        say("  owner %s, %s, last seen %s%s", quote(name, owner->name != NULL ? owner->name : ""),
            owner->state, figure_ago(age, owner->seen),
            processor_is_excused(explanation->options, owner)
                ? ", but the server or all runs were away meanwhile"
                : "");
    else if (explanation->job.owner < 0)
        say("  no owner");
    else
        say("  owner %lld, which is not registered", explanation->job.owner);
}

static void say_age(const char *what, long long age)
{
    char text[FIGURE_SIZE];
    if (age >= 0)
        say("  %s %s ago", what, figure_age(text, age));
}

static void say_job(const struct explanation *explanation)
{
    const struct explained_job *job = &explanation->job;
    char quoted[QUOTE_SIZE];
    if (job->id == 0) {
        say("Job         %s", explanation->has_rows ? "none" : "unknown");
        return;
    }
    say("Job         %lld, %s; priority %d, attempts %d of %ld, storage %s", job->id, state_of(job),
        job->priority, job->attempts, explanation->options->maximum_attempts,
        quote(quoted, job->storage));
    say("  queued from %s", quote(quoted, job->pathname));
    say_owner(explanation);
    say_age("queued", job->queued);
    say_age("started", job->started);
    say_age("ended", job->completed);
    say_age("missing since", job->missing);
    if (job->message[0] != '\0')
        say("  message %s", quote(quoted, job->message));
}

static void say_request(const struct explanation *explanation)
{
    char age[FIGURE_SIZE];
    for (size_t i = 0; i < explanation->request_count; i++) {
        const struct explained_request *one = &explanation->requests[i];
        bool is_as_here = strcmp(one->text, explanation->id.text) == 0;
        say("Request     %s ago%s%s", figure_age(age, one->age), is_as_here ? "" : ", for ",
            is_as_here ? "" : one->text);
    }
    if (explanation->request_count == 0)
        say("Request     %s", explanation->has_rows ? "none" : "unknown");
}

static void say_next(const struct explanation *explanation)
{
    char when[NEXT_SIZE], what[NEXT_SIZE];
    say("Next");
    for (int i = 0; i < PROGRAM_COUNT; i++) {
        const char *name = options_program_name(programs[i]);
        explain_when(explanation, name, when);
        explain_what(explanation, programs[i], what);
        say("  %-19s %-15.60s %s", name, when, what);
    }
}

static void say_where(const struct explanation *explanation)
{
    const char *const *paths = explanation->places->paths;
    say(explanation->is_complete ? "Nobody knows it. These are the places where it was looked for:"
                                 : "It was not found, but not every place could be read:");
    for (int place = 0; place < PLACE_COUNT; place++)
        if (paths[place] != NULL)
            say("  %s \"%s\"%s", place_title((enum place)place), paths[place],
                explanation->places->is_missing[place] ? ": there is none yet"
                : explanation->is_seen[place]          ? ", under each day"
                                                       : ": not all of it could be read");
    say("  the tables jobs and priorityjobs%s",
        explanation->has_rows ? "" : ": they could not be read");
}

static void say_hint(const struct explanation *explanation, bool is_known)
{
    char hint[NEXT_SIZE];
    if (explain_hint(explanation, is_known, hint))
        say("Hint        %s", hint);
}

static void say_troubles(const struct problems *troubles)
{
    if (troubles->count > 0)
        say("Troubles");
    for (size_t i = 0; i < troubles->count; i++)
        say("  %s", problem_text(&troubles->items[i]));
}

void explain_print_text(const struct explanation *explanation, bool is_known)
{
    say("Crash %s", explanation->id.text);
    if (is_known) {
        say("Found       %s", explanation->sightings.count > 0 ? ""
                              : explanation->is_complete
                                  ? "nowhere"
                                  : "nowhere, but not every place could be read");
        for (size_t i = 0; i < explanation->sightings.count; i++)
            say_sighting(&explanation->sightings.items[i]);
        say_job(explanation);
        say_request(explanation);
        say_next(explanation);
    } else {
        say_where(explanation);
    }
    say_hint(explanation, is_known);
    say_troubles(explanation->troubles);
}

/* --- for scripts */

static void put_sighting(struct json *json, const struct sighting *sighting)
{
    json_begin(json, NULL, '{');
    json_text(json, "place", storage_row_names[sighting->place]);
    json_text(json, "path", sighting->path);
    json_text(json, "where", sighting->where);
    json_begin(json, "files", '[');
    for (size_t i = 0; i < sighting->count; i++) {
        json_begin(json, NULL, '{');
        json_text(json, "name", sighting->files[i].name);
        json_text(json, "kind", sighting->files[i].kind);
        json_number(json, "size", sighting->files[i].size);
        json_known(json, "age", sighting->files[i].age);
        json_end(json, '}');
    }
    json_end(json, ']');
    json_text(json, "name_link", sighting->name_link);
    json_begin(json, "date_links", '[');
    for (size_t i = 0; i < sighting->date_links.count; i++)
        json_text(json, NULL, sighting->date_links.items[i]);
    json_end(json, ']');
    json_text(json, "reason", sighting->reason);
    json_end(json, '}');
}

static void put_job(struct json *json, const struct explanation *explanation)
{
    const struct explained_job *job = &explanation->job;
    const struct processor_status *owner = explained_owner(explanation);
    if (job->id == 0) {
        json_text(json, "job", NULL);
        return;
    }
    json_begin(json, "job", '{');
    json_number(json, "id", job->id);
    json_text(json, "state", state_of(job));
    json_text(json, "storage", job->storage);
    json_text(json, "pathname", job->pathname);
    json_name(json, "root", job->root);
    json_known(json, "owner", job->owner);
    json_text(json, "processor", owner != NULL ? owner->name : NULL);
    json_text(json, "processor_state", owner != NULL ? owner->state : NULL);
    json_number(json, "priority", job->priority);
    json_number(json, "attempts", job->attempts);
    json_known(json, "queued", job->queued);
    json_known(json, "started", job->started);
    json_known(json, "ended", job->completed);
    json_known(json, "missing", job->missing);
    json_name(json, "message", job->message);
    json_end(json, '}');
}

static void put_requests(struct json *json, const struct explanation *explanation)
{
    json_begin(json, "requests", '[');
    for (size_t i = 0; i < explanation->request_count; i++) {
        json_begin(json, NULL, '{');
        json_text(json, "id", explanation->requests[i].text);
        json_known(json, "age", explanation->requests[i].age);
        json_end(json, '}');
    }
    json_end(json, ']');
}

static void put_next(struct json *json, const struct explanation *explanation)
{
    char what[NEXT_SIZE];
    json_begin(json, "next", '[');
    for (int i = 0; i < PROGRAM_COUNT; i++) {
        const char *name = options_program_name(programs[i]);
        const struct run_status *run = explain_last_run(explanation, name);
        explain_what(explanation, programs[i], what);
        json_begin(json, NULL, '{');
        json_text(json, "program", name);
        json_bool(json, "running", run != NULL && strcmp(run->state, "at work") == 0);
        if (run != NULL && run->is_due)
            json_number(json, "due", run->due);
        else
            json_text(json, "due", NULL);
        json_text(json, "does", what);
        json_end(json, '}');
    }
    json_end(json, ']');
}

static void put_places(struct json *json, const struct explanation *explanation)
{
    const struct explain_places *places = explanation->places;
    json_begin(json, "places", '[');
    for (int place = 0; place < PLACE_COUNT; place++) {
        if (places->paths[place] == NULL)
            continue;
        json_begin(json, NULL, '{');
        json_text(json, "place", storage_row_names[place]);
        json_text(json, "path", places->paths[place]);
        json_bool(json, "read", explanation->is_seen[place] && !places->is_missing[place]);
        json_end(json, '}');
    }
    json_end(json, ']');
}

void explain_print_json(const struct explanation *explanation, bool is_known)
{
    struct json json = {.stream = stdout};
    char hint[NEXT_SIZE];
    json_begin(&json, NULL, '{');
    json_text(&json, "id", explanation->id.text);
    json_text(&json, "storage", explanation->options->storage_name);
    json_bool(&json, "connected", session_is_connected());
    if (is_known || explanation->is_complete)
        json_bool(&json, "known", is_known);
    else
        json_text(&json, "known", NULL);
    put_places(&json, explanation);
    json_begin(&json, "found", '[');
    for (size_t i = 0; i < explanation->sightings.count; i++)
        put_sighting(&json, &explanation->sightings.items[i]);
    json_end(&json, ']');
    put_job(&json, explanation);
    put_requests(&json, explanation);
    put_next(&json, explanation);
    json_text(&json, "hint", explain_hint(explanation, is_known, hint) ? hint : NULL);
    problems_write_json(explanation->troubles, &json, "troubles");
    json_end(&json, '}');
    putchar('\n');
}
