/* floor - the floors of the bench: what the work on disk costs when its system calls are made and
 * nothing else is done. It prepares the stage for them and for the programs, too.
 *
 *     floor spool ROOT N [DIRS]       writes N pairs as a collector does, and prints their ids;
 *                                     the date links are spread over DIRS directories (N / 50)
 *     floor files ROOT                writes anew the files of the pairs whose ids come on stdin,
 *     floor links ROOT [DIRS]         or both links of each,
 *     floor move FROM TO              or moves the files back, not caring when that is durable
 *
 *     floor repair ROOT               reads all directories of the name tree
 *     floor scan ROOT [safe]          looks at each new pair, removes its links and directories
 *     floor archive FROM TO [safe]    moves the pairs whose ids come on stdin
 *     floor delete ROOT [safe]        removes their files
 *     floor copy FROM TO              moves them to another file system
 *
 *     floor measure -- COMMAND...     prints what a command took, as a line of JSON
 *
 * What is safe trusts no path to a pair and makes each call that safety costs, and no other: its
 * directory is opened once, from the root down without following a link; what is to go is looked at
 * before; a scan looks at each pair again before its row is committed; cleanup searches the
 * directory for a link and for further dumps. The rest trusts the spool. All ids have two levels
 * and the same day. Whatever fails ends it. */
#include "floor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BATCH = 1000, HELD = 500, IDS = 10000000 };

const char *const suffixes[2] = {".json", ".dump"};

int must(long result, const char *what)
{
    if (result >= 0)
        return (int)result;
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

void print(char path[PATH_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, PATH_MAX, format, arguments);
    va_end(arguments);
}

void name_path(char path[PATH_MAX], const char *id, const char *suffix)
{
    print(path, "%.2s/%.2s/%s%s", id, id + 2, id, suffix);
}

int open_directory(int at, const char *path)
{
    return must(openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
}

void make_parents(int at, const char *path)
{
    char parent[PATH_MAX];
    print(parent, "%s", path);
    for (char *slash = strchr(parent + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdirat(at, parent, 0770) < 0 && errno != EEXIST)
            must(-1, parent);
        *slash = '/';
    }
}

int make_file(int directory, const char *path)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    int file = openat(directory, path, flags, 0660);
    if (file >= 0)
        return file;
    make_parents(directory, path);
    return must(openat(directory, path, flags, 0660), path);
}

int open_name_branch(const char *root)
{
    char path[PATH_MAX];
    print(path, "%s/" DAY "/name/", root);
    make_parents(AT_FDCWD, path);
    return open_directory(AT_FDCWD, path);
}

size_t read_ids(struct id *ids, size_t size)
{
    size_t count = 0;
    while (count < size && scanf("%36s", ids[count].text) == 1)
        count++;
    return count;
}

/* -1 where it is missing. */
static int open_beneath(int root, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* --- the floor of a scan */

struct scan {
    int root, name; /* the root, and the name tree of the day */
    bool safe;
};

/* A new pair, and where it is safe its directory, which is open from the first look on. */
struct link {
    struct id id;
    int directory;
};

static void look_at_pair(const struct scan *scan, struct link *link, int files)
{
    char path[PATH_MAX];
    const char *id = link->id.text;
    if (scan->safe && files == 2) {
        print(path, DAY "/name/%.2s/%.2s", id, id + 2);
        link->directory = must(open_beneath(scan->root, path), path);
    }
    for (int i = 0; i < files; i++) {
        struct stat status;
        name_path(path, id, suffixes[i]);
        must(scan->safe
                 ? fstatat(link->directory, strrchr(path, '/') + 1, &status, AT_SYMLINK_NOFOLLOW)
                 : fstatat(scan->name, path, &status, AT_SYMLINK_NOFOLLOW),
             path);
    }
}

static void remove_link(int directory, const char *id)
{
    struct stat status;
    must(fstatat(directory, id, &status, AT_SYMLINK_NOFOLLOW), id);
    must(S_ISLNK(status.st_mode) ? unlinkat(directory, id, 0) : -1, id);
}

static void remove_links(const struct scan *scan, int date, const struct link *link)
{
    char path[PATH_MAX];
    const char *id = link->id.text;
    if (scan->safe) {
        remove_link(link->directory, id);
        close(link->directory);
        remove_link(date, id);
    } else {
        name_path(path, id, "");
        must(unlinkat(scan->name, path, 0), path);
        must(unlinkat(date, id, 0), id);
    }
}

static void scan_batch(const struct scan *scan, int date, struct link *links, size_t count)
{
    for (size_t i = 0; i < count; i++)
        look_at_pair(scan, &links[i], 2);
    for (size_t i = 0; i < count && scan->safe; i++)
        look_at_pair(scan, &links[i], 1);
    for (size_t i = 0; i < count; i++)
        remove_links(scan, date, &links[i]);
}

/* A directory is read whole before something in it is removed. */
static void scan_branch(const struct scan *scan, const char *path)
{
    struct link *links = NULL;
    size_t count = 0;
    const struct dirent *entry;
    DIR *stream = fdopendir(open_directory(scan->root, path));
    while ((entry = readdir(stream)) != NULL) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
            char child[PATH_MAX];
            print(child, "%s/%s", path, entry->d_name);
            scan_branch(scan, child);
        } else if (entry->d_type == DT_LNK) {
            if (count % BATCH == 0)
                links = realloc(links, (count + BATCH) * sizeof *links);
            memcpy(links[count++].id.text, entry->d_name, sizeof links->id.text);
        }
    }
    for (size_t i = 0; i < count; i += HELD)
        scan_batch(scan, dirfd(stream), links + i, count - i < HELD ? count - i : HELD);
    free(links);
    closedir(stream);
    must(unlinkat(scan->root, path, AT_REMOVEDIR), path);
}

