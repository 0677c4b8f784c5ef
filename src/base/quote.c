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
    if (*text != '\0')
        at = stpcpy(at, cut);
    strcpy(at, "\"");
    return buffer;
}
