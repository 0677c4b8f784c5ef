#include "explain_places.h"

#include "spool/survey.h"
#include "storage_rows.h"
#include "storages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_trouble(struct problems *troubles, const struct failure *failure)
{
    problems_add_failure(troubles, exit_code_of_errno(failure->error), failure);
}

static void name_places(struct explain_places *places, const struct options *options)
{
    const char *quarantine = options->quarantine_to;
    const char *const paths[PLACE_COUNT] = {
        [PLACE_STORAGE] = options->storage_root,
        [PLACE_DEFERRED] = options->deferred_storage_root,
        [PLACE_QUARANTINE] = places->quarantine_path,
        [PLACE_SUCCESSFUL] = options->save_successful_to,
        [PLACE_FAILED] = options->save_failed_to,
    };
    snprintf(places->quarantine_path, sizeof places->quarantine_path, "%s%s",
             quarantine != NULL ? quarantine : options->storage_root,
             quarantine != NULL ? "" : "/quarantine");
    memcpy(places->paths, paths, sizeof paths);
}

static struct spool *open_tree(const struct explain_places *places, const struct options *options,
                               enum place place, struct failure *failure)
{
    return spool_open_to_look(place, places->paths[place], options->json_file_suffix,
                              options->dump_file_suffix, failure);
}

/* Whether it is the directory that it should be, as far as that can be told. */
static void open_root(struct explain_places *places, const struct options *options,
                      enum place place, mark_check *check, struct problems *troubles)
{
    mark_check *is_right = check != NULL ? check : storages_check_alone;
    struct failure failure;
    if (places->paths[place] == NULL)
        return;
    struct spool *tree = open_tree(places, options, place, &failure);
    if (tree == NULL || !is_right(place, places->paths[place], tree->root, &failure)) {
        add_trouble(troubles, &failure);
        spool_close(tree);
        return;
    }
    if (check != NULL)
        memcpy(tree->mark, storage_rows[place].mark, sizeof tree->mark);
    places->trees[place] = tree;
}

static void open_roots(struct explain_places *places, const struct options *options,
                       mark_check *check, struct problems *troubles)
{
    static const enum place of_root[ROOT_COUNT] = {PLACE_STORAGE, PLACE_DEFERRED};
    struct failure failure;
    for (int i = 0; i < ROOT_COUNT; i++) {
        open_root(places, options, of_root[i], check, troubles);
        places->roots.spools[i] = places->trees[of_root[i]];
    }
    places->roots.has_closed =
        check != NULL && options->deferred_storage_root == NULL && storages_know(PLACE_DEFERRED);
    if (!roots_refresh(&places->roots, &failure))
        add_trouble(troubles, &failure);
    if (places->roots.has_closed)
        problems_add(
            troubles, SEVERITY_WARNING,
            "deferred storage root \"%s\" is not set in this run: what is in it is not found",
            storage_rows[PLACE_DEFERRED].path);
}

/* However many crashes are asked for, with one walk: what a name link leads to need not be all. */
static void find_date_links(struct explain_places *places, const struct options *options,
                            struct problems *troubles)
{
    struct failure failure;
    size_t count = 0, size = 1;
    for (const char **id = options->arguments; *id != NULL; id++)
        size += CRASH_ID_SPELLINGS;
    struct crash_id *ids = calloc(size, sizeof *ids);
    for (const char **id = options->arguments; ids != NULL && *id != NULL; id++)
        count += crash_id_spell(&ids[count], *id);
    for (int i = 0; i < ROOT_COUNT; i++) {
        if (places->roots.spools[i] == NULL)
            continue;
        bool good = (ids != NULL || fail(&failure, ENOMEM, "cannot look for date links")) &&
                    date_links_find(&places->date_links[i], places->roots.spools[i], ids, count,
                                    options->settle_time, options->incomplete_age, &failure);
        places->is_unsearched[i] = !good;
        if (!good)
            add_trouble(troubles, &failure);
    }
    free(ids);
}

static void open_quarantine(struct explain_places *places, const struct options *options,
                            mark_check *check, struct problems *troubles)
{
    const char *path = options->quarantine_to;
    const struct spool *storage = places->trees[PLACE_STORAGE];
    mark_check *is_right = check != NULL ? check : storages_check_alone;
    struct failure failure;
    if (storage == NULL)
        return;
    int directory = survey_open_quarantine(path, storage, &failure);
    bool has_mark = path != NULL && spool_below(storage, path) == NULL;
    places->is_quarantine_shared = has_mark || mark_is_there(directory, ".");
    places->is_missing[PLACE_QUARANTINE] =
        directory < 0 && failure.error == ENOENT &&
        (!has_mark || is_right(PLACE_QUARANTINE, path, -1, &failure));
    if (places->is_missing[PLACE_QUARANTINE])
        return;
    if (directory < 0 || (has_mark && !is_right(PLACE_QUARANTINE, path, directory, &failure))) {
        add_trouble(troubles, &failure);
        if (directory >= 0)
            close(directory);
        return;
    }
    places->quarantine = directory;
}

