#include "base/quote.h"

#include <string.h>

const char *quote(char buffer[QUOTE_SIZE], const char *text)
{
    static const char cut[] = "...";
    char *at = buffer, *end = buffer + QUOTE_SIZE - sizeof cut - 2;
    *at++ = '"';
    for (; *text != '\0' && at < end; text++) {
        if (*text == '"' || *text == '\\')
            *at++ = '\\';
        *at++ = *text;
    }
    for (int i = 0; i < 3 && (*text & 0xc0) == 0x80 && (text[-1] & 0x80) != 0; i++, text--)
        at--; /* no part of a character, if it is one: '"' would be two bytes here */
    if (*text != '\0')
        at = stpcpy(at, cut);
    strcpy(at, "\"");
    return buffer;
}
