#include "report/json.h"

#include "base/utf8.h"
#include "log/log_format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A text in another encoding must not become equal to another one: its bytes are taken for those of
 * LATIN1, which they mostly are. */
static void put_escaped(FILE *stream, const char *text)
{
    const bool is_utf8 = utf8_is_valid(text);
    uint32_t code;
    for (size_t length; *text != '\0'; text += length) {
        length = is_utf8 ? utf8_decode(text, &code) : 1;
        if (!is_utf8)
            code = (unsigned char)*text;
        if (code < ' ' || code == 0x7f || (!is_utf8 && code > 0x7f)) {
            fprintf(stream, "\\u%04x", (unsigned)code);
        } else {
            if (code == '"' || code == '\\')
                putc('\\', stream);
            fwrite(text, 1, length, stream);
        }
    }
}

static void put_string(FILE *stream, const char *text)
{
    putc('"', stream);
    put_escaped(stream, text);
    putc('"', stream);
}

static void put_key(struct json *json, const char *key)
{
    if (json->has_values)
        fputs(", ", json->stream);
    if (key != NULL) {
        put_string(json->stream, key);
        fputs(": ", json->stream);
    }
    json->has_values = true;
}

void json_begin(struct json *json, const char *key, char bracket)
{
    put_key(json, key);
    putc(bracket, json->stream);
    json->has_values = false;
}

void json_end(struct json *json, char bracket)
{
    putc(bracket, json->stream);
    json->has_values = true;
}

void json_text(struct json *json, const char *key, const char *value)
{
    put_key(json, key);
    if (value != NULL)
        put_string(json->stream, value);
    else
        fputs("null", json->stream);
}

void json_name(struct json *json, const char *key, const char *value)
{
    json_text(json, key, value != NULL && *value != '\0' ? value : NULL);
}

void json_sentence(struct json *json, const char *key, const char *value)
{
    char *line = log_format_plain(value);
    if (line != NULL)
        line[strcspn(line, "\n")] = '\0';
    json_name(json, key, line);
    free(line);
}

void json_known(struct json *json, const char *key, long long value)
{
    if (value < 0)
        json_text(json, key, NULL);
    else
        json_number(json, key, value);
}

void json_number(struct json *json, const char *key, long long value)
{
    put_key(json, key);
    fprintf(json->stream, "%lld", value);
}

void json_seconds(struct json *json, const char *key, double value)
{
    put_key(json, key);
    if (isfinite(value))
        fprintf(json->stream, "%.3f", value);
    else
        fputs("null", json->stream);
}

void json_bool(struct json *json, const char *key, bool value)
{
    put_key(json, key);
    fputs(value ? "true" : "false", json->stream);
}
