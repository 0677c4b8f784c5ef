#include "options/duration.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads ":MM" or ":SS". */
static bool parse_sixtieths(long *value, const char *text)
{
    if (text[0] != ':' || !is_digit(text[1]) || !is_digit(text[2]))
        return false;
    *value = (text[1] - '0') * 10 + (text[2] - '0');
    return *value < 60;
}

bool duration_parse(long *seconds, const char *text)
{
    long hours = 0, minutes, rest;
    const char *at = text;
    for (; is_digit(*at); at++) {
        hours = hours * 10 + (*at - '0');
        if (hours * 3600 >= DURATION_MAXIMUM)
            return false;
    }
    if (at == text || strlen(at) != strlen(":MM:SS"))
        return false;
    if (!parse_sixtieths(&minutes, at) || !parse_sixtieths(&rest, at + 3))
        return false;
    *seconds = hours * 3600 + minutes * 60 + rest;
    return true;
}
