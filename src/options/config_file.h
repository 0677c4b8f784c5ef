/* config_file.h - the configuration file: "name = value", one a line, "#" begins a comment line.
 *
 * Read here and not by popt: popt's readers of files take aliases for options, have no line
 * numbers, and overflow on long lines. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "base/failure.h"
#include "options/options.h"

/* Applies every line of the file to `options`. False at the first line that is wrong; then the
 * reason begins with "file:line: ". failure->error is ENOENT when there is no such file. */
bool config_file_read(struct options *options, const char *path, struct failure *failure);

#endif