/* The archive checks whether it is the right directory, or safe. */
static void open_archive(struct explain_places *places, const struct options *options,
                         enum place place, mark_check *check, struct problems *troubles)
{
    struct failure failure;
    struct archive *archive = storages_archive(options, place, places->paths[place]);
    places->archives[place == PLACE_SUCCESSFUL] = archive;
    if (archive == NULL)
        problems_add(troubles, SEVERITY_UNKNOWN, "out of memory");
    if (archive == NULL || (check != NULL && !archive_open(archive, &failure))) {
        if (archive != NULL)
            add_trouble(troubles, &failure);
        return;
    }
    if (places->paths[place] == NULL)
        return;
    places->trees[place] = open_tree(places, options, place, &failure);
    places->is_missing[place] = places->trees[place] == NULL && failure.error == ENOENT &&
                                archive_state(archive) == ARCHIVE_OPEN;
    if (places->trees[place] == NULL && !places->is_missing[place])
        add_trouble(troubles, &failure);
}

static void read_processors(struct explain_places *places, const struct options *options,
                            struct problems *troubles)
{
    struct failure failure;
    enum db_status status = DB_OK;
    places->processors = processors_new(options->processor_check_in_time, options->storage_name);
    if (places->processors == NULL)
        status = db_out_of_memory(&failure);
    if (status == DB_OK)
        status = processors_refresh(places->processors, &failure);
    if (status == DB_OK)
        return;
    problems_add_failure(troubles, db_exit_code(status), &failure);
    processors_free(places->processors);
    places->processors = NULL;
}

void explain_places_open(struct explain_places *places, struct run *run, bool is_connected,
                         struct problems *troubles)
{
    const struct options *options = &run->options;
    struct failure failure;
    mark_check *check = NULL;
    *places = (struct explain_places){.quarantine = -1};
    name_places(places, options);
    enum db_status status = is_connected ? storages_read(run, troubles, &failure) : DB_LOST;
    if (status == DB_OK)
        check = storages_check;
    else if (is_connected)
        problems_add_failure(troubles, db_exit_code(status), &failure);
    open_roots(places, options, check, troubles);
    find_date_links(places, options, troubles);
    open_quarantine(places, options, check, troubles);
    open_archive(places, options, PLACE_SUCCESSFUL, check, troubles);
    open_archive(places, options, PLACE_FAILED, check, troubles);
    places->whereabouts = (struct whereabouts){
        .roots = &places->roots,
        .paths = {options->save_successful_to, options->save_failed_to, options->quarantine_to},
        .check = check != NULL ? storages_recognise : NULL,
        .only_looks = true};
    if (is_connected)
        read_processors(places, options, troubles);
}

void explain_places_close(struct explain_places *places)
{
    whereabouts_close(&places->whereabouts);
    for (int i = 0; i < ROOT_COUNT; i++)
        date_links_free(&places->date_links[i]);
    roots_close(&places->roots); /* with their trees */
    for (int place = 0; place < PLACE_COUNT; place++)
        if (place != PLACE_STORAGE && place != PLACE_DEFERRED)
            spool_close(places->trees[place]);
    if (places->quarantine >= 0)
        close(places->quarantine);
    archive_free(places->archives[false]);
    archive_free(places->archives[true]);
    processors_free(places->processors);
}

bool explain_places_has(const struct explain_places *places, enum place place)
{
    return places->paths[place] == NULL || places->trees[place] != NULL ||
           places->is_missing[place] || (place == PLACE_QUARANTINE && places->quarantine >= 0);
}

static bool may_make_file(enum place place, const char *path, int directory)
{
    struct failure ignored;
    struct survey_room room;
    if (!survey_may_write(place, path, directory, &ignored)) {
        errno = ignored.error;
        return false;
    }
    if (!survey_room(directory, path, &room, &ignored) || room.inodes == 0)
        return true;
    errno = ENOSPC;
    return room.free_inodes > 0;
}

bool explain_places_tell_time(const struct explain_places *places, enum place place,
                              struct failure *reason)
{
    const struct spool *tree = places->trees[place];
    const char *path = places->paths[place];
    int directory = tree != NULL ? tree->root : places->quarantine;
    return directory < 0 || may_make_file(place, path, directory) ||
           fail(reason, errno,
                "nothing there is old enough, as this user cannot make a file in \"%s\"", path);
}
