#include "spool/candidate.h"

#include "log/log.h"
#include "spool/date_dir.h"
#include "spool/dir.h"
#include "spool/links.h"
#include "spool/locate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Directories that a batch may hold open. */
enum { HELD_MAXIMUM = 1000 };

void batches_init(struct batch batches[], size_t count, size_t size)
{
    size_t held = dir_reserve(count * (size < HELD_MAXIMUM ? size : HELD_MAXIMUM)) / count;
    for (size_t i = 0; i < count; i++)
        batches[i] = (struct batch){.size = size, .held = held};
}

static void close_directory(int directory)
{
    if (directory >= 0)
        close(directory);
}

/* Room for one more. The array is allocated with the first crash, since a run that finds nothing
 * should cost nothing, and not cleared, so that unused pages stay untouched. */
static struct candidate *next_item(struct batch *batch)
{
    if (batch->items == NULL)
        batch->items = reallocarray(NULL, batch->size, sizeof *batch->items);
    return batch->items != NULL ? &batch->items[batch->count] : NULL;
}

bool batch_add_found(struct batch *batch, const struct pair *pair, int directory,
                     struct date_dir *date_directory, enum outcome verdict, const char *why)
{
    char *copy = why != NULL ? strdup(why) : NULL;
    struct candidate *candidate = next_item(batch);
    bool has_memory = candidate != NULL && (copy != NULL || why == NULL);
    bool is_held = has_memory && batch->count < batch->held;
    if (!is_held)
        close_directory(directory);
    if (!has_memory) {
        free(copy);
        return false;
    }
    *candidate = (struct candidate){
        .pair = *pair,
        .directory = is_held ? directory : -1,
        .date_directory = date_directory != NULL ? date_dir_hold(date_directory) : NULL,
        .verdict = verdict,
        .why = copy,
    };
    candidate->crash.name = candidate->pair.id.text;
    batch->look_up |= verdict != QUEUED;
    batch->count++;
    return true;
}

struct candidate *batch_add_request(struct batch *batch, const char *text)
{
    char *copy = strdup(text);
    struct candidate *candidate = next_item(batch);
    if (candidate == NULL || copy == NULL) {
        free(copy);
        return NULL;
    }
    *candidate =
        (struct candidate){.crash.name = copy, .request = copy, .directory = -1, .verdict = LEFT};
    batch->count++;
    return candidate;
}

bool batch_add_requests(struct batch *batch, char *const texts[], long count)
{
    for (long i = 0; i < count; i++)
        if (batch_add_request(batch, texts[i]) == NULL)
            return false;
    return true;
}

void candidate_judge(struct candidate *candidate, enum outcome verdict, const char *why)
{
    free(candidate->why);
    candidate->verdict = verdict;
    candidate->why = strdup(why);
}

bool candidate_came_within(struct candidate *candidate, long long taken, long long ended)
{
    struct pair *pair = &candidate->pair;
    struct pair_location location;
    struct failure reason;
    pair->looked = spool_time_ago(pair->spool, taken);
    locate_there(pair, &location, &reason);
    bool came = (location.directory >= 0 && location_came_after(&location, taken, ended)) ||
                (candidate->date_directory != NULL &&
                 links_came_again(pair, location.directory, candidate->date_directory));
    location_close(&location);
    return came;
}

void candidate_clear(struct candidate *candidate)
{
    close_directory(candidate->directory);
    if (candidate->date_directory != NULL)
        date_dir_release(candidate->date_directory);
    free(candidate->why);
    free(candidate->request);
    free(candidate->since);
    crash_clear(&candidate->crash);
}

void batch_log(const struct batch *batch, bool done)
{
    size_t left = 0;
    for (size_t i = 0; i < batch->count; i++)
        left += batch->items[i].crash.outcome == LEFT;
    log_info("batch of %zu %s, left: %zu", batch->count, done ? "done" : "not done", left);
}

struct candidate *batch_take(struct batch *batch)
{
    size_t next = batch->taken++;
    return next < batch->count ? &batch->items[next] : NULL;
}

void batch_clear(struct batch *batch)
{
    for (size_t i = batch->taken; i < batch->count; i++)
        candidate_clear(&batch->items[i]);
    batch->count = 0;
    batch->taken = 0;
    batch->look_up = false;
}

void batches_free(struct batch batches[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        batch_clear(&batches[i]);
        free(batches[i].items);
        batches[i] = (struct batch){0};
    }
}
