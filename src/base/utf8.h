/* utf8.h - text in UTF-8, one character at a time. The programs run in any locale, cron's too, so
 * the C library's own conversion, which follows the locale, is of no use here. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the character at `text`. Returns how many bytes it has, and its code point in *code; 0
 * where there is none: at the end, and at what Unicode's chapter 3 calls ill-formed. */
size_t utf8_decode(const char *text, uint32_t *code);

/* Whether the whole string is UTF-8. */
bool utf8_is_valid(const char *text);

#endif
