#include "odd_entries.h"

#include "base/quote.h"

#include <errno.h>

enum { TOLD_MAXIMUM = 10 };

static void leave(struct odd_entries *odd, const struct walk_entry *entry, const char *reason)
{
    report_outcome(&odd->run->report, LEVEL_DEBUG, entry->name, LEFT, "%s", reason);
}

/* There is nothing to commit, but a run that has lost its lock must not move anything. */
bool odd_entries_quarantine(struct odd_entries *odd)
{
    bool usable;
    struct report *report = &odd->run->report;
    if (odd->strays.count == 0)
        return true;
    if (!run_has_lock(odd->run)) {
        strays_leave(&odd->strays, "the lock could not be verified", report);
        return false;
    }
    odd->moved += (long)strays_quarantine(&odd->strays, odd->quarantine, report, &usable);
    odd->is_not_usable = !usable;
    return true;
}

bool odd_entries_add_stray(struct odd_entries *odd, const struct walk_entry *entry,
                           const char *reason, long queued)
{
    struct strays *strays = &odd->strays;
    strays->size = (size_t)odd->run->options.batch_size;
    if (odd->is_not_usable) {
        leave(odd, entry, "the quarantine cannot be used");
        return true;
    }
    if (!strays_add(strays, entry, reason)) {
        leave(odd, entry, "out of memory");
        return report_error(&odd->run->report, EXIT_INTERNAL, "out of memory for a batch");
    }
    long limit = odd->run->options.limit, all = queued + odd->moved + (long)strays->count;
    bool is_full = strays->count == strays->size || (limit > 0 && all >= limit);
    return !is_full || odd_entries_quarantine(odd);
}

/* A link or a file in a directory's place is not the storage's fault, nor is a pair that lies in
 * another place. */
static void tell_unreadable(struct odd_entries *odd, const char *what, int error)
{
    struct report *report = &odd->run->report;
    if (++odd->unreadable > TOLD_MAXIMUM)
        return;
    if (error == 0 || error == ENOTDIR)
        report_warning(report, "%s; it stays for the next run", what);
    else
        report_error(report, exit_code_of_errno(error), "%s; it stays for the next run", what);
}

/* A directory is not a crash, and does not count as one. */
void odd_entries_tell(struct odd_entries *odd, const struct walk_entry *entry,
                      const struct failure *reason)
{
    char name[QUOTE_SIZE];
    struct failure told;
    if (entry->kind != WALK_LINK) {
        tell_unreadable(odd, reason->text, reason->error);
        return;
    }
    fail(&told, 0, "cannot examine %s: %s", quote(name, entry->name), reason->text);
    tell_unreadable(odd, told.text, reason->error);
    report_seen(&odd->run->report, 1);
    leave(odd, entry, reason->text);
}

void odd_entries_report(const struct odd_entries *odd)
{
    struct report *report = &odd->run->report;
    long stuck = quarantine_stuck(odd->quarantine);
    strays_report(&odd->strays, report);
    if (odd->unreadable > TOLD_MAXIMUM)
        report_warning(report, "cannot read others, too; they stay for the next run: %ld",
                       odd->unreadable - TOLD_MAXIMUM);
    if (stuck > 0)
        report_warning(report,
                       "cannot quarantine what is, or contains, neither a link nor a file with one "
                       "name, as the quarantine is on another file system; it stays: %ld",
                       stuck);
}

void odd_entries_free(struct odd_entries *odd)
{
    strays_free(&odd->strays);
}
