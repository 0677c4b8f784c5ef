/* command_line.h - how the options get their values: from the command line and from the
 * configuration file. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include "base/failure.h"
#include "options/options.h"
#include "report/exit_code.h"

/* Reads the command line and the configuration file, and checks every value.
 *
 * True: go on with the run. False: end with *code. Then failure->text says why, or is empty when
 * the user only asked a question (--help, --version, ...), which has been answered on stdout. */
bool options_read(struct options *options, enum program program, int argc, const char **argv,
                  enum exit_code *code, struct failure *failure);

/* How long after one start of the program cron is meant to start the next one. */
long options_interval(const struct options *options);

void options_free(struct options *options);

#endif
