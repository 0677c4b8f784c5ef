/* What a program would do is found out as by its dry run, with the functions that it uses itself:
 * examine(), enqueue() and attempts_judge() in scan, request_judge(), request_look() and enqueue()
 * in priority, put_away() in cleanup. Here that is put into words; of what goes for its age by
 * explain_kept.h. */
#include "explain_next.h"

#include "attempts.h"
#include "base/quote.h"
#include "enqueue.h"
#include "explain_kept.h"
#include "finished_rows.h"
#include "options/command_line.h"
#include "requests.h"
#include "session.h"
#include "spool/stranded.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* --- when */

const struct run_status *explain_last_run(const struct explanation *explanation,
                                          const char *program)
{
    return last_runs_find(explanation->database->runs, explanation->database->run_count, program,
                          explanation->options->storage_name);
}

void explain_when(const struct explanation *explanation, const char *program, char text[NEXT_SIZE])
{
    char age[FIGURE_SIZE];
    const struct run_status *run = explain_last_run(explanation, program);
    if (run == NULL)
        snprintf(text, NEXT_SIZE, explanation->database->run_count < 0 ? "unknown" : "no run yet");
    else if (last_run_is_at_work(run))
        snprintf(text, NEXT_SIZE, "%s", run->state);
    else if (!run->is_due)
        snprintf(text, NEXT_SIZE, "unknown");
    else if (run->due < 0)
        snprintf(text, NEXT_SIZE, "%s late", figure_age(age, -run->due));
    else
        snprintf(text, NEXT_SIZE, "in %s", figure_age(age, run->due));
}

/* --- what is in its way */

const struct processor_status *explained_owner(const struct explanation *explanation)
{
    return processor_status_find(&explanation->database->processors, explanation->job.owner);
}

static bool has_live_processor(const struct explanation *explanation)
{
    return processors_alive(explanation->places->processors) > 0;
}

bool explain_can_work(const struct explanation *explanation, enum program program,
                      char text[NEXT_SIZE])
{
    const struct explain_places *places = explanation->places;
    if (!explanation->database->is_connected)
        explain_add(text, "nothing while the database cannot be used");
    else if (!explanation->has_rows || places->processors == NULL)
        explain_add(text, "unknown, as the tables could not be read");
    else if (explanation->database->only_reads)
        explain_add(text, "nothing while the database only reads");
    else if (explanation->pause[0] != '\0')
        explain_add(text, "nothing while the storage is paused");
    else if (!explain_places_has(places, PLACE_STORAGE))
        explain_add(text, "nothing while the storage root cannot be used");
    else if (program != PROGRAM_SCAN && !explain_places_has(places, PLACE_DEFERRED))
        explain_add(text, "nothing while the deferred storage root cannot be used");
    else if (program == PROGRAM_SCAN && !has_live_processor(explanation))
        explain_add(text, "nothing while no processor that serves the storage is alive");
    else
        return true;
    return false;
}

static bool is_ours(const struct explanation *explanation)
{
    const struct explained_job *job = &explanation->job;
    return job->id != 0 && strcmp(job->storage, explanation->options->storage_name) == 0;
}

static void quarantines(const struct explanation *explanation, const char *what, const char *why,
                        char text[NEXT_SIZE])
{
    if (explain_places_has(explanation->places, PLACE_QUARANTINE))
        explain_add(text, "quarantines %s: %s", what, why);
    else
        explain_add(text, "leaves %s, as the quarantine cannot be used: %s", what, why);
}

/* --- scan */

/* The database cannot be asked what it has to say of it, or there is no memory. */
static void say_failure(const struct failure *failure, char text[NEXT_SIZE])
{
    explain_add(text, "unknown: %s", failure->text);
}

/* One that is not ready, of which the queue knows nothing. */
static bool say_unready(const struct explanation *explanation, const struct sighting *sighting,
                        const char *queues, char text[NEXT_SIZE])
{
    const struct options *options = explanation->options;
    char age[FIGURE_SIZE];
    if (sighting->state == PAIR_UNSETTLED)
        explain_add(text, "%s once nothing of it has changed for %s: %s", queues,
                    figure_age(age, options->settle_time), sighting->why.text);
    return sighting->state == PAIR_UNSETTLED;
}

