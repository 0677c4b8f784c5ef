/* mail.h - what goes to stderr, which cron mails: at most ten messages of a kind in a run, and of
 * what lasts one an hour. A kind is a message without its values: without what is in quotes, words
 * with a digit, and the words of an error that the server tells. One thread at a time. */
#ifndef MAIL_H
#define MAIL_H

#include <stdbool.h>

/* Remembers for so many seconds what the same command has told with the same configuration; 0: for
 * no time, as before this call. */
void mail_remember(char *const argv[], const char *config, long seconds);

/* Whether a message is to be told. Not if it `lasts` and the same, but for what has a digit, is
 * remembered; but always where a person sits at the terminal. What was told is remembered beside
 * the log (NULL: there is none), in NAME.mailed, or else in TMPDIR or /tmp, in crashmon-UID.mailed;
 * where that is not possible either, it is told each time. */
bool mail_admits(const char *message, bool lasts, const char *log_pathname);

/* Calls `tell` for each kind of which more than ten messages came, with the number of the others
 * and the first one without its names, and forgets all kinds. */
void mail_end(void (*tell)(long others, const char *first));

#endif
