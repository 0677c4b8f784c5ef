/* option_table.h - the table of all options, one row each, named as in Socorro's Monitor. */
#ifndef OPTION_TABLE_H
#define OPTION_TABLE_H

#include "base/failure.h"
#include "options/options.h"

#include <stddef.h>

enum option_group {
    GROUP_DATABASE,
    GROUP_SPOOL,
    GROUP_TIME,
    GROUP_ARCHIVE,
    GROUP_LOG,
    GROUP_RUN,
    GROUP_CHECK,
    GROUP_COUNT,
};

enum option_kind {
    KIND_TEXT,     /* char *, never empty */
    KIND_CONNECT,  /* char *, where to connect to; NULL when blank */
    KIND_PATH,     /* char *, absolute; NULL when blank */
    KIND_FILE,     /* the same, but keeps a slash at the end, which means a directory */
    KIND_NAME,     /* char *, letters, digits, dot, hyphen, underscore */
    KIND_SUFFIX,   /* char *, the end of a file name */
    KIND_FORMAT,   /* char *, of a line of the log */
    KIND_DURATION, /* long, seconds, HHH:MM:SS */
    KIND_NUMBER,   /* long; -1 when blank without a default */
    KIND_MODE,     /* long, octal */
    KIND_LEVEL,    /* long, a level of log.h by number or by name */
    KIND_FLAG,     /* bool */
    KIND_TASK,     /* the same, for what is done instead of a run: one of them alone */
    KIND_AGES,     /* struct thresholds: two durations */
    KIND_LIMITS,   /* struct thresholds: two numbers, */
    KIND_LEAST,    /* the same, where less is worse; */
    KIND_LATELY,   /* or two durations, where less is worse */
};

struct option {
    const char *name;
    enum option_group group;
    unsigned programs; /* which have it on the command line; in the file all do */
    enum option_kind kind;
    size_t offset; /* of the value in struct options */
    long minimum, maximum;
    const char *initial; /* the default, as a user would write it; NULL: none */
    const char *value_name;
    const char *help;
};

extern const struct option option_table[];
extern const size_t option_count;

/* The headings of the groups in --help. */
extern const char *const option_group_titles[GROUP_COUNT];

/* The option of that name (length bytes), or NULL. */
const struct option *option_find(const char *name, size_t length);

/* Checks and stores one value, with a copy of its source. False with the reason if invalid. */
bool option_set(struct options *options, const struct option *option, const char *text,
                const char *source, struct failure *failure);
bool option_set_defaults(struct options *options, struct failure *failure);

const char *option_source(const struct options *options, const struct option *option);

/* Writes a value as in the configuration file. */
void option_print(const struct options *options, const struct option *option, char *buffer,
                  size_t size);

#endif
