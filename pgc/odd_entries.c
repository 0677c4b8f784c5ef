#include "odd_entries.h"

#include "base/quote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

void odd_entries_begin_walk(struct odd_entries *odd)
{
    odd->unreadable.others_here = odd->in_the_way.others_here = 0;
}

/* Whether it is new, and one of the first; the others are counted. */
static bool is_to_be_told(struct odd_unreadable *kind, const char *what)
{
    for (size_t i = 0; i < kind->told_count; i++)
        if (strcmp(kind->told[i], what) == 0)
            return false;
    char *copy = kind->told_count < ODD_TOLD_MAXIMUM ? strdup(what) : NULL;
    if (copy != NULL)
        kind->told[kind->told_count++] = copy;
    else if (++kind->others_here > kind->others)
        kind->others = kind->others_here;
    return copy != NULL;
}

/* A link or a file in a directory's place is not the storage's fault, nor is a pair that lies in
 * another place. Those who write the spool can make any number of them. */
static void tell_unreadable(struct odd_entries *odd, const char *what, int error)
{
    struct report *report = &odd->run->report;
    bool is_fault = error != 0 && error != ENOTDIR;
    if (!is_to_be_told(is_fault ? &odd->unreadable : &odd->in_the_way, what))
        return;
    if (is_fault)
        report_error(report, exit_code_of_errno(error), "%s; it stays for the next run", what);
    else
        report_warning(report, "%s; it stays for the next run", what);
}

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
}

void odd_entries_report(const struct odd_entries *odd)
{
    struct report *report = &odd->run->report;
    long stuck = quarantine_stuck(odd->quarantine);
    long others = odd->unreadable.others + odd->in_the_way.others;
    strays_report(&odd->strays, report);
    if (others > 0)
        report_warning(report, "cannot read others, too; they stay for the next run: %ld", others);
    if (stuck > 0)
        report_warning(report,
                       "cannot quarantine what is, or contains, neither a link nor a file with one "
                       "name, as the quarantine is on another file system; it stays: %ld",
                       stuck);
}

void odd_entries_free(struct odd_entries *odd)
{
    strays_free(&odd->strays);
    for (size_t i = 0; i < odd->unreadable.told_count; i++)
        free(odd->unreadable.told[i]);
    for (size_t i = 0; i < odd->in_the_way.told_count; i++)
        free(odd->in_the_way.told[i]);
}
