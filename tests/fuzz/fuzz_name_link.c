/* fuzz_name_link - what a name link says: whatever it is, nothing but links of the crash below the
 * date tree of its day is ever removed. */
#include "scratch_spool.h"
#include "spool/links.h"

#define DATE_DIRECTORY "date/12/05/web01_0"

/* Links of the same name, in places that no name link may lead to. */
static const char *const elsewhere[] = {
    "outside",
    "20081224/date/12/05/web01_0",
    DAY "/other",
    DAY "/name",
};
enum { ELSEWHERE = sizeof elsewhere / sizeof elsewhere[0] };

static void put_link(const char *directory)
{
    char path[PATH_MAX];
    make_directories(directory);
    snprintf(path, sizeof path, "%s/" ID, directory);
    CHECK(symlink("anywhere", path) == 0 || errno == EEXIST);
}

static bool link_is_in(const char *directory)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/" ID, directory);
    return is_link(path);
}

static struct spool *set_up(void)
{
    struct spool *spool = empty_spool();
    make_directories(NAME_PATH);
    write_file(NAME_PATH "/" ID ".json", "x");
    write_file(NAME_PATH "/" ID ".dump", "x");
    for (int i = 0; i < ELSEWHERE; i++)
        put_link(elsewhere[i]);
    make_directories(DAY "/" DATE_DIRECTORY);
    CHECK(symlink("../../outside", DAY "/date/out") == 0);
    return spool;
}

/* The name link says where the date link is, with any number of steps up before it. */
static bool says_date_directory(const char *target)
{
    while (strncmp(target, "../", 3) == 0)
        target += 3;
    return strcmp(target, DATE_DIRECTORY) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct spool *spool;
    struct failure failure;
    struct pair pair = {.day = DAY};
    char *target = text_of(data, size < PATH_MAX ? size : PATH_MAX - 1);
    if (spool == NULL)
        spool = set_up();
    pair.spool = spool;
    CHECK(crash_id_parse(&pair.id, ID));
    put_link(DAY "/" DATE_DIRECTORY);
    if (*target != '\0') {
        CHECK(symlink(target, NAME_PATH "/" ID) == 0);
        CHECK(links_remove(&pair, &failure));
        CHECK(!link_is_in(NAME_PATH));
        CHECK(link_is_in(DAY "/" DATE_DIRECTORY) == !says_date_directory(target));
        for (int i = 0; i < ELSEWHERE; i++)
            CHECK(link_is_in(elsewhere[i]));
        CHECK(access(NAME_PATH "/" ID ".json", F_OK) == 0);
        CHECK(access(NAME_PATH "/" ID ".dump", F_OK) == 0);
        CHECK(is_link(DAY "/date/out"));
    }
    free(target);
    return 0;
}
