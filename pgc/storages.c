/* The file comes first, then the row: after a kill between them the next run accepts the mark. */
#include "storages.h"

#include "apart.h"
#include "options/command_line.h"
#include "spool/archive.h"
#include "spool/layout.h"
#include "spool/places.h"
#include "storage_rows.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct run *run;
static struct problems *asked; /* for warnings; NULL: they are reported */
static char this_host[HOST_SIZE];

/* What is being checked. */
struct directory {
    enum place place;
    const char *path;
    int descriptor;
    char mark[MARK_SIZE]; /* empty: it has none */
};

static struct storage_question ask_about(const struct directory *directory)
{
    return (struct storage_question){.options = &run->options,
                                     .place = directory->place,
                                     .path = directory->path,
                                     .host = this_host,
                                     .mark = directory->mark};
}

/* --- what they say of a directory */

/* In a run the reason is reported: the caller's has to say what follows from it. The server is not
 * asked again of a place for which it has refused this once: a trigger may take seconds each time,
 * and who is to go to quarantine is many. */
static bool transact(session_work *work, struct storage_question *question,
                     const struct directory *directory, struct failure *failure)
{
    static bool is_refused[PLACE_COUNT];
    enum place place = directory->place;
    if (!is_refused[place]) {
        enum db_status status = session_transact(work, question, failure);
        if (status == DB_OK)
            return true;
        is_refused[place] = true;
        if (options_ask(&run->options))
            return false;
        run_check(run, status, failure);
    }
    return fail(failure, 0, "cannot tell whether %s \"%s\" is the right directory",
                place_title(place), directory->path);
}

/* `relation` says what another root with that mark would be to the directory. */
static bool is_no_mark_of_another(const struct directory *directory, const char *mark,
                                  const char *relation, struct failure *failure)
{
    struct storage_question question = ask_about(directory);
    question.mark = mark;
    if (mark[0] == '\0')
        return true;
    if (!transact(storage_rows_find_root, &question, directory, failure))
        return false;
    if (question.found[0] == '\0')
        return true;
    fail(failure, 0, "%s \"%s\" of storage %s %s the %s: each needs a directory of its own",
         place_title(directory->place), directory->path, run->options.storage_name, relation,
         question.found);
    failure->error = ENOTUNIQ; /* EXIT_CONFIGURATION */
    return false;
}

static bool is_no_other_root(const struct directory *directory, struct failure *failure)
{
    return is_no_mark_of_another(directory, directory->mark, "has the mark of", failure);
}

/* For the roots of this storage see places.h. */
static bool is_in_no_day(const struct directory *directory, struct failure *failure)
{
    char mark[MARK_SIZE];
    return places_find_above(directory->place, directory->path, directory->descriptor, mark,
                             failure) &&
           is_no_mark_of_another(directory, mark, "lies in a day of", failure);
}

static bool is_root(enum place place)
{
    return place == PLACE_STORAGE || place == PLACE_DEFERRED;
}

/* How many jobs may have been queued from a root that holds no day at all. */
static bool count_homeless(const struct directory *directory, long *count, struct failure *failure)
{
    const struct options *options = &run->options;
    const struct spool spool = {
        .place = directory->place, .path = directory->path, .root = directory->descriptor};
    struct storage_question question = ask_about(directory);
    struct names days = {0};
    const char *other =
        directory->place == PLACE_DEFERRED ? options->storage_root : options->deferred_storage_root;
    *count = 0;
    if (!is_root(directory->place))
        return true;
    bool good = spool_days(&spool, &days, failure), is_empty = days.count == 0;
    names_free(&days);
    if (!good || !is_empty)
        return good;
    snprintf(question.root, sizeof question.root, "%s/", directory->path);
    snprintf(question.other, sizeof question.other, "%s/", other != NULL ? other : directory->path);
    good = transact(storage_rows_count_jobs, &question, directory, failure);
    *count = question.count;
    return good;
}

/* A root without a row, from which jobs may have been queued, has to hold a day at least. */
static bool holds_what_was_queued(const struct directory *directory, struct failure *failure)
{
    long count;
    return count_homeless(directory, &count, failure) &&
           (count == 0 ||
            fail(failure, 0,
                 "%s \"%s\" holds no day at all, but storage %s has jobs (is the disk mounted? use "
                 "--adopt only if it is the right directory)",
                 place_title(directory->place), directory->path, run->options.storage_name));
}

/* Whether the mark is that of the row. At another path than before, with the mark of another root,
 * no disk is to blame. */
