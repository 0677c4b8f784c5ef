#include "base/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fail(struct failure *failure, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    failure->error = error;
    if (error != 0) { /* which is not cut off, whatever the text is about */
        const char *reason = error == ENOTDIR ? "Not a directory (a symbolic link is not followed)"
                             : error == EREMCHG ? "it has just changed"
                             : error == EBADRQC
                                 ? "its file system can neither rename without replacing nor make "
                                   "hard links, so it cannot be used for this"
                                 : strerror(error);
        size_t used = strlen(failure->text), room = sizeof failure->text - strlen(": ") - 1;
        used = used + strlen(reason) > room ? room - strlen(reason) : used;
        snprintf(failure->text + used, sizeof failure->text - used, ": %s", reason);
    }
    return false;
}

bool fail_further(struct failure *failure, const char *format, ...)
{
    size_t used = strlen(failure->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text + used, sizeof failure->text - used, format, arguments);
    va_end(arguments);
    return false;
}
