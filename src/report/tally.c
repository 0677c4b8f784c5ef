#include "report/tally.h"

#include <stdio.h>
#include <string.h>

bool tally_adds_up(const struct tally *tally)
{
    long sum = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        sum += tally->outcomes[i];
    return sum == tally->seen;
}

bool tally_has_left(const struct tally *tally)
{
    for (int i = LEFT; i < OUTCOME_COUNT; i++)
        if (tally->outcomes[i] > (i == LEFT ? tally->waiting : 0))
            return true;
    return false;
}

/* Appends each outcome that occurred, as `format` says: its name, then its count. */
static void append_outcomes(const struct tally *tally, char text[TALLY_TEXT_SIZE],
                            const char *first, const char *format,
                            const char *(*name)(enum outcome outcome))
{
    const char *separator = first;
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        size_t used = strlen(text), room = TALLY_TEXT_SIZE - used;
        if (tally->outcomes[i] == 0)
            continue;
        int length = snprintf(text + used, room, "%s", separator);
        snprintf(text + used + length, room - (size_t)length, format, name((enum outcome)i),
                 tally->outcomes[i]);
        separator = ", ";
    }
}

void tally_print(const struct tally *tally, char text[TALLY_TEXT_SIZE])
{
    snprintf(text, TALLY_TEXT_SIZE, "seen %ld", tally->seen);
    append_outcomes(tally, text, ": ", "%s %ld", outcome_word);
}

void tally_print_json(const struct tally *tally, char text[TALLY_TEXT_SIZE])
{
    strcpy(text, "{");
    append_outcomes(tally, text, "", "\"%s\": %ld", outcome_key);
    strcat(text, "}");
}