static struct pair new_pair(const struct explanation *explanation, const struct sighting *one)
{
    struct pair pair = {.spool = explanation->places->trees[PLACE_STORAGE], .id = explanation->id};
    memcpy(pair.day, one->day, sizeof pair.day);
    return pair;
}

/* Half a pair may be left only until it is old enough. */
static void say_left(const struct explanation *explanation, const struct sighting *sighting,
                     const char *why, char text[NEXT_SIZE])
{
    long long left = explanation->options->incomplete_age - sighting->age;
    const struct pair pair = new_pair(explanation, sighting);
    struct failure failure;
    char age[FIGURE_SIZE];
    explain_add(text, "leaves it: %s", why);
    if (sighting->state != PAIR_INCOMPLETE || sighting->examined == EXAMINED_UNREADABLE ||
        explanation->job.id != 0)
        return;
    if (!explain_places_tell_time(explanation->places, PLACE_STORAGE, &failure))
        explain_add(text, "%s", failure.text);
    else if (sighting_may_be_away(sighting, &pair, &failure))
        explain_add(text, "%s", failure.text);
    else if (left > 0)
        explain_add(text, "quarantines it if that stays so for another %s", figure_age(age, left));
}

static bool is_orphan(const struct explanation *explanation)
{
    const struct processor_status *owner = explained_owner(explanation);
    return owner == NULL || strcmp(owner->state, "dead") == 0;
}

static void say_new(const struct explanation *explanation, const struct sighting *sighting,
                    const struct crash *crash, char text[NEXT_SIZE])
{
    char age[FIGURE_SIZE], what[NEXT_SIZE] = "";
    bool is_ready = sighting->examined == EXAMINED_CRASH;
    if (!is_ready && crash->outcome == QUEUED) {
        say_unready(explanation, sighting, "queues it", text);
        return;
    }
    switch (crash->outcome) {
    case QUEUED: explain_add(what, "queues it for a live processor"); break;
    case ALREADY_QUEUED: explain_add(what, "removes its links, as it is queued already"); break;
    case QUARANTINED: quarantines(explanation, "it", crash_reason(crash), what); break;
    default: say_left(explanation, sighting, crash_reason(crash), what); break;
    }
    if (!is_ready && crash->outcome != LEFT)
        explain_add(text, "once nothing of it has changed for %s, %s",
                    figure_age(age, explanation->options->settle_time), what);
    else
        explain_add(text, "%s", what);
}

static const struct sighting *find_under(const struct sightings *sightings, const char *day)
{
    const struct sighting *one = sightings->items;
    while (one->place != PLACE_STORAGE || strcmp(one->day, day) != 0)
        one++;
    return one;
}

static bool is_new(const struct sighting *one)
{
    return one->place == PLACE_STORAGE && one->date_links.count > 0;
}

/* Also what is not ready: the queue has a word on it, too. */
static bool is_for_batch(const struct sighting *one)
{
    return is_new(one) && (one->examined == EXAMINED_CRASH || one->state == PAIR_UNSETTLED);
}

/* What is ready, or what is not, which comes later. */
static void add_links(const struct explanation *explanation, struct batch *batch, bool unready)
{
    const struct sightings *sightings = &explanation->sightings;
    struct failure ignored;
    bool has_clock = explain_places_tell_time(explanation->places, PLACE_STORAGE, &ignored);
    for (size_t i = 0; i < sightings->count; i++) {
        const struct sighting *one = &sightings->items[i];
        const struct pair pair = new_pair(explanation, one);
        if (!is_for_batch(one) || (one->examined != EXAMINED_CRASH) != unready)
            continue;
        enum outcome verdict = unready                                     ? QUEUED
                               : one->verdict == QUARANTINED && !has_clock ? LEFT
                                                                           : one->verdict;
        batch_add_found(batch, &pair, -1, one->date_directory, verdict,
                        verdict != QUEUED ? one->why.text : NULL);
    }
}

/* Adds to the batch what is ready, or what is not, and says what becomes of that. */
static void say_of_batch(const struct explanation *explanation, struct batch *batch, bool unready,
                         char text[NEXT_SIZE])
{
    struct failure failure;
    size_t first = batch->count;
    add_links(explanation, batch, unready);
    if (batch->count > first && enqueue(batch, 0, batch->count, explanation->options,
                                        explanation->places->processors, &failure) != DB_OK)
        say_failure(&failure, text);
    else
        for (size_t i = first; i < batch->count; i++)
            say_new(explanation, find_under(&explanation->sightings, batch->items[i].pair.day),
                    &batch->items[i].crash, text);
}

