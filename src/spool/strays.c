#include "spool/strays.h"

#include "base/quote.h"
#include "base/signals.h"
#include "spool/case_dir.h"
#include "spool/date_dir.h"
#include "spool/dir.h"
#include "spool/file.h"
#include "spool/flush.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many that cannot be moved are told by name; there may be a million. */
enum { TOLD_MAXIMUM = 10 };

struct stray {
    struct date_dir *directory; /* held */
    char *name, *reason;
    bool is_moved, is_copied;
    struct stat status; /* of the original, if it was copied */
};

bool strays_add(struct strays *strays, const struct walk_entry *entry, const char *reason)
{
    if (strays->items == NULL)
        strays->items = reallocarray(NULL, strays->size, sizeof *strays->items);
    char *name = strdup(entry->name), *copy = strdup(reason);
    if (strays->items == NULL || name == NULL || copy == NULL) {
        free(name);
        free(copy);
        return false;
    }
    strays->items[strays->count++] =
        (struct stray){.directory = date_dir_hold(entry->directory), .name = name, .reason = copy};
    return true;
}

static void clear(struct strays *strays)
{
    for (size_t i = 0; i < strays->count; i++) {
        date_dir_release(strays->items[i].directory);
        free(strays->items[i].name);
        free(strays->items[i].reason);
    }
    strays->count = 0;
}

void strays_free(struct strays *strays)
{
    clear(strays);
    free(strays->items);
    strays->items = NULL;
}

void strays_leave(struct strays *strays, const char *why, struct report *report)
{
    for (size_t i = 0; i < strays->count; i++)
        report_outcome(report, LEVEL_DEBUG, strays->items[i].name, LEFT, "%s", why);
    clear(strays);
}

/* --- where they are taken from and to: mostly the same as for the one before */

struct passage {
    struct quarantine *quarantine;
    const struct date_dir *from; /* whose descriptor is open */
    int source, destination;
    char day[DAY_LENGTH + 1]; /* of the destination, */
    bool has_any;             /* into which something was moved */
    FILE *reason;
    struct flush_set copies;
    bool is_reason_lost;
};

static void close_source(struct passage *passage)
{
    if (passage->source >= 0)
        close(passage->source);
    passage->source = -1;
    passage->from = NULL;
}

static bool open_source(struct passage *passage, const struct stray *stray, struct failure *failure)
{
    const struct date_dir *from = stray->directory;
    if (passage->from == from)
        return true;
    close_source(passage);
    passage->source = dir_open(from->spool->root, from->path);
    if (passage->source < 0)
        return spool_fail(from->spool, "open directory", from->path, failure);
    passage->from = from;
    return true;
}

/* The reason is written here. */
static void close_destination(struct passage *passage)
{
    if (passage->reason != NULL && fclose(passage->reason) != 0)
        passage->is_reason_lost = true;
    if (passage->destination >= 0) {
        close(passage->destination);
        if (!passage->has_any)
            quarantine_drop_case(passage->quarantine);
    }
    passage->has_any = false;
    passage->reason = NULL;
    passage->destination = -1;
    passage->day[0] = '\0';
}

static bool open_destination(struct passage *passage, const struct stray *stray,
                             struct failure *failure)
{
    char day[DAY_LENGTH + 1];
    date_dir_day(stray->directory, day);
    if (strcmp(day, passage->day) == 0)
        return true;
    close_destination(passage);
    passage->destination = quarantine_open_strays(passage->quarantine, day, failure);
    if (passage->destination < 0)
        return false;
    int file = case_open_reason(passage->destination);
    passage->reason = file >= 0 ? fdopen(file, "a") : NULL;
    if (passage->reason == NULL) {
        fail(failure, errno, "cannot open the reason of the strays of %s in quarantine", day);
        if (file >= 0)
            close(file);
        close_destination(passage);
        return false;
    }
    strcpy(passage->day, day);
    return true;
}

/* --- one of them */

