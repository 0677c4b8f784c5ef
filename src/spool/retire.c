#include "spool/retire.h"

#include "base/quote.h"
#include "spool/case_dir.h"
#include "spool/cases.h"
#include "spool/date_dir.h"
#include "spool/file.h"
#include "spool/links.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char changed[] = "its files have changed since they were looked at";

static void report_quarantine(struct report *report, bool done, const char *name,
                              const char *reason, struct quarantine *quarantine,
                              const struct failure *failure)
{
    char quoted[QUOTE_SIZE];
    if (done) {
        report_outcome(report, LEVEL_WARNING, name, QUARANTINED, "%s", reason);
        return;
    }
    if (failure->error == FILE_CHANGED) {
        report_waiting(report, name, changed);
        return;
    }
    quarantine_note_failure(quarantine, failure);
    /* The run was asked to end; or it is told with all that must stay (quarantine_stuck). */
    if (failure->error != EINTR && failure->error != EXDEV)
        report_error(report, exit_code_of_errno(failure->error),
                     "cannot quarantine %s: %s; it stays for the next run", quote(quoted, name),
                     failure->text);
    report_outcome(report, LEVEL_DEBUG, name, LEFT, "it could not be quarantined: %s",
                   failure->text);
}

/* Whether another crash has brought its files: the links may be older, but are its own now. The
 * next scan judges what was not looked at. */
static bool came_again(const struct candidate *candidate)
{
    return pair_came_again(&candidate->pair, candidate->directory,
                           candidate->crash.outcome == QUARANTINED);
}

static bool remove_links(const struct candidate *candidate, struct failure *failure)
{
    const struct pair *pair = &candidate->pair;
    return candidate->date_directory != NULL
               ? links_remove_from(pair, candidate->directory, candidate->date_directory, failure)
               : links_remove(pair, failure);
}

/* Of each of the two files: that it is here or in the case, not both, and not neither. */
static bool has_the_rest(const struct pair *pair, int here, int directory)
{
    const char *const suffixes[] = {pair->spool->json_suffix, pair->spool->dump_suffix};
    for (int i = 0; i < 2; i++) {
        char name[NAME_MAX + 1];
        struct stat status;
        pair_file_name(pair, suffixes[i], name);
        bool is_here = here >= 0 && fstatat(here, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
        bool is_there = fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
        if (is_here == is_there)
            return false;
    }
    return true;
}

/* Whether a case of this root has the rest of a crash, and is younger than all that is left of
 * the crash, and its link. */
static bool is_younger(int quarantine, const char *name, const char *mark,
                       const struct candidate *candidate)
{
    struct pair pair = candidate->pair;
    const struct case_source source = {.mark = mark, .root = pair.spool->place};
    struct stat reason;
    int directory = cases_open(quarantine, pair.day, name);
    int here = pair_open_directory(&pair);
    bool found = directory >= 0 && case_has_source(directory, &source) &&
                 fstatat(directory, case_reason, &reason, AT_SYMLINK_NOFOLLOW) == 0 &&
                 has_the_rest(&pair, here, directory);
    if (here >= 0)
        close(here);
    if (directory >= 0)
        close(directory);
    if (!found)
        return false;
    pair.looked = reason.st_mtim;
    return spool_has_clock(pair.spool) && !pair_came_again(&pair, candidate->directory, true) &&
           (candidate->date_directory == NULL ||
            !links_came_again(&pair, candidate->directory, candidate->date_directory));
}

/* By a run that was killed: the reason of a case comes before anything is moved there. */
static bool is_begun(const struct candidate *candidate, struct quarantine *quarantine, bool dry_run)
{
    const struct pair *pair = &candidate->pair;
    struct names cases = {0};
    struct failure ignored;
    bool found = false;
    int root = quarantine_hold(quarantine, dry_run, &ignored);
    if (root < 0)
        return false;
    cases_of_day(root, pair->day, &pair->id, &cases, &ignored);
    for (size_t i = 0; i < cases.count && !found; i++)
        found = is_younger(root, cases.items[i], quarantine_mark(quarantine), candidate);
    quarantine_let_go(quarantine);
    names_free(&cases);
    return found;
}

static void retire_to_quarantine(const struct candidate *candidate, struct quarantine *quarantine,
                                 struct report *report)
{
    struct failure failure = {0};
    const struct crash *crash = &candidate->crash;
    const char *reason = crash_reason(crash);
    if (candidate->verdict == LEFT && !is_begun(candidate, quarantine, report->dry_run)) {
        report_waiting(report, crash->name, candidate->why); /* it would be split */
        return;
    }
    if (!report->dry_run && came_again(candidate)) {
        report_waiting(report, crash->name, changed);
        return;
    }
    bool done = report->dry_run ? quarantine_foresee(quarantine, &candidate->pair, &failure)
                                : quarantine_pair(quarantine, &candidate->pair, reason, &failure) &&
                                      (came_again(candidate) || remove_links(candidate, &failure));
    report_quarantine(report, done, crash->name, reason, quarantine, &failure);
}

static void report_queued(const struct candidate *candidate, struct report *report)
{
    char processor[QUOTE_SIZE];
    quote(processor, candidate->processor);
    if (candidate->request != NULL)
        report_crash_as(report, LEVEL_DEBUG, &candidate->crash,
                        "with priority, for processor %s, found in \"%s\"", processor,
                        candidate->pair.spool->path);
    else
        report_crash_as(report, LEVEL_DEBUG, &candidate->crash, "for processor %s", processor);
}

/* The link of one that is queued already may be that of another crash. */
static bool is_of_another(const struct candidate *candidate, struct failure *reason)
{
    return candidate->crash.outcome == ALREADY_QUEUED && candidate->date_directory != NULL &&
           links_lead_elsewhere(&candidate->pair, date_dir_open(candidate->date_directory), reason);
}

/* False if they stay; that they cannot be removed is reported. */
static bool retire_links(const struct candidate *candidate, struct report *report)
{
    char name[QUOTE_SIZE];
    struct failure failure;
    if (!report->dry_run && came_again(candidate))
        return false;
    return report->dry_run ||
           (!is_of_another(candidate, &failure) && remove_links(candidate, &failure)) ||
           report_error(report, exit_code_of_crash(failure.error),
                        "cannot remove the links of %s: %s; they stay for a later run",
                        quote(name, candidate->crash.name), failure.text);
}

void retire(const struct candidate *candidate, struct quarantine *quarantine, struct report *report)
{
    struct crash crash = candidate->crash;
    switch (crash.outcome) {
    case QUEUED:
        report_queued(candidate, report);
        retire_links(candidate, report);
        break;
    case ALREADY_QUEUED:
        report_crash_as(report, LEVEL_DEBUG, &crash, "%s",
                        retire_links(candidate, report) ? crash_reason(&crash) : "its links stay");
        break;
    case UNLINKED:
        crash.outcome = retire_links(candidate, report) ? UNLINKED : LEFT;
        report_crash(report, LEVEL_DEBUG, &crash);
        break;
    case QUARANTINED: retire_to_quarantine(candidate, quarantine, report); break;
    default: report_crash(report, LEVEL_DEBUG, &crash); break;
    }
}

void retire_batch(struct batch *batch, struct quarantine *quarantine, struct report *report)
{
    struct candidate *candidate;
    while ((candidate = batch_take(batch)) != NULL) {
        retire(candidate, quarantine, report);
        candidate_clear(candidate);
    }
}
