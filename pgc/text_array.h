/* text_array.h - a PostgreSQL array as text, {"a","b"}, for lists that ECPG cannot pass itself. */
#ifndef TEXT_ARRAY_H
#define TEXT_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise; text_array_free() makes it empty again. */
struct text_array {
    char *text;
    size_t length, size, count;
    bool failed; /* out of memory; nothing more is added */
};

void text_array_add_text(struct text_array *array, const char *element);
void text_array_add_number(struct text_array *array, long long element);
void text_array_free(struct text_array *array);

/* To be passed with a cast: unnest(:ids::text[]). It is the array's. */
const char *text_array_text(const struct text_array *array);

#endif
