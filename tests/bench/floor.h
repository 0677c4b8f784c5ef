/* floor.h - what floor.c, stage.c and measure.c share. */
#ifndef FLOOR_H
#define FLOOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define DAY "20081225" /* of all ids */

struct id {
    char text[37];
};

extern const char *const suffixes[2]; /* of the metadata and of the dump */

/* Ends the program when a call has failed, and returns what it returned. */
int must(long result, const char *what);

__attribute__((format(printf, 2, 3))) void print(char path[PATH_MAX], const char *format, ...);

/* The path of a file, or with a blank suffix of the name link, from the name tree on: 22/ad/<id>
 */
void name_path(char path[PATH_MAX], const char *id, const char *suffix);

int open_directory(int at, const char *path);
void make_parents(int at, const char *path);

/* For writing; its directory is made if need be. */
int make_file(int directory, const char *path);

/* ROOT/DAY/name, which is made if need be. */
int open_name_branch(const char *root);

/* From stdin; returns how many. */
size_t read_ids(struct id *ids, size_t size);

/* The pairs of a spool, their files, their links, or both, as a collector leaves them. `dirs`, if
 * not NULL, says how many directories the date links are spread over. */
void set_stage(const char *root, const struct id *ids, size_t count, const char *dirs, bool files,
               bool links);

/* An id that looks random and is the same every time. */
void make_id(struct id *id, unsigned long long n);

/* Runs a command and prints what it took. */
void measure(char **command);

#endif
