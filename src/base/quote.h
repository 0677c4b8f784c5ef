/* quote.h - puts names from outside in quotes, so that they cannot pass for our own words. */
#ifndef QUOTE_H
#define QUOTE_H

enum { QUOTE_SIZE = 2304 };

/* Writes `text` in double quotes, with a backslash before each quote and backslash; a text that is
 * too long ends with "...". The log escapes control characters. Returns the buffer. */
const char *quote(char buffer[QUOTE_SIZE], const char *text);

#endif
