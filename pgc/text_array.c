#include "text_array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes, the closing brace, and NUL. */
static bool make_room(struct text_array *array, size_t more)
{
    size_t needed = array->length + more + 2;
    if (needed > array->size) {
        size_t size = needed * 2 > 4096 ? needed * 2 : 4096;
        char *text = realloc(array->text, size);
        if (text == NULL) {
            array->ok = false;
            return false;
        }
        array->text = text;
        array->size = size;
    }
    return array->ok;
}

/* Takes the closing brace away and puts a comma between two elements. */
static void open_next(struct text_array *array)
{
    array->length--;
    if (array->count++ > 0)
        array->text[array->length++] = ',';
}

static void close_again(struct text_array *array)
{
    array->text[array->length++] = '}';
    array->text[array->length] = '\0';
}

void text_array_reset(struct text_array *array)
{
    array->length = array->count = 0;
    array->ok = true;
    if (make_room(array, 2)) {
        array->text[array->length++] = '{';
        close_again(array);
    }
}

void text_array_add_text(struct text_array *array, const char *element)
{
    if (!array->ok || !make_room(array, 2 * strlen(element) + 3))
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
    int length = snprintf(digits, sizeof digits, "%lld", element);
    if (!array->ok || !make_room(array, sizeof digits))
        return;
    open_next(array);
    memcpy(array->text + array->length, digits, (size_t)length);
    array->length += (size_t)length;
    close_again(array);
}

void text_array_free(struct text_array *array)
{
    free(array->text);
    *array = (struct text_array){0};
}
