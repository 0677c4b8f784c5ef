/* crash_id.h - the name of a crash, as in Socorro (lib/ooid.py): 36 characters, 8-4-4-4-12
 * hexadecimal digits and hyphens. The last six are a date, YYMMDD in this century; the digit before
 * them is the depth of the name tree, 1 to 4, and 0 means 4:
 *
 *     22adfb61-f75b-11dc-b6be-001322081225     depth 2, 25 December 2008
 *
 * Ids come from outside: file names, and rows that a web application wrote. Only a struct crash_id
 * that crash_id_parse() filled in may become part of a path or of a statement. */
#ifndef CRASH_ID_H
#define CRASH_ID_H

#include <stdbool.h>
#include <stddef.h>

#define CRASH_ID_LENGTH  36
#define DAY_LENGTH       8  /* YYYYMMDD */
#define NAME_PATH_LENGTH 11 /* 22/ad/fb/61 */

struct crash_id {
    char text[CRASH_ID_LENGTH + 1];
    char day[DAY_LENGTH + 1]; /* YYYYMMDD; empty when the id has no date */
    int depth;                /* directories in the name tree, 1 to 4 */
};

/* Parses all of `text`. False if it is not a crash id; then `id` is unchanged. */
bool crash_id_parse(struct crash_id *id, const char *text);

/* The spellings to look for when a person gives an id: as it is, in small letters, in capitals.
 * Returns how many of these differ, the given one first; 0: it is not a crash id. */
enum { CRASH_ID_SPELLINGS = 3 };
size_t crash_id_spell(struct crash_id spellings[CRASH_ID_SPELLINGS], const char *text);

/* Whether a crash with that id should lie under a day: one whose id has no date may under any. */
bool crash_id_may_be_of(const struct crash_id *id, const char *day);

/* Whether `text` is a date of the calendar, YYYYMMDD. */
bool day_is_valid(const char *text);

/* Writes the path of the id in the name tree, as in "22/ad": `depth` levels. */
void crash_id_name_path(const struct crash_id *id, char path[NAME_PATH_LENGTH + 1]);

#endif
