/* fuzz_log_line - text from outside in a line of the log: what stands there is plain UTF-8. */
#include "base/utf8.h"
#include "fuzz.h"
#include "log/log_line.h"

#include <limits.h>

/* The well-formed sequences of bytes, from the Unicode standard, table 3-7. */
static size_t well_formed(const unsigned char *at)
{
    static const unsigned char rows[][8] = {
        {0x01, 0x7f},
        {0xc2, 0xdf, 0x80, 0xbf},
        {0xe0, 0xe0, 0xa0, 0xbf, 0x80, 0xbf},
        {0xe1, 0xec, 0x80, 0xbf, 0x80, 0xbf},
        {0xed, 0xed, 0x80, 0x9f, 0x80, 0xbf},
        {0xee, 0xef, 0x80, 0xbf, 0x80, 0xbf},
        {0xf0, 0xf0, 0x90, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {0xf1, 0xf3, 0x80, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {0xf4, 0xf4, 0x80, 0x8f, 0x80, 0xbf, 0x80, 0xbf},
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        const unsigned char *range = rows[row];
        size_t length = 0;
        while (length < 4 && range[1] != 0 && at[length] >= range[0] && at[length] <= range[1]) {
            length++;
            range += 2;
        }
        if (length == 4 || (length > 0 && range[1] == 0))
            return length;
    }
    return 0;
}

static void check_decoding(const char *text)
{
    uint32_t code;
    const unsigned char *at = (const unsigned char *)text;
    bool valid = true;
    for (; *at != '\0'; at++) {
        size_t length = well_formed(at);
        CHECK(utf8_decode((const char *)at, &code) == length);
        valid = valid && length > 0;
        if (length > 1)
            at += length - 1;
    }
    CHECK(utf8_is_valid(text) == valid);
}

/* Returns how many characters there are. */
static int check_plain(const char *line)
{
    int characters = 0;
    for (const unsigned char *at = (const unsigned char *)line; *at != '\0'; characters++) {
        size_t length = well_formed(at);
        CHECK(length > 0);
        CHECK(at[0] >= 0x20 && at[0] != 0x7f && !(at[0] == 0xc2 && at[1] < 0xa0));
        CHECK(!(at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9)));
        at += length;
    }
    return characters;
}

static char *escape(const char *text, int maximum, int *characters)
{
    char *data = NULL;
    size_t size = 0;
    struct log_line line = {.data = &data, .size = &size, .ok = true};
    *characters = log_line_append_escaped(&line, text, maximum);
    log_line_append(&line, "", 1);
    CHECK(line.ok && strlen(data) == line.length - 1);
    return data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    int maximum = data[0], characters, fewer;
    char *text = text_of(data + 1, size - 1);
    check_decoding(text);
    char *line = escape(text, INT_MAX, &characters), *cut = escape(text, maximum, &fewer);
    CHECK(characters == check_plain(line));
    CHECK(fewer == check_plain(cut));
    CHECK(fewer <= maximum && strncmp(line, cut, strlen(cut)) == 0);
    CHECK(characters > maximum ? fewer > maximum - 4 : fewer == characters);
    CHECK(strlen(text) <= (size_t)characters * 4 && (characters > 0) == (*text != '\0'));
    free(line);
    free(cut);
    free(text);
    return 0;
}
