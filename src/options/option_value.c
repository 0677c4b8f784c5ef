#include "options/option_table.h"

#include "log/log.h"
#include "log/log_format.h"
#include "options/duration.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bytes for what lies below a directory that is given: day, branch, name tree, id, suffix. */
enum { ROOM_BELOW = 256 };

static bool parse_number(long *number, const char *text, int base, const struct option *option)
{
    const char *digits = base == 8 ? "01234567" : "0123456789";
    if (*text == '\0' || text[strspn(text, digits)] != '\0')
        return false;
    errno = 0;
    long value = strtol(text, NULL, base);
    if (errno != 0 || value < option->minimum || value > option->maximum)
        return false;
    *number = value;
    return true;
}

/* Socorro has decimal numbers, 432 for 0660: in octal most of these give others what they do not
 * give the owner. */
static bool parse_mode(long *mode, const char *text, const struct option *option,
                       struct failure *failure)
{
    long decimal;
    bool is_octal = parse_number(mode, text, 8, option);
    if (is_octal && ((*mode | *mode >> 3) & 07 & ~(*mode >> 6)) == 0)
        return true;
    if (is_octal)
        fail(failure, 0, "it would permit others what it does not permit the owner");
    else
        fail(failure, 0, "not an octal mode from %#lo to %#lo", option->minimum, option->maximum);
    if (parse_number(&decimal, text, 10, option))
        fail_further(failure, "; as a decimal number it would be %#lo", decimal);
    return false;
}

static bool parse_level(long *level, const char *text, const struct option *option)
{
    char buffer[32];
    for (int named = LEVEL_DEBUG; named <= LEVEL_CRITICAL; named += 10) {
        if (strcasecmp(text, log_level_name(named, buffer)) == 0) {
            *level = named;
            return true;
        }
    }
    return parse_number(level, text, 10, option);
}

static bool parse_flag(bool *flag, const char *text)
{
    *flag = strcmp(text, "on") == 0;
    return *flag || strcmp(text, "off") == 0;
}

static bool is_name(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return *text != '\0' && text[strspn(text, allowed)] == '\0' && strlen(text) <= 63;
}

static size_t longest_name(const char *path)
{
    size_t longest = 0;
    for (const char *at = path + strspn(path, "/"); *at != '\0'; at += strspn(at, "/")) {
        size_t length = strcspn(at, "/");
        longest = length > longest ? length : longest;
        at += length;
    }
    return longest;
}

static bool check_path(const char *text, struct failure *failure)
{
    if (text[0] != '/')
        return fail(failure, 0,
                    "it must be an absolute path: it must begin with a slash, without quotes");
    if (longest_name(text) > NAME_MAX || strlen(text) > PATH_MAX - ROOM_BELOW)
        return fail(failure, 0, "it is too long for a path");
    return true;
}

/* Removes trailing slashes: a path becomes the beginning of jobs.pathname, read on other hosts,
 * which may know the spool by this name, so links are not resolved. A slash after a space stays: at
 * the end of a line the configuration file would lose the space. */
static char *new_path(const char *text)
{
    size_t length = strlen(text);
    while (length > 1 && text[length - 1] == '/' && text[length - 2] != ' ' &&
           text[length - 2] != '\t')
        length--;
    return strndup(text, length);
}

static bool store_text(char **member, char *text, struct failure *failure)
{
    if (text == NULL)
        return fail(failure, errno, "cannot store the value");
    free(*member);
    *member = text;
    return true;
}

static bool has_ages(const struct option *option)
{
    return option->kind == KIND_AGES || option->kind == KIND_LATELY;
}

/* Where both are set the warning has to come first. */
static bool is_in_order(const struct thresholds *thresholds, const struct option *option)
{
    bool falls = option->kind == KIND_LEAST || option->kind == KIND_LATELY;
    return thresholds->warning < 0 || thresholds->critical < 0 ||
           (falls ? thresholds->warning >= thresholds->critical
                  : thresholds->warning <= thresholds->critical);
}

/* One side of the comma. */
static bool parse_threshold(long *value, const char *text, const struct option *option)
{
    *value = -1;
    return *text == '\0' ||
           (has_ages(option) ? duration_parse(value, text) : parse_number(value, text, 10, option));
}

/* Without a comma there is no second value. */
static bool parse_thresholds(struct thresholds *thresholds, const char *text,
                             const struct option *option)
{
    char warning[64];
    size_t length = strcspn(text, ",");
    struct thresholds parsed;
    if (length >= sizeof warning)
        return false;
    snprintf(warning, sizeof warning, "%.*s", (int)length, text);
    if (!parse_threshold(&parsed.warning, warning, option) ||
        !parse_threshold(&parsed.critical, text + length + (text[length] == ','), option))
        return false;
    *thresholds = parsed;
    return true;
}

static bool store_thresholds(struct thresholds *thresholds, const struct option *option,
                             const char *text, struct failure *failure)
{
    if (!parse_thresholds(thresholds, text, option))
        return has_ages(option)
                   ? fail(failure, 0,
                          "not two durations, HHH:MM:SS,HHH:MM:SS, each of which may be blank")
                   : fail(failure, 0,
                          "not two numbers from %ld to %ld with a comma between, each of which "
                          "may be blank",
                          option->minimum, option->maximum);
    return is_in_order(thresholds, option) ||
           fail(failure, 0,
                "CRITICAL would come before WARNING: the first of the two is for WARNING");
}

