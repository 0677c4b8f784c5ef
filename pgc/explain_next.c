/* The decisions themselves are made elsewhere: by examine(), enqueue(), attempts_limit() and
 * reassign_orphans() in scan, by list_requests() and look_for_pair() in priority, by put_away() and
 * retention() in cleanup. Here they are told. */
#include "explain_next.h"

#include "base/quote.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DAY = 24 * 3600 };

/* Adds a sentence; with "; " before it, if it is not the first one. */
static void add(char text[NEXT_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add(char text[NEXT_SIZE], const char *format, ...)
{
    va_list arguments;
    size_t used = strlen(text);
    if (used > 0 && used + 2 < NEXT_SIZE) {
        strcpy(text + used, "; ");
        used += 2;
    }
    va_start(arguments, format);
    vsnprintf(text + used, NEXT_SIZE - used, format, arguments);
    va_end(arguments);
}

/* --- when */

const struct run_status *explain_last_run(const struct explanation *explanation,
                                          const char *program)
{
    const struct database_status *database = explanation->database;
    for (long i = 0; i < database->run_count; i++)
        if (strcmp(database->runs[i].program, program) == 0 &&
            strcmp(database->runs[i].storage, explanation->options->storage_name) == 0)
            return &database->runs[i];
    return NULL;
}

void explain_when(const struct explanation *explanation, const char *program, char text[NEXT_SIZE])
{
    char age[FIGURE_SIZE];
    const struct run_status *run = explain_last_run(explanation, program);
    if (run == NULL)
        snprintf(text, NEXT_SIZE, explanation->database->run_count < 0 ? "unknown" : "no run yet");
    else if (strcmp(run->state, "at work") == 0)
        snprintf(text, NEXT_SIZE, "at work");
    else if (run->due < 0)
        snprintf(text, NEXT_SIZE, "%s late", figure_age(age, -run->due));
    else
        snprintf(text, NEXT_SIZE, "in %s", figure_age(age, run->due));
}

/* --- what is in its way */

const struct processor_status *explained_owner(const struct explanation *explanation)
{
    const struct database_status *database = explanation->database;
    for (long i = 0; i < database->processor_count; i++)
        if (database->processors[i].id == explanation->job.owner)
            return &database->processors[i];
    return NULL;
}

/* False: the run does nothing, and why. */
static bool can_work(const struct explanation *explanation, char text[NEXT_SIZE])
{
    if (!explanation->database->is_connected)
        add(text, "nothing while the database cannot be reached");
    else if (explanation->database->is_standby)
        add(text, "nothing while the database only reads (a standby)");
    else if (explanation->pause[0] != '\0')
        add(text, "nothing while the storage is paused");
    else if (!explanation->is_seen[PLACE_STORAGE])
        add(text, "nothing while the storage root cannot be used");
    else
        return true;
    return false;
}

static bool is_ours(const struct explanation *explanation)
{
    const struct explained_job *job = &explanation->job;
    return job->id != 0 && strcmp(job->storage, explanation->options->storage_name) == 0;
}

/* Whether the row is that of what lies here. */
static bool is_same(const struct explanation *explanation, const struct sighting *sighting)
{
    const char *pathname = explanation->job.pathname;
    size_t length = strlen(sighting->path);
    return is_ours(explanation) &&
           (pathname[0] == '\0' ||
            (strncmp(pathname, sighting->path, length) == 0 && pathname[length] == '/' &&
             strncmp(pathname + length + 1, sighting->day, DAY_LENGTH) == 0));
}

/* --- scan */

static void say_new_without_job(const struct explanation *explanation,
                                const struct sighting *sighting, char text[NEXT_SIZE])
{
    const struct options *options = explanation->options;
    char age[FIGURE_SIZE];
    if (sighting->examined == EXAMINED_CRASH && sighting->verdict == QUEUED)
        add(text, explanation->database->alive > 0 ? "queues it for a live processor"
                                                   : "leaves it: no processor is alive");
    else if (sighting->examined == EXAMINED_CRASH && sighting->verdict == QUARANTINED)
        add(text, "quarantines it: %s", sighting->why.text);
    else if (sighting->state == PAIR_UNSETTLED)
        add(text, "queues it once nothing of it has changed for %s: %s",
            figure_age(age, options->settle_time), sighting->why.text);
    else if (sighting->state == PAIR_INCOMPLETE && sighting->age < options->incomplete_age)
        add(text, "leaves it: %s; quarantines it if that stays so for another %s",
            sighting->why.text, figure_age(age, options->incomplete_age - sighting->age));
    else
        add(text, "leaves it: %s", sighting->why.text);
}

static void say_new(const struct explanation *explanation, const struct sighting *sighting,
                    char text[NEXT_SIZE])
{
    const struct explained_job *job = &explanation->job;
    char storage[QUOTE_SIZE];
    if (job->id == 0)
        say_new_without_job(explanation, sighting, text);
    else if (!is_same(explanation, sighting))
        add(text, "quarantines it: its id is queued already, from storage %.200s",
            quote(storage, job->storage));
    else if (job->is_finished && sighting->age < job->completed)
        add(text, "leaves it until the job with its id, which is finished, has been put away");
    else
        add(text, "removes its links, as it is queued already");
}

static void say_of_roots(const struct explanation *explanation, char text[NEXT_SIZE])
{
    char age[FIGURE_SIZE];
    for (size_t i = 0; i < explanation->sightings.count; i++) {
        const struct sighting *sighting = &explanation->sightings.items[i];
        if (sighting->place != PLACE_STORAGE)
            continue;
        if (sighting->date_link != NULL)
            say_new(explanation, sighting, text);
        else if (explanation->job.id == 0)
            add(text,
                "does not see it, as it has no date link; with --repair it would when nothing "
                "of it has changed for %s",
                figure_age(age, explanation->options->incomplete_age));
    }
}

static void say_of_job(const struct explanation *explanation, char text[NEXT_SIZE])
{
    const struct explained_job *job = &explanation->job;
    const struct options *options = explanation->options;
    const struct processor_status *owner = explained_owner(explanation);
    if (!is_ours(explanation) || job->is_finished)
        return;
    if (job->started < 0 && job->attempts >= options->maximum_attempts)
        add(text, "lets its job fail, as it has had enough attempts: %d", job->attempts);
    else if (owner != NULL && strcmp(owner->state, "dead") != 0) {
        if (job->started >= 0 && options->job_timeout > 0 && job->started >= options->job_timeout)
            add(text, "has its job wait again, as it was started too long ago");
    } else {
        add(text, explanation->database->alive > 0
                      ? "gives its job to a live processor"
                      : "cannot give its job to another processor: none is alive");
    }
}

/* --- priority */

static const struct sighting *find_in_roots(const struct explanation *explanation)
{
    const struct sighting *found = sightings_find(&explanation->sightings, PLACE_STORAGE);
    return found != NULL && found->count > 0
               ? found
               : sightings_find(&explanation->sightings, PLACE_DEFERRED);
}

static void say_of_request(const struct explanation *explanation, char text[NEXT_SIZE])
{
    const struct explained_job *job = &explanation->job;
    const struct processor_status *owner = explained_owner(explanation);
    const struct sighting *found = find_in_roots(explanation);
    long long patience = explanation->options->give_up_after - explanation->requested;
    char age[FIGURE_SIZE];
    if (explanation->requested < 0) {
        add(text, "nothing, as nobody has requested it");
    } else if (job->id != 0 && job->is_finished) {
        add(text, "removes the request, as its job is finished");
    } else if (job->id != 0) {
        add(text, "raises the priority of its job, and removes the request");
        if ((owner == NULL || strcmp(owner->state, "dead") == 0) &&
            explanation->database->alive > 0)
            add(text, "gives its job to a live processor");
    } else if (found != NULL && found->state == PAIR_READY) {
        add(text, explanation->database->alive > 0 ? "queues it with priority"
                                                   : "leaves the request: no processor is alive");
    } else if (found == NULL &&
               (sightings_find(&explanation->sightings, PLACE_SUCCESSFUL) != NULL ||
                sightings_find(&explanation->sightings, PLACE_FAILED) != NULL)) {
        add(text, "removes the request, as it has been archived");
    } else if (found != NULL && found->state == PAIR_UNSETTLED) {
        add(text, "queues it with priority once nothing of it has changed for %s: %s",
            figure_age(age, explanation->options->settle_time), found->why.text);
    } else if (patience > 0) {
        add(text, "leaves the request, for another %s at most: %s", figure_age(age, patience),
            found != NULL ? found->why.text : "no pair of it was found");
    } else {
        add(text, "gives the request up: %s",
            found != NULL ? found->why.text : "no pair of it was found");
    }
}

/* --- cleanup */

static void say_of_missing(const struct explained_job *job, char text[NEXT_SIZE])
{
    char age[FIGURE_SIZE];
    if (job->missing < 0)
        add(text, "reports that its pair is missing, and keeps its row for 24 hours");
    else if (job->missing < DAY)
        add(text, "keeps its row for another %s, as its pair is missing",
            figure_age(age, DAY - job->missing));
    else
        add(text, "deletes its row, as its pair has been missing for 24 hours");
}

static void say_of_finished(const struct explanation *explanation, char text[NEXT_SIZE])
{
    const struct options *options = explanation->options;
    const struct explained_job *job = &explanation->job;
    const char *to = job->success ? options->save_successful_to : options->save_failed_to;
    enum place place = job->success ? PLACE_SUCCESSFUL : PLACE_FAILED;
    const struct sighting *found = find_in_roots(explanation);
    char quoted[QUOTE_SIZE];
    if (found != NULL && found->count > 0 && to != NULL)
        add(text, "moves its pair to %.1000s, and deletes its row", quote(quoted, to));
    else if (found != NULL && found->count > 0)
        add(text, "deletes its pair and its row");
    else if (sightings_find(&explanation->sightings, place) != NULL)
        add(text, "deletes its row, as its pair is in long-term storage");
    else
        say_of_missing(job, text);
}

static void say_of_days(char text[NEXT_SIZE], const char *what, long days)
{
    if (days < 0)
        add(text, "keeps it for ever: %s", what);
    else
        add(text, "deletes it after %ld d: %s", days, what);
}

static void say_of_what_is_kept(const struct explanation *explanation, char text[NEXT_SIZE])
{
    const struct options *options = explanation->options;
    const struct sightings *sightings = &explanation->sightings;
    if (explanation->job.id == 0 && sightings_find(sightings, PLACE_DEFERRED) != NULL)
        say_of_days(text, "it is throttled, and was not requested", options->keep_deferred_days);
    if (sightings_find(sightings, PLACE_QUARANTINE) != NULL)
        say_of_days(text, "it is in quarantine", options->keep_quarantine_days);
}

/* --- all */

void explain_what(const struct explanation *explanation, enum program program, char text[NEXT_SIZE])
{
    const struct explained_job *job = &explanation->job;
    char storage[QUOTE_SIZE];
    text[0] = '\0';
    if (!can_work(explanation, text))
        return;
    if (job->id != 0 && !is_ours(explanation) && program != PROGRAM_PRIORITY)
        add(text, "its job is for the programs of storage %.200s", quote(storage, job->storage));
    switch (program) {
    case PROGRAM_SCAN:
        say_of_roots(explanation, text);
        say_of_job(explanation, text);
        break;
    case PROGRAM_PRIORITY: say_of_request(explanation, text); break;
    case PROGRAM_CLEANUP:
        if (is_ours(explanation) && job->is_finished)
            say_of_finished(explanation, text);
        else if (is_ours(explanation))
            add(text, "nothing until its job is finished");
        say_of_what_is_kept(explanation, text);
        break;
    }
    if (text[0] == '\0')
        add(text, "nothing");
}

/* --- what a person can do */

static bool is_archived(const struct sightings *sightings)
{
    return sightings_find(sightings, PLACE_SUCCESSFUL) != NULL ||
           sightings_find(sightings, PLACE_FAILED) != NULL;
}

bool explain_hint(const struct explanation *explanation, bool is_known, char text[NEXT_SIZE])
{
    const struct sightings *sightings = &explanation->sightings;
    const struct sighting *found = find_in_roots(explanation);
    const char *id = explanation->id.text;
    text[0] = '\0';
    if (!explanation->database->is_connected)
        return false;
    if (!is_known && explanation->is_complete)
        add(text,
            "it may have been throttled or refused by the collector, deleted at its end, or be "
            "that of another storage, whose configuration has to be asked");
    else if (!is_known)
        return false;
    else if (explanation->job.id != 0 && found == NULL && !is_archived(sightings))
        add(text, "its pair is nowhere: is a disk not mounted, or another storage's?");
    else if (explanation->job.id != 0 ||
             (found != NULL && found->date_link != NULL && found->place == PLACE_STORAGE))
        return false;
    else if (found != NULL && found->state == PAIR_READY && explanation->requested < 0)
        add(text, "to have it processed: crashmon-priority %s", id);
    else if (found == NULL && sightings_find(sightings, PLACE_QUARANTINE) != NULL)
        add(text,
            "to have it processed, put what is missing beside the rest of it in quarantine, then "
            "crashmon-priority --release %s",
            id);
    else if (found == NULL && is_archived(sightings))
        add(text,
            "it is done; to have it processed again, copy its files to the same directory below "
            "\"%s\", then crashmon-priority %s",
            explanation->options->storage_root, id);
    else if (sightings->count == 0)
        add(text, "it may be on its way, or in another storage");
    return text[0] != '\0';
}
