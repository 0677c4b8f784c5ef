/* signals.h - signals that ask a run to end.
 *
 * SIGTERM, SIGINT and SIGHUP are only noted. A run asks for them at each batch boundary, where
 * everything is consistent, and ends there with the exit code 128 + the signal. */
#ifndef SIGNALS_H
#define SIGNALS_H

/* From now on the three signals are noted, except those that the user has set to be ignored
 * (nohup). SIGPIPE and SIGXFSZ are ignored: a reader that has gone away, and a file that must not
 * grow, are errors of the call and do not end the program. */
void signals_catch(void);

/* The first signal that came, or 0. */
int signals_caught(void);

#endif
