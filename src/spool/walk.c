#include "spool/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct branch *branch_new(const struct spool *spool, struct branch *parent,
                                 const char *above, const char *name)
{
    struct branch *branch = calloc(1, sizeof *branch);
    if (branch == NULL || asprintf(&branch->path, "%s/%s", above, name) < 0) {
        free(branch);
        return NULL;
    }
    branch->spool = spool;
    branch->parent = parent != NULL ? branch_hold(parent) : NULL;
    branch->holders = 1;
    return branch;
}

struct branch *branch_hold(struct branch *branch)
{
    branch->holders++;
    return branch;
}

/* A directory that is not empty, or gone, stays as it is; that is no error. */
static void remove_if_empty(const struct branch *branch)
{
    char *above = strdup(branch->path);
    if (above == NULL)
        return;
    char *slash = strrchr(above, '/');
    *slash = '\0';
    int parent = dir_open(branch->spool->root, above);
    if (parent >= 0) {
        unlinkat(parent, slash + 1, AT_REMOVEDIR);
        close(parent);
    }
    free(above);
}

void branch_release(struct branch *branch)
{
    while (branch != NULL && --branch->holders == 0) {
        struct branch *parent = branch->parent;
        if (branch->removable)
            remove_if_empty(branch);
        free(branch->path);
        free(branch);
        branch = parent;
    }
}

int branch_open(const struct branch *branch)
{
    return dir_open(branch->spool->root, branch->path);
}

struct timespec branch_changed(const struct branch *branch, const char *name)
{
    struct stat status;
    struct timespec changed = branch->spool->now;
    int directory = branch_open(branch);
    if (directory < 0)
        return changed;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        changed = file_changed(&status, &branch->spool->now);
    close(directory);
    return changed;
}

void branch_day(const struct branch *branch, char day[DAY_LENGTH + 1])
{
    memcpy(day, branch->path, DAY_LENGTH);
    day[DAY_LENGTH] = '\0';
}

static void report_unreadable(const struct walk *walk, const struct branch *branch)
{
    struct failure failure;
    fail(&failure, errno, "cannot read %s/%s", walk->spool->path, branch->path);
    walk->unreadable(walk->context, &failure);
}

/* Visits what is in a directory, but for its directories, which become `children`. A directory
 * that lies too deep is visited like what else does not belong there. */
static bool visit_entries(const struct walk *walk, struct branch *branch, int level, DIR *stream,
                          struct names *children)
{
    const struct dirent *entry;
    while ((entry = dir_next(stream)) != NULL) {
        unsigned char type = dir_entry_type(stream, entry);
        if (type == DT_DIR && level < WALK_LEVELS) {
            if (!names_add(children, entry->d_name))
                break;
        } else {
            struct entry found = {
                .branch = branch, .name = entry->d_name, .is_link = type == DT_LNK};
            if (!walk->visit(walk->context, &found))
                return false;
        }
    }
    if (errno != 0)
        report_unreadable(walk, branch);
    return true;
}

/* Whether no collector can be inside has to be asked before anything in it is changed. */
static bool is_quiet(const struct walk *walk, DIR *stream)
{
    struct stat status;
    if (walk->keep_directories || fstat(dirfd(stream), &status) < 0)
        return false;
    return time_is_past(&status.st_mtim, QUIET_TIME, &walk->spool->now);
}

/* Takes over the branch. False ends the walk. */
static bool walk_branch(const struct walk *walk, struct branch *branch, int level)
{
    bool go_on = true;
    struct names children = {0};
    DIR *stream = dir_read(branch->spool->root, branch->path);
    if (stream != NULL) {
        branch->removable = is_quiet(walk, stream);
        go_on = visit_entries(walk, branch, level, stream, &children);
        closedir(stream);
    } else if (errno != ENOENT) {
        report_unreadable(walk, branch);
    }

    names_sort(&children);
    for (size_t i = 0; i < children.count && go_on; i++) {
        struct branch *child = branch_new(walk->spool, branch, branch->path, children.items[i]);
        if (child != NULL)
            go_on = walk_branch(walk, child, level + 1);
        else
            report_unreadable(walk, branch);
    }
    names_free(&children);
    branch_release(branch);
    return go_on;
}

bool walk_spool(const struct walk *walk, struct failure *failure)
{
    struct names days = {0};
    bool good = spool_days(walk->spool, &days, failure);
    for (size_t i = 0; good && i < days.count; i++) {
        struct branch *date = branch_new(walk->spool, NULL, days.items[i], "date");
        if (date == NULL)
            good = fail(failure, ENOMEM, "cannot walk %s", walk->spool->path);
        else if (!walk_branch(walk, date, 0))
            break;
    }
    names_free(&days);
    return good;
}
