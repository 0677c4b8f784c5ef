/* names.h - a growing list of names. */
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise; free with names_free(). */
struct names {
    char **items;
    size_t count;
};

/* Adds a copy. False with errno when out of memory; then nothing is added. */
bool names_add(struct names *names, const char *name);

void names_sort(struct names *names); /* in the order of strcmp() */

/* Its place among sorted names; NULL: it is none of them. */
char **names_find(const struct names *names, const char *name);

void names_free(struct names *names);

#endif
