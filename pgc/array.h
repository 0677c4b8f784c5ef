/* array.h - a PostgreSQL array as text, {"a","b"}: how ECPG passes a list that is shorter than
 * its host variable, or of strings. */
#ifndef ARRAY_H
#define ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Begin with array_reset(), even one that was used before; array_free() at the end. `text` is
 * what to pass, with a cast: unnest(:ids::text[]). */
struct array {
    char *text;
    size_t length, size, count;
    bool ok; /* false: there was no memory, and nothing more is added */
};

void array_reset(struct array *array);
void array_add_text(struct array *array, const char *element);
void array_add_number(struct array *array, long long element);
void array_free(struct array *array);

#endif
