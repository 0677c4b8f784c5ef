#include "spool/date_links.h"

#include "spool/date_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compare(const void *one, const void *other)
{
    const struct crash_id *id = one, *other_id = other;
    return strcmp(id->text, other_id->text);
}

static bool add(struct date_links *links, const struct walk_entry *entry, const struct crash_id *id,
                long settle_time, long incomplete_age)
{
    struct examination found;
    struct date_link *items = realloc(links->items, (links->count + 1) * sizeof *links->items);
    if (items == NULL)
        return false;
    links->items = items;
    struct date_link *link = &items[links->count++];
    *link = (struct date_link){.id = *id,
                               .directory = date_dir_hold(entry->directory),
                               .is_link = entry->kind == WALK_LINK,
                               .changed = walk_entry_changed(entry)};
    date_dir_day(entry->directory, link->day);
    if (!link->is_link)
        return true;
    link->examined = examine(entry, settle_time, incomplete_age, &found);
    link->verdict = found.verdict;
    if (link->examined != EXAMINED_CRASH || found.verdict != QUEUED)
        link->why = found.reason;
    if (found.directory >= 0)
        close(found.directory);
    return true;
}

bool date_links_find(struct date_links *links, const struct spool *spool, struct crash_id *ids,
                     size_t count, long settle_time, long incomplete_age, struct failure *failure)
{
    struct crash_id id;
    struct walk_entry entry;
    struct walk *walk = walk_new_in(spool, "date", NULL, failure);
    bool good = walk != NULL;
    qsort(ids, count, sizeof *ids, compare);
    while (walk != NULL && walk_next(walk, &entry)) {
        if (entry.kind == WALK_UNREADABLE) {
            *failure = *entry.failure;
            good = false;
        } else if (crash_id_parse(&id, entry.name) &&
                   bsearch(&id, ids, count, sizeof *ids, compare) != NULL &&
                   !add(links, &entry, &id, settle_time, incomplete_age)) {
            good = fail(failure, ENOMEM, "cannot look for date links in \"%s\"", spool->path);
        }
    }
    walk_free(walk);
    return good;
}

void date_links_free(struct date_links *links)
{
    for (size_t i = 0; i < links->count; i++)
        date_dir_release(links->items[i].directory);
    free(links->items);
    *links = (struct date_links){0};
}

const struct date_link *date_links_of(const struct date_links *links, const struct crash_id *id,
                                      const char *day, const struct date_link *last)
{
    const struct date_link *link = last != NULL ? last + 1 : links->items;
    for (; link < links->items + links->count; link++)
        if (compare(&link->id, id) == 0 && strcmp(link->day, day) == 0)
            return link;
    return NULL;
}
