#include "base/utf8.h"

#include <string.h>

size_t utf8_decode(const char *text, uint32_t *code)
{
    static const uint32_t least[] = {[2] = 0x80, [3] = 0x800, [4] = 0x10000};
    const unsigned char *bytes = (const unsigned char *)text;
    *code = bytes[0];
    if (bytes[0] < 0x80)
        return bytes[0] != '\0';
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4)
        return 0;
    size_t length = bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    *code = bytes[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (bytes[i] & 0x3fU);
    }
    bool is_surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < least[length] || *code > 0x10ffff || is_surrogate ? 0 : length;
}

size_t utf8_cut(const char *text, size_t most)
{
    enum { FOLLOWING = 3 }; /* bytes of a character after its first one, at most */
    if (strnlen(text, most + 1) <= most)
        return strlen(text);
    for (size_t length = most; length > 0 && most - length <= FOLLOWING; length--)
        if (((unsigned char)text[length] & 0xc0) != 0x80)
            return length;
    return most; /* it is no UTF-8 */
}

bool utf8_is_valid(const char *text)
{
    uint32_t code;
    size_t length;
    while ((length = utf8_decode(text, &code)) > 0)
        text += length;
    return *text == '\0';
}
