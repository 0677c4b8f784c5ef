#include "absence.h"

#include "base/quote.h"
#include "session.h"
#include "spool/walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TOLD = 3, NANOSECONDS = 100000000 };

/* The next in order of time, latest first, after one; NULL: it was the last. Those that have left
 * come last. */
static const struct processor *seen_before(const struct processors *processors,
                                           const struct processor *after)
{
    const struct processor *one, *latest = NULL;
    for (size_t i = 0; (one = processors_at(processors, i)) != NULL; i++) {
        int order = after == NULL ? -1 : strcmp(one->last_seen, after->last_seen);
        if (one->state != PROCESSOR_GONE && (order < 0 || (order == 0 && one->id > after->id)) &&
            (latest == NULL || strcmp(one->last_seen, latest->last_seen) > 0))
            latest = one;
    }
    return latest;
}

static void tell_of(const struct processor *one, struct failure *text)
{
    char name[QUOTE_SIZE];
    fail_further(text, "%.150s ", quote(name, one->name));
    if (one->state == PROCESSOR_LOCKED)
        fail_further(text, "is locked by %s", one->locked_by);
    else if (one->state == PROCESSOR_ALIVE)
        fail_further(text, "serves others");
    else if (one->last_seen[0] == '\0')
        fail_further(text, "has left");
    else
        fail_further(text, "was last seen %s", one->last_seen);
}

static enum db_status count_loads(void *context, struct failure *failure)
{
    enum db_status status = DB_OK;
    for (int state = PROCESSOR_DEAD; state < PROCESSOR_ALIVE && status == DB_OK; state++)
        status = processors_count_loads(context, (enum processor_state)state, failure);
    return status;
}

/* `no processor is alive ("p1" was last seen ..., ...; unfinished jobs: 7)`, without the
 * number if the server does not tell it; the jobs of one that is alive do not wait. Returns the
 * exit code. */
static enum exit_code describe(struct processors *processors, struct failure *text)
{
    const struct processor *one;
    struct failure failure;
    bool is_counted = session_transact(count_loads, processors, &failure) == DB_OK;
    long jobs = 0, known = 0, told = 0, alive = 0, locked = 0;
    for (size_t i = 0; (one = processors_at(processors, i)) != NULL; i++) {
        if (one->state == PROCESSOR_GONE)
            continue;
        known++;
        alive += one->state == PROCESSOR_ALIVE;
        locked += one->state == PROCESSOR_LOCKED && one->serves;
        if (one->state != PROCESSOR_ALIVE)
            jobs += one->load;
    }
    if (locked > 0)
        fail(text, 0, "no live processor can be given jobs");
    else
        fail(text, 0, "no processor%s is alive%s", alive > 0 ? " that serves this storage" : "",
             known == 0 ? ", none is registered" : "");
    while (told < TOLD && (one = seen_before(processors, one)) != NULL) {
        fail_further(text, "%s", told++ == 0 ? " (" : ", ");
        tell_of(one, text);
    }
    if (known > told)
        fail_further(text, ", %ld more", known - told);
    if (is_counted && told > 0)
        fail_further(text, "; unfinished jobs: %ld", jobs);
    if (told > 0)
        fail_further(text, ")");
    return locked > 0 ? EXIT_NO_DATABASE : EXIT_NO_PROCESSOR;
}

/* As far as they can be counted in a tenth of a second. */
static void count_new(const struct spool *spool, struct failure *text)
{
    struct failure failure;
    struct timespec start, now;
    struct walk *walk = walk_new_in(spool, "date", NULL, &failure);
    if (walk == NULL)
        return;
    long count = 0, more = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        more = walk_count(walk);
        count += more > 0 ? more : 0;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (more >= 0 &&
             (now.tv_sec - start.tv_sec) * 10L * NANOSECONDS + now.tv_nsec - start.tv_nsec <
                 NANOSECONDS);
    walk_free(walk);
    fail_further(text, " (new crashes there: %s%ld)", more >= 0 ? "more than " : "", count);
}

bool absence_report(struct run *run, struct processors *processors, const struct spool *spool,
                    const char *format, ...)
{
    struct failure text;
    char what[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    enum exit_code code = describe(processors, &text);
    fail_further(&text, ": %s", what);
    if (spool != NULL)
        count_new(spool, &text);
    if (code == EXIT_NO_PROCESSOR)
        fail_further(&text, "; start a processor for this storage");
    return report_error(&run->report, code, "%s", text.text);
}
