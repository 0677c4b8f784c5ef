/* explain_text.h - sentences, one after the other, for --explain. */
#ifndef EXPLAIN_TEXT_H
#define EXPLAIN_TEXT_H

enum { NEXT_SIZE = 2048 };

/* Adds a sentence to a text, with "; " before it if it is not the first one. */
void explain_add(char text[NEXT_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
