#include "spool/release_case.h"

#include "base/quote.h"
#include "spool/case_dir.h"
#include "spool/cases.h"
#include "spool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct search {
    const struct pair *pair;
    const char *mark;
    int quarantine;
    bool dry_run;
    int count, whole, released; /* cases of the crash */
    char other[MARK_SIZE];      /* whose another one is; "": there is none */
    struct failure unread;      /* why a day cannot be read; "": all can be */
};

static const struct release_case no_case = {.directory = -1};

void release_case_close(struct release_case *its)
{
    if (its->directory >= 0)
        close(its->directory);
    for (size_t i = 0; i < its->count; i++)
        free(its->files[i].name);
    free(its->files);
    its->directory = -1;
    its->files = NULL;
    its->count = 0;
}

struct released_file *release_case_find(const struct release_case *its, const char *name)
{
    for (size_t i = 0; i < its->count; i++)
        if (strcmp(its->files[i].name, name) == 0)
            return &its->files[i];
    return NULL;
}

static bool add_files(struct release_case *its, const struct names *names, struct failure *failure)
{
    its->files = calloc(names->count + 1, sizeof *its->files);
    if (its->files == NULL)
        return fail(failure, ENOMEM, "cannot list its files in quarantine");
    for (size_t i = 0; i < names->count; i++) {
        struct released_file *file = &its->files[i];
        if (fstatat(its->directory, names->items[i], &file->status, AT_SYMLINK_NOFOLLOW) < 0 ||
            (file->name = strdup(names->items[i])) == NULL)
            return fail(failure, errno, "cannot look at its files in quarantine");
        its->count++;
    }
    return true;
}

/* Opens a case, and lists what is in it. */
static bool open_case(struct release_case *its, const struct search *search, const char *day,
                      const char *name, struct names *names, struct failure *failure)
{
    *its = no_case;
    memcpy(its->day, day, sizeof its->day);
    snprintf(its->name, sizeof its->name, "%s", name);
    its->directory = cases_open(search->quarantine, day, name);
    if (its->directory < 0)
        return fail(failure, errno, "cannot open \"%s/%s\" in quarantine", day, name);
    return cases_files(its->directory, names, failure) && add_files(its, names, failure);
}

static const struct released_file *main_file(const struct release_case *its,
                                             const struct pair *pair, const char *suffix)
{
    char name[NAME_MAX + 1];
    pair_file_name(pair, suffix, name);
    return release_case_find(its, name);
}

static bool has_both(const struct release_case *its, const struct pair *pair)
{
    return main_file(its, pair, pair->spool->json_suffix) != NULL &&
           main_file(its, pair, pair->spool->dump_suffix) != NULL;
}

bool release_case_remove(const struct release_case *its, int quarantine, struct failure *failure)
{
    bool good = true;
    for (size_t i = 0; good && i < its->count; i++)
        good = file_remove(its->directory, its->files[i].name, &its->files[i].status);
    return (good && cases_remove_empty(quarantine, its->day, its->name)) ||
           fail(failure, errno, "it is new, but cannot be removed from quarantine");
}

/* True if a case needs no more than to be removed, which has been done: a release has come that
 * far, or it is empty. */
static bool remove_released(struct search *search, const struct release_case *its,
                            const struct names *names, bool *good, struct failure *failure)
{
    struct stat reason;
    bool is_noted = case_is_released(its->directory, names);
    bool is_empty = names->count == 0 &&
                    fstatat(its->directory, case_reason, &reason, AT_SYMLINK_NOFOLLOW) < 0 &&
                    errno == ENOENT;
    if (!is_noted && !is_empty)
        return false;
    search->released += is_noted;
    *good = search->dry_run || release_case_remove(its, search->quarantine, failure);
    return true;
}

/* Whether a case is that of another storage. */
static bool is_of_another(struct search *search, const struct release_case *its)
{
    char owner[MARK_SIZE];
    bool is_another = case_is_of_another(its->directory, search->mark, owner);
    if (is_another)
        memcpy(search->other, owner, sizeof search->other);
    return is_another;
}

