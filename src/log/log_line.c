#include "log/log_line.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct log_line *line, size_t more)
{
    size_t needed = line->length + more + 1;
    if (line->ok && needed > *line->size) {
        char *data = realloc(*line->data, needed * 2);
        if (data == NULL)
            return line->ok = false;
        *line->data = data;
        *line->size = needed * 2;
    }
    return line->ok;
}

void log_line_append(struct log_line *line, const char *text, size_t length)
{
    if (reserve(line, length)) {
        memcpy(*line->data + line->length, text, length);
        line->length += length;
    }
}

void log_line_append_repeated(struct log_line *line, char c, int count)
{
    for (; count > 0; count--)
        log_line_append(line, &c, 1);
}

/* Characters that nobody sees, but that separate lines or change the order of what is seen. */
static bool is_hidden(uint32_t code)
{
    static const uint32_t ranges[][2] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},     {0x200b, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xe0000, 0xe007f},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    return false;
}

/* The length in bytes of the character at `text`; 0 at the end, and if it must be escaped: a hidden
 * one, or not UTF-8. */
static size_t plain_length(const char *text)
{
    if (*text >= ' ' && *text <= '~') /* nearly always */
        return 1;
    uint32_t code;
    size_t length = utf8_decode(text, &code);
    return is_hidden(code) ? 0 : length;
}

static int escape(char byte, char text[8])
{
    switch (byte) {
    case '\n': return snprintf(text, 8, "\\n");
    case '\r': return snprintf(text, 8, "\\r");
    case '\t': return snprintf(text, 8, "\\t");
    default: return snprintf(text, 8, "\\x%02x", (unsigned char)byte);
    }
}

int log_line_append_escaped(struct log_line *line, const char *text, int maximum)
{
    int characters = 0;
    while (true) {
        char escaped[8];
        size_t plain = 0, length;
        while (characters < maximum && (length = plain_length(text + plain)) > 0) {
            plain += length;
            characters++;
        }
        log_line_append(line, text, plain);
        text += plain;
        if (*text == '\0' || characters == maximum)
            return characters;
        int width = escape(*text++, escaped);
        if (width > maximum - characters)
            return characters;
        log_line_append(line, escaped, (size_t)width);
        characters += width;
    }
}

void log_line_pad(struct log_line *line, size_t start, int characters, int width, bool left)
{
    size_t length = line->length - start;
    int missing = width - characters;
    log_line_append_repeated(line, ' ', missing);
    if (missing > 0 && !left && line->ok) {
        char *text = *line->data + start;
        memmove(text + missing, text, length);
        memset(text, ' ', (size_t)missing);
    }
}
