/* spool.h - a tree of pairs: a storage root, or long-term storage.
 *
 * Public: spool.h, crash_id.h, pair.h, walk.h, examine.h, candidate.h, retire.h, quarantine.h,
 * locate.h, location.h, archive.h, archive_move.h, finished_job.h, put_away.h, deletion.h, mark.h,
 * places.h, layout.h, flush.h, sweep.h, discard.h, stranded.h, strays.h, survey.h, whereabouts.h,
 * cases.h, release.h, sightings.h, date_links.h.
 *
 * Private to this folder: dir.h, file.h, evidence.h, findings.h, move_note.h, date_dir.h, links.h,
 * case_dir.h, release_case.h.
 *
 *     ROOT/YYYYMMDD/name/22/ad/<id>.json                       the pair
 *     ROOT/YYYYMMDD/name/22/ad/<id>.dump
 *     ROOT/YYYYMMDD/name/22/ad/<id>.<name>.dump                more dumps of the same crash
 *     ROOT/YYYYMMDD/name/22/ad/<id>        -> ../../../date/12/05/web01_0     the name link
 *     ROOT/YYYYMMDD/date/12/05/web01_0/<id> -> ../../../../name/22/ad         the date link
 *
 * as in Socorro's JsonDumpStorage. YYYYMMDD is a day, `name` the name tree, `date` the date tree. A
 * date link means that the pair is new. Long-term storage has no links and no date trees. */
#ifndef SPOOL_H
#define SPOOL_H

#include "base/failure.h"
#include "base/names.h"
#include "spool/crash_id.h"
#include "spool/mark.h"

#include <sys/stat.h>
#include <time.h>

/* What evidence.c has seen in the date tree of a day: it belongs to one thread. */
struct seen_links {
    char day[DAY_LENGTH + 1]; /* "": nothing yet */
    struct timespec time;     /* spool_time() then */
    struct names names;       /* sorted */
};

struct spool {
    enum place place;        /* for messages */
    const char *path;        /* absolute; jobs.pathname begins with it */
    const char *json_suffix; /* the three strings are the caller's, and must outlive the spool */
    const char *dump_suffix;
    int root;            /* readable */
    bool is_strange;     /* a root whose layout is not known (pgc/storages.h) */
    bool is_archive;     /* long-term storage, whose files may have more names (backups by links) */
    struct timespec now; /* the file system's clock when the spool was opened */
    struct spool_clock *clock;
    struct seen_links *seen;
    char mark[MARK_SIZE]; /* of a root that has been accepted (pgc/storages.h); else "" */
};

/* Opens the root and reads its clock. NULL with the reason. Closing NULL is harmless. */
struct spool *spool_open(enum place place, const char *path, const char *json_suffix,
                         const char *dump_suffix, struct failure *failure);
void spool_close(struct spool *spool);

/* The same, but takes this machine's clock: to ask that of the file system makes a file. */
struct spool *spool_open_to_look(enum place place, const char *path, const char *json_suffix,
                                 const char *dump_suffix, struct failure *failure);

/* Lists the days, oldest first: all entries called YYYYMMDD that are directories, or links, which
 * may hide one. The caller always frees the names. The second one asks of what has such a name. */
bool spool_days(const struct spool *spool, struct names *days, struct failure *failure);
bool spool_is_day(const struct spool *spool, const char *name);

/* What of an absolute path lies below the root, by whatever links and spelling it gets there: to be
 * opened by dir.h. NULL: it does not lead through the root. */
const char *spool_below(const struct spool *spool, const char *path);

/* Fills in `failure` with errno: cannot WHAT "ROOT/DIRECTORY". Where a link or a file stands in the
 * place of a directory on that path (ENOTDIR), it names that one. Returns false. */
bool spool_fail(const struct spool *spool, const char *what, const char *directory,
                struct failure *failure);

/* Ages by the file system's clock, which is asked again before a time counts as ahead of it. Any
 * thread may call these.
 *
 * When a file was last changed: see file_changed(). Whether a time is at least `seconds` ago.
 * Whether it lies ahead, by more than clocks of different hosts may differ (a day may be on another
 * host's disk): nobody can have made such a time stamp since the clock was set right. */
struct timespec spool_changed(const struct spool *spool, const struct stat *status);
bool spool_is_past(const struct spool *spool, const struct timespec *then, long seconds);
bool spool_is_ahead(const struct spool *spool, const struct timespec *then);

/* The same where something is to be done that waits for an age: nothing is old enough while the
 * spool cannot be asked for the time (spool_has_clock()). */
bool spool_is_old(const struct spool *spool, const struct timespec *then, long seconds);

/* Asks for the time again, before the database is asked for ages that are to be compared with
 * files: they count back from then, however long the work takes, and whatever comes meanwhile. The
 * time that was asked for here, and so long before. For ages that wait for their turn it is read,
 * in nanoseconds, and set later. */
void spool_ask_clock(const struct spool *spool);
struct timespec spool_time(const struct spool *spool);
struct timespec spool_time_ago(const struct spool *spool, long long microseconds);
long long spool_read_clock(const struct spool *spool);
void spool_set_clock(const struct spool *spool, long long time);

/* False with errno once the file system's clock could not be asked for that: then this machine's
 * has to do, as far off as it was when both were known, or else less a minute, and nothing counts
 * as ahead. */
bool spool_has_clock(const struct spool *spool);

/* Whether a day has been over for `days` days, even by a collector's clock in UTC-12. */
bool spool_day_is_over(const struct spool *spool, const char *day, long days);

#endif
