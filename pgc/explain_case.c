#include "explain_case.h"

#include <string.h>

/* "": it is not known. */
static const char *our_mark(const struct explanation *explanation)
{
    const struct spool *storage = explanation->places->trees[PLACE_STORAGE];
    return storage == NULL ? "" : storage->mark;
}

bool explain_case_is_of_another(const struct explanation *explanation, const struct sighting *its)
{
    const char *mark = our_mark(explanation);
    return mark[0] != '\0' && its->owner[0] != '\0' && strcmp(its->owner, mark) != 0;
}

bool explain_case_is_deleted(const struct explanation *explanation, const struct sighting *its)
{
    return its->owner[0] == '\0' ? !explanation->places->is_quarantine_shared
                                 : !explain_case_is_of_another(explanation, its);
}

const struct sighting *explained_case(const struct explanation *explanation)
{
    const struct sightings *sightings = &explanation->sightings;
    for (size_t i = 0; i < sightings->count; i++)
        if (sightings->items[i].place == PLACE_QUARANTINE &&
            !explain_case_is_of_another(explanation, &sightings->items[i]))
            return &sightings->items[i];
    return sightings_find(sightings, PLACE_QUARANTINE);
}