/* What has its name now may be the link of a crash that has come meanwhile. */
static bool is_still_stray(const struct passage *passage, const struct stray *stray,
                           struct failure *failure)
{
    struct stat status;
    struct crash_id id;
    if (fstatat(passage->source, stray->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return spool_fail(stray->directory->spool, "look at it in", stray->directory->path,
                          failure);
    return !(S_ISLNK(status.st_mode) && crash_id_parse(&id, stray->name)) ||
           fail(failure, 0, "it is a link of a crash now");
}

/* Its own name, or one that nothing else has. */
static enum case_taken take_as(const struct passage *passage, struct stray *stray,
                               char name[NAME_MAX + 1])
{
    snprintf(name, NAME_MAX + 1, "%s", case_name(stray->name));
    enum case_taken taken =
        case_take(passage->source, stray->name, passage->destination, name, &stray->status);
    if (taken != CASE_FAILED || errno != EEXIST)
        return taken;
    snprintf(name, NAME_MAX + 1, "%.200s.%016" PRIx64, stray->name,
             quarantine_unique(passage->quarantine));
    return case_take(passage->source, stray->name, passage->destination, name, &stray->status);
}

/* The line is written when it is there: what cannot be moved must not add one in each run. */
static bool take(struct passage *passage, struct stray *stray, struct failure *failure)
{
    char name[NAME_MAX + 1], *where = NULL, *line = NULL;
    const struct case_source source = {.mark = quarantine_mark(passage->quarantine),
                                       .root = PLACE_STORAGE}; /* those of both lie together */
    if (!signals_permit(failure) || !open_source(passage, stray, failure) ||
        !open_destination(passage, stray, failure) || !is_still_stray(passage, stray, failure) ||
        !quarantine_can_take(passage->quarantine, passage->source, stray->name, failure))
        return false;
    enum case_taken taken = take_as(passage, stray, name);
    if (taken == CASE_FAILED)
        return spool_fail(stray->directory->spool, "move it to quarantine from",
                          stray->directory->path, failure);
    stray->is_moved = passage->has_any = true;
    stray->is_copied = taken == CASE_COPIED;
    if (stray->is_copied)
        flush_add_directory(&passage->copies, passage->destination, "quarantine");
    if (asprintf(&where, "%s/%s", stray->directory->path, name) >= 0)
        line = case_line(&source, where, stray->reason);
    if (line == NULL || fputs(line, passage->reason) == EOF)
        passage->is_reason_lost = true;
    free(where);
    free(line);
    return true;
}

/* --- all of them */

static void report_failed(struct strays *strays, struct quarantine *quarantine,
                          const struct stray *stray, const struct failure *failure,
                          struct report *report)
{
    char quoted[QUOTE_SIZE];
    quarantine_note_failure(quarantine, failure);
    bool is_news = failure->error != 0 && failure->error != EXDEV && failure->error != EINTR &&
                   failure->error != ENOENT && failure->error != FILE_CHANGED;
    if (is_news && ++strays->failed <= TOLD_MAXIMUM)
        report_error(report, exit_code_of_errno(failure->error),
                     "cannot quarantine %s: %s; it stays for the next run",
                     quote(quoted, stray->name), failure->text);
    report_outcome(report, LEVEL_DEBUG, stray->name, LEFT, "%s", failure->text);
}

/* After the flush: the originals of copies go, and all is told. What was renamed is in one of the
 * two places, whatever reaches the disk. */
static size_t finish(struct strays *strays, struct passage *passage, bool is_flushed,
                     struct report *report)
{
    size_t moved = 0;
    struct failure failure;
    for (struct stray *stray = strays->items; stray < strays->items + strays->count; stray++) {
        if (!stray->is_moved)
            continue;
        if (stray->is_copied && !is_flushed) {
            report_outcome(report, LEVEL_DEBUG, stray->name, LEFT, "its copy was not flushed");
        } else if (stray->is_copied &&
                   !(open_source(passage, stray, &failure) &&
                     (case_let_go(passage->source, stray->name, &stray->status) ||
                      fail(&failure, errno, "cannot remove what was copied")))) {
            report_failed(strays, passage->quarantine, stray, &failure, report);
        } else {
            report_outcome(report, LEVEL_WARNING, stray->name, QUARANTINED, "%s", stray->reason);
            moved++;
        }
    }
    return moved;
}

static size_t move_all(struct strays *strays, struct quarantine *quarantine, struct report *report)
{
    struct passage passage = {.quarantine = quarantine, .source = -1, .destination = -1};
    struct failure failure;
    for (struct stray *stray = strays->items; stray < strays->items + strays->count; stray++)
        if (!take(&passage, stray, &failure))
            report_failed(strays, quarantine, stray, &failure, report);
    close_destination(&passage);
    if (passage.is_reason_lost)
        report_error(report, EXIT_STORAGE,
                     "cannot write all reasons of strays that are in quarantine now");
    bool is_flushed = flush_all(&passage.copies, &failure) || report_failure(report, &failure);
    size_t moved = finish(strays, &passage, is_flushed, report);
    close_source(&passage);
    flush_clear(&passage.copies);
    return moved;
}

static bool foresee(const struct stray *stray, struct quarantine *quarantine,
                    struct failure *failure)
{
    char day[DAY_LENGTH + 1];
    struct passage passage = {.source = -1};
    date_dir_day(stray->directory, day);
    bool good = open_source(&passage, stray, failure) &&
                quarantine_foresee_strays(quarantine, day, failure) &&
                quarantine_can_take(quarantine, passage.source, stray->name, failure);
    close_source(&passage);
    return good;
}

static size_t foresee_all(struct strays *strays, struct quarantine *quarantine,
                          struct report *report)
{
    size_t moved = 0;
    struct failure failure;
    for (struct stray *stray = strays->items; stray < strays->items + strays->count; stray++)
        if (foresee(stray, quarantine, &failure)) {
            report_outcome(report, LEVEL_WARNING, stray->name, QUARANTINED, "%s", stray->reason);
            moved++;
        } else {
            report_failed(strays, quarantine, stray, &failure, report);
        }
    return moved;
}

size_t strays_quarantine(struct strays *strays, struct quarantine *quarantine,
                         struct report *report, bool *usable)
{
    struct failure failure;
    size_t moved = 0;
    *usable = quarantine_begin_strays(quarantine, report->dry_run, &failure);
    if (!*usable) {
        report_error(report, exit_code_of_errno(failure.error),
                     "cannot quarantine anything: %s; it stays for the next run", failure.text);
        strays_leave(strays, "it could not be quarantined", report);
        return 0;
    }
    moved = report->dry_run ? foresee_all(strays, quarantine, report)
                            : move_all(strays, quarantine, report);
    quarantine_let_go(quarantine);
    clear(strays);
    return moved;
}

void strays_report(const struct strays *strays, struct report *report)
{
    if (strays->failed > TOLD_MAXIMUM)
        report_error(report, EXIT_LEFT,
                     "cannot quarantine others, too; they stay for the next run: %ld",
                     strays->failed - TOLD_MAXIMUM);
}
