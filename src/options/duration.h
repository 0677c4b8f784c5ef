/* duration.h - spans of time as Socorro's configuration writes them, HHH:MM:SS. */
#ifndef DURATION_H
#define DURATION_H

#include <stdbool.h>

#define DURATION_MAXIMUM (100000L * 3600) /* seconds: some eleven years */

/* Parses all of `text`: one or more digits of hours, two of minutes, two of seconds. */
bool duration_parse(long *seconds, const char *text);

#endif
