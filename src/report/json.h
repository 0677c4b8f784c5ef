/* json.h - writes JSON (RFC 8259) to a stream, on one line: objects, arrays and values, one after
 * another; commas come by themselves. `key` is the name in the object; NULL: in an array, or
 * outermost. Errors are those of the stream (ferror(), fclose()).
 *
 *     struct json json = {.stream = stdout};
 *     json_begin(&json, NULL, '{');
 *     json_text(&json, "program", "crashmon-scan");
 *     json_begin(&json, "codes", '[');
 *     json_number(&json, NULL, 1);
 *     json_end(&json, ']');
 *     json_end(&json, '}');
 *
 * writes {"program": "crashmon-scan", "codes": [1]}, without a newline. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdio.h>

struct json {
    FILE *stream;
    bool has_values; /* zero-initialise: the innermost object or array has a value already */
};

/* Begin and end an object, '{' and '}', or an array, '[' and ']'. */
void json_begin(struct json *json, const char *key, char bracket);
void json_end(struct json *json, char bracket);

/* A string; NULL, or for json_name() empty: null. One that is not UTF-8 is taken for LATIN1, so
 * that different ones stay different, as JSON knows characters only. */
void json_text(struct json *json, const char *key, const char *value);
void json_name(struct json *json, const char *key, const char *value);
/* One of ours, which may have names in it: as in the log; empty: null. */
void json_sentence(struct json *json, const char *key, const char *value);
/* json_known(): null below 0, for what is not known. */
void json_number(struct json *json, const char *key, long long value);
void json_known(struct json *json, const char *key, long long value);
/* With three digits behind the point; null if it is not finite. */
void json_seconds(struct json *json, const char *key, double value);
void json_bool(struct json *json, const char *key, bool value);

#endif
