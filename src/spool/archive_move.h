/* archive_move.h - the files of one pair on their way into a directory of the archive. What is
 * there is never changed: a file that is there with the same bytes counts as moved, and is treated
 * like a copy from then on; one with other bytes stops the whole pair; and half a pair does not
 * become a part of another crash. */
#ifndef ARCHIVE_MOVE_H
#define ARCHIVE_MOVE_H

#include "spool/locate.h"

#include <stdint.h>

struct file_style;

/* A pair on its way. Zero-initialise; free with archive_move_free(). */
struct archive_move {
    struct pair pair; /* in the spool */
    struct pair_files files;
    const char *root;     /* of the archive, */
    enum place place;     /* for which verdict it is, */
    long long job;        /* the id of the job, */
    uint64_t stamp;       /* and what is in the names of this run's copies */
    bool is_half;         /* one of the two main files is not in the spool, */
    bool is_alone;        /* nor in the archive */
    bool is_noted;        /* there is a note (move_note.h), */
    bool is_begun;        /* which says that some have their names */
    bool dry_run;         /* it is only looked at; */
    bool copied;          /* the other two steps are still to come, */
    bool unwanted;        /* or the last one alone, as it is to be deleted */
    bool has_copies;      /* some of them are copies of this run */
    bool is_too_large;    /* there was no room for it, but a small one would find some */
    const char *stranger; /* something was put in place of a file of this name, and is in the
                             archive now, */
    bool is_in_spool;     /* or still in the spool, while other files are in the archive */
};

enum archive_moved {
    ARCHIVE_MOVED,
    ARCHIVE_CONFLICT, /* the archive has another crash of the id; nothing was moved */
    ARCHIVE_STRANGER, /* see archive_take_stranger() */
    ARCHIVE_FAILED,
};

/* Looks in the directory of the archive for the names of these files before anything is moved, so
 * that nothing is mixed. ARCHIVE_FAILED with ENOTUNIQ: it is the directory of the pair. */
enum archive_moved archive_move_compare(struct archive_move *move, int source, int destination,
                                        struct failure *failure);

/* The first step, from the directory `source`; sets move->copied if further ones are to come. */
enum archive_moved archive_move_files(struct archive_move *move, int source, int destination,
                                      const struct file_style *style, struct failure *failure);

/* Writes <id>.reason beside the pair, whole or not at all, unless it is there. */
bool archive_move_write_reason(const struct archive_move *move, int destination, const char *reason,
                               const struct file_style *style);

bool archive_move_name_copies(struct archive_move *move, int source, int destination,
                              struct failure *failure);

/* Removes the copies again, and the note, if none has its name. */
void archive_move_take_back(struct archive_move *move, int source, int destination);

/* Removes from `source` what was copied, was there already, or is unwanted: nothing if one of the
 * files has changed. */
bool archive_move_remove_originals(struct archive_move *move, int source, struct failure *failure);

/* Removes the copies of an id that a killed run has left there under temporary names. */
bool archive_move_remove_leftovers(const struct crash_id *id, int destination);

void archive_move_free(struct archive_move *move);

#endif
