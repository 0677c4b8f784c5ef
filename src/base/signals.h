/* stop.h - signals that ask a run to end.
 *
 * SIGTERM, SIGINT and SIGHUP are only noted; a run asks at each batch boundary, where everything
 * is consistent, and ends there with the exit code 128 + the signal. */
#ifndef STOP_H
#define STOP_H

/* From now on the three signals are noted, but for those that the user has set to be ignored
 * (nohup). A reader who has gone away, and a file that may not grow, are errors of the call and end
 * nothing. */
void stop_on_signals(void);

/* The first signal that came, or 0. */
int stop_signal(void);

#endif
