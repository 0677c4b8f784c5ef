/* fuzz_pair_files - a name directory full of names: those of the crash are found, and no others.
 *
 * The bytes are names that are separated by NUL; the first byte of each says what it is to be. */
#include "scratch_spool.h"
#include "spool/locate.h"

enum { WITH_ID = 1, AS_LINK = 2, NAMES_MAXIMUM = 8 };

static bool ends_with(const char *name, const char *end)
{
    return strlen(name) >= strlen(end) && strcmp(name + strlen(name) - strlen(end), end) == 0;
}

/* Makes what a part of the input says; the name becomes NULL when nothing can be made of it. */
static bool make_entry(const char *input, char name[NAME_MAX + 1])
{
    if (*input == '\0' || strchr(input, '/') != NULL)
        return false;
    snprintf(name, NAME_MAX + 1, "%s%s", *input & WITH_ID ? ID : "", input + 1);
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        access(name, F_OK) == 0 || is_link(name))
        return false;
    if (*input & AS_LINK)
        CHECK(symlink("/etc/passwd", name) == 0);
    else
        write_file(name, "x");
    return true;
}

static size_t times_in(const struct pair_files *files, const char *name)
{
    size_t found = 0;
    for (size_t i = 0; i < files->count; i++)
        found += strcmp(files->items[i].name, name) == 0;
    return found;
}

/* Whether a name is one of the crash's. */
static bool belongs(const char *name)
{
    if (strncmp(name, ID ".", strlen(ID ".")) != 0 || is_link(name))
        return false;
    return strcmp(name, ID ".json") == 0 || strcmp(name, ID ".dump") == 0 ||
           ends_with(name + strlen(ID "."), ".dump");
}

static void check_order(const struct pair_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->items[i].name, ID ".json") == 0)
            CHECK(i == files->count - 1);
        if (strcmp(files->items[i].name, ID ".dump") == 0)
            CHECK(i == files->count - 1 || strcmp(files->items[i + 1].name, ID ".json") == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct spool *spool = empty_spool();
    struct pair_location location = {.pair = {.spool = spool, .day = DAY}};
    struct main_file *mains[] = {&location.dump, &location.json};
    char made[NAMES_MAXIMUM][NAME_MAX + 1], *input;
    struct pair_files files = {0};
    size_t count = 0, expected = 0;
    while (count < NAMES_MAXIMUM && (input = next_text(&data, &size)) != NULL) {
        count += make_entry(input, made[count]);
        free(input);
    }
    CHECK(crash_id_parse(&location.pair.id, ID));
    location.directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(location.directory >= 0);
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? ID ".dump" : ID ".json";
        mains[i]->found = !is_link(name) && stat(name, &mains[i]->status) == 0;
    }
    CHECK(location_list(&location, &files));
    for (size_t i = 0; i < count; i++) {
        CHECK(times_in(&files, made[i]) == belongs(made[i]));
        expected += belongs(made[i]);
    }
    CHECK(files.count == expected);
    check_order(&files);
    location_close(&location);
    pair_files_free(&files);
    return 0;
}
