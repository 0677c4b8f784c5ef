/* milliseconds.h - a clock that nobody sets. */
#ifndef MILLISECONDS_H
#define MILLISECONDS_H

/* Since some time in the past; for signal handlers, too. */
long milliseconds(void);

#endif
