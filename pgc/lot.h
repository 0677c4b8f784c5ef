/* lot.h - how many pairs are deleted in one transaction, which has their rows locked until the disk
 * has written down what is gone.
 *
 * The first lot has fifty; a further one has as many as would have been deleted in a tenth of a
 * second at the pace of the one before, but fifty at least. Each has a flush and a commit, so fifty
 * at a time would be slow on a fast disk. The jobs between them whose pairs stay come along. */
#ifndef LOT_H
#define LOT_H

#include "bisect.h"
#include "spool/finished_job.h"

/* Of a run; zero at first. */
struct lot {
    size_t size; /* of the next one: pairs */
};

/* Like bisect(), lot by lot; `jobs` are the crashes of the work. What is behind those that are
 * refused, or is not reached when the run is to end, becomes LEFT. */
bool lot_bisect(struct lot *lot, const struct bisect *work, const struct finished_job *jobs,
                size_t count);

#endif
