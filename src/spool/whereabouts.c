#include "spool/whereabouts.h"

#include "spool/dir.h"
#include "spool/examine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { QUARANTINE = ELSEWHERE_COUNT - 1 };

static const enum place of_index[ELSEWHERE_COUNT] = {PLACE_SUCCESSFUL, PLACE_FAILED,
                                                     PLACE_QUARANTINE};

/* What is below the root is known by the mark of that. */
static bool check_place(const struct whereabouts *whereabouts, enum place place, const char *path,
                        int directory, struct failure *failure)
{
    if (whereabouts->check == NULL ||
        (place == PLACE_QUARANTINE && spool_below(whereabouts->roots->spools[0], path) != NULL))
        return true;
    return whereabouts->check(place, path, directory, failure);
}

/* What was never there holds no crash; long-term storage may be the same for both verdicts. */
static bool open_place(struct whereabouts *whereabouts, int index, struct failure *failure)
{
    const struct spool *root = whereabouts->roots->spools[0];
    const char *path = whereabouts->paths[index];
    struct spool **spool = &whereabouts->places[index];
    if (index == QUARANTINE && path == NULL) {
        snprintf(whereabouts->quarantine, PATH_MAX, "%s/quarantine", root->path);
        path = whereabouts->quarantine;
    }
    if (path == NULL || (index == 1 && whereabouts->places[0] != NULL &&
                         strcmp(whereabouts->places[0]->path, path) == 0))
        return true;
    *spool = (whereabouts->only_looks ? spool_open_to_look : spool_open)(
        of_index[index], path, root->json_suffix, root->dump_suffix, failure);
    if (*spool == NULL)
        return failure->error == ENOENT &&
               check_place(whereabouts, of_index[index], path, -1, failure);
    (*spool)->is_archive = true;
    return check_place(whereabouts, of_index[index], path, (*spool)->root, failure) &&
           spool_days(*spool, &whereabouts->days[index], failure);
}

static void close_places(struct whereabouts *whereabouts)
{
    for (int i = 0; i < ELSEWHERE_COUNT; i++) {
        spool_close(whereabouts->places[i]);
        names_free(&whereabouts->days[i]);
        whereabouts->places[i] = NULL;
    }
}

void whereabouts_close(struct whereabouts *whereabouts)
{
    close_places(whereabouts);
    whereabouts->is_open = false;
}

static bool open_places(struct whereabouts *whereabouts, struct failure *failure)
{
    bool good = true;
    for (int i = 0; i < ELSEWHERE_COUNT && !whereabouts->is_open && good; i++)
        good = open_place(whereabouts, i, failure);
    if (!good)
        close_places(whereabouts);
    whereabouts->is_open = good;
    return good;
}

/* A pair is archived under the day of its id; only if that has none, under any. */
static enum located find_archived(const struct whereabouts *whereabouts, int index,
                                  const struct crash_id *id, struct failure *failure)
{
    static const struct names none;
    struct pair_location location;
    if (whereabouts->places[index] == NULL)
        return LOCATED_NOWHERE;
    locate_in(whereabouts->places[index], id->day[0] != '\0' ? &none : &whereabouts->days[index],
              id, ANY_AGE, &location, failure);
    location_close(&location);
    return location.found;
}

enum { CASE_SIZE = 256 };

/* LOCATED_WHOLE: there is one. Behind a link nobody has put any. */
static enum located find_case(const struct whereabouts *whereabouts, const struct crash_id *id,
                              char path[CASE_SIZE], struct failure *failure)
{
    const struct spool *quarantine = whereabouts->places[QUARANTINE];
    const struct names *days = &whereabouts->days[QUARANTINE];
    for (size_t i = days->count; quarantine != NULL && i-- > 0;) {
        snprintf(path, CASE_SIZE, "%s/%s", days->items[i], id->text);
        if (dir_has(quarantine->root, path))
            return LOCATED_WHOLE;
        if (errno != ENOENT && errno != ENOTDIR) {
            fail(failure, errno, "cannot look for it in \"%s/%s\"", quarantine->path,
                 days->items[i]);
            return LOCATED_FAILED;
        }
    }
    return LOCATED_NOWHERE;
}

/* The places that were searched: `it is in none of "/a", "/b" and "/c"`. */
static void list_places(const struct whereabouts *whereabouts, struct failure *reason)
{
    const struct spool *all[ROOT_COUNT + ELSEWHERE_COUNT];
    size_t count = 0;
    for (int i = 0; i < ROOT_COUNT; i++)
        if (whereabouts->roots->spools[i] != NULL)
            all[count++] = whereabouts->roots->spools[i];
    for (int i = 0; i < ELSEWHERE_COUNT; i++)
        if (whereabouts->places[i] != NULL)
            all[count++] = whereabouts->places[i];
    fail(reason, 0, count == 1 ? "it is not in" : "it is in none of");
    for (size_t i = 0; i < count; i++)
        fail_further(reason, "%s \"%s\"",
                     i == 0           ? ""
                     : i + 1 == count ? " and"
                                      : ",",
                     all[i]->path);
}

/* Somebody else may have no right to look into long-term storage, today or ever. All else will
 * pass: a disk that is away, or refuses to be read. */
static enum whereabouts_found unknown(struct failure *reason)
{
    const struct failure why = *reason;
    bool is_refused = why.error == EACCES || why.error == EPERM;
    fail(reason, 0, "it is in neither root, but may be elsewhere: %.900s", why.text);
    if (!is_refused)
        reason->error = why.error != 0 ? why.error : ENODEV;
    return is_refused ? WHEREABOUTS_NONE : WHEREABOUTS_WAITS;
}

static enum whereabouts_found find_elsewhere(struct whereabouts *whereabouts,
                                             const struct crash_id *id, struct failure *reason)
{
    char path[CASE_SIZE];
    enum located found;
    if (!open_places(whereabouts, reason))
        return unknown(reason);
    for (int i = 0; i < QUARANTINE; i++) {
        found = find_archived(whereabouts, i, id, reason);
        if (found == LOCATED_FAILED)
            return unknown(reason);
        if (found != LOCATED_NOWHERE) {
            fail(reason, 0, "it has been archived in \"%s\"", whereabouts->places[i]->path);
            return WHEREABOUTS_ARCHIVED;
        }
    }
    found = find_case(whereabouts, id, path, reason);
    if (found == LOCATED_FAILED)
        return unknown(reason);
    if (found != LOCATED_NOWHERE) {
        fail(reason, 0, "it is in quarantine: \"%s/%s\"", whereabouts->places[QUARANTINE]->path,
             path);
        return WHEREABOUTS_QUARANTINED;
    }
    list_places(whereabouts, reason);
    return WHEREABOUTS_NONE;
}

enum whereabouts_found whereabouts_find(struct whereabouts *whereabouts, const char *request,
                                        long settle_time, struct pair *pair, struct failure *reason)
{
    struct crash_id spellings[CRASH_ID_SPELLINGS];
    size_t count = crash_id_spell(spellings, request);
    enum whereabouts_found found = WHEREABOUTS_NONE;
    *reason = (struct failure){0};
    for (size_t i = 0; i < count; i++) {
        if (examine_by_id(whereabouts->roots, &spellings[i], settle_time, pair, reason))
            return WHEREABOUTS_READY;
        bool waits = pair->spool != NULL || reason->error != 0;
        pair->spool = NULL;
        if (waits)
            return WHEREABOUTS_WAITS;
    }
    for (size_t i = 0; i < count && found == WHEREABOUTS_NONE; i++)
        found = find_elsewhere(whereabouts, &spellings[i], reason);
    return found;
}
