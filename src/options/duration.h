/* duration.h - durations as in Socorro's configuration, HHH:MM:SS. */
#ifndef DURATION_H
#define DURATION_H

#include <stdbool.h>

#define DURATION_MAXIMUM (100000L * 3600) /* seconds: about eleven years */

/* Parses all of `text`: one or more digits of hours, two of minutes, two of seconds. */
bool duration_parse(long *seconds, const char *text);

#endif