static void scan_spool(const char *root, bool safe)
{
    struct scan scan = {.root = open_directory(AT_FDCWD, root), .safe = safe};
    scan.name = open_directory(scan.root, DAY "/name");
    scan_branch(&scan, DAY "/date");
}

/* --- the floor of a repair that finds nothing: the names alone */

static void read_tree(int at, const char *path)
{
    const struct dirent *entry;
    DIR *stream = fdopendir(open_directory(at, path));
    while ((entry = readdir(stream)) != NULL)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            read_tree(dirfd(stream), entry->d_name);
    closedir(stream);
}

/* --- the floors of cleanup: batches, each made durable before the next begins */

typedef void file_step(int from, int to, const char *path);

static void move_file(int from, int to, const char *path)
{
    if (renameat(from, path, to, path) == 0)
        return;
    make_parents(to, path);
    must(renameat(from, path, to, path), path);
}

static void copy_file(int from, int to, const char *path)
{
    char temporary[PATH_MAX];
    struct stat status;
    int source = must(openat(from, path, O_RDONLY | O_CLOEXEC), path);
    must(fstat(source, &status), path);
    print(temporary, "%s.tmp", path);
    int copy = make_file(to, temporary);
    for (off_t left = status.st_size; left > 0;) {
        ssize_t copied = copy_file_range(source, NULL, copy, NULL, (size_t)left, 0);
        if (copied < 0 && errno == EXDEV)
            copied = sendfile(copy, source, NULL, (size_t)left);
        must(copied > 0 ? 0 : -1, path);
        left -= copied;
    }
    must(close(copy), temporary);
    close(source);
}

static void publish_file(int from, int to, const char *path)
{
    char temporary[PATH_MAX];
    (void)from;
    print(temporary, "%s.tmp", path);
    must(renameat(to, temporary, to, path), path);
}

static void remove_file(int from, int to, const char *path)
{
    (void)to;
    must(unlinkat(from, path, 0), path);
}

static void each_file(file_step *step, const struct id *ids, size_t count, int from, int to)
{
    for (size_t n = 0; n < count; n++) {
        for (int i = 0; i < 2; i++) {
            char path[PATH_MAX];
            name_path(path, ids[n].text, suffixes[i]);
            step(from, to, path);
        }
    }
}

/* As the safe ones do it, from root to root: a pair in its directory, which is listed, as there may
 * be more dumps, and may have a link. */
struct safe_pair {
    char path[PATH_MAX], names[2][64];
    struct stat statuses[2];
    int directory;
};

static void open_safely(struct safe_pair *pair, int root, const char *id)
{
    char buffer[8192], target[PATH_MAX];
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    print(pair->path, DAY "/name/%.2s/%.2s/", id, id + 2);
    pair->directory = must(syscall(SYS_openat2, root, pair->path, &how, sizeof how), pair->path);
    if (readlinkat(pair->directory, id, target, sizeof target) >= 0)
        must(unlinkat(pair->directory, id, 0), id);
    while (must(getdents64(pair->directory, buffer, sizeof buffer), pair->path) > 0)
        ;
    for (int i = 0; i < 2; i++) {
        snprintf(pair->names[i], sizeof pair->names[i], "%s%s", id, suffixes[i]);
        must(fstatat(pair->directory, pair->names[i], &pair->statuses[i], AT_SYMLINK_NOFOLLOW),
             pair->names[i]);
    }
}

static int open_destination(int root, const char *path)
{
    int directory = open_beneath(root, path);
    if (directory >= 0)
        return directory;
    make_parents(root, path);
    return must(open_beneath(root, path), path);
}