static bool is_known(const struct directory *directory, struct failure *failure)
{
    enum place place = directory->place;
    const char *title = place_title(place);
    const char *what = directory->mark[0] == '\0' ? "no mark" : "another mark";
    bool is_here = strcmp(storage_rows[place].host, this_host) == 0;
    bool has_moved = strcmp(storage_rows[place].path, directory->path) != 0;
    char there[PATH_MAX + sizeof "at \"\""] = "there";
    if (strcmp(storage_rows[place].mark, directory->mark) == 0)
        return true;
    if (has_moved && is_here && !is_no_other_root(directory, failure))
        return false;
    if (has_moved)
        snprintf(there, sizeof there, "at \"%s\"", storage_rows[place].path);
    if (is_here)
        return fail(
            failure, 0,
            "%s \"%s\" has %s: it is not the directory that storage %s had %s (%s? use --adopt "
            "only if it was replaced on purpose)",
            title, directory->path, what, run->options.storage_name, there,
            has_moved && is_root(place) ? "does a second spool need another --storage-name"
                                        : "is the disk mounted");
    fail(failure, 0,
         "%s \"%s\" on host %s has %s: storage %s is on host %s, at \"%s\" (does this one need "
         "another --storage-name? if it takes over, use --adopt)",
         title, directory->path, this_host, what, run->options.storage_name,
         storage_rows[place].host, storage_rows[place].path);
    failure->error = ENOTUNIQ; /* EXIT_CONFIGURATION */
    return false;
}

/* --- the check */

static bool make_known(struct directory *directory, struct failure *failure)
{
    struct storage_question question = ask_about(directory);
    return mark_make(directory->place, directory->path, directory->descriptor, directory->mark,
                     failure) &&
           transact(storage_rows_write, &question, directory, failure);
}

/* A dry run ends as the run would. Who asks is told by status_disk.c. */
static bool may_make_known(const struct directory *directory, struct failure *failure)
{
    return directory->mark[0] != '\0' || options_ask(&run->options) ||
           mark_may_make(directory->place, directory->path, directory->descriptor, failure);
}

