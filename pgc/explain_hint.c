#include "explain_hint.h"

#include "base/quote.h"
#include "explain_case.h"
#include "spool/release.h"

#include <string.h>

static const struct sighting *find_archived(const struct explanation *explanation)
{
    const struct sighting *found = sightings_find(&explanation->sightings, PLACE_SUCCESSFUL);
    return found != NULL ? found : sightings_find(&explanation->sightings, PLACE_FAILED);
}

static bool has_file(const struct sighting *sighting, const char *id, const char *suffix)
{
    const size_t length = strlen(id);
    for (size_t i = 0; i < sighting->count; i++)
        if (strncmp(sighting->files[i].name, id, length) == 0 &&
            strcmp(sighting->files[i].name + length, suffix) == 0)
            return sighting->files[i].size > 0;
    return false;
}

/* A release leaves the crash while the disk of the day of its case may be away. (That of the day
 * that its id says is a trouble.) */
static void hint_at_mount(const struct explanation *explanation, const struct sighting *its,
                          char text[NEXT_SIZE])
{
    struct pair pair = {.id = explanation->id};
    memcpy(pair.day, its->day, sizeof pair.day);
    for (int i = 0; i < ROOT_COUNT; i++) {
        pair.spool = explanation->places->roots.spools[i];
        const char *doubt = pair.spool != NULL ? pair_tree_away(&pair) : NULL;
        if (doubt != NULL)
            explain_add(text, "its day %s: \"%s/%s\"", doubt, pair.spool->path, pair.day);
    }
}

static void hint_at_case(const struct explanation *explanation, const struct sighting *its,
                         char text[NEXT_SIZE])
{
    const struct options *options = explanation->options;
    const char *id = explanation->id.text;
    if (explain_case_is_of_another(explanation, its)) {
        explain_add(text,
                    "ask with the configuration of the storage whose root has the mark %s in "
                    "crashmon.storages",
                    its->owner);
        return;
    }
    bool is_whole = has_file(its, id, options->json_file_suffix) &&
                    has_file(its, id, options->dump_file_suffix);
    if (find_archived(explanation) != NULL && !is_whole) {
        explain_add(text,
                    "what is in quarantine may be a part of the crash with its id in long-term "
                    "storage; if so, put it there, beside the rest, with mv -n");
        return;
    }
    if (find_archived(explanation) != NULL)
        explain_add(
            text, "compare it with the crash of its id in long-term storage, and delete one of the "
                  "two");
    else if (!is_whole)
        explain_add(text, "put what is missing beside the rest of it in quarantine");
    hint_at_mount(explanation, its, text);
    explain_add(text, "to have it processed: crashmon-priority --release %s", id);
}

/* Both kinds may share a directory. The reason of a later failure is written only where there is
 * none of this one. */
static void hint_at_archived(const struct explanation *explanation, const struct sighting *archived,
                             char text[NEXT_SIZE])
{
    const char *id = explanation->id.text;
    bool has_reason = has_file(archived, id, ".reason");
    bool has_failed = has_reason || archived->place == PLACE_FAILED;
    const struct sighting *other = sightings_find(&explanation->sightings, PLACE_FAILED);
    if (other != NULL && strcmp(other->path, archived->path) != 0)
        explain_add(text,
                    "both long-term storages have it, or two crashes of its id; as for \"%s\"",
                    archived->path);
    explain_add(text,
                "%s; to have it processed again, move its metadata and all its dumps to a new "
                "directory \"%s/%s/%s\"",
                has_failed ? "its job has failed" : "it is done",
                explanation->places->quarantine_path, archived->day, id);
    if (has_reason)
        explain_add(text, "delete %s.reason", id);
    explain_add(text, "then crashmon-priority --release %s", id);
}

/* Its files are in the spool, or some of them, and in quarantine. What is there beside its date
 * link may be another crash, unless its reason says that it is a copy. */
