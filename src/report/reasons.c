#include "report/reasons.h"

#include <string.h>

static void drop_names(char reason[REASON_SIZE], const char *text)
{
    size_t used = 0;
    for (const char *at = text; *at != '\0' && used + 6 < REASON_SIZE; at++) {
        reason[used++] = *at;
        if (*at != '"')
            continue;
        used = (size_t)(stpcpy(reason + used, "...\"") - reason);
        while (at[1] != '\0' && at[1] != '"')
            at += 1 + (at[1] == '\\' && at[2] != '\0');
        at += at[1] != '\0';
    }
    reason[used] = '\0';
}

void reasons_count(struct reasons *reasons, const char *text)
{
    char reason[REASON_SIZE];
    drop_names(reason, text);
    for (int i = 0; i < REASONS; i++) {
        struct reason *one = &reasons->items[i];
        if (one->count == 0)
            strcpy(one->text, reason);
        if (strcmp(one->text, reason) == 0) {
            one->count++;
            return;
        }
    }
    reasons->others++;
}

void reasons_write_json(const struct reasons *reasons, struct json *json, const char *key)
{
    json_begin(json, key, '{');
    for (int i = 0; i < REASONS && reasons->items[i].count > 0; i++)
        json_number(json, reasons->items[i].text, reasons->items[i].count);
    if (reasons->others > 0)
        json_number(json, "other reasons", reasons->others);
    json_end(json, '}');
}
