#include "report/outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *word, *key;
} outcomes[OUTCOME_COUNT] = {
    [QUEUED] = {"queued", "queued"},
    [ALREADY_QUEUED] = {"already queued", "already_queued"},
    [RAISED] = {"raised", "raised"},
    [FINISHED] = {"finished", "finished"},
    [ARCHIVED] = {"archived", "archived"},
    [DELETED] = {"deleted", "deleted"},
    [RELEASED] = {"released", "released"},
    [LEFT] = {"left", "left"},
    [QUARANTINED] = {"quarantined", "quarantined"},
    [GIVEN_UP] = {"given up", "given_up"},
    [REJECTED] = {"rejected", "rejected"},
    [MISSING] = {"missing", "missing"},
    [UNLINKED] = {"unlinked", "unlinked"},
    [FAILED] = {"failed", "failed"},
};

const char *outcome_word(enum outcome outcome)
{
    return outcomes[outcome].word;
}

const char *outcome_key(enum outcome outcome)
{
    return outcomes[outcome].key;
}

bool outcome_is_settled(enum outcome outcome)
{
    return outcome != LEFT && outcome != QUARANTINED;
}

static void set(struct crash *crash, enum outcome outcome, bool waits, const char *format,
                va_list arguments)
{
    char *reason = NULL;
    if (vasprintf(&reason, format, arguments) < 0)
        reason = NULL;
    free(crash->reason);
    crash->outcome = outcome;
    crash->reason = reason;
    crash->waits = waits;
}

void crash_set(struct crash *crash, enum outcome outcome, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(crash, outcome, false, format, arguments);
    va_end(arguments);
}

void crash_wait(struct crash *crash, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(crash, LEFT, true, format, arguments);
    va_end(arguments);
}

const char *crash_reason(const struct crash *crash)
{
    return crash->reason != NULL ? crash->reason : "out of memory for the reason";
}

void crash_clear(struct crash *crash)
{
    free(crash->reason);
    crash->reason = NULL;
}
