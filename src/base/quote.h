/* quote.h - a name from outside, in quotes, so that it cannot look like words of ours. */
#ifndef QUOTE_H
#define QUOTE_H

enum { QUOTE_SIZE = 2304 };

/* Writes the text between double quotes, with a backslash before each quote and each backslash in
 * it; what does not fit ends with "...". Control characters are left to the log, which escapes
 * them. Returns the buffer. */
const char *quote(char buffer[QUOTE_SIZE], const char *text);

#endif