/* The links of a crash in the storage root, as a batch of scan. */
static void say_of_links(const struct explanation *explanation, char text[NEXT_SIZE])
{
    const struct sightings *sightings = &explanation->sightings;
    struct batch batch;
    batches_init(&batch, 1, sightings->count + 1);
    say_of_batch(explanation, &batch, false, text);
    say_of_batch(explanation, &batch, true, text);
    for (size_t i = 0; i < sightings->count; i++)
        if (is_new(&sightings->items[i]) && !is_for_batch(&sightings->items[i]))
            say_left(explanation, &sightings->items[i], sightings->items[i].why.text, text);
    batches_free(&batch, 1);
}

/* What is there under its day, beside what is in the directory of its pair. */
static bool has_no_link(const struct sighting *one)
{
    return one->count > 0 && strncmp(one->files[one->count - 1].name, "date/", 5) == 0;
}

/* What --repair does with it. */
static void say_stranded(enum stranded found, const char *why, const char *when,
                         char text[NEXT_SIZE])
{
    static const char see[] = "does not see it, as it has no date link; with --repair";
    switch (found) {
    case STRANDED_NOT: explain_add(text, "does not see it, as it is no part of a pair"); break;
    case STRANDED_UNQUEUED: explain_add(text, "%s it is queued%s", see, when); break;
    case STRANDED_HALF: explain_add(text, "%s it is quarantined, as %s%s", see, why, when); break;
    case STRANDED_DANGLING: explain_add(text, "%s its name link is removed%s", see, when); break;
    case STRANDED_UNKNOWN: explain_add(text, "%s it is left: %s", see, why); break;
    }
}

static void say_of_unlinked(const struct explanation *explanation, char text[NEXT_SIZE])
{
    struct failure failure, other, clock;
    bool has_clock = explain_places_tell_time(explanation->places, PLACE_STORAGE, &clock);
    bool is_queued = false; /* one under an earlier day */
    long quiet = explanation->options->incomplete_age;
    char age[FIGURE_SIZE], when[NEXT_SIZE];
    snprintf(when, sizeof when, ", once nothing of it or of its directory has changed for %s",
             figure_age(age, quiet));
    for (size_t i = 0; i < explanation->sightings.count && explanation->job.id == 0; i++) {
        const struct sighting *one = &explanation->sightings.items[i];
        if (one->place != PLACE_STORAGE || one->date_links.count > 0)
            continue;
        const struct pair pair = new_pair(explanation, one);
        enum stranded found = stranded_look(&pair, 0, false, &failure);
        bool is_quiet = stranded_look(&pair, quiet, false, &other) != STRANDED_NOT;
        if (is_queued)
            explain_add(text, "leaves that under \"%s\" while the first one has a row", one->day);
        else if (has_no_link(one))
            explain_add(text,
                        "does not see it: there is something else where its date link should be");
        else if (found != STRANDED_NOT && !has_clock)
            say_stranded(STRANDED_UNKNOWN, clock.text, "", text);
        else
            say_stranded(found, failure.text, is_quiet ? "" : when, text);
        is_queued |= found == STRANDED_UNQUEUED && is_quiet && has_clock;
    }
}

/* First the jobs of the dead go to the living, of whichever storage; that ends an attempt. */
static void say_of_job(const struct explanation *explanation, char text[NEXT_SIZE])
{
    const struct explained_job *job = &explanation->job;
    long attempts = job->attempts;
    long long started = job->started;
    if (job->id == 0 || job->is_finished)
        return;
    if (is_orphan(explanation) &&
        processors_assign(explanation->places->processors, job->storage) != NULL) {
        explain_add(text, "gives its job to a live processor");
        attempts += started >= 0;
        started = -1;
    } else if (is_orphan(explanation)) {
        explain_add(
            text,
            "cannot give its job to another processor: none that serves its storage is alive");
    }
    if (!is_ours(explanation))
        return;
    if (explanation->options->share_waiting && !is_orphan(explanation) && started < 0 &&
        job->priority < 1 && processors_alive(explanation->places->processors) > 1)
        explain_add(text, "may give its job to a processor with fewer jobs (share-waiting)");
    enum attempts_verdict verdict = attempts_judge(explanation->options, &attempts, started);
    if (verdict == ATTEMPTS_FAILS)
        explain_add(text, "lets its job fail, as it has had enough attempts: %ld", attempts);
    else if (verdict == ATTEMPTS_WAITS_AGAIN)
        explain_add(text, "has its job wait again, as it was started too long ago");
}

