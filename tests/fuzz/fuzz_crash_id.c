/* fuzz_crash_id - what is taken for a crash id, and for a day. */
#include "spool/crash_id.h"

#include "fuzz.h"

#include <time.h>

static bool is_crash_id(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < strlen(shape); i++)
        if (text[i] == '\0' ||
            (shape[i] == 'x' ? strchr("0123456789abcdefABCDEF", text[i]) == NULL : text[i] != '-'))
            return false;
    return strlen(text) == strlen(shape);
}

/* The C library's calendar turns a day that does not exist into another one. */
static bool is_day(const char *text)
{
    char again[64];
    struct tm day = {0};
    if (strlen(text) != DAY_LENGTH || strspn(text, "0123456789") != DAY_LENGTH)
        return false;
    sscanf(text, "%4d%2d%2d", &day.tm_year, &day.tm_mon, &day.tm_mday);
    day.tm_year -= 1900;
    day.tm_mon -= 1;
    timegm(&day);
    snprintf(again, sizeof again, "%04d%02d%02d", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
    return strcmp(again, text) == 0;
}

static void check_accepted(const struct crash_id *id, const char *text)
{
    char path[NAME_PATH_LENGTH + 1], joined[NAME_PATH_LENGTH + 1] = "";
    CHECK(strcmp(id->text, text) == 0);
    char day[DAY_LENGTH + 1] = "20";
    strcat(day, text + CRASH_ID_LENGTH - 6);
    CHECK(strcmp(id->day, is_day(day) ? day : "") == 0);
    char depth = text[CRASH_ID_LENGTH - 7];
    CHECK(id->depth == (is_day(day) && depth >= '1' && depth <= '4' ? depth - '0' : 4));

    crash_id_name_path(id, path);
    for (int level = 0; level < id->depth; level++)
        snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%.2s",
                 level > 0 ? "/" : "", text + 2 * level);
    CHECK(strcmp(path, joined) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    struct crash_id id, untouched;
    memset(&id, 'x', sizeof id);
    memset(&untouched, 'x', sizeof untouched);
    bool accepted = crash_id_parse(&id, text);
    CHECK(accepted == is_crash_id(text));
    if (accepted)
        check_accepted(&id, text);
    else
        CHECK(memcmp(&id, &untouched, sizeof id) == 0);
    CHECK(day_is_valid(text) == is_day(text));
    free(text);
    return 0;
}
