/* text_array.h - a PostgreSQL array as text, {"a","b"}, for lists that ECPG cannot pass itself. */
#ifndef TEXT_ARRAY_H
#define TEXT_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Call text_array_reset() before each use. Pass `text` with a cast: unnest(:ids::text[]). */
struct text_array {
    char *text;
    size_t length, size, count;
    bool ok; /* false: out of memory; nothing more is added */
};

void text_array_reset(struct text_array *array);
void text_array_add_text(struct text_array *array, const char *element);
void text_array_add_number(struct text_array *array, long long element);
void text_array_free(struct text_array *array);

#endif
