/* mail.h - what goes to stderr, which cron mails: at most ten messages of a kind in a run, and of
 * what lasts one an hour. A kind is a message without its values: without what is in quotes, words
 * with a digit, or of two or 36 letters that could be hexadecimal digits, and what follows a colon
 * and two blanks, as the words of an error that the server tells. One thread at a time. */
#ifndef MAIL_H
#define MAIL_H

#include <stdbool.h>

/* Has what this command tells, with this configuration, remembered for `seconds`; 0, as before the
 * call: not at all. */
void mail_remember(char *const argv[], const char *config, long seconds);

/* Whether a message is to be told. One that `lasts` is not if it is remembered, apart from such
 * words, unless a person sits at the terminal. What was told is remembered beside
 * the log (NULL: there is none), in NAME.mailed, or else in TMPDIR or /tmp, in crashmon-UID.mailed,
 * or, without room for a line, by an empty file there, crashmon-UID.mailed.HASH; where that is not
 * possible either, it is told each time. */
bool mail_admits(const char *message, bool lasts, const char *log_pathname);

/* Calls `tell` for each kind of which more than ten messages came, with the number of the others
 * and the first one without its names, and forgets all kinds. */
void mail_end(void (*tell)(long others, const char *first));

#endif
