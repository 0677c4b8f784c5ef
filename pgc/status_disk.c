#include "status_disk.h"

#include "apart.h"
#include "session.h"
#include "spool/archive.h"
#include "spool/layout.h"
#include "spool/stranded.h"
#include "status.h"
#include "storages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct look {
    struct run *run;
    mark_check *check; /* NULL: the database cannot be asked */
    bool may_ask;      /* the queue */
    struct disk_status *status;
    struct problems *troubles;
};

static void add_trouble(const struct look *look, const struct failure *failure)
{
    problems_add_failure(look->troubles, exit_code_of_errno(failure->error), failure);
}

/* Whoever checks as root is not held up by what would hold up the user of the runs. */
static void look_for_others(const struct look *look, enum place place, int directory)
{
    struct failure failure;
    if (!survey_others_may_write(place, look->status->places[place].path, directory, &failure))
        problems_add(look->troubles, SEVERITY_WARNING, "%s", failure.text);
}

/* `directory` is open. */
static bool look_at_place(const struct look *look, enum place place, int directory, bool has_mark)
{
    struct place_status *status = &look->status->places[place];
    mark_check *check = look->check;
    struct failure failure;
    if (check == NULL && !look->run->begun) /* a run that has begun looks by itself */
        check = storages_check_alone;
    status->has_room = survey_room(directory, status->path, &status->room, &failure);
    if (!status->has_room)
        add_trouble(look, &failure);
    status->is_usable =
        !has_mark || (mark_read(place, status->path, directory, status->mark, &failure) &&
                      (check == NULL || check(place, status->path, directory, &failure)));
    if (!status->is_usable)
        add_trouble(look, &failure);
    look_for_others(look, place, directory);
    return status->is_usable;
}

static void look_at_layout(const struct look *look, const struct spool *spool)
{
    struct failure failure;
    if (storages_layout_is_known(&look->run->options, spool, &failure))
        return;
    if (failure.error != 0)
        add_trouble(look, &failure);
    else
        problems_add(look->troubles, SEVERITY_WARNING,
                     "%s: crashes with another layout are not seen", failure.text);
}

/* A mark that it lacks the first run makes. */
static void look_at_root(const struct look *look, enum place place, const struct spool *spool)
{
    struct place_status *status = &look->status->places[place];
    struct failure failure;
    bool has_mark = status->mark[0] != '\0' || look->check == NULL;
    bool good = (has_mark || mark_may_make(place, status->path, spool->root, &status->barrier)) &&
                survey_may_change(spool, &status->barrier);
    if (!good || survey_may_write(place, status->path, spool->root, &failure))
        return;
    if (failure.error == EROFS)
        status->barrier = failure;
    else
        problems_add(look->troubles, SEVERITY_WARNING,
                     "%s: so runs measure ages by this machine's clock, and nothing is old enough "
                     "there to be quarantined, repaired or deleted",
                     failure.text);
}

/* The disk of a day may be away. What cannot be read is told by who counts. */
static void look_at_days(const struct look *look, const struct spool *spool)
{
    struct names days = {0};
    struct failure failure;
    spool_days(spool, &days, &failure);
    for (size_t i = 0; i < days.count; i++) {
        const char *doubt = stranded_doubt(spool, days.items[i], look->run->options.incomplete_age);
        if (doubt != NULL)
            problems_add(look->troubles, SEVERITY_WARNING,
                         "day \"%s/%s\" %s, although date links lead there", spool->path,
                         days.items[i], doubt);
    }
    names_free(&days);
}

/* NULL if it cannot be used. */
static struct spool *open_root(const struct look *look, enum place place, const char *path)
{
    const struct options *options = &look->run->options;
    struct failure failure;
    look->status->places[place].path = path;
    struct spool *spool = path == NULL ? NULL
                                       : spool_open_to_look(place, path, options->json_file_suffix,
                                                            options->dump_file_suffix, &failure);
    if (path != NULL && spool == NULL)
        add_trouble(look, &failure);
    if (spool == NULL)
        return NULL;
    if (look_at_place(look, place, spool->root, true)) {
        look_at_root(look, place, spool);
        look_at_layout(look, spool);
        look_at_days(look, spool);
        return spool;
    }
    spool_close(spool);
    return NULL;
}