static bool store_value(void *member, const struct option *option, const char *text,
                        struct failure *failure)
{
    bool blank = *text == '\0';
    switch (option->kind) {
    case KIND_CONNECT:
        if (text[strcspn(text, "=?&")] != '\0' || strstr(text, "://") != NULL)
            return fail(failure, 0, "a name is needed, not a URI or a list of settings");
        /* fall through */
    case KIND_PATH:
    case KIND_FILE:
        if (blank) {
            free(*(char **)member);
            *(char **)member = NULL;
            return true;
        }
        if (option->kind != KIND_CONNECT && !check_path(text, failure))
            return false;
        return store_text(member, option->kind == KIND_PATH ? new_path(text) : strdup(text),
                          failure);
    case KIND_TEXT:
        if (blank)
            return fail(failure, 0, "it must not be blank");
        return store_text(member, strdup(text), failure);
    case KIND_NAME:
        if (!is_name(text))
            return fail(failure, 0, "not a name: 1 to 63 letters, digits, '.', '-' or '_'");
        return store_text(member, strdup(text), failure);
    case KIND_SUFFIX:
        if (*text != '.' || !is_name(text))
            return fail(failure, 0, "not a suffix: it begins with a dot and has no slash");
        return store_text(member, strdup(text), failure);
    case KIND_FORMAT:
        return log_format_check(text, failure) && store_text(member, strdup(text), failure);
    case KIND_DURATION:
        return duration_parse(member, text) || fail(failure, 0, "not a duration, HHH:MM:SS");
    case KIND_NUMBER:
        if (blank && option->initial == NULL) {
            *(long *)member = -1;
            return true;
        }
        return parse_number(member, text, 10, option) ||
               fail(failure, 0, "not a number from %ld to %ld", option->minimum, option->maximum);
    case KIND_MODE: return parse_mode(member, text, option, failure);
    case KIND_LEVEL:
        return parse_level(member, text, option) ||
               fail(failure, 0, "not a level: a number up to 100, DEBUG, INFO, WARNING, ...");
    case KIND_FLAG:
    case KIND_TASK: return parse_flag(member, text) || fail(failure, 0, "neither on nor off");
    case KIND_AGES:
    case KIND_LIMITS:
    case KIND_LEAST:
    case KIND_LATELY: return store_thresholds(member, option, text, failure);
    }
    return fail(failure, 0, "unrecognized kind of option");
}

bool option_set(struct options *options, const struct option *option, const char *text,
                const char *source, struct failure *failure)
{
    struct failure reason;
    char **known_source = &options->sources[option - option_table];
    bool stored = store_value((char *)options + option->offset, option, text, &reason);
    if (!stored && reason.error == ENOMEM) {
        *failure = reason;
        return false;
    }
    if (!stored && option->kind == KIND_CONNECT) /* it may hold a password */
        return fail(failure, 0, "%s: %s", option->name, reason.text);
    if (!stored)
        return fail(failure, 0, "%s = %.200s: %s", option->name, text, reason.text);
    return store_text(known_source, strdup(source), failure);
}

bool option_set_defaults(struct options *options, struct failure *failure)
{
    options->dump_gid = options->keep_deferred_days = options->keep_quarantine_days = -1;
    for (size_t i = 0; i < option_count; i++)
        if (option_table[i].initial != NULL &&
            !option_set(options, &option_table[i], option_table[i].initial, "default", failure))
            return false;
    return true;
}

const char *option_source(const struct options *options, const struct option *option)
{
    const char *source = options->sources[option - option_table];
    return source != NULL ? source : "default";
}

static void print_duration(char *buffer, size_t size, long seconds)
{
    snprintf(buffer, size, "%02ld:%02ld:%02ld", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static void print_threshold(char *buffer, size_t size, long value, const struct option *option)
{
    if (value < 0)
        snprintf(buffer, size, "%s", "");
    else if (has_ages(option))
        print_duration(buffer, size, value);
    else
        snprintf(buffer, size, "%ld", value);
}

void option_print(const struct options *options, const struct option *option, char *buffer,
                  size_t size)
{
    const void *member = (const char *)options + option->offset;
    long number = 0;
    if (option->kind >= KIND_DURATION && option->kind < KIND_FLAG)
        memcpy(&number, member, sizeof number);
    switch (option->kind) {
    case KIND_DURATION: print_duration(buffer, size, number); break;
    case KIND_MODE: snprintf(buffer, size, "%04lo", (unsigned long)number); break;
    case KIND_NUMBER:
    case KIND_LEVEL:
        snprintf(buffer, size, "%.*ld", number < 0 ? 0 : 1, number < 0 ? 0 : number);
        break;
    case KIND_FLAG:
    case KIND_TASK: snprintf(buffer, size, "%s", *(const bool *)member ? "on" : "off"); break;
    case KIND_AGES:
    case KIND_LIMITS:
    case KIND_LEAST:
    case KIND_LATELY: {
        const struct thresholds *thresholds = member;
        char warning[32], critical[32];
        print_threshold(warning, sizeof warning, thresholds->warning, option);
        print_threshold(critical, sizeof critical, thresholds->critical, option);
        snprintf(buffer, size, "%s%s%s", warning, thresholds->critical < 0 ? "" : ",", critical);
        break;
    }
    default: {
        const char *text = *(char *const *)member;
        snprintf(buffer, size, "%s", text != NULL ? text : "");
    }
    }
}
