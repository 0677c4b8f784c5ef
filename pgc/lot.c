#include "lot.h"

enum { FIRST = 50, DOUBLINGS_MAXIMUM = 8, LOCKED = 100 /* ms */ };

long lot_size(const struct lot *lot, long batch_size)
{
    long size = (long)FIRST << lot->doublings;
    return size < batch_size ? size : batch_size;
}

void lot_adapt(struct lot *lot, long locked)
{
    if (locked < LOCKED && lot->doublings < DOUBLINGS_MAXIMUM)
        lot->doublings++;
    else if (locked > LOCKED * 2 && lot->doublings > 0)
        lot->doublings--;
}
