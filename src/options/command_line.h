/* command_line.h - how the options get their values: from the command line and from the
 * configuration file. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include "base/failure.h"
#include "options/options.h"
#include "report/exit_code.h"

/* Reads the command line and the configuration file, and checks every value. False: end with *code;
 * failure->text says why, or is empty after --version or --show-config. */
bool options_read(struct options *options, enum program program, int argc, const char **argv,
                  enum exit_code *code, struct failure *failure);

/* As it is installed: "crashmon-scan". */
const char *options_program_name(enum program program);

/* Seconds between two starts of the program by cron; 0: this is none of them. */
long options_interval(const struct options *options);

/* Whether this is a task by hand, and not an ordinary run: --adopt, --repair, --release. */
bool options_are_extra(const struct options *options);

/* Whether the program is only to answer a question, --status or --check: without log, lock and row,
 * and whether or not the database can be reached. */
bool options_ask(const struct options *options);

void options_free(struct options *options);

#endif
