/* archive.h - long-term storage: where the pair of a finished job goes, or its deletion.
 *
 * The shape is that of a spool with the name branch alone, under the day of the id: what
 * Socorro's FSPermanentStorage reads.
 *
 * Putting a pair away takes up to three steps, each for a whole batch at a time, and each made
 * durable (spools_flush) before the next one begins:
 *
 *     archive_take      removes the links; renames the files into place, or deletes them, and is
 *                       the only step; where renaming fails, makes copies under temporary names
 *     archive_publish   gives the copies their names
 *     archive_let_go    removes the files that were copied from the spool
 *
 * At every instant there is a whole copy under a final name, in the spool or here, and a reader
 * never sees half a file. Every step can be done again after a kill: what is done already is
 * left as it is. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include "spool/file.h"
#include "spool/locate.h"

#include <stdint.h>

struct archive {
    struct spool tree; /* not open (root -1) when the archive deletes */
    struct names days; /* of the tree */
    bool deletes;
    bool is_shared; /* directly below /tmp, where others can write, too */
    uint64_t stamp; /* of this run: in the names of its copies */
    struct dir_style dir_style;
    struct file_style file_style;
};

/* One pair on its way. Zero-initialise it; transfer_free() at the end. */
struct transfer {
    struct pair pair; /* in the spool */
    struct pair_files files;
    size_t renamed;      /* how many of the files are in place; the others were copied */
    bool copied;         /* archive_publish() and archive_let_go() are still to come */
    const char *missing; /* the suffix of a file that is neither in the spool nor here, or NULL */
};

/* Opens the directory `path`; NULL makes an archive that deletes. A path directly below /tmp,
 * where anybody can put a link, is used only if it is a directory of the user's own; it is made
 * where it is missing, but in a dry run. `like` tells the suffixes of the spool. EPERM in
 * failure->error: not safe to use. */
bool archive_open(struct archive *archive, const char *path, const struct spool *like,
                  const struct dir_style *dir_style, const struct file_style *file_style,
                  bool dry_run, struct failure *failure);

void archive_close(struct archive *archive);

/* The reason names the step and the file. */
bool archive_take(const struct archive *archive, const struct found *found,
                  struct transfer *transfer, struct failure *failure);
bool archive_publish(const struct archive *archive, struct transfer *transfer,
                     struct failure *failure);
bool archive_let_go(struct transfer *transfer, struct failure *failure);

/* Instead of archive_publish(): removes the copies, which are this run's own. */
void archive_discard(const struct archive *archive, struct transfer *transfer);

/* Looks for a pair here, like search_spool(). */
enum search archive_find(const struct archive *archive, const struct crash_id *id,
                         struct failure *failure);

void transfer_free(struct transfer *transfer);

#endif
