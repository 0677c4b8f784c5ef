#include "log/log_format.h"

#include "log/log_line.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WIDTH_MAXIMUM = 1000, UNSET = -1 };

enum field { ASCTIME, LEVELNAME, LEVELNO, NAME, PROCESS, MESSAGE, FIELD_COUNT };

static const struct {
    const char *name;
    bool is_number;
} fields[FIELD_COUNT] = {
    [ASCTIME] = {"asctime", false}, [LEVELNAME] = {"levelname", false},
    [LEVELNO] = {"levelno", true},  [NAME] = {"name", false},
    [PROCESS] = {"process", true},  [MESSAGE] = {"message", false},
};

/* One conversion of a format: %(field)[flags][width][.precision]conversion */
struct conversion {
    enum field field;
    bool left, plus, space, zero;
    int width, precision; /* or UNSET */
    bool as_number;
};

const char *log_level_name(int level, char buffer[32])
{
    switch (level) {
    case 0: return "NOTSET";
    case 10: return "DEBUG";
    case 20: return "INFO";
    case 30: return "WARNING";
    case 40: return "ERROR";
    case 50: return "CRITICAL";
    default: snprintf(buffer, 32, "Level %d", level); return buffer;
    }
}

/* Parsing: returns the text after what was read, or NULL with the reason. Positions begin at 1. */

static const char *refuse(const char *problem, const char *format, const char *at,
                          struct failure *failure)
{
    fail(failure, 0, "%s at position %zu", problem, (size_t)(at - format) + 1);
    return NULL;
}

static const char *parse_field(const char *format, const char *at, enum field *field,
                               struct failure *failure)
{
    if (*at != '(')
        return refuse("'%' without '(field)'", format, at - 1, failure);
    const char *end = strchr(at, ')');
    if (end == NULL)
        return refuse("'(' without ')'", format, at, failure);
    const char *name = at + 1;
    size_t length = (size_t)(end - name);
    for (*field = 0; *field < FIELD_COUNT; (*field)++)
        if (strlen(fields[*field].name) == length && memcmp(fields[*field].name, name, length) == 0)
            return end + 1;
    char problem[64];
    snprintf(problem, sizeof problem, "unrecognized field '%.*s'", length < 40 ? (int)length : 40,
             name);
    return refuse(problem, format, name, failure);
}

static const char *parse_flags(const char *at, struct conversion *conversion)
{
    for (;; at++) {
        switch (*at) {
        case '-': conversion->left = true; break;
        case '+': conversion->plus = true; break;
        case ' ': conversion->space = true; break;
        case '0': conversion->zero = true; break;
        case '#': break; /* no effect on decimal numbers and strings */
        default: return at;
        }
    }
}

/* Leaves *number unchanged if there are no digits. */
static const char *parse_number(const char *format, const char *at, int *number,
                                struct failure *failure)
{
    if (*at == '*')
        return refuse("'*' is not supported", format, at, failure);
    const char *start = at;
    for (int value = 0; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (*at - '0');
        if (value > WIDTH_MAXIMUM)
            return refuse("width or precision above 1000", format, start, failure);
        *number = value;
    }
    return at;
}

/* Like Python, ignores a length modifier. */
static const char *parse_type(const char *format, const char *at, struct conversion *conversion,
                              struct failure *failure)
{
    if (*at == 'h' || *at == 'l' || *at == 'L')
        at++;
    if (*at == '\0')
        return refuse("the format ends inside a conversion", format, at, failure);
    conversion->as_number = *at == 'd' || *at == 'i' || *at == 'u';
    if (*at == 's' || (conversion->as_number && fields[conversion->field].is_number))
        return at + 1;
    char problem[80];
    snprintf(problem, sizeof problem, "%s '%c' of field '%s'",
             conversion->as_number ? "number conversion" : "unrecognized conversion", *at,
             fields[conversion->field].name);
    return refuse(problem, format, at, failure);
}

