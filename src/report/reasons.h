/* reasons.h - how often there was which reason, without the names in it. */
#ifndef REASONS_H
#define REASONS_H

#include "report/json.h"

enum { REASONS = 10, REASON_SIZE = 80 };

/* Zero-initialise it. The first REASONS kinds are counted each, all others together. */
struct reasons {
    struct reason {
        char text[REASON_SIZE];
        long count;
    } items[REASONS];
    long others;
};

/* Counts one, with "..." for what stands in quotes, as quote.h puts it. */
void reasons_count(struct reasons *reasons, const char *text);

/* Writes the object {".dump is missing": 2, "other reasons": 1}. */
void reasons_write_json(const struct reasons *reasons, struct json *json, const char *key);

#endif
