/* lot.h - how large a batch may be where pairs are deleted.
 *
 * Its rows are locked until the disk has written down what is gone. So the first has fifty, and a
 * further one twice as many as the one before if that took less than a tenth of a second: each has
 * a flush and a commit, with which fifty at a time would be slow on a fast disk. */
#ifndef LOT_H
#define LOT_H

/* Of a run; zero at first. Any thread may use it. */
struct lot {
    _Atomic int doublings;
};

long lot_size(const struct lot *lot, long batch_size);

/* For how many milliseconds the rows of a batch were locked. */
void lot_adapt(struct lot *lot, long locked);

#endif