static const char *parse_conversion(const char *format, const char *percent,
                                    struct conversion *conversion, struct failure *failure)
{
    *conversion = (struct conversion){.width = UNSET, .precision = UNSET};
    const char *at = parse_field(format, percent + 1, &conversion->field, failure);
    if (at == NULL)
        return NULL;
    at = parse_number(format, parse_flags(at, conversion), &conversion->width, failure);
    if (at != NULL && *at == '.') {
        conversion->precision = 0;
        at = parse_number(format, at + 1, &conversion->precision, failure);
    }
    return at == NULL ? NULL : parse_type(format, at, conversion, failure);
}

bool log_format_check(const char *format, struct failure *failure)
{
    const char *at = format;
    while (at != NULL && *(at = strchrnul(at, '%')) != '\0') {
        struct conversion conversion;
        at = at[1] == '%' ? at + 2 : parse_conversion(format, at, &conversion, failure);
    }
    return at != NULL;
}

/* Like Python's %d: the flag 0 counts even with a precision. Returns the number of characters. */
static int append_number(struct log_line *line, long value, const struct conversion *conversion)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lu",
                          value < 0 ? 0 - (unsigned long)value : (unsigned long)value);
    const char *sign = value < 0 ? "-" : conversion->plus ? "+" : conversion->space ? " " : "";
    int least = conversion->precision;
    if (conversion->zero && !conversion->left && conversion->width - (int)strlen(sign) > least)
        least = conversion->width - (int)strlen(sign);
    int zeros = least > length ? least - length : 0;
    log_line_append(line, sign, strlen(sign));
    log_line_append_repeated(line, '0', zeros);
    log_line_append(line, digits, (size_t)length);
    return (int)strlen(sign) + zeros + length;
}

static const char *local_time(const struct timeval *time, char buffer[64])
{
    struct tm local;
    char seconds[48];
    if (localtime_r(&time->tv_sec, &local) == NULL ||
        strftime(seconds, sizeof seconds, "%Y-%m-%d %H:%M:%S", &local) == 0)
        snprintf(seconds, sizeof seconds, "@%lld", (long long)time->tv_sec);
    snprintf(buffer, 64, "%s,%03d", seconds, (int)(time->tv_usec / 1000 % 1000));
    return buffer;
}

static long field_number(enum field field, const struct log_event *event)
{
    return field == LEVELNO ? event->level : event->process;
}

static const char *field_text(enum field field, const struct log_event *event, char buffer[64])
{
    switch (field) {
    case ASCTIME: return local_time(&event->time, buffer);
    case LEVELNAME: return log_level_name(event->level, buffer);
    case NAME: return event->name;
    case MESSAGE: return event->message;
    default: snprintf(buffer, 64, "%ld", field_number(field, event)); return buffer;
    }
}

static void append_field(struct log_line *line, const struct conversion *conversion,
                         const struct log_event *event)
{
    enum field field = conversion->field;
    size_t start = line->length;
    int characters;
    if (conversion->as_number) {
        characters = append_number(line, field_number(field, event), conversion);
    } else {
        char buffer[64];
        int maximum = conversion->precision == UNSET ? INT_MAX : conversion->precision;
        characters = log_line_append_escaped(line, field_text(field, event, buffer), maximum);
    }
    log_line_pad(line, start, characters, conversion->width, conversion->left);
}

long log_format_render(const char *format, const struct log_event *event, char **data, size_t *size)
{
    struct log_line line = {.data = data, .size = size, .ok = true};
    struct failure failure;
    if (*format == '\0')
        format = "%(message)s"; /* Python's default */
    const char *at = format;
    while (at != NULL && *at != '\0') {
        const char *percent = strchrnul(at, '%');
        log_line_append(&line, at, (size_t)(percent - at));
        at = percent;
        if (percent[0] == '%' && percent[1] == '%') {
            log_line_append(&line, "%", 1);
            at += 2;
        } else if (percent[0] == '%') {
            struct conversion conversion;
            at = parse_conversion(format, percent, &conversion, &failure);
            if (at != NULL)
                append_field(&line, &conversion, event);
        }
    }
    log_line_append(&line, "\n", 1);
    if (!line.ok)
        return -1;
    (*data)[line.length] = '\0';
    return (long)line.length;
}

char *log_format_plain(const char *message)
{
    char *line = NULL;
    size_t size = 0;
    const struct log_event event = {.message = message};
    if (log_format_render("%(message)s", &event, &line, &size) >= 0)
        return line;
    free(line);
    return NULL;
}
