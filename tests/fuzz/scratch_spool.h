/* scratch_spool.h - a spool below $TMPDIR for the targets that fuzz the names in one; whoever runs
 * them removes it. */
#ifndef SCRATCH_SPOOL_H
#define SCRATCH_SPOOL_H

#include "../scratch.h"
#include "fuzz.h"

#include "../unit/scratch_tree.h"
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

/* Opens an empty spool, which becomes the working directory. */
static inline struct spool *empty_spool(void)
{
    static struct spool *spool;
    struct failure failure;
    if (*scratch_directory == '\0')
        CHECK(scratch_enter());
    CHECK(scratch_empty());
    spool_close(spool);
    spool = spool_open(PLACE_STORAGE, scratch_directory, ".json", ".dump", &failure);
    CHECK(spool != NULL);
    return spool;
}

#endif
