#include "spool/findings.h"

#include "log/log.h"

#include <stdio.h>

bool findings_open_archive(struct archive *archive, struct report *report)
{
    struct failure failure;
    if (archive_state(archive) != ARCHIVE_NOT_OPEN)
        return archive_state(archive) == ARCHIVE_OPEN;
    if (!archive_open(archive, &failure) ||
        (report->dry_run && !archive_may_change(archive, &failure)))
        return report_error(report, exit_code_of_errno(failure.error),
                            "%s; its jobs stay for the next run", failure.text);
    if (archive_is_shared(archive))
        log_warning("long-term storage \"%s\" lies in a directory in which everybody may create "
                    "files; set another one",
                    archive_path(archive));
    return true;
}

static bool is_rest(const struct pair_location *here, const struct pair_location *there)
{
    return here->found == LOCATED_PART && there->found == LOCATED_PART &&
           (here->json.found ? there->dump.found : there->json.found);
}

bool findings_have_rest(const struct findings *found)
{
    return is_rest(&found->here, &found->archived);
}

static bool is_twice(const struct main_file *here, const struct main_file *archived)
{
    return here->found && (archived->found || archived->is_older);
}

bool findings_are_twice(const struct findings *found)
{
    const struct pair_location *here = &found->here, *archived = &found->archived;
    return is_twice(&here->json, &archived->json) || is_twice(&here->dump, &archived->dump);
}

void findings_name_missing(const struct findings *found, const struct spool *spool, char *text,
                           size_t size)
{
    const struct pair_location *half =
        found->here.found == LOCATED_PART ? &found->here : &found->archived;
    if (half->json.found || half->dump.found)
        snprintf(text, size, "its %s file",
                 half->json.found ? spool->dump_suffix : spool->json_suffix);
    else
        snprintf(text, size, "its pair");
}

static enum located use_other(struct finished_job *job, struct findings *found,
                              const struct pair_location *other)
{
    found->archived = *other;
    job->archive = job->other;
    return other->found;
}

/* Where half a pair goes on: where its rest is, or all of it; anything else is a namesake's. */
static enum located choose_for_half(struct finished_job *job, struct findings *found,
                                    const struct pair_location *other, struct failure *failure)
{
    const struct pair_location *half = &found->here;
    enum located here = found->archived.found;
    bool has_rest = is_rest(half, &found->archived);
    if (is_rest(half, other) && has_rest) {
        fail(failure, 0, "both long-term storages have what may be the rest of it");
        return LOCATED_FAILED;
    }
    if (is_rest(half, other))
        return use_other(job, found, other);
    if (has_rest)
        return here;
    if (!archive_has_all(job->archive, half, &found->has_all, failure))
        return LOCATED_FAILED;
    if (found->has_all || other->found == LOCATED_NOWHERE)
        return here;
    if (!archive_has_all(job->other, half, &found->has_all, failure))
        return LOCATED_FAILED;
    return found->has_all ? use_other(job, found, other) : here;
}

enum located findings_look(struct findings *found, struct finished_job *job,
                           const struct crash_id *id, struct report *report,
                           struct failure *failure)
{
    struct pair_location other = {.directory = -1};
    enum located here = archive_find(job->archive, id, &job->origin, &found->archived, failure);
    bool is_half = found->here.found == LOCATED_PART;
    if (here == LOCATED_FAILED || (here != LOCATED_NOWHERE && !is_half))
        return here;
    if (!(is_half && job->move.is_begun)) { /* it is noted that it goes nowhere else */
        if (!findings_open_archive(job->other, report)) {
            fail(failure, 0, "it may be in the other long-term storage, which cannot be used");
            return LOCATED_FAILED;
        }
        if (!archive_is_same(job->archive, job->other) &&
            archive_find(job->other, id, &job->origin, &other, failure) == LOCATED_FAILED)
            return LOCATED_FAILED;
    }
    if (is_half)
        return choose_for_half(job, found, &other, failure);
    return other.found != LOCATED_NOWHERE ? use_other(job, found, &other) : here;
}
