/* fuzz_quote - a name in quotes: nothing in it ends them early, and it can be read back. */
#include "base/quote.h"

#include "fuzz.h"

/* Reads what is between the quotes, as who reads the log would. */
static void read_back(const char *quoted, char text[QUOTE_SIZE])
{
    CHECK(*quoted++ == '"');
    for (; *quoted != '"'; quoted++) {
        if (*quoted == '\\')
            CHECK(*++quoted == '"' || *quoted == '\\');
        CHECK(*quoted != '\0');
        *text++ = *quoted;
    }
    CHECK(quoted[1] == '\0');
    *text = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size), *buffer = malloc(QUOTE_SIZE), read[QUOTE_SIZE];
    CHECK(buffer != NULL && quote(buffer, text) == buffer);
    read_back(buffer, read);
    size_t length = strlen(read);
    if (strcmp(read, text) != 0) {
        CHECK(2 * strlen(text) > QUOTE_SIZE - 16); /* there was no room for the worst of it */
        CHECK(length > 3 && strcmp(read + length - 3, "...") == 0);
        CHECK(length - 3 < strlen(text) && strncmp(read, text, length - 3) == 0);
    }
    free(buffer);
    free(text);
    return 0;
}
