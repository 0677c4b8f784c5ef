/* fuzz_log_format - a format (up to the first NUL) and a message (the rest): a format that is good
 * can be rendered, and nothing in the message can begin a new line or command a terminal. */
#include "fuzz.h"
#include "log/log_format.h"

static size_t count(const char *text, char c)
{
    size_t found = 0;
    for (; *text != '\0'; text++)
        found += *text == c;
    return found;
}

static void check_refusal(const char *format, const struct failure *failure)
{
    const char *at = strstr(failure->text, " at position ");
    for (const char *next = at; next != NULL; next = strstr(at + 1, " at position "))
        at = next; /* the last one: a field may be called so */
    CHECK(at != NULL && failure->error == 0);
    long position = atol(at + strlen(" at position "));
    CHECK(position >= 1 && position <= (long)strlen(format) + 1);
}

static void check_rendering(const char *format, const struct log_event *event)
{
    char *line = NULL, *again = NULL;
    size_t size = 0, again_size = 3;
    CHECK((again = malloc(again_size)) != NULL);
    long length = log_format_render(format, event, &line, &size);
    CHECK(length > 0 && strlen(line) == (size_t)length && (size_t)length < size);
    CHECK(line[length - 1] == '\n');
    /* Control characters are the format's own; conversions hold none. */
    for (char c = 1; c < ' '; c++)
        CHECK(count(line, c) == count(format, c) + (c == '\n'));
    CHECK(count(line, '\x7f') == count(format, '\x7f'));
    CHECK(log_format_render(format, event, &again, &again_size) == length);
    CHECK(strcmp(line, again) == 0);
    free(line);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct failure failure = {.error = -1};
    char *format = next_text(&data, &size), *message = next_text(&data, &size);
    const struct log_event event = {
        .name = "crashmon\nscan",
        .level = message != NULL ? *message : 0,
        .time = {.tv_sec = message != NULL ? (time_t)strlen(message) * 123456789 : 0},
        .process = 4711,
        .message = message != NULL ? message : "",
    };
    if (format != NULL && log_format_check(format, &failure))
        check_rendering(format, &event);
    else if (format != NULL)
        check_refusal(format, &failure);
    free(format);
    free(message);
    return 0;
}
