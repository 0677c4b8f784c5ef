#include "spool/roots.h"

bool roots_open(struct roots *roots, const struct options *options, struct failure *failure)
{
    const char *paths[ROOT_COUNT] = {options->storage_root, options->deferred_storage_root};
    *roots = (struct roots){.spools = {{.root = -1}, {.root = -1}}};
    for (int i = 0; i < ROOT_COUNT; i++)
        if (paths[i] != NULL && (!spool_open(&roots->spools[i], paths[i], options->json_file_suffix,
                                             options->dump_file_suffix, failure)))
            return false;
    return roots_refresh(roots, failure);
}

void roots_close(struct roots *roots)
{
    for (int i = 0; i < ROOT_COUNT; i++) {
        spool_close(&roots->spools[i]);
        names_free(&roots->days[i]);
    }
}

bool roots_refresh(struct roots *roots, struct failure *failure)
{
    for (int i = 0; i < ROOT_COUNT; i++) {
        names_free(&roots->days[i]);
        if (roots->spools[i].root >= 0 && !spool_days(&roots->spools[i], &roots->days[i], failure))
            return false;
    }
    return true;
}

void roots_find(const struct roots *roots, const struct crash_id *id, struct found *found,
                struct failure *failure)
{
    *found = NOTHING_FOUND;
    for (int i = 0; i < ROOT_COUNT && found->search < SEARCH_WHOLE; i++)
        search_spool(&roots->spools[i], &roots->days[i], id, found, failure);
}
