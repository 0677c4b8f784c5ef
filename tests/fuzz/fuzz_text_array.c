/* fuzz_text_array - lists of texts, and of numbers: read as PostgreSQL reads the text of an array,
 * it has these elements. */
#include "text_array.h"

#include "fuzz.h"

/* Reads a quoted element, which must be this text, and returns what comes after it. */
static const char *read_text(const char *at, const char *expected)
{
    CHECK(*at++ == '"');
    for (; *at != '"'; at++, expected++) {
        if (*at == '\\')
            at++;
        CHECK(*at != '\0' && *at == *expected);
    }
    CHECK(*expected == '\0');
    return at + 1;
}

static const char *read_separator(const char *at, size_t index, size_t count)
{
    CHECK(*at == (index + 1 < count ? ',' : '}'));
    return at + 1;
}

static void check_ends(const struct text_array *array, const char *end, size_t count)
{
    CHECK(!array->failed && array->count == count && *end == '\0');
    CHECK(count == 0 || (size_t)(end - array->text) == array->length);
    CHECK(count == 0 || array->length < array->size);
    CHECK(count > 0 || strcmp(text_array_text(array), "{}") == 0);
}

static void check_texts(struct text_array *array, const uint8_t *data, size_t size)
{
    const uint8_t *rest = data;
    size_t left = size, count = 0, index = 0;
    char *element;
    text_array_free(array);
    for (; (element = next_text(&rest, &left)) != NULL; count++) {
        text_array_add_text(array, element);
        free(element);
    }
    const char *at = text_array_text(array) + (count > 0 ? 1 : 2);
    for (; (element = next_text(&data, &size)) != NULL; index++) {
        at = read_separator(read_text(at, element), index, count);
        free(element);
    }
    check_ends(array, at, count);
}

static void check_numbers(struct text_array *array, const uint8_t *data, size_t size)
{
    size_t count = size / sizeof(long long);
    long long number;
    text_array_free(array);
    for (size_t i = 0; i < count; i++) {
        memcpy(&number, data + i * sizeof number, sizeof number);
        text_array_add_number(array, number);
    }
    const char *at = text_array_text(array) + (count > 0 ? 1 : 2);
    for (size_t i = 0; i < count; i++) {
        char *end;
        memcpy(&number, data + i * sizeof number, sizeof number);
        CHECK(strtoll(at, &end, 10) == number);
        at = read_separator(end, i, count);
    }
    check_ends(array, at, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text_array array = {0};
    check_texts(&array, data, size);
    check_numbers(&array, data, size);
    check_texts(&array, data, size);
    text_array_free(&array);
    return 0;
}