static void look_at_quarantine(const struct look *look, const struct spool *storage)
{
    const char *path = look->run->options.quarantine_to;
    struct disk_status *status = look->status;
    struct place_status *place = &status->places[PLACE_QUARANTINE];
    struct failure failure;
    bool has_mark = path != NULL && spool_below(storage, path) == NULL;
    snprintf(status->quarantine_path, sizeof status->quarantine_path, "%s%s",
             path != NULL ? path : storage->path, path != NULL ? "" : "/quarantine");
    place->path = status->quarantine_path;
    if (look->check != NULL && !apart_check_path(PLACE_QUARANTINE, path, storage, &failure)) {
        add_trouble(look, &failure);
        return;
    }
    int quarantine = survey_open_quarantine(path, storage, &failure);
    place->is_missing =
        quarantine < 0 && failure.error == ENOENT &&
        (!has_mark || look->check == NULL || look->check(PLACE_QUARANTINE, path, -1, &failure));
    if (place->is_missing) {
        status->quarantine.count = (struct count){.state = COUNT_COMPLETE, .oldest = -1};
        survey_may_make_quarantine(path, storage, &place->barrier);
    } else if (quarantine < 0) {
        add_trouble(look, &failure);
    } else if (look_at_place(look, PLACE_QUARANTINE, quarantine, has_mark)) {
        survey_may_write(PLACE_QUARANTINE, place->path, quarantine, &place->barrier);
        bool is_counted = survey_quarantine(quarantine, place->path, &status->quarantine, &failure);
        if (!is_counted && failure.error == ENOTDIR) /* somebody has moved a day elsewhere */
            problems_add(look->troubles, SEVERITY_WARNING, "%s", failure.text);
        else if (!is_counted)
            add_trouble(look, &failure);
    }
    if (quarantine >= 0)
        close(quarantine);
}

/* Scan leaves what came after a processor had taken the job of its id, until that is put away. The
 * queue is only asked where that makes a difference, and not again where it cannot be. */
static bool waits_for_its_job(const char *id, long long age, void *context)
{
    struct look *look = context;
    const struct thresholds *limits = &look->run->options.check_new;
    long long taken;
    struct failure failure;
    bool is_news = (limits->warning >= 0 && age >= limits->warning) ||
                   (limits->critical >= 0 && age >= limits->critical);
    if (!look->may_ask || !is_news)
        return false;
    look->may_ask = status_ask_taken(&look->run->options, id, &taken, &failure) == DB_OK;
    return look->may_ask && age < taken;
}

static void look_at_roots(struct look *look)
{
    const struct options *options = &look->run->options;
    struct disk_status *status = look->status;
    struct failure failure;
    struct spool *storage = open_root(look, PLACE_STORAGE, options->storage_root);
    if (storage != NULL && options->program == PROGRAM_SCAN &&
        !survey_new(storage, options->settle_time, waits_for_its_job, look, &status->fresh,
                    &status->oldest_new, &failure))
        add_trouble(look, &failure);
    if (storage != NULL && options->program != PROGRAM_PRIORITY)
        look_at_quarantine(look, storage);
    spool_close(storage);
    if (options->program == PROGRAM_SCAN && !options->status)
        return;
    struct spool *deferred = open_root(look, PLACE_DEFERRED, options->deferred_storage_root);
    if (deferred != NULL && options->status && !survey_pairs(deferred, &status->deferred, &failure))
        add_trouble(look, &failure);
    spool_close(deferred);
}

/* The check of the archive itself: directly below /tmp it has to be safe, elsewhere it has its
 * mark. */
static void look_at_archive(const struct look *look, enum place place, const char *path)
{
    const struct options *options = &look->run->options;
    const struct archive_settings settings = {
        .path = path,
        .json_suffix = options->json_file_suffix,
        .dump_suffix = options->dump_file_suffix,
        .dry_run = true,
        .place = place,
        .check = look->check,
    };
    struct place_status *status = &look->status->places[place];
    struct failure failure;
    status->path = path;
    if (path == NULL)
        return;
    struct archive *archive = archive_new(&settings);
    status->is_usable = archive != NULL && archive_open(archive, &failure);
    if (archive != NULL && !status->is_usable)
        add_trouble(look, &failure);
    int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    status->is_missing = directory < 0 && status->is_usable;
    if (archive != NULL && archive_is_shared(archive))
        problems_add(look->troubles, SEVERITY_WARNING,
                     "long-term storage \"%s\" lies in a directory in which everybody may create "
                     "files; set another one",
                     path);
    if (directory >= 0) {
        status->has_room = survey_room(directory, path, &status->room, &failure);
        if (status->is_usable)
            archive_may_change(archive, &status->barrier);
        look_for_others(look, place, directory);
        mark_read(place, path, directory, status->mark, &failure);
        close(directory);
    }
    archive_free(archive);
}

void status_read_disk(struct run *run, bool is_connected, struct disk_status *status,
                      struct problems *troubles)
{
    const struct options *options = &run->options;
    struct look look = {.run = run, .status = status, .troubles = troubles};
    bool has_database = run->begun && session_is_usable() && run->report.code != EXIT_NO_DATABASE;
    look.may_ask = is_connected || has_database;
    struct failure failure;
    *status = (struct disk_status){0};
    enum db_status known = is_connected ? storages_read(run, troubles, &failure) : DB_LOST;
    if (known == DB_OK)
        look.check = storages_check;
    else if (is_connected)
        problems_add_failure(troubles, db_exit_code(known), &failure);
    look_at_roots(&look);
    if (options->status || options->program == PROGRAM_CLEANUP) {
        look_at_archive(&look, PLACE_SUCCESSFUL, options->save_successful_to);
        look_at_archive(&look, PLACE_FAILED, options->save_failed_to);
    }
}