/* --- priority */

const struct sighting *explained_in_roots(const struct explanation *explanation)
{
    const struct sighting *found = sightings_find(&explanation->sightings, PLACE_STORAGE);
    return found != NULL && found->count > 0
               ? found
               : sightings_find(&explanation->sightings, PLACE_DEFERRED);
}

static void say_request_stays(const struct explanation *explanation, const char *why, bool is_known,
                              char text[NEXT_SIZE])
{
    const struct sightings *sightings = &explanation->sightings;
    const char *keeper = explanation->give_up.keeper;
    long long patience = explanation->options->give_up_after - explanation->requests->age;
    char age[FIGURE_SIZE];
    for (size_t i = 0; i < sightings->count; i++)
        if (strcmp(sightings->items[i].why.text, why) == 0 &&
            say_unready(explanation, &sightings->items[i], "queues it with priority", text))
            return;
    if (is_known && patience > 0)
        explain_add(text, "leaves the request, for another %s at %s: %s", figure_age(age, patience),
                    keeper[0] != '\0' ? "least" : "most", why);
    else if (is_known && keeper[0] != '\0')
        explain_add(text,
                    "leaves the request, as the crash may be in storage %s, whose "
                    "crashmon-priority has not looked for all requests since: %s",
                    keeper, why);
    else
        explain_add(text, "leaves the request: %s", why);
}

static void say_served(const struct explanation *explanation, const struct candidate *candidate,
                       bool is_searched, char text[NEXT_SIZE])
{
    const char *why = crash_reason(&candidate->crash);
    switch (candidate->crash.outcome) {
    case QUEUED: explain_add(text, "queues it with priority"); break;
    case FINISHED: explain_add(text, "removes the request: %s", why); break;
    case GIVEN_UP: explain_add(text, "gives the request up: %s", why); break;
    case LEFT:
        say_request_stays(explanation, why, is_searched && candidate->verdict == LEFT, text);
        break;
    default:
        explain_add(text, "raises the priority of its job, and removes the request");
        if (explanation->job.id != 0 && is_orphan(explanation) && has_live_processor(explanation))
            explain_add(text, "gives its job to a live processor");
        break;
    }
}

/* What differs in letters alone is another crash, and the request is for the one that it spells. */
static bool is_of_other(const struct explanation *explanation,
                        const struct explained_request *request, const struct candidate *candidate)
{
    return strcmp(request->text, explanation->id.text) != 0 &&
           (request->has_job ||
            (candidate->pair.spool != NULL && strcmp(candidate->pair.id.text, request->text) == 0));
}

static void say_of_request(const struct explanation *explanation, char text[NEXT_SIZE])
{
    const struct options *options = explanation->options;
    const struct explained_job *job = &explanation->job;
    struct failure failure = {0};
    struct batch batch;
    const struct explained_request *request = explanation->requests;
    bool is_searched = true;
    if (explanation->request_count == 0) {
        explain_add(text, job->id != 0 && !job->is_finished && job->priority > 0
                              ? "nothing, as its job has priority already"
                              : "nothing, as nobody has requested it");
        return;
    }
    batches_init(&batch, 1, 1);
    struct candidate *candidate = batch_add_request(&batch, request->text);
    if (candidate == NULL) {
        explain_add(text, "unknown: out of memory");
        return;
    }
    bool is_as_here = strcmp(request->text, explanation->id.text) == 0;
    bool has_job = job->id != 0 && is_as_here;
    give_up_judge(&explanation->give_up, request->age, candidate, has_job,
                  has_job && job->is_finished);
    if (candidate->verdict == LEFT || candidate->verdict == GIVEN_UP)
        is_searched = request_look(candidate, &explanation->places->whereabouts,
                                   options->settle_time, &failure);
    if (is_of_other(explanation, request, candidate))
        explain_add(text, "nothing, as it serves the request with crash %s", request->text);
    else if (enqueue(&batch, 0, 1, options, explanation->places->processors, &failure) != DB_OK)
        say_failure(&failure, text);
    else {
        request_settle(candidate);
        say_served(explanation, candidate, is_searched, text);
    }
    batches_free(&batch, 1);
}

