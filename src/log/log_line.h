/* log_line.h - a line of text that grows, and in which nobody else can begin a new line. */
#ifndef LOG_LINE_H
#define LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* The caller owns *data (malloc'd, *size bytes). `ok` turns false when there is no memory, and
 * then nothing more is appended. There is always room for a NUL behind the text. */
struct log_line {
    char **data;
    size_t *size;
    size_t length;
    bool ok;
};

void log_line_append(struct log_line *line, const char *text, size_t length);

/* Nothing when count is not above 0. */
void log_line_append_repeated(struct log_line *line, char c, int count);

/* Appends text from outside, \n, \t or \xNN for each byte of a control character, of a line or
 * paragraph separator, and of what is not UTF-8. Stops before there are more than `maximum`
 * characters; an escape is never cut. Returns how many characters it took. */
int log_line_append_escaped(struct log_line *line, const char *text, int maximum);

/* Makes what begins at `start`, and has `characters` characters, `width` wide with spaces. */
void log_line_pad(struct log_line *line, size_t start, int characters, int width, bool left);

#endif
