#include "spool/discard.h"

#include "spool/file.h"
#include "spool/links.h"
#include "spool/locate.h"

#include <errno.h>

static bool remove_files(const struct pair_location *location, const struct pair_files *files,
                         struct failure *failure)
{
    for (size_t i = 0; i < files->count; i++)
        if (!file_remove(location->directory, files->items[i].name, &files->items[i].status))
            return errno == EINVAL
                       ? fail(failure, 0, "one of its files has just changed")
                       : fail(failure, errno, "cannot remove one of its files from \"%s\"",
                              location->pair.spool->path);
    return true;
}

static bool list_and_remove(const struct pair_location *location, struct failure *failure)
{
    struct pair_files files = {0};
    bool good =
        location_list(location, &files)
            ? remove_files(location, &files, failure)
            : fail(failure, errno, "cannot list its files in \"%s\"", location->pair.spool->path);
    pair_files_free(&files);
    return good;
}

bool discard(const struct candidate *candidate, struct failure *failure)
{
    struct pair_location location;
    locate_there(&candidate->pair, &location, failure);
    bool good =
        location.found != LOCATED_FAILED &&
        (location.directory < 0 || list_and_remove(&location, failure)) &&
        links_remove_from(&candidate->pair, location.directory, candidate->date_directory, failure);
    location_close(&location);
    return good;
}
