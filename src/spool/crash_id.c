#include "spool/crash_id.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_DEPTH = 4, DEPTH_AT = 29, DATE_AT = 30 };

/* Not isxdigit(): the locale must not widen what may become part of a path. */
static bool is_hexadecimal(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool has_shape(const char *text)
{
    for (int i = 0; i < CRASH_ID_LENGTH; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text[i] != '-' : !is_hexadecimal(text[i]))
            return false;
    }
    return text[CRASH_ID_LENGTH] == '\0';
}

bool day_is_valid(const char *text)
{
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strspn(text, "0123456789") != DAY_LENGTH || text[DAY_LENGTH] != '\0')
        return false;
    int number = atoi(text);
    int year = number / 10000, month = number / 100 % 100, day = number % 100;
    if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1])
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return !(month == 2 && day == 29) || leap;
}

bool crash_id_parse(struct crash_id *id, const char *text)
{
    if (!has_shape(text))
        return false;
    memcpy(id->text, text, sizeof id->text);
    memcpy(id->day, "20", 2);
    memcpy(id->day + 2, text + DATE_AT, sizeof id->day - 2);
    id->depth = DEFAULT_DEPTH;
    if (!day_is_valid(id->day))
        id->day[0] = '\0';
    else if (text[DEPTH_AT] >= '1' && text[DEPTH_AT] <= '4')
        id->depth = text[DEPTH_AT] - '0';
    return true;
}

/* Not tolower() and toupper(), as above. */
static char respell(char c, bool capitals)
{
    if (capitals)
        return c >= 'a' && c <= 'f' ? (char)(c - 'a' + 'A') : c;
    return c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
}

size_t crash_id_spell(struct crash_id spellings[CRASH_ID_SPELLINGS], const char *text)
{
    size_t count = crash_id_parse(&spellings[0], text);
    for (int capitals = 0; capitals <= 1 && count > 0; capitals++) {
        struct crash_id *other = &spellings[count];
        *other = spellings[0];
        for (int i = 0; i < CRASH_ID_LENGTH; i++)
            other->text[i] = respell(other->text[i], capitals);
        count += strcmp(other->text, text) != 0;
    }
    return count;
}

bool crash_id_may_be_of(const struct crash_id *id, const char *day)
{
    return id->day[0] == '\0' || strcmp(id->day, day) == 0;
}

void crash_id_name_path(const struct crash_id *id, char path[NAME_PATH_LENGTH + 1])
{
    char *out = path;
    for (int level = 0; level < id->depth; level++) {
        if (level > 0)
            *out++ = '/';
        *out++ = id->text[2 * level];
        *out++ = id->text[2 * level + 1];
    }
    *out = '\0';
}
