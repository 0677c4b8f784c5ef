/* destination.h - where cleanup puts pairs: there is one place for those of successful jobs, one for
 * those of failed ones. What is wrong with one keeps its jobs; those of the other are put away all the
 * same. */
#ifndef DESTINATION_H
#define DESTINATION_H

#include "spool/archive.h"
#include "run.h"

/* Zero-initialise it but for the path, and the root of the archive's tree, which is -1. */
struct destination {
    struct archive archive;
    const char *path; /* NULL: pairs are deleted */
    bool open;
    bool out_of_order; /* full, read-only, ...: nothing more is put there in this run */
    int full;          /* how many pairs in succession found no room */
};

/* Opens it when the first job needs it, for pairs of a spool like this one. False, when it cannot be
 * opened, which is told once, or is out of order. */
bool destination_open(struct destination *destination, struct run *run, const struct spool *like);

/* Takes note that a pair could not be put there: a failure may be that of the place as a whole. */
void destination_bear(struct destination *destination, const struct failure *failure);

void destination_close(struct destination *destination);

#endif
