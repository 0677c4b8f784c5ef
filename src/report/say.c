#include "report/say.h"

#include "log/log_format.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void say(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    for (size_t length = text != NULL ? strlen(text) : 0; length > 0 && text[length - 1] == ' ';)
        text[--length] = '\0';
    char *line = text != NULL ? log_format_plain(text) : NULL;
    fputs(line != NULL ? line : "out of memory for a line\n", stdout);
    free(line);
    free(text);
}
