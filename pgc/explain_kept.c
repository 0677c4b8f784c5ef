#include "explain_kept.h"

#include "explain_case.h"
#include "spool/discard.h"
#include "storage_rows.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY = 24 * 3600, WHAT_SIZE = 200 };

struct kept {
    char what[WHAT_SIZE]; /* "it" */
    const char *why;      /* ": it is throttled", or "" */
    enum place root;      /* by which it is due */
    long days;
    long long age;
    bool is_early; /* its day has not been over for so long */
};

/* Cleanup looks for what is old once a day, for each root. */
static void say_of_days(const struct kept *kept, char text[NEXT_SIZE])
{
    const struct storage_row *root = &storage_rows[kept->root];
    bool is_swept = root->mark[0] != '\0' && !root->is_due;
    long long left = kept->days * DAY - kept->age;
    char age[FIGURE_SIZE];
    if (kept->days < 0)
        explain_add(text, "keeps %s for ever%s", kept->what, kept->why);
    else if (left > 0)
        explain_add(text, "deletes %s if nothing of it changes for another %s%s", kept->what,
                    figure_age(age, left), kept->why);
    else if (kept->is_early)
        explain_add(text, "deletes %s when its day has been over for %ld d%s", kept->what,
                    kept->days, kept->why);
    else
        explain_add(text, "deletes %s%s, as nothing of it has changed for %ld d%s", kept->what,
                    is_swept ? " tomorrow (in UTC)" : "", kept->days, kept->why);
}

static size_t count(const struct sightings *sightings, enum place place)
{
    size_t number = 0;
    for (size_t i = 0; i < sightings->count; i++)
        number += sightings->items[i].place == place;
    return number;
}

/* As discard_is_due() and discard() see it. */
static void say_of_throttled(const struct explanation *explanation, const struct sighting *its,
                             char text[NEXT_SIZE])
{
    const struct spool *spool = explanation->places->trees[PLACE_DEFERRED];
    struct candidate candidate = {.pair = {.spool = spool, .id = explanation->id},
                                  .date_directory = its->date_directory};
    struct kept kept = {.why = ": it is throttled, and was not requested",
                        .root = PLACE_DEFERRED,
                        .days = explanation->options->keep_deferred_days};
    struct timespec changed = its->linked;
    struct failure failure;
    time_t now = time(NULL);
    memcpy(candidate.pair.day, its->day, sizeof its->day);
    bool can_go =
        pair_tree_is_mounted(&candidate.pair)
            ? fail(&failure, 0, "what is mounted inside the root stays")
            : explain_places_tell_time(explanation->places, PLACE_DEFERRED, &failure) &&
                  discard_last_change(&candidate.pair, its->date_directory, &changed, &failure) &&
                  discard(&candidate, kept.days * DAY, true, &failure);
    kept.age = changed.tv_sec < now ? now - changed.tv_sec : 0;
    kept.is_early = !spool_day_is_over(spool, its->day, kept.days);
    if (count(&explanation->sightings, PLACE_DEFERRED) > 1)
        snprintf(kept.what, sizeof kept.what, "that under \"%s\"", its->day);
    else
        strcpy(kept.what, "it");
    if (can_go || kept.days < 0)
        say_of_days(&kept, text);
    else
        explain_add(text, "leaves %s: %s", kept.what, failure.text);
}

static void say_of_case(const struct explanation *explanation, const struct sighting *its,
                        char text[NEXT_SIZE])
{
    struct kept kept = {.why = "",
                        .root = PLACE_STORAGE,
                        .days = explanation->options->keep_quarantine_days,
                        .age = its->age};
    if (count(&explanation->sightings, PLACE_QUARANTINE) > 1)
        snprintf(kept.what, sizeof kept.what, "\"%s\" in quarantine", its->where);
    else
        strcpy(kept.what, "what is in quarantine");
    struct failure failure;
    bool is_deleted = explain_case_is_deleted(explanation, its);
    if (is_deleted && kept.days >= 0 &&
        !explain_places_tell_time(explanation->places, PLACE_QUARANTINE, &failure))
        explain_add(text, "leaves %s: %s", kept.what, failure.text);
    else if (is_deleted)
        say_of_days(&kept, text);
    else
        explain_add(text, "leaves %s: %s%s", kept.what,
                    its->owner[0] != '\0' ? "it is from another storage, with the mark "
                                          : "its reason does not say of which storage it is",
                    its->owner);
}

void explain_kept(const struct explanation *explanation, bool has_row, const struct pair *put_away,
                  char text[NEXT_SIZE])
{
    bool is_wanted = has_row || explanation->request_count > 0;
    const struct spool *deferred = explanation->places->trees[PLACE_DEFERRED];
    for (size_t i = 0; i < explanation->sightings.count; i++) {
        const struct sighting *one = &explanation->sightings.items[i];
        bool is_gone = put_away->spool == deferred && strcmp(put_away->day, one->day) == 0;
        if (one->place == PLACE_DEFERRED && !is_wanted && !is_gone)
            say_of_throttled(explanation, one, text);
        else if (one->place == PLACE_QUARANTINE)
            say_of_case(explanation, one, text);
    }
}
