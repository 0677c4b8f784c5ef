/* fuzz_walk - a date tree full of names: a walk visits each once, the oldest first, and all that
 * belong to no crash can be quarantined together.
 *
 * The bytes are names that are separated by NUL; the first byte of each says what it is to be, and
 * how deep it is to lie. */
#include "spool/strays.h"

#include "scratch_spool.h"
#include "spool/date_dir.h"

enum { NAMES_MAXIMUM = 6, QUARANTINED_ROOM = 64 };

static struct {
    struct strays *strays;               /* NULL: nothing is to be quarantined */
    char paths[NAMES_MAXIMUM][PATH_MAX]; /* what is to be visited, */
    bool is_link[NAMES_MAXIMUM];
    bool visited[NAMES_MAXIMUM];
    bool is_stray[NAMES_MAXIMUM];
    size_t count;
    char last[PATH_MAX]; /* directory in which something was visited */
} scene;

/* Makes what a part of the input says. */
static void make_entry(const char *input)
{
    static const char *const directories[] = {"date", "date/1", "date/1/2", "date/1/2/3",
                                              "date/1/2/3/4"};
    char *path = scene.paths[scene.count];
    const char *name = input + 1;
    struct stat status;
    int deep = *input % 8, type = *input / 8 % 4;
    if (*input <= 0 || strlen(name) > NAME_MAX || strchr(name, '/') != NULL || *name == '\0' ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return;
    deep = deep > WALK_LEVELS ? WALK_LEVELS : deep;
    snprintf(path, PATH_MAX, DAY "/%s/%s", directories[deep], name);
    if (lstat(path, &status) == 0)
        return;
    scene.is_link[scene.count] = type == 0;
    if (type == 0)
        CHECK(symlink("/etc/passwd", path) == 0);
    else if (type == 1)
        CHECK(mkdir(path, 0700) == 0);
    else
        write_file(path, path); /* equal files of one name count as one */
    /* A directory in which there can be others is walked through. */
    scene.count += type != 1 || deep == WALK_LEVELS;
}

static void visit(const struct walk_entry *entry)
{
    char path[PATH_MAX];
    struct pair pair;
    size_t i = 0;
    CHECK(entry->kind != WALK_UNREADABLE);
    snprintf(path, sizeof path, "%s/%s", entry->directory->path, entry->name);
    while (i < scene.count && strcmp(scene.paths[i], path) != 0)
        i++;
    CHECK(i < scene.count && !scene.visited[i]);
    CHECK((entry->kind == WALK_LINK) == scene.is_link[i]);
    CHECK(strcmp(scene.last, entry->directory->path) <= 0);
    snprintf(scene.last, sizeof scene.last, "%s", entry->directory->path);
    scene.visited[i] = true;
    scene.is_stray[i] = !walk_entry_pair(entry, &pair);
    if (scene.strays != NULL && scene.is_stray[i])
        CHECK(strays_add(scene.strays, entry, "why"));
}

static size_t reasons, moved;

/* DAY/CASE/NAME: the case's name is plain. */
static int look_at_quarantined(const char *path, const struct stat *status, int type,
                               struct FTW *walk)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    (void)status;
    (void)type;
    const char *name = path + walk->base;
    if (walk->level == 2)
        CHECK(*name != '.' && name[strspn(name, plain)] == '\0');
    CHECK(walk->level <= 3);
    reasons += walk->level == 3 && strcmp(name, "reason") == 0;
    moved += walk->level == 3 && strcmp(name, "reason") != 0;
    return 0;
}

static void walk_all(const struct spool *spool)
{
    struct failure failure;
    struct walk_entry entry;
    struct walk *walk = walk_new(spool, false, &failure);
    CHECK(walk != NULL);
    memset(scene.visited, 0, sizeof scene.visited);
    scene.last[0] = '\0';
    while (walk_next(walk, &entry))
        visit(&entry);
    walk_free(walk);
    for (size_t i = 0; i < scene.count; i++)
        CHECK(scene.visited[i]);
}

/* Returns how many. */
static size_t quarantine_strays(const struct spool *spool)
{
    bool usable;
    struct report report;
    struct strays strays = {.size = NAMES_MAXIMUM};
    struct quarantine *quarantine = quarantine_new(NULL, spool, NULL);
    CHECK(quarantine != NULL);
    report_init(&report);
    scene.strays = &strays;
    walk_all(spool);
    size_t count = strays.count;
    if (count > 0)
        CHECK(strays_quarantine(&strays, quarantine, &report, &usable) == count);
    strays_free(&strays);
    quarantine_free(quarantine);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct spool *spool = empty_spool();
    struct stat status;
    char *input;
    scene.count = reasons = moved = 0;
    scene.strays = NULL;
    make_directories(DAY "/date/1/2/3/4");
    while (scene.count < NAMES_MAXIMUM && (input = next_text(&data, &size)) != NULL) {
        make_entry(input);
        free(input);
    }
    walk_all(spool);
    size_t count = quarantine_strays(spool);
    for (size_t i = 0; i < scene.count; i++)
        CHECK((lstat(scene.paths[i], &status) < 0) == scene.is_stray[i]);
    if (count > 0)
        CHECK(nftw("quarantine", look_at_quarantined, 16, FTW_PHYS) == 0);
    else
        CHECK(access("quarantine", F_OK) < 0);
    CHECK(moved == count && (reasons > 0) == (moved > 0));
    return 0;
}
