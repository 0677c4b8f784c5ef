#include "spool/layout.h"

#include "base/quote.h"
#include "spool/crash_id.h"
#include "spool/dir.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct day {
    bool has_name, has_date;
    char other[NAME_MAX + 1]; /* "": nothing else */
};

static void take_entry(struct day *day, const char *name)
{
    if (strcmp(name, "name") == 0)
        day->has_name = true;
    else if (strcmp(name, "date") == 0)
        day->has_date = true;
    else if (!dir_is_of_disk(name))
        snprintf(day->other, sizeof day->other, "%s", name);
}

/* Reads the last day that is not empty. A day that is gone or cannot be entered is for others to
 * tell. */
static void read_last_day(const struct spool *spool, const struct names *days, struct day *day,
                          const char **which)
{
    const struct dirent64 *entry;
    struct dir_reader reader;
    for (size_t i = days->count; i-- > 0;) {
        if (!dir_begin(&reader, spool->root, days->items[i]))
            continue;
        *day = (struct day){0};
        *which = days->items[i];
        while ((entry = dir_next(&reader)) != NULL)
            take_entry(day, entry->d_name);
        dir_end(&reader);
        if (day->has_name || day->has_date || day->other[0] != '\0')
            return;
    }
}

static bool is_ours(const struct spool *spool, const char *const ours[], size_t count,
                    const char *name)
{
    if (dir_is_of_disk(name) || strcmp(name, "quarantine") == 0)
        return true;
    for (size_t i = 0; i < count; i++) {
        const char *below = ours[i] != NULL ? spool_below(spool, ours[i]) : NULL;
        size_t length = strlen(name);
        if (below != NULL && strncmp(below, name, length) == 0 &&
            (below[length] == '/' || below[length] == '\0'))
            return true;
    }
    return false;
}

/* Whether a root without a day is just empty. */
static bool is_just_empty(const struct spool *spool, const char *const ours[], size_t count,
                          struct failure *failure)
{
    char name[QUOTE_SIZE];
    const struct dirent64 *entry;
    struct dir_reader reader;
    if (!dir_begin(&reader, spool->root, NULL))
        return fail(failure, errno, "cannot read %s \"%s\"", place_title(spool->place),
                    spool->path);
    while ((entry = dir_next(&reader)) != NULL && is_ours(spool, ours, count, entry->d_name))
        ;
    int error = errno;
    if (entry != NULL)
        fail(failure, 0, "%s \"%s\" has no directory of a day (YYYYMMDD), but %s",
             place_title(spool->place), spool->path, quote(name, entry->d_name));
    else if (error != 0)
        fail(failure, error, "cannot read %s \"%s\"", place_title(spool->place), spool->path);
    dir_end(&reader);
    return entry == NULL && error == 0;
}

bool layout_is_empty(int directory)
{
    struct dir_reader reader;
    if (!dir_begin(&reader, directory, NULL))
        return false;
    bool answer = dir_next(&reader) == NULL && errno == 0;
    dir_end(&reader);
    return answer;
}

bool layout_is_known(const struct spool *spool, const char *const ours[], size_t count,
                     struct failure *failure)
{
    char name[QUOTE_SIZE];
    struct names days = {0};
    struct day day = {0};
    const char *which = NULL;
    bool good = spool_days(spool, &days, failure);
    read_last_day(spool, &days, &day, &which);
    if (good && days.count == 0)
        good = is_just_empty(spool, ours, count, failure);
    else if (day.other[0] != '\0' && !(day.has_name && day.has_date))
        good = fail(failure, 0, "day \"%s/%s\" holds %s, but no directory \"%s\"", spool->path,
                    which, quote(name, day.other), day.has_name ? "date" : "name");
    names_free(&days);
    return good;
}
