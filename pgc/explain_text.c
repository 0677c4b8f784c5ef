#include "explain_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void explain_add(char text[NEXT_SIZE], const char *format, ...)
{
    va_list arguments;
    size_t used = strlen(text);
    if (used > 0 && used + 2 < NEXT_SIZE) {
        strcpy(text + used, "; ");
        used += 2;
    }
    va_start(arguments, format);
    vsnprintf(text + used, NEXT_SIZE - used, format, arguments);
    va_end(arguments);
}
