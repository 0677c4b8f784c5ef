/* pause.h - a pause before something is tried again. */
#ifndef PAUSE_H
#define PAUSE_H

/* 10 ms before the first retry, and twice as long before each further one. A signal ends it. */
void pause_before(int retry);

#endif
