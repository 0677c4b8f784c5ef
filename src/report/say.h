/* say.h - prints lines for people. */
#ifndef SAY_H
#define SAY_H

/* Prints a line to stdout, without blanks at its end, in which names from outside cannot begin
 * another one. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