/* What the one who adopts a directory may have missed. */
__attribute__((format(printf, 1, 2))) static void warn(const char *format, ...)
{
    char text[2 * PATH_MAX + 512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    report_warning(&run->report, "%s", text);
    if (!run->options.dry_run)
        fprintf(report_stream(&run->report), "%s\n", text);
}

static const char all_the_same[] = "; it is accepted all the same (if its disk is not mounted: "
                                   "mount it, and use --adopt again)";

/* Accepts what is there, and tells. */
static bool adopt(struct directory *directory, struct failure *failure)
{
    enum place place = directory->place;
    bool is_dry = run->options.dry_run;
    const struct storage_row before = storage_rows[place];
    long homeless;
    bool replaces_by_nothing = before.mark[0] != '\0' && layout_is_empty(directory->descriptor);
    if (!is_no_other_root(directory, failure) || !count_homeless(directory, &homeless, failure) ||
        (!is_dry && !make_known(directory, failure)))
        return false;
    const char *after = directory->mark[0] != '\0' ? directory->mark : "a new one";
    char text[PATH_MAX + 256];
    snprintf(text, sizeof text, "%s \"%s\" (%s, %s): mark %s, before %s", place_title(place),
             directory->path, run->options.storage_name, storage_row_names[place], after,
             before.mark[0] != '\0' ? before.mark : "none");
    fprintf(report_stream(&run->report), "%s\n", text);
    if (!is_dry)
        log_info("adopted: %s", text);
    if (homeless > 0)
        warn("%s \"%s\" holds no day; jobs that may come from it: %ld%s", place_title(place),
             directory->path, homeless, all_the_same);
    if (before.mark[0] != '\0' && strcmp(before.mark, after) != 0 &&
        strcmp(before.host, this_host) != 0)
        warn("%s \"%s\" takes the place of \"%s\" on host \"%s\"; if storage %s is still in use "
             "there, use another --storage-name here, and --adopt there",
             place_title(place), directory->path, before.path, before.host,
             run->options.storage_name);
    if (replaces_by_nothing)
        warn("%s \"%s\" was empty%s", place_title(place), directory->path, all_the_same);
    return true;
}

/* Who only asks is told beside the answer. */
__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    char text[2 * PATH_MAX + 256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (asked != NULL)
        problems_add(asked, SEVERITY_WARNING, "%s", text);
    else
        report_warning(&run->report, "%s", text);
}

/* Tells once which jobs still have the path that a root has had on this host. On another one it may
 * be mounted elsewhere: there it is for those to record its path who queue jobs with it. */
static bool note_path(struct directory *directory, struct failure *failure)
{
    enum place place = directory->place;
    struct storage_question question = ask_about(directory);
    if (is_root(place) && run->options.program == PROGRAM_CLEANUP &&
        strcmp(storage_rows[place].host, this_host) != 0)
        return true;
    snprintf(question.root, sizeof question.root, "%s/", storage_rows[place].path);
    if (is_root(place) && !transact(storage_rows_count_old, &question, directory, failure))
        return false;
    if (question.count > 0)
        tell("%s \"%s\" was at \"%s\" before; unfinished jobs that still have the old "
             "path, at which processors look for their pairs: %ld (see \"Moving the "
             "spool\" in doc/operations.md)",
             place_title(place), directory->path, storage_rows[place].path, question.count);
    return run->options.dry_run || transact(storage_rows_write, &question, directory, failure);
}

static bool check(struct directory *directory, struct failure *failure)
{
    enum place place = directory->place;
    if (!apart_check(&run->options, place, directory->path, directory->descriptor, failure) ||
        !is_in_no_day(directory, failure) ||
        !mark_read(place, directory->path, directory->descriptor, directory->mark, failure))
        return false;
    if (run->options.adopt)
        return adopt(directory, failure);
    if (!storages_know(place))
        return is_no_other_root(directory, failure) && holds_what_was_queued(directory, failure) &&
               (run->options.dry_run
                    ? may_make_known(directory, failure)
                    : make_known(directory, failure) && is_known(directory, failure));
    return is_known(directory, failure) &&
           (strcmp(storage_rows[place].path, directory->path) == 0 ||
            note_path(directory, failure));
}

/* Ends each reason for which a run does nothing, or nothing with one of its destinations. It is
 * never the fault of a crash, as an error of 0 would be. */
static bool fail_unchanged(enum place place, struct failure *failure)
{
    if (failure->error == 0)
        failure->error = ENODEV;
    return !options_ask(&run->options) &&
           fail_further(failure, "; nothing was read or changed%s", is_root(place) ? "" : " there");
}

/* Of one that is known its disk is away; that is no ENOENT, which stands for none at all. */
static bool may_be_missing(enum place place, const char *path, struct failure *failure)
{
    if (!storages_know(place))
        return true;
    fail(failure, ENOENT, "cannot open %s \"%s\"", place_title(place), path);
    failure->error = ENODEV;
    return false;
}

bool storages_check(enum place place, const char *path, int descriptor, struct failure *failure)
{
    struct directory directory = {.place = place, .path = path, .descriptor = descriptor};
    return (descriptor < 0 ? may_be_missing(place, path, failure) : check(&directory, failure)) ||
           fail_unchanged(place, failure);
}

bool storages_recognise(enum place place, const char *path, int descriptor, struct failure *failure)
{
    struct directory directory = {.place = place, .path = path, .descriptor = descriptor};
    if (descriptor < 0)
        return may_be_missing(place, path, failure);
    if (!storages_know(place))
        return true;
    return mark_read(place, path, descriptor, directory.mark, failure) &&
           is_known(&directory, failure);
}

bool storages_check_alone(enum place place, const char *path, int descriptor,
                          struct failure *failure)
{
    const struct spool spool = {.place = place, .path = path, .root = descriptor};
    char mark[MARK_SIZE];
    struct names days = {0};
    if (descriptor < 0)
        return true;
    if (!mark_read(place, path, descriptor, mark, failure))
        return false;
    bool good = mark[0] != '\0' || spool_days(&spool, &days, failure);
    if (good && mark[0] == '\0' && days.count == 0)
        good = fail(failure, 0,
                    "%s \"%s\" has no mark and holds no day: whether it is the right directory, "
                    "only the database can tell (is the disk mounted?)",
                    place_title(place), path);
    names_free(&days);
    return good;
}

static bool check_root(enum place place, struct spool *spool)
{
    struct failure failure;
    if (!storages_check(place, spool->path, spool->root, &failure))
        return report_failure(&run->report, &failure);
    memcpy(spool->mark, storage_rows[place].mark, sizeof spool->mark);
    return true;
}

/* --- the roots, before any place is changed */

bool storages_layout_is_known(const struct options *options, const struct spool *spool,
                              struct failure *failure)
{
    const char *const ours[] = {options->storage_root, options->deferred_storage_root,
                                options->save_successful_to, options->save_failed_to,
                                options->quarantine_to};
    return layout_is_known(spool, ours, sizeof ours / sizeof *ours, failure);
}

/* What is told of a root that can be used. */
static bool look_at_root(struct spool *spool)
{
    struct failure failure;
    if (!spool_has_clock(spool))
        report_note(
            &run->report, LEVEL_WARNING,
            "cannot make a file in \"%s\" to ask its file system for the time: %s; ages "
            "are those by this machine's clock, less a minute, and nothing is old enough for "
            "quarantine",
            spool->path, strerror(errno));
    if (storages_layout_is_known(&run->options, spool, &failure))
        return true;
    if (failure.error != 0)
        return report_failure(&run->report, &failure);
    spool->is_strange = true;
    report_warning(&run->report,
                   "%s: crashes with another layout are not seen (is this the directory that the "
                   "collector writes to?)",
                   failure.text);
    return true;
}

static bool are_apart(const struct spool *storage, const struct spool *deferred)
{
    struct failure failure;
    if (apart_check_all(&run->options, storage, deferred, &failure))
        return true;
    fail_unchanged(PLACE_STORAGE, &failure);
    return report_failure(&run->report, &failure);
}

static void begin(struct run *its_run)
{
    run = its_run;
    gethostname(this_host, sizeof this_host - 1);
}

enum db_status storages_read(struct run *its_run, struct problems *troubles,
                             struct failure *failure)
{
    struct storage_question question = {.options = &its_run->options};
    begin(its_run);
    asked = troubles;
    return storage_rows_read(&question, failure);
}

bool storages_check_roots(struct run *its_run, struct spool *storage, struct spool *deferred)
{
    struct failure failure;
    begin(its_run);
    return are_apart(storage, deferred) &&
           run_check(run, storages_read(run, NULL, &failure), &failure) &&
           check_root(PLACE_STORAGE, storage) &&
           (deferred == NULL || check_root(PLACE_DEFERRED, deferred)) && look_at_root(storage) &&
           (deferred == NULL || look_at_root(deferred));
}

bool storages_know(enum place place)
{
    return storage_rows_know(place);
}

bool storages_open_other(const struct spool *spool, struct spool **other, struct failure *failure)
{
    const struct options *options = &run->options;
    bool is_storage = spool->place == PLACE_STORAGE;
    enum place place = is_storage ? PLACE_DEFERRED : PLACE_STORAGE;
    const char *path = is_storage ? options->deferred_storage_root : options->storage_root;
    char mark[MARK_SIZE], quoted[QUOTE_SIZE];
    *other = NULL;
    if (path == NULL)
        return !storages_know(place) ||
               fail(failure, 0,
                    "the pair of its job may be in the %s, which is not set in this run",
                    place_title(place));
    *other = spool_open_to_look(place, path, spool->json_suffix, spool->dump_suffix, failure);
    if (*other == NULL || !mark_read(place, path, (*other)->root, mark, failure))
        return false;
    return (storages_know(place) && strcmp(mark, storage_rows[place].mark) == 0) ||
           fail(failure, 0,
                "the pair of its job may be in %s %s, which is not known by its mark (is the disk "
                "mounted, and has priority or cleanup used it?)",
                place_title(place), quote(quoted, path));
}

bool storages_is_due(enum place place)
{
    return run->options.dry_run || storage_rows[place].is_due;
}

bool storages_note_swept(enum place place)
{
    const struct storage_question question = {.options = &run->options, .place = place};
    struct failure failure;
    return run->options.dry_run ||
           run_note(run, storage_rows_note_swept(&question, &failure), &failure);
}

struct archive *storages_archive(const struct options *options, enum place place, const char *path)
{
    const struct archive_settings settings = {
        .path = path,
        .json_suffix = options->json_file_suffix,
        .dump_suffix = options->dump_file_suffix,
        .file_mode = (mode_t)options->dump_permissions,
        .dir_mode = (mode_t)options->dir_permissions,
        .group = (gid_t)options->dump_gid,
        .dry_run = options->dry_run,
        .place = place,
        .check = storages_check,
    };
    return archive_new(&settings);
}

void storages_make_known(enum place place, const struct archive *archive)
{
    const char *path = archive_path(archive);
    struct failure failure;
    if (run->options.dry_run || path == NULL || archive_is_temporary(archive) ||
        storages_know(place))
        return;
    struct spool *spool = spool_open_to_look(place, path, "", "", &failure);
    if (spool != NULL)
        storages_check(place, path, spool->root, &failure);
    spool_close(spool);
}