static bool is_half_released(const struct explanation *explanation)
{
    const struct sighting *new = sightings_find(&explanation->sightings, PLACE_STORAGE);
    const struct sighting *its = explained_case(explanation);
    const struct run_status *run = explain_last_run(explanation, "crashmon-priority-release");
    if (new == NULL || new->name_link == NULL || its == NULL || !release_has_made(new->name_link) ||
        !explanation->is_seen[PLACE_STORAGE])
        return false;
    bool is_copy = its->count == 0 || (its->reason != NULL && release_has_noted(its->reason));
    return (new->date_links.count == 0 || is_copy) && !(run != NULL && last_run_is_at_work(run));
}

/* Of one without a job, while priority can do something for it. Who moves or deletes files of it
 * must know all that there is of it; who asks a program need not. */
static void hint_at_processing(const struct explanation *explanation, char text[NEXT_SIZE])
{
    const struct sightings *sightings = &explanation->sightings;
    const struct sighting *found = explained_in_roots(explanation);
    const struct sighting *archived = find_archived(explanation);
    const struct sighting *quarantined = explained_case(explanation);
    const char *id = explanation->id.text;
    if (is_half_released(explanation)) {
        explain_add(text, "its release was not finished: crashmon-priority --release %s", id);
        return;
    }
    if (found != NULL && found->date_links.count > 0 && found->place == PLACE_STORAGE)
        return;
    if (found != NULL && found->state == PAIR_READY && explanation->request_count == 0)
        explain_add(text, "to have it processed: crashmon-priority %s", id);
    else if (found == NULL && !explanation->is_complete)
        explain_add(
            text, "not every place could be read (see Troubles), so there may be more of it: move "
                  "and delete nothing of it yet");
    else if (found == NULL && quarantined != NULL)
        hint_at_case(explanation, quarantined, text);
    else if (found == NULL && archived != NULL)
        hint_at_archived(explanation, archived, text);
    else if (sightings->count == 0)
        explain_add(text, "it may be on its way, or in another storage");
}

/* Of a job whose pair is neither in a root nor in long-term storage. */
static void hint_at_lost(const struct explanation *explanation, char text[NEXT_SIZE])
{
    const struct explained_job *job = &explanation->job;
    const struct sighting *its = explained_case(explanation);
    char storage[QUOTE_SIZE];
    if (strcmp(job->storage, explanation->options->storage_name) != 0)
        explain_add(text, "its job belongs to storage %.200s: ask with the configuration of that",
                    quote(storage, job->storage));
    else if (its != NULL && !explain_case_is_of_another(explanation, its))
        explain_add(text,
                    "its pair is in quarantine; once its job has failed and its row is gone: "
                    "crashmon-priority --release %s",
                    explanation->id.text);
    else
        explain_add(
            text,
            "its pair is nowhere: look whether a disk is not mounted, or another storage has it");
}

bool explain_hint(const struct explanation *explanation, bool is_known, char text[NEXT_SIZE])
{
    const struct explained_job *job = &explanation->job;
    const struct sighting *found = explained_in_roots(explanation);
    text[0] = '\0';
    if (!explanation->database->is_connected || (!is_known && !explanation->is_complete))
        return false;
    if (!is_known)
        explain_add(
            text,
            "the collector may have %srefused or dropped it; it may have been deleted, when it was "
            "done or for its age, or given up as missing (look into the log); or it belongs to "
            "another storage: ask with the configuration of that",
            explanation->options->deferred_storage_root == NULL ? "throttled, " : "");
    else if (job->is_finished && job->missing >= 0 && found != NULL && found->date_links.count > 0)
        explain_add(text, "cleanup has missed its pair: what is there may be another crash of its "
                          "id, which has to wait until the row of this one is gone");
    else if (job->id != 0 && explanation->is_complete && found == NULL &&
             find_archived(explanation) == NULL)
        hint_at_lost(explanation, text);
    else if (job->id != 0 || !explain_can_work(explanation, PROGRAM_PRIORITY, text))
        text[0] = '\0';
    else
        hint_at_processing(explanation, text);
    return text[0] != '\0';
}
