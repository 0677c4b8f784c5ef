/* flush.h - the file systems that were changed, each of which is to be flushed once: a root may
 * hold mounts. */
#ifndef FLUSH_H
#define FLUSH_H

#include "base/failure.h"

#include <stddef.h>
#include <sys/types.h>

/* Zero-initialise; free with flush_clear(). */
struct flush_set {
    struct changed_device *items;
    size_t count;
    int error;          /* of one that was to be added: not all is known that was changed; */
    const char *failed; /* where */
};

/* Notes that something on a device was changed, or soon will be: an open directory, or what lies in
 * it. Costs nothing if that is known; else the directory is opened for flush_all(), which tells
 * errors of the disk that occur from now on. `path` is for messages, and must outlive the set. */
void flush_add(struct flush_set *set, dev_t device, int directory, const char *path);

/* The same for a directory whose device is not known yet. */
void flush_add_directory(struct flush_set *set, int directory, const char *path);

/* Flushes all of them; false with the reason unless all was written. Each error is told only once:
 * after a failure no change since then is known to be durable. */
bool flush_all(const struct flush_set *set, struct failure *failure);

void flush_clear(struct flush_set *set);

#endif
