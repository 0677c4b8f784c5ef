/* utf8.h - UTF-8, one character at a time, in any locale, unlike the C library's conversion. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the character at `text` into *code and returns its length in bytes; 0 at the end, and if
 * it is ill-formed (Unicode, chapter 3). */
size_t utf8_decode(const char *text, uint32_t *code);

/* How many bytes of it, `most` at most, end with a character: where a text can be cut. */
size_t utf8_cut(const char *text, size_t most);

/* Whether the whole string is UTF-8. */
bool utf8_is_valid(const char *text);

#endif
