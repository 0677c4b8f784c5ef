/* explain_case.h - what lies of a crash in quarantine, which several storages may share. */
#ifndef EXPLAIN_CASE_H
#define EXPLAIN_CASE_H

#include "explanation.h"

/* Whether a case is that of another storage, which alone releases it; and whether cleanup of this
 * one deletes it when it is old: not, in a quarantine that may be shared, where its
 * reason does not say whose it is. */
bool explain_case_is_of_another(const struct explanation *explanation, const struct sighting *its);
bool explain_case_is_deleted(const struct explanation *explanation, const struct sighting *its);

/* The first one that is not of another storage, or else the first; NULL: there is none. */
const struct sighting *explained_case(const struct explanation *explanation);

#endif
