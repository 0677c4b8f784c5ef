/* text_array.h - a PostgreSQL array as text, {"a","b"}: how ECPG passes a list that is shorter than
 * its host variable, or of strings. */
#ifndef TEXT_ARRAY_H
#define TEXT_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Begin with text_array_reset(), even one that was used before; text_array_free() at the end.
 * `text` is what to pass, with a cast: unnest(:ids::text[]). */
struct text_array {
    char *text;
    size_t length, size, count;
    bool ok; /* false: there was no memory, and nothing more is added */
};

void text_array_reset(struct text_array *array);
void text_array_add_text(struct text_array *array, const char *element);
void text_array_add_number(struct text_array *array, long long element);
void text_array_free(struct text_array *array);

#endif
