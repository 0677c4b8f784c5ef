/* exit_code.h - why a run ended, for cron and for monitoring scripts; run.c has the last word. The
 * numbers are part of the interface; where sysexits.h has the same meaning, its number is used. */
#ifndef EXIT_CODE_H
#define EXIT_CODE_H

#include <stdbool.h>

enum exit_code {
    EXIT_DONE = 0,           /* done, or nothing to do */
    EXIT_LEFT = 1,           /* done, but some crashes were left or need attention */
    EXIT_BAD_USAGE = 64,     /* invalid command line */
    EXIT_NO_PROCESSOR = 68,  /* no live processor; new crashes stay in the spool */
    EXIT_NO_DATABASE = 69,   /* the database cannot be reached, or the connection was lost */
    EXIT_INTERNAL = 70,      /* internal error: the counts do not add up, out of memory, ... */
    EXIT_LOG = 73,           /* done, but the log could not be written */
    EXIT_STORAGE = 74,       /* a storage root cannot be read or written, or a disk is full */
    EXIT_LOCKED = 75,        /* the lock is taken, mostly by another run; nothing was done */
    EXIT_SCHEMA = 76,        /* the schema is missing or has another version */
    EXIT_PERMISSION = 77,    /* a permission is missing, or a destination is not safe to use */
    EXIT_CONFIGURATION = 78, /* the configuration is invalid, or the connection is pooled, or a
                              * root belongs to another storage or host */
    EXIT_SIGNAL = 128,       /* plus n, if signal n ended the run */
};

/* What a code above 1 means, in two or three words; "" for 0, 1 and unknown ones. */
const char *exit_code_words(enum exit_code code);

/* Whether the run has done its work, though it may have left crashes, or had no log. */
bool exit_code_is_done(enum exit_code code);

/* For a failed file operation (doc/internals.md has a table): EXIT_PERMISSION for EACCES and EPERM,
 * EXIT_CONFIGURATION for ENOTUNIQ (a directory that belongs to another storage or host),
 * EXIT_INTERNAL for limits of the process or of the machine (EMFILE, ENFILE, ENOMEM), EXIT_LEFT for
 * what is about one file alone (EFBIG, ETXTBSY; EREMCHG: it has just changed; EXDEV: it is of a
 * kind that cannot be copied; EINTR: a signal came while it was copied; EWOULDBLOCK: somebody else
 * holds a lock), else EXIT_STORAGE. */
enum exit_code exit_code_of_errno(int error);

/* The same for one on the files of a crash, which may be itself at fault: EXIT_LEFT for an errno
 * value of 0, for ENOTDIR (a link or a file is in the place of one of its directories), and for
 * ENOMEDIUM (the disk that it may be on seems to be away). */
enum exit_code exit_code_of_crash(int error);

#endif
