#include "text_array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes, a brace or comma before them, the closing brace, and NUL. */
static bool make_room(struct text_array *array, size_t more)
{
    size_t needed = array->length + more + 3;
    if (array->failed || needed <= array->size)
        return !array->failed;
    size_t size = needed * 2 > 4096 ? needed * 2 : 4096;
    char *text = realloc(array->text, size);
    array->failed = text == NULL;
    if (array->failed)
        return false;
    array->text = text;
    array->size = size;
    return true;
}

/* Puts a comma in the place of the closing brace. */
static void open_next(struct text_array *array)
{
    if (array->count++ == 0)
        array->text[array->length++] = '{';
    else
        array->text[array->length - 1] = ',';
}

static void close_again(struct text_array *array)
{
    array->text[array->length++] = '}';
    array->text[array->length] = '\0';
}

void text_array_add_text(struct text_array *array, const char *element)
{
    if (!make_room(array, 2 * strlen(element) + 2))
        return;
    open_next(array);
    array->text[array->length++] = '"';
    for (; *element != '\0'; element++) {
        if (*element == '"' || *element == '\\')
            array->text[array->length++] = '\\';
        array->text[array->length++] = *element;
    }
    array->text[array->length++] = '"';
    close_again(array);
}

void text_array_add_number(struct text_array *array, long long element)
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%lld", element);
    if (!make_room(array, length))
        return;
    open_next(array);
    memcpy(array->text + array->length, digits, length);
    array->length += length;
    close_again(array);
}

const char *text_array_text(const struct text_array *array)
{
    return array->count > 0 ? array->text : "{}";
}

void text_array_free(struct text_array *array)
{
    free(array->text);
    *array = (struct text_array){0};
}