/* --- cleanup */

static void say_of_finished(const struct explanation *explanation, const struct finished_job *job,
                            char text[NEXT_SIZE])
{
    const char *why = crash_reason(&job->crash);
    switch (job->crash.outcome) {
    case ARCHIVED: explain_add(text, "puts its pair away, and deletes its row: %s", why); break;
    case DELETED: explain_add(text, "deletes its pair and its row: %s", why); break;
    case MISSING: explain_add(text, "reports it as missing: %s", why); break;
    case QUARANTINED: quarantines(explanation, "its pair", why, text); break;
    default: explain_add(text, "leaves it: %s", why); break;
    }
}

struct finished_answer {
    const struct explanation *explanation;
    char *text;
    bool has_row;     /* still, when that has been done; and */
    struct pair pair; /* where the pair of the job was; without a spool: it is nowhere, or stays */
};

static void put_finished_away(void *context, const struct finished_row *row)
{
    struct finished_answer *answer = context;
    struct explain_places *places = answer->explanation->places;
    struct finished_job job;
    struct report report;
    struct failure failure;
    bool has_archives = (places->archives[0] != NULL && places->archives[1] != NULL) ||
                        fail(&failure, 0, "out of memory for long-term storage");
    if (!has_archives || !roots_refresh(&places->roots, &failure)) {
        say_failure(&failure, answer->text);
        return;
    }
    roots_ask_clock(&places->roots);
    for (int i = 0; i < 2; i++)
        archive_ask_clock(places->archives[i]);
    report_init(&report);
    report.dry_run = report.is_silent = true;
    finished_job_init(&job, row, &places->roots, places->archives);
    put_away(&job, &places->roots, NULL, &report);
    say_of_finished(answer->explanation, &job, answer->text);
    answer->has_row = job.crash.outcome != ARCHIVED && job.crash.outcome != DELETED;
    answer->pair = job.move.pair;
    finished_job_clear(&job);
}

/* The row, and then what the row does not keep. */
static void say_of_rest(const struct explanation *explanation, char text[NEXT_SIZE])
{
    const struct explained_job *job = &explanation->job;
    const struct finished_question question = {.storage = explanation->options->storage_name,
                                               .uuid = explanation->id.text,
                                               .last = LLONG_MIN,
                                               .limit = 1};
    struct finished_answer answer = {explanation, text, .has_row = job->id != 0};
    struct failure failure;
    if (is_ours(explanation) && !job->is_finished)
        explain_add(text, "nothing until its job is finished");
    else if (is_ours(explanation) &&
             finished_rows_list(&question, put_finished_away, &answer, &failure) != DB_OK)
        say_failure(&failure, text);
    explain_kept(explanation, answer.has_row, &answer.pair, text);
}

/* --- all */

/* A dry run finds out neither that a disk is full, nor that the server refuses something. */
static void doubt(const struct explanation *explanation, enum program program, char text[NEXT_SIZE])
{
    const struct run_status *run = explain_last_run(explanation, options_program_name(program));
    if (run == NULL || strcmp(run->state, "ended") != 0 || strncmp(text, "nothing", 7) == 0)
        return;
    enum exit_code code = (enum exit_code)run->exit_code;
    if (!exit_code_is_done(code))
        explain_add(text, "its last run ended with %d (%s)%s%s", (int)code, exit_code_words(code),
                    *run->error != '\0' ? ": " : "", run->error);
}

void explain_what(const struct explanation *explanation, enum program program, char text[NEXT_SIZE])
{
    const struct explained_job *job = &explanation->job;
    char storage[QUOTE_SIZE];
    text[0] = '\0';
    session_watch();
    if (!explain_can_work(explanation, program, text))
        return;
    if (job->id != 0 && !is_ours(explanation) && program != PROGRAM_PRIORITY)
        explain_add(text, "its job is for the programs of storage %.200s",
                    quote(storage, job->storage));
    switch (program) {
    case PROGRAM_SCAN:
        say_of_links(explanation, text);
        say_of_unlinked(explanation, text);
        say_of_job(explanation, text);
        break;
    case PROGRAM_PRIORITY: say_of_request(explanation, text); break;
    case PROGRAM_CLEANUP: say_of_rest(explanation, text); break;
    }
    if (text[0] == '\0')
        explain_add(text, "nothing");
    else
        doubt(explanation, program, text);
}