/* Keeps the first case, or a later one that is whole. */
static bool consider(struct search *search, struct release_case *kept, const char *day,
                     const char *name, struct failure *failure)
{
    struct release_case its;
    struct names names = {0};
    bool good = open_case(&its, search, day, name, &names, failure);
    bool is_another = good && is_of_another(search, &its);
    bool is_released = good && !is_another && remove_released(search, &its, &names, &good, failure);
    bool counts = good && !is_another && !is_released, is_whole = has_both(&its, search->pair);
    if ((is_another || search->released > 0) && search->count == 0) {
        memcpy(kept->day, its.day, sizeof kept->day);
        memcpy(kept->name, its.name, sizeof kept->name);
    }
    if (counts && (search->count == 0 || is_whole)) {
        struct release_case other = *kept;
        *kept = its;
        its = other;
    }
    search->count += counts;
    search->whole += counts && is_whole;
    release_case_close(&its);
    names_free(&names);
    return good;
}

static bool consider_all(struct search *search, struct release_case *its, struct failure *failure)
{
    struct names days = {0}, names = {0};
    bool good = cases_days(search->quarantine, &days, failure);
    for (size_t i = 0; good && i < days.count; i++) {
        cases_of_day(search->quarantine, days.items[i], &search->pair->id, &names, &search->unread);
        for (size_t j = 0; good && j < names.count; j++)
            good = consider(search, its, days.items[i], names.items[j], failure);
        names_free(&names);
    }
    names_free(&days);
    return good;
}

/* Regular files of the crash and nothing else: all of the case is removed when it is released. */
static bool is_whole_pair(const struct release_case *its, const struct pair *pair,
                          struct failure *failure)
{
    const char *const suffixes[] = {pair->spool->json_suffix, pair->spool->dump_suffix};
    char quoted[QUOTE_SIZE];
    for (size_t i = 0; i < its->count; i++) {
        const struct released_file *file = &its->files[i];
        if (!S_ISREG(file->status.st_mode) ||
            strncmp(file->name, pair->id.text, CRASH_ID_LENGTH) != 0 ||
            file->name[CRASH_ID_LENGTH] == '\0')
            return fail(failure, 0, "%s in quarantine is not a file of it: move it away",
                        quote(quoted, file->name));
        if (!file_is_regular(&file->status))
            return fail(failure, 0,
                        "%s in quarantine has a second name (a hard link), which may lie "
                        "elsewhere: put a copy in its place",
                        quote(quoted, file->name));
    }
    for (int i = 0; i < 2; i++) {
        const struct released_file *file = main_file(its, pair, suffixes[i]);
        if (file == NULL)
            return fail(failure, 0, "it is not a pair: %s is missing in quarantine", suffixes[i]);
        if (file->status.st_size == 0)
            return fail(failure, 0, "it is not a pair: %s is empty", suffixes[i]);
    }
    return true;
}

enum release_found release_case_find_one(struct release_case *its, const struct pair *pair,
                                         int quarantine, const char *mark, bool dry_run,
                                         struct failure *failure)
{
    struct search search = {
        .pair = pair, .mark = mark, .quarantine = quarantine, .dry_run = dry_run};
    *its = no_case;
    if (!consider_all(&search, its, failure))
        return RELEASE_NOT;
    if (search.count == 0 && search.released > 0)
        return RELEASE_DONE;
    if (search.count == 0 && search.other[0] != '\0')
        fail(failure, 0, "the quarantine has it from another storage, with the mark %s",
             search.other);
    else if (search.count == 0 && search.unread.text[0] != '\0')
        *failure = search.unread;
    else if (search.count == 0)
        fail(failure, 0, "it is not in quarantine");
    else if (search.count > 1 && search.whole != 1)
        fail(failure, 0,
             "quarantine has %d of its id, and %s is a whole pair: move away all but the one that "
             "is meant",
             search.count, search.whole == 0 ? "none" : "more than one");
    else if (is_whole_pair(its, pair, failure))
        return RELEASE_FOUND;
    return RELEASE_NOT;
}
