#include "base/pause.h"

#include <time.h>

void pause_before(int retry)
{
    nanosleep(&(struct timespec){.tv_nsec = 10000000L << (retry - 1)}, NULL);
}
