#include "report/tally.h"

#include <stdio.h>
#include <string.h>

static const char *const names[OUTCOME_COUNT] = {
    [QUEUED] = "queued",     [ALREADY_QUEUED] = "already_queued",
    [RAISED] = "raised",     [FINISHED] = "finished",
    [ARCHIVED] = "archived", [DELETED] = "deleted",
    [LEFT] = "left",         [QUARANTINED] = "quarantined",
    [GIVEN_UP] = "given_up", [REJECTED] = "rejected",
    [MISSING] = "missing",
};

const char *outcome_name(enum outcome outcome)
{
    return names[outcome];
}

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
        if (tally->outcomes[i] > 0)
            return true;
    return false;
}

void tally_print(const struct tally *tally, char *buffer, size_t size)
{
    int used = snprintf(buffer, size, "seen %ld", tally->seen);
    const char *separator = ": ";
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (tally->outcomes[i] == 0 || (size_t)used >= size)
            continue;
        used += snprintf(buffer + used, size - (size_t)used, "%s%s %ld", separator, names[i],
                         tally->outcomes[i]);
        separator = ", ";
    }
}

void tally_print_json(const struct tally *tally, char *buffer, size_t size)
{
    int used = snprintf(buffer, size, "{");
    const char *separator = "";
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (tally->outcomes[i] == 0 || (size_t)used >= size)
            continue;
        used += snprintf(buffer + used, size - (size_t)used, "%s\"%s\": %ld", separator, names[i],
                         tally->outcomes[i]);
        separator = ", ";
    }
    snprintf(buffer + used, size - (size_t)used, "}");
}
