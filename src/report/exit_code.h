/* exit_code.h - why a run ended, for cron and for monitoring scripts.
 *
 * The numbers are part of the interface: they stand in the manual pages and in crontabs. Where
 * sysexits.h has a code of the same meaning, its number is used. A run ended by signal n has
 * the code 128 + n. */
#ifndef EXIT_CODE_H
#define EXIT_CODE_H

enum exit_code {
    EXIT_DONE = 0,           /* done, or nothing to do */
    EXIT_LEFT = 1,           /* done, but some crashes were left or quarantined */
    EXIT_BAD_USAGE = 64,     /* unknown option, stray argument */
    EXIT_NO_PROCESSOR = 68,  /* no live processor; the spool is untouched */
    EXIT_NO_DATABASE = 69,   /* the database cannot be reached, or the connection was lost */
    EXIT_INTERNAL = 70,      /* a program error: the counts do not add up, no memory, ... */
    EXIT_STORAGE = 74,       /* a storage root cannot be read or written, or a disk is full */
    EXIT_LOCKED = 75,        /* another run holds the lock; nothing was done */
    EXIT_SCHEMA = 76,        /* the schema is missing or has another version */
    EXIT_PERMISSION = 77,    /* a permission is missing, or a destination is not safe to use */
    EXIT_CONFIGURATION = 78, /* the configuration is invalid, or the connection is pooled */
    EXIT_SIGNAL = 128,       /* plus the signal's number */
};

/* The code for an errno value of a file operation: EACCES and EPERM are a missing permission,
 * everything else is the storage's fault. */
enum exit_code exit_code_of_errno(int error);

#endif
