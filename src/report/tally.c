#include "report/tally.h"

#include <stdio.h>

long tally_sum(const struct tally *tally)
{
    long sum = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        sum += tally->outcomes[i];
    return sum;
}

bool tally_adds_up(const struct tally *tally)
{
    return tally_sum(tally) == tally->seen;
}

bool tally_has_left(const struct tally *tally)
{
    for (int i = LEFT; i < OUTCOME_COUNT; i++)
        if (tally->outcomes[i] > (i == LEFT ? tally->waiting : 0))
            return true;
    return false;
}

bool tally_has_done(const struct tally *tally)
{
    return tally->outcomes[LEFT] < tally->seen;
}

void tally_print(const struct tally *tally, char text[TALLY_TEXT_SIZE])
{
    int used = snprintf(text, TALLY_TEXT_SIZE, "seen %ld", tally->seen);
    const char *separator = ": ";
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (tally->outcomes[i] == 0)
            continue;
        used += snprintf(text + used, (size_t)(TALLY_TEXT_SIZE - used), "%s%s %ld", separator,
                         outcome_word((enum outcome)i), tally->outcomes[i]);
        separator = ", ";
    }
}

void tally_write_json(const struct tally *tally, struct json *json, const char *key)
{
    json_begin(json, key, '{');
    for (int i = 0; i < OUTCOME_COUNT; i++)
        if (tally->outcomes[i] != 0)
            json_number(json, outcome_key((enum outcome)i), tally->outcomes[i]);
    json_end(json, '}');
}
