#include "report/figures.h"

#include <stdio.h>
#include <string.h>

const char *figure_number(char text[FIGURE_SIZE], long long number)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", number), sign = number < 0;
    char *end = text;
    for (int i = 0; i < length; i++) {
        if (i > sign && (length - i) % 3 == 0)
            *end++ = ',';
        *end++ = digits[i];
    }
    *end = '\0';
    return text;
}

const char *figure_count(char text[FIGURE_SIZE], const struct count *count)
{
    char number[FIGURE_SIZE];
    if (count->state == COUNT_UNKNOWN)
        return strcpy(text, "unknown");
    if (count->state == COUNT_COMPLETE)
        return figure_number(text, count->number);
    if (count->number == 0)
        return strcpy(text, "0 so far");
    snprintf(text, FIGURE_SIZE, "more than %.32s", figure_number(number, count->number));
    return text;
}

const char *figure_age(char text[FIGURE_SIZE], long long seconds)
{
    const long long minute = 60, hour = 60 * minute, day = 24 * hour;
    if (seconds < 0)
        return strcpy(text, "none");
    if (seconds < minute)
        snprintf(text, FIGURE_SIZE, "%lld s", seconds);
    else if (seconds < hour)
        snprintf(text, FIGURE_SIZE, "%lld min %lld s", seconds / minute, seconds % minute);
    else if (seconds < day)
        snprintf(text, FIGURE_SIZE, "%lld h %lld min", seconds / hour, seconds % hour / minute);
    else
        snprintf(text, FIGURE_SIZE, "%lld d %lld h", seconds / day, seconds % day / hour);
    return text;
}

const char *figure_oldest(char text[FIGURE_SIZE], const struct count *count)
{
    char age[FIGURE_SIZE];
    snprintf(text, FIGURE_SIZE, "%s%.50s", count->is_least && count->oldest >= 0 ? "at least " : "",
             figure_age(age, count->oldest));
    return text;
}

const char *figure_ago(char text[FIGURE_SIZE], long long seconds)
{
    figure_age(text, seconds);
    return seconds < 0 ? text : strcat(text, " ago");
}

const char *figure_seconds(char text[FIGURE_SIZE], double seconds)
{
    if (seconds < 0 || seconds >= 10)
        return figure_age(text, (long long)seconds);
    snprintf(text, FIGURE_SIZE, "%.2f s", seconds);
    return text;
}

const char *figure_size(char text[FIGURE_SIZE], unsigned long long bytes)
{
    static const char units[] = "kMGTPE";
    double size = (double)bytes;
    size_t unit = 0;
    if (bytes < 1000) {
        snprintf(text, FIGURE_SIZE, "%llu B", bytes);
        return text;
    }
    for (size /= 1000; size >= 999.95 && unit + 2 < sizeof units; size /= 1000)
        unit++;
    snprintf(text, FIGURE_SIZE, "%.1f %cB", size, units[unit]);
    return text;
}

const char *figure_time(char text[FIGURE_SIZE], time_t time)
{
    struct tm date;
    text[0] = '\0';
    if (gmtime_r(&time, &date) != NULL)
        strftime(text, FIGURE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &date);
    return text;
}
