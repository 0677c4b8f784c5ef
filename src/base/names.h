/* names.h - a list of names that grows. */
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise it; names_free() at the end. */
struct names {
    char **items;
    size_t count;
};

/* Adds a copy of the name. False when there is no memory (errno is set); then nothing is added. */
bool names_add(struct names *names, const char *name);

/* In the order of strcmp(). */
void names_sort(struct names *names);

void names_free(struct names *names);

#endif
