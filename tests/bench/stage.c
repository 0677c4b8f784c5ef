/* stage.c - the spool on which the programs and their floors are measured. */
#include "floor.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEAP = 50, WEB_HEADS = 4, SLOTS = 288, AGE = 7200 };

void make_id(struct id *id, unsigned long long n)
{
    uint64_t bits[] = {2 * n + 1, 2 * n + 2};
    for (int i = 0; i < 2; i++) { /* splitmix64 */
        bits[i] *= 0x9e3779b97f4a7c15;
        bits[i] = (bits[i] ^ bits[i] >> 30) * 0xbf58476d1ce4e5b9;
        bits[i] = (bits[i] ^ bits[i] >> 27) * 0x94d049bb133111eb;
        bits[i] ^= bits[i] >> 31;
    }
    snprintf(id->text, sizeof id->text, "%08x-%04x-%04x-%04x-%05x2%s", (unsigned)(bits[0] >> 32),
             (unsigned)(bits[0] >> 16 & 0xffff), (unsigned)(bits[0] & 0xffff),
             (unsigned)(bits[1] >> 48), (unsigned)(bits[1] & 0xfffff), &DAY[2]);
}

/* The n-th directory of the date tree that holds links; round the clock, then once more. */
static void date_path(char path[PATH_MAX], size_t n)
{
    size_t slot = n / WEB_HEADS;
    print(path, "date/%02zu/%02zu/web%02zu_%zu", slot / 12 % 24, slot % 12 * 5, n % WEB_HEADS + 1,
          slot / SLOTS);
}

static void make_link(int directory, const char *path, const char *target)
{
    if (symlinkat(target, directory, path) == 0)
        return;
    make_parents(directory, path);
    must(symlinkat(target, directory, path), path);
}

/* Old enough for whatever waits until a file or a directory has come to rest. */
static void set_age(int directory, const char *path)
{
    struct timespec then = {.tv_sec = time(NULL) - AGE};
    must(utimensat(directory, path, (struct timespec[]){then, then}, 0), path);
}

static void write_files(int name, const char *id)
{
    for (int i = 0; i < 2; i++) {
        char path[PATH_MAX];
        name_path(path, id, suffixes[i]);
        int file = make_file(name, path);
        must(dprintf(file,
                     "{\"ProductName\": \"Firefox\", \"Version\": \"3.0.5\", \"uuid\": "
                     "\"%s\"}\n",
                     id),
             path);
        must(close(file), path);
        set_age(name, path);
    }
}

static void set_date_ages(int day, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        char path[PATH_MAX];
        char *slash;
        date_path(path, n);
        set_age(day, path);
        while ((slash = strrchr(path, '/')) != NULL) {
            *slash = '\0';
            set_age(day, path);
        }
    }
}

void set_stage(const char *root, const struct id *ids, size_t count, const char *dirs, bool files,
               bool links)
{
    char path[PATH_MAX], target[PATH_MAX], date[PATH_MAX];
    int name = open_name_branch(root), day = open_directory(name, "..");
    size_t spread = dirs != NULL ? strtoul(dirs, NULL, 10) : (count + HEAP - 1) / HEAP;
    size_t heap = (count + spread - 1) / spread;
    for (size_t n = 0; n < count; n++) { /* in the order in which a collector does it */
        date_path(date, n / heap);
        if (links) {
            print(path, "%s/%s", date, ids[n].text);
            print(target, "../../../../name/%.2s/%.2s", ids[n].text, ids[n].text + 2);
            make_link(day, path, target);
        }
        if (files)
            write_files(name, ids[n].text);
        if (links) {
            name_path(path, ids[n].text, "");
            print(target, "../../../%s", date);
            make_link(name, path, target);
        }
    }
    if (links)
        set_date_ages(day, (count + heap - 1) / heap);
}
