/* signals.h - signals that ask a run to end.
 *
 * SIGTERM, SIGINT and SIGHUP are only noted. A run checks for them after each batch, when
 * everything is consistent, and ends with the exit code 128 + the signal. */
#ifndef SIGNALS_H
#define SIGNALS_H

/* Notes the three signals from now on, unless they are ignored (nohup). Ignores SIGPIPE and
 * SIGXFSZ: a closed pipe or a file size limit is an error of the call. A library that calls abort()
 * ends the program with 70, and a line on stderr. */
void signals_catch(void);

/* The first signal caught, or 0. */
int signals_caught(void);

#endif
