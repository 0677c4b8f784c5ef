/* signals.h - signals that ask a run to end, and what ends a wait.
 *
 * SIGTERM, SIGINT, SIGHUP, and SIGALRM when the time of the run is over, are only noted. A run
 * checks for them after each batch, when everything is consistent, and ends with the exit code
 * 128 + the signal. A second one ends the wait for the server: its socket is shut down, so whoever
 * waits for it finds the connection lost. Where there is no such socket, as while connecting, where
 * nobody reads what is written to stdout or stderr, and at a third one, the program ends at once.
 * (The same signal within a fifth of a second counts as one: timeout(1) and service managers send
 * it to the program, and to its group.) */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>

struct failure;

/* Notes the signals from now on, also where whoever has started the program has blocked them,
 * unless they are ignored (nohup). Ignores SIGPIPE and SIGXFSZ: a closed pipe or a file size limit
 * is an error of the call. A library that calls abort() ends the program with 70, and a line on
 * stderr. */
void signals_catch(void);

/* From now on, where the program ends at once, it writes `text` to stdout before, if that takes it,
 * with the exit code in the place of the three digits at `code`; NULL: nothing. It is kept. */
void signals_last_words(char *text, char *code);

/* The first signal caught, or 0; and whether a second one has shut down the socket. */
int signals_caught(void);
bool signals_are_urgent(void);

/* False, with EINTR, once the socket was shut down here: the server lets the lock of this run go,
 * so nothing may be changed on disk any more. For each change that does not ask the server first.
 */
bool signals_permit(struct failure *failure);

/* From now on the socket of the server; -1: none. */
void signals_guard(int socket);

/* Whether it is a disk that is waited for, not the server: what comes then is no second signal.
 * (The end of the run's time comes again.) */
void signals_spare(bool waits_for_disk);

/* Shuts the socket down after `seconds`, unless it is called again before; 0: not at all. The
 * second one returns these seconds if that has happened, else 0. */
void signals_watch(long seconds);
long signals_have_waited(void);

/* Sends SIGALRM after `seconds`, and once more ten seconds later; 0: never. */
void signals_limit(long seconds);

#endif
