/* findings.h - what is found of the pair of a finished job (put_away.h): in the spool, and unless
 * it is whole there, in long-term storage. */
#ifndef FINDINGS_H
#define FINDINGS_H

#include "spool/finished_job.h"

struct findings {
    struct pair_location here, archived;
    bool has_all; /* what is left in the spool is in long-term storage, too, with the same bytes */
};

/* Opens long-term storage when it is first needed. False if it cannot be used in this run: that is
 * reported once, and keeps back only its own jobs. */
bool findings_open_archive(struct archive *archive, struct report *report);

/* Looks in long-term storage, first where the verdict says. A processor may have changed its
 * verdict since the pair was put away, or half of it: then job->archive becomes the other one.
 * LOCATED_FAILED with the reason. */
enum located findings_look(struct findings *found, struct finished_job *job,
                           const struct crash_id *id, struct report *report,
                           struct failure *failure);

/* Whether a part of the pair is in the spool, and the rest in long-term storage; and whether that
 * has a file that is in the spool, too, of whatever crash. */
bool findings_have_rest(const struct findings *found);
bool findings_are_twice(const struct findings *found);

/* What is nowhere: "its pair", or "its .dump file". */
void findings_name_missing(const struct findings *found, const struct spool *spool, char *text,
                           size_t size);

#endif
