#include "base/names.h"

#include <stdlib.h>
#include <string.h>

bool names_add(struct names *names, const char *name)
{
    /* Grows when it holds 8, 16, 32, ... names. */
    if (names->count == 0 || (names->count >= 8 && (names->count & (names->count - 1)) == 0)) {
        size_t room = names->count == 0 ? 8 : names->count * 2;
        char **items = realloc(names->items, room * sizeof *items);
        if (items == NULL)
            return false;
        names->items = items;
    }
    names->items[names->count] = strdup(name);
    return names->items[names->count] != NULL && ++names->count > 0;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

void names_sort(struct names *names)
{
    if (names->count > 1)
        qsort(names->items, names->count, sizeof *names->items, compare_names);
}

char **names_find(const struct names *names, const char *name)
{
    return names->count == 0
               ? NULL
               : bsearch(&name, names->items, names->count, sizeof *names->items, compare_names);
}

void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct names){0};
}
