/* figures.h - counts, ages and sizes, as people read them. */
#ifndef FIGURES_H
#define FIGURES_H

#include <stdbool.h>
#include <time.h>

enum count_state {
    COUNT_UNKNOWN, /* nobody could count, or nobody has */
    COUNT_PARTIAL, /* time was over: there may be more, and older ones */
    COUNT_COMPLETE,
};

/* Zero-initialised it is not known. */
struct count {
    enum count_state state;
    long long number;
    long long oldest; /* its age in seconds; below 0: there is none, or its age is not known */
    bool is_least;    /* there may be older ones */
};

enum { FIGURE_SIZE = 64 };

/* figure_oldest() is the age of the oldest that was counted: "at least 3 h 12 min" if it may be
 * older. figure_seconds() knows parts of a second, figure_ago() is for an age, with "ago" behind
 * it. Each writes into the buffer and returns it: "1,234", "more than 1,234", "unknown"; "1,234" of
 * a plain number; "45 s", "4 min 10 s", "3 h 12 min" or "5 d 3 h", or "none" below 0; "0.12 s";
 * "12.3 GB". */
const char *figure_count(char text[FIGURE_SIZE], const struct count *count);
const char *figure_number(char text[FIGURE_SIZE], long long number);
const char *figure_age(char text[FIGURE_SIZE], long long seconds);
const char *figure_oldest(char text[FIGURE_SIZE], const struct count *count);
const char *figure_ago(char text[FIGURE_SIZE], long long seconds);
const char *figure_seconds(char text[FIGURE_SIZE], double seconds);
const char *figure_size(char text[FIGURE_SIZE], unsigned long long bytes);

/* For programs, and where it stays: "2008-12-26T00:00:00Z". */
const char *figure_time(char text[FIGURE_SIZE], time_t time);

#endif
