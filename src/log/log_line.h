/* log_line.h - a growing line of text, in which text from outside cannot begin a new line. */
#ifndef LOG_LINE_H
#define LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* The caller owns *data (malloc'd, *size bytes), which always has room for a NUL after the text.
 * `ok` turns false when out of memory; then nothing more is appended. */
struct log_line {
    char **data;
    size_t *size;
    size_t length;
    bool ok;
};

void log_line_append(struct log_line *line, const char *text, size_t length);
void log_line_append_repeated(struct log_line *line, char c, int count);

/* Appends at most `maximum` characters of text from outside; \n, \t or \xNN stands for each byte of
 * a control character, of a line or paragraph separator, and of what is not UTF-8. Never cuts such
 * an escape. Returns the number of characters. */
int log_line_append_escaped(struct log_line *line, const char *text, int maximum);

/* Pads what begins at `start`, `characters` characters, with spaces to `width`. */
void log_line_pad(struct log_line *line, size_t start, int characters, int width, bool left);

#endif
