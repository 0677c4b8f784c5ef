/* fuzz_duration - what is taken for a duration says so many hours, minutes and seconds. */
#include "fuzz.h"
#include "options/duration.h"

/* HHH:MM:SS, as long as a number of hours can be. */
static bool is_duration(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    const char *rest = text + digits;
    size_t zeros = strspn(text, "0");
    return digits > 0 && strlen(rest) == 6 && rest[0] == ':' && rest[3] == ':' &&
           strspn(rest + 1, "0123456789") == 2 && strspn(rest + 4, "0123456789") == 2 &&
           rest[1] < '6' && rest[4] < '6' && (zeros >= digits || digits - zeros <= 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size), again[64];
    long seconds = -1;
    bool accepted = duration_parse(&seconds, text);
    CHECK(accepted == is_duration(text));
    if (accepted) {
        CHECK(seconds >= 0 && seconds < DURATION_MAXIMUM);
        snprintf(again, sizeof again, "%05ld:%02ld:%02ld", seconds / 3600, seconds / 60 % 60,
                 seconds % 60);
        const char *significant = text + strspn(text, "0");
        CHECK(strcmp(again + strspn(again, "0"), significant) == 0);
    } else {
        CHECK(seconds == -1);
    }
    free(text);
    return 0;
}
