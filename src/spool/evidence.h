/* evidence.h - whether a pair is that of the row of a crash with its id, or another crash: by the
 * place, the times of files and links, and what links there are. See "Which pair belongs to a row"
 * in doc/internals.md. The pair is open. What is to count as found is LOCATED_NOWHERE for another
 * crash, and LOCATED_FAILED with the reason if it cannot be told. */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "spool/location.h"

/* What lies where the row says. Sets is_earlier and is_later. */
enum located evidence_of_origin(struct pair_location *location, const struct origin *origin,
                                struct failure *failure);

/* Whose further dumps are that came to the pair since its job was taken: with a link that came
 * since, too, they are of another crash with its id, whose other files are on their way; and so is
 * what comes from now on (sets pair.latest, has_next and is_touched). False with the reason if such
 * a link may come yet, or it cannot be told. After evidence_of_origin(). */
bool evidence_of_further(struct pair_location *location, const struct origin *origin,
                         struct failure *failure);

/* What lies elsewhere. The origin is that of the row; NULL: not known. */
enum located evidence_of_other(const struct pair_location *location, const struct origin *origin,
                               struct failure *failure);

/* The pair that was found elsewhere, the only one. `its` is where it should be. Sets is_later and
 * is_elsewhere, or the location to LOCATED_FAILED. */
void evidence_doubt(struct pair_location *location, const struct origin *origin,
                    const struct pair *its, struct failure *failure);

/* Whether the spool can be asked for the time: else nobody knows what is early or late. */
bool evidence_has_clock(const struct pair_location *location, struct failure *failure);

#endif
