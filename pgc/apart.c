#include "apart.h"

#include "spool/places.h"
#include "storage_rows.h"

#include <limits.h>
#include <stdio.h>

static struct places places = {.mutex = PTHREAD_MUTEX_INITIALIZER};

bool apart_check_path(enum place place, const char *path, const struct spool *spool,
                      struct failure *failure)
{
    return path == NULL || places_add_path(&places, place, path, spool, failure);
}

static bool check_archives(const struct options *options, struct failure *failure)
{
    return apart_check_path(PLACE_SUCCESSFUL, options->save_successful_to, NULL, failure) &&
           apart_check_path(PLACE_FAILED, options->save_failed_to, NULL, failure);
}

bool apart_check_all(const struct options *options, const struct spool *storage,
                     const struct spool *deferred, struct failure *failure)
{
    static char quarantine[PATH_MAX]; /* it may be the default one */
    bool moves = options->program == PROGRAM_CLEANUP;
    if (options->quarantine_to != NULL)
        snprintf(quarantine, sizeof quarantine, "%s", options->quarantine_to);
    else
        snprintf(quarantine, sizeof quarantine, "%s/quarantine", storage->path);
    return places_add(&places, PLACE_STORAGE, storage->path, storage->root, failure) &&
           (deferred == NULL ||
            places_add(&places, PLACE_DEFERRED, deferred->path, deferred->root, failure)) &&
           (!moves || check_archives(options, failure)) &&
           ((options->program == PROGRAM_PRIORITY && !options->release) ||
            apart_check_path(PLACE_QUARANTINE, quarantine, storage, failure));
}

bool apart_check(const struct options *options, enum place place, const char *path, int directory,
                 struct failure *failure)
{
    bool is_new = place == PLACE_QUARANTINE && !storage_rows_know(place);
    bool may_be_deferred = is_new || (place == PLACE_STORAGE && !storage_rows_know(PLACE_DEFERRED));
    return (!may_be_deferred ||
            apart_check_path(PLACE_DEFERRED, options->deferred_storage_root, NULL, failure)) &&
           (!is_new || check_archives(options, failure)) &&
           places_add(&places, place, path, directory, failure);
}