static void move_safely(int from, int to, const char *id)
{
    struct safe_pair pair;
    struct stat status;
    open_safely(&pair, from, id);
    int destination = open_destination(to, pair.path);
    for (int i = 0; i < 2; i++) {
        const char *name = pair.names[i];
        must(renameat(pair.directory, name, destination, name), name);
        must(fstatat(destination, name, &status, AT_SYMLINK_NOFOLLOW), name);
        must(status.st_ino == pair.statuses[i].st_ino ? 0 : -1, name);
    }
    close(destination);
    close(pair.directory);
}

static void remove_safely(int from, const char *id)
{
    struct safe_pair pair;
    open_safely(&pair, from, id);
    for (int i = 0; i < 2; i++)
        must(unlinkat(pair.directory, pair.names[i], 0), pair.names[i]);
    close(pair.directory);
}

static void archive_batch_safely(const struct id *ids, size_t count, int from, int to)
{
    for (size_t n = 0; n < count; n++)
        move_safely(from, to, ids[n].text);
    must(syncfs(to), "syncfs");
}

static void delete_batch_safely(const struct id *ids, size_t count, int from, int to)
{
    (void)to;
    for (size_t n = 0; n < count; n++)
        remove_safely(from, ids[n].text);
    must(syncfs(from), "syncfs");
}

static void archive_batch(const struct id *ids, size_t count, int from, int to)
{
    each_file(move_file, ids, count, from, to);
    must(syncfs(to), "syncfs");
}

static void move_batch(const struct id *ids, size_t count, int from, int to)
{
    each_file(move_file, ids, count, from, to);
}

static void delete_batch(const struct id *ids, size_t count, int from, int to)
{
    each_file(remove_file, ids, count, from, to);
    must(syncfs(from), "syncfs");
}

static void copy_batch(const struct id *ids, size_t count, int from, int to)
{
    each_file(copy_file, ids, count, from, to);
    must(syncfs(to), "syncfs");
    each_file(publish_file, ids, count, from, to);
    must(syncfs(to), "syncfs");
    each_file(remove_file, ids, count, from, to);
    must(syncfs(from), "syncfs");
}

static void clean_up(void (*work)(const struct id *ids, size_t count, int from, int to), int from,
                     int to)
{
    static struct id ids[BATCH];
    size_t count;
    while ((count = read_ids(ids, BATCH)) > 0)
        work(ids, count, from, to);
}

/* --- the command line */

static void spool(const char *root, const char *number, const char *dirs)
{
    size_t count = strtoul(number, NULL, 10);
    struct id *ids = calloc(count, sizeof *ids);
    for (size_t n = 0; n < count; n++) {
        make_id(&ids[n], n);
        puts(ids[n].text);
    }
    set_stage(root, ids, count, dirs, true, true);
    free(ids);
}

static void restore(const char *root, const char *dirs, bool files)
{
    struct id *ids = calloc(IDS, sizeof *ids); /* takes no memory before it is used */
    set_stage(root, ids, read_ids(ids, IDS), dirs, files, !files);
    free(ids);
}

int main(int argc, char **argv)
{
    const char *work = argc > 2 ? argv[1] : "", *root = argv[argc > 2 ? 2 : 0];
    const char *next = argc > 3 ? argv[3] : NULL, *last = argc > 4 ? argv[4] : NULL;
    umask(0); /* files and directories as Socorro's collector makes them, and cleanup leaves them */
    if (strcmp(work, "spool") == 0 && next != NULL)
        spool(root, next, last);
    else if (strcmp(work, "files") == 0)
        restore(root, NULL, true);
    else if (strcmp(work, "links") == 0)
        restore(root, next, false);
    else if (strcmp(work, "move") == 0 && next != NULL)
        clean_up(move_batch, open_name_branch(root), open_name_branch(next));
    else if (strcmp(work, "scan") == 0)
        scan_spool(root, next != NULL);
    else if (strcmp(work, "repair") == 0)
        read_tree(AT_FDCWD, root);
    else if (strcmp(work, "archive") == 0 && last != NULL)
        clean_up(archive_batch_safely, open_directory(AT_FDCWD, root),
                 open_directory(AT_FDCWD, next));
    else if (strcmp(work, "archive") == 0 && next != NULL)
        clean_up(archive_batch, open_name_branch(root), open_name_branch(next));
    else if (strcmp(work, "delete") == 0 && next != NULL)
        clean_up(delete_batch_safely, open_directory(AT_FDCWD, root), -1);
    else if (strcmp(work, "delete") == 0)
        clean_up(delete_batch, open_name_branch(root), -1);
    else if (strcmp(work, "copy") == 0 && next != NULL)
        clean_up(copy_batch, open_name_branch(root), open_name_branch(next));
    else if (strcmp(work, "measure") == 0 && next != NULL)
        measure(argv + 3);
    else
        return fputs("floor: see the head of tests/bench/floor.c\n", stderr), 2;
    return fflush(stdout) == 0 ? 0 : 1;
}
