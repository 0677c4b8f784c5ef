/* config_file.h - the configuration file: lines "name = value"; "#" begins a comment line.
 *
 * popt's readers of files are for aliases, give no line numbers, and overflow on long lines. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "base/failure.h"
#include "options/options.h"

/* Applies the file to `options`: a regular file, or what lies below /dev, as a pipe of the shell's
 * <(...), which is read for as long as ten seconds never pass without anything. False at the first
 * invalid line, with a reason that begins with "file:line: ". failure->error is ENOENT if there is
 * no such file, EINTR where a signal has ended the wait. */
bool config_file_read(struct options *options, const char *path, struct failure *failure);

#endif
