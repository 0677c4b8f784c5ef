#!/usr/bin/env bats
# clocks.bats - files and directories from a time when the host's clock was ahead, and spools that
# cannot be asked for the time.
# shellcheck disable=SC2154,SC2034 # bats sets status and output
load ../helper

setup() {
    begin_case
    processor p1 >/dev/null
}

# Has all times below lie ahead, those of the inodes, too: the spool is made while the clock of its
# own time is wrong. Only where faketime of the kernel is not at hand: by debugfs, on an ext4 image.
disk_of_the_future() {
    local image=$BATS_TEST_TMPDIR/image file
    [[ $(id -u) == 0 ]] || skip "only root can mount"
    type -P debugfs mkfs.ext4 >/dev/null || skip "no debugfs here"
    mkdir -p "$BATS_TEST_TMPDIR/made"
    truncate -s 8M "$image"
    SPOOL=$BATS_TEST_TMPDIR/made
    mkdir "$SPOOL/20000101"
    "$@"
    mkfs.ext4 -q -d "$SPOOL" "$image"
    (cd "$SPOOL" && command find . -mindepth 1 \( -type f -o -type l -o -path '*/date*' \) -printf '/%P\n') |
        while read -r file; do
            printf 'set_inode_field "%s" %s 20990101000000\n' "$file" mtime "$file" ctime
        done >"$image.commands"
    debugfs -w -f "$image.commands" "$image" >/dev/null 2>&1
    SPOOL=$BATS_TEST_TMPDIR/spool
    mount -o loop "$image" "$SPOOL" || skip "no loop mount here"
    disks+=("$SPOOL")
    file=$(command find "$SPOOL" -name '*.json' -o -name '*.dump' | head -n 1)
    [[ $(stat -c %Z "$file") -gt $EPOCHSECONDS ]] || fail "not ahead: $(stat "$file")"
}

of_the_future() {
    whole=$(crash) half=$(crash --without json)
}

@test "a pair whose times lie ahead is queued; half a pair is left, and never old enough" {
    disk_of_the_future of_the_future
    expect_status 0 scan --incomplete-age=00:00:01
    jobs_are "$whole"
    [[ ! -d $SPOOL/quarantine ]] || fail "quarantined"
    log_has "\"$half\": left: .json is missing"
    expect_status 0 scan --incomplete-age=00:00:01
    has_links "$half"
}

@test "half a pair from the first second of 1970, or before, is quarantined as any other" {
    for time in @0 @-1; do
        half=$(crash --without dump)
        touch -d "$time" "$(place "$SPOOL" "$half").json"
        touch -h -d "$time" "$(dirname "$(place "$SPOOL" "$half")")/$half"
        expect_status 1 scan --incomplete-age=00:00:01 --settle-time=00:00:00
        quarantined "$half" ".dump is missing"
    done
}

@test "a requested pair whose times lie ahead is queued" {
    disk_of_the_future of_the_future
    expect_status 0 priority "$whole"
    jobs_are "$whole"
}

@test "half a pair whose times lie ahead is looked up: the links of one that is queued go" {
    disk_of_the_future of_the_future
    sql "INSERT INTO jobs (pathname, uuid) VALUES ('$(place "$SPOOL" "$half").json', '$half')"
    expect_status 0 scan
    no_links "$half"
}

@test "a file that is newer than the run is judged by what time it is then" {
    session "BEGIN; LOCK TABLE processors"
    background scan --settle-time=00:00:00
    await_blocked crashmon-scan
    id=$(crash --age 0)
    session COMMIT
    background_ends 0
    jobs_are "$id"
}

@test "a file that is still being written is left, also while the clock is asked again" {
    id=$(crash --age 0)
    expect_status 0 scan --settle-time=01:00:00
    log_has "is still being written"
    has_links "$id"
}

@test "empty directories whose times lie ahead are removed" {
    mkdir -p "$SPOOL/20081225/date/12/05/web01_"{0..9} "$SPOOL/20081225/date/13/05/web01_0"
    command find "$SPOOL/20081225" -type d -exec touch -d '+1 year' {} +
    id=$(crash)
    expect_status 0 scan
    jobs_are "$id"
    [[ ! -e $SPOOL/20081225/date/13 && ! -e $SPOOL/20081225/date/12/05/web01_9 ]] ||
        fail "$(find "$SPOOL/20081225/date")"
}

@test "empty directories that a collector has just made stay" {
    mkdir -p "$SPOOL/20081225/date/12/05/web01_0"
    expect_status 0 scan
    [[ -d $SPOOL/20081225/date/12/05/web01_0 ]]
}

@test "a spool that cannot be asked for the time: told once, and nothing is taken for older" {
    # As the owner of the root, who lets nobody make a file there.
    young=$(crash --age 40) old=$(crash --age 3600)
    marked
    as_a_user
    chmod 555 "$SPOOL"
    expect_status 0 scan
    [[ -z $output ]] || fail "mailed: $output"
    [[ $(grep -c "WARNING - cannot make a file in \"$SPOOL\" to ask its file system for the time: Permission denied;" "$LOG") == 1 ]] ||
        fail "not told once"
    jobs_are "$old"
    has_links "$young"
    no_links "$old"
    chmod 755 "$SPOOL"
    expect_status 0 scan
    jobs_are "$old" "$young"
    [[ $(grep -c "for the time" "$LOG") == 1 ]] || fail "told again"
}

@test "nor one that has no inode left, which is no fault of the user's" {
    disk "$SPOOL" size=1m,nr_inodes=40
    old=$(crash --age 3600)
    marked
    while : 2>/dev/null >"$SPOOL/full.$((++files))"; do :; done
    expect_status 0 scan
    log_has "cannot make a file in \"$SPOOL\" to ask its file system for the time: No space left on device; ages are"
    jobs_are "$old"
}

@test "where a spool cannot be asked for the time no pair is missing because it came too late" {
    disk "$SPOOL" size=1m,nr_inodes=60
    linked=$(crash) other=$(crash --without links)
    marked
    ended true "$linked" "$other"
    sql "UPDATE jobs SET completeddatetime = now() - interval '24 min', starteddatetime = now() - interval '25 min',
                         queueddatetime = now() - interval '30 min'"
    find "$SPOOL" -name '*-*.*' -exec touch -d '20 minutes ago' {} +
    while : 2>/dev/null >"$SPOOL/full.$((++files))"; do :; done
    expect_status 74 cleanup_jobs --save-successful-minidumps-to=
    for id in "$linked" "$other"; do
        log_has "cannot put \"$id\" away: \"$SPOOL\" cannot be asked for the time, so it is not known whether what is in \"20081225\" is another crash"
    done
    sql_is "SELECT count(*), count(missingdatetime) FROM jobs" '2|0'
    rm "$SPOOL"/full.*
    expect_status 1 cleanup_jobs --save-successful-minidumps-to=
    sql_is "SELECT count(*), count(missingdatetime) FROM jobs" '2|2'
}

# Has the file systems' clock be so many seconds behind, and be asked so many times before they are
# full: behind SECONDS TIMES.
behind() {
    gcc -shared -fPIC -x c -o "$BATS_TEST_TMPDIR/behind.so" - <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
int fstatat(int at, const char *path, struct stat *status, int flags)
{
    int (*real)(int, const char *, struct stat *, int) =
        (int (*)(int, const char *, struct stat *, int))dlsym(RTLD_NEXT, "fstatat");
    int result = real(at, path, status, flags);
    status->st_mtim.tv_sec -= atol(getenv("BEHIND"));
    status->st_ctim.tv_sec -= atol(getenv("BEHIND"));
    return result;
}
int fstat(int file, struct stat *status) { return fstatat(file, "", status, AT_EMPTY_PATH); }
int openat(int at, const char *path, int flags, ...)
{
    int (*real)(int, const char *, int, ...) =
        (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
    static int asked;
    if ((flags & O_TMPFILE) == O_TMPFILE && asked++ >= atol(getenv("TIMES"))) {
        errno = ENOSPC;
        return -1;
    }
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return real(at, path, flags, mode);
}
END
    EXEC="env LD_PRELOAD=$BATS_TEST_TMPDIR/behind.so BEHIND=$1 TIMES=$2 ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0"
}

@test "the clock of a spool that is lost while a scan is at work goes on as it was" {
    marked
    crash --count 60 --time 00:05 >/dev/null
    young=$(crash --time 23:55 --age 5)
    behind 3600 1
    expect_status 0 scan --settle-time=00:01:00 --batch-size=2
    has_links "$young"
    sql_is "SELECT count(*) FROM jobs" 60
}

@test "where a spool cannot be asked for the time nothing is old enough for quarantine or --repair" {
    marked
    half=$(crash --without dump --age 0) stranded=$(crash --without dump --without links --age 0)
    touch "$SPOOL/20081225/date/12/05/stray"
    before=$(spool_state "$SPOOL")
    behind 90000 0
    expect_status 0 scan
    expect_status 74 scan --repair
    [[ $output == *"\"$SPOOL\" cannot be asked for the time, so it is not known what is old enough: "*"; nothing is repaired there"* ]] ||
        fail "$output"
    equal "$(spool_state "$SPOOL")" "$before"
    behind 90000 9
    expect_status 0 scan
    equal "$(spool_state "$SPOOL")" "$before"
    EXEC=''
    expect_status 1 scan --incomplete-age=00:00:00 --settle-time=00:00:00
    quarantined "$half" dump
}

@test "where it cannot be asked, links that may be newer than the job stay, and with a further dump the pair, too (74)" {
    id=$(crash)
    expect_status 0 scan
    behind 3600 0 # and this machine's clock counts a minute less
    sql "UPDATE jobs SET success = true, queueddatetime = now() - interval '2 hours',
                         starteddatetime = now() - interval '59 minutes',
                         completeddatetime = now() - interval '59 minutes'"
    await sql_true "SELECT starteddatetime < now() - interval '59 minutes 50 ms' FROM jobs"
    collect --id "$id" --day 20081225 --without json --without dump
    dump=$(place "$SPOOL" "$id").plugin.dump
    echo next >"$dump"
    expect_status 74 cleanup_jobs
    log_has "cannot put \"$id\" away: \"$SPOOL\" cannot be asked for the time, so it is not known whether what is in \"20081225\" is another crash"
    pair_is_whole "$SPOOL" 20081225 "$id"
    rm "$dump"
    expect_status 0 cleanup_jobs
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    has_links "$id"
}

@test "where long-term storage cannot be asked for the time, what it has of an id is neither the pair nor none" {
    id=$(crash)
    marked
    ended true "$id"
    archived=$ARCHIVE/20081225/name/$(name_dir "$id")
    mkdir -p "$archived"
    mv "$(place "$SPOOL" "$id")".* "$archived"
    behind 3600 0
    expect_status 74 cleanup_jobs
    log_has "cannot put \"$id\" away: \"$ARCHIVE\" cannot be asked for the time, so it is not known whether what is in \"20081225\" is another crash"
    sql_is "SELECT count(*), count(missingdatetime) FROM jobs" '1|0'
    EXEC=''
    expect_status 0 cleanup_jobs
    log_has "\"$id\": archived: it was in \"$ARCHIVE\" already"
}

# Has the file systems' clock be so many seconds ahead, for a run, or the first so many times that it is
# asked, or on the file system of a directory alone (ahead SECONDS [TIMES [DIRECTORY]]): a file without a name tells what time it is.
ahead() {
    gcc -shared -fPIC -x c -o "$BATS_TEST_TMPDIR/clock.so" - <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
int fstat(int file, struct stat *status)
{
    int (*real)(int, struct stat *) = (int (*)(int, struct stat *))dlsym(RTLD_NEXT, "fstat");
    int result = real(file, status);
    static int asked;
    const char *device = getenv("DEVICE");
    if (result == 0 && S_ISREG(status->st_mode) && status->st_nlink == 0 &&
        (*device == 0 || (long)status->st_dev == atol(device)) && asked++ < atol(getenv("TIMES")))
        status->st_mtim.tv_sec += atol(getenv("AHEAD"));
    return result;
}
END
    EXEC="env LD_PRELOAD=$BATS_TEST_TMPDIR/clock.so AHEAD=$1 TIMES=${2:-1000000} DEVICE=${3:+$(stat -c %d "$3")} ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0"
}

@test "where the clocks of spool and database differ by hours nothing is removed for its age (1)" {
    collect --root "$DEFERRED" --day "$(date -u +%Y%m%d)" --count 3 >/dev/null
    crash --without dump --age 90000 >/dev/null
    expect_status 1 scan
    marked
    before=$(disk_state)
    for seconds in 3456000 -7200; do
        ahead "$seconds"
        expect_status 1 cleanup_jobs --keep-deferred-days=30 --keep-quarantine-days=30
        [[ $output == *"the clocks of the database and of \"$SPOOL\" differ (by "*"nothing is removed there for its age"* ]] ||
            fail "$output"
        equal "$(disk_state)" "$before"
    done
    ahead -7200 2 # the run has been at work for two hours
    expect_status 0 cleanup_jobs --keep-deferred-days=30 --keep-quarantine-days=30
}

@test "that two clocks differ is mailed once an hour, by whatever they do" {
    sed -i /^stderr-repeat/d "$CONF"
    marked
    says=differ
    for seconds in -7200 3456000; do
        ahead "$seconds"
        EXEC="setsid -w $EXEC" expect_status 1 cleanup_jobs --keep-deferred-days=30
        [[ ${says:+$output} == *$says* && ($says || ! $output) ]] || fail "$output"
        says=
    done
}

@test "what is in quarantine is as old as its own file system says, whose clock may be another one" {
    disk "$BATS_TEST_TMPDIR/quarantine"
    half=$(crash --without dump --age 90000)
    expect_status 1 scan --quarantine-to="$BATS_TEST_TMPDIR/quarantine"
    before=$(find "$BATS_TEST_TMPDIR/quarantine")
    ahead 3456000 1000 "$BATS_TEST_TMPDIR/quarantine"
    for dry in --dry-run ''; do
        expect_status 1 cleanup_jobs --keep-quarantine-days=30 --quarantine-to="$BATS_TEST_TMPDIR/quarantine" $dry
        [[ $output != *"$half"* ]] || fail "$output"
        [[ $output == *"the clocks of the database and of \"$BATS_TEST_TMPDIR/quarantine\" differ (by "* ]] || fail "$dry $output"
    done
    EXEC=
    mount -o remount,ro "$BATS_TEST_TMPDIR/quarantine"
    for dry in --dry-run ''; do
        expect_status 74 cleanup_jobs --keep-quarantine-days=30 --quarantine-to="$BATS_TEST_TMPDIR/quarantine" $dry
        [[ $output == *"Read-only file system"* ]] || fail "$output"
    done
    mount -o remount,rw "$BATS_TEST_TMPDIR/quarantine"
    equal "$(find "$BATS_TEST_TMPDIR/quarantine")" "$before"
}

@test "a crash whose times lie ahead is another one if it has links, and archived, but not deleted, without" {
    for to in "$ARCHIVE" ""; do
        own=$(crash) again=$(crash) elsewhere=$(crash)
        expect_status 0 scan
        finish "$own" true
        finish "$again" true
        finish "$elsewhere" true
        rm "$(place "$SPOOL" "$elsewhere")".*
        crash --root "$DEFERRED" --id "$elsewhere" --age 0 --without links >/dev/null
        crash --id "$again" --age 0 >/dev/null # over the first
        ahead -7200
        expect_status 0 scan # not its links
        run cleanup_jobs --save-successful-minidumps-to="$to"
        EXEC=
        pair_is_whole "$SPOOL" 20081225 "$again"
        has_links "$again"
        log_has "\"$again\": missing"
        pair_is_whole "$DEFERRED" 20081225 "$elsewhere"
        log_has "\"$elsewhere\": missing"
        if [[ $to ]]; then
            pair_is_whole "$ARCHIVE" 20081225 "$own"
        else # it may be another one, that gets its links last
            pair_is_whole "$SPOOL" 20081225 "$own"
            log_has "\"$own\": missing: its pair was not found; what is in its place may be another crash of its id; the row stays"
            touch -d '2 days ago' "$(place "$SPOOL" "$own")".*
            expect_status 0 cleanup_jobs --save-successful-minidumps-to=
            log_has "\"$own\": deleted"
        fi
        empty_tables
        processor p1 >/dev/null
        rm -r "$SPOOL/20081225" "$DEFERRED/20081225"
    done
}

@test "for one whose row does not say where it is, and whose times lie ahead, nobody waits" {
    without_links() { whole=$(crash --without links); }
    disk_of_the_future without_links
    ended true "$whole"
    sql "UPDATE jobs SET pathname = ''"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$whole"
}

@test "what is beside an old link, and whose times lie ahead, is archived, but not deleted" {
    disk_of_the_future of_the_future
    mapfile -t links < <(find "$SPOOL" -name "$whole" -type l)
    for link in "${links[@]}"; do ln -sfn "$(readlink "$link")" "$link"; done
    ended true "$whole"
    expect_status 1 cleanup_jobs --save-successful-minidumps-to=
    log_has "\"$whole\": missing"
    pair_is_whole "$SPOOL" 20081225 "$whole"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$whole"
    no_links "$whole"
}

@test "among many new crashes is looked once a batch for those of the jobs, if all came before ten minutes" {
    strace -f -qq -o /dev/null true 2>/dev/null || skip "no strace here"
    local opened=()
    crash --count 20 --age 10000 >/dev/null
    expect_status 0 scan
    mapfile -t ids < <(sql "SELECT uuid FROM jobs ORDER BY id")
    sql "UPDATE jobs SET queueddatetime = now() - interval '3 h', starteddatetime = now() - interval '2 h',
             completeddatetime = now(), success = true;
         UPDATE crashmon.storages SET swept = (now() AT TIME ZONE 'UTC')::date"
    crash --count 20 >/dev/null
    id=${ids[19]}
    crash --id "$id" >/dev/null # a second one, to which its date link alone leads
    rm "$(place "$SPOOL" "$id")"
    for seconds in -7200 540 1800; do # what lies ahead may have come just now
        ahead "$seconds"
        EXEC="strace -f -qq -e trace=openat,openat2 -o $BATS_TEST_TMPDIR/trace $EXEC"
        expect_status 1 cleanup_jobs --dry-run
        opened+=("$(grep -c '"20081225/date"' "$BATS_TEST_TMPDIR/trace")")
    done
    equal "${opened[*]}" "20 20 2"
    expect_status 1 cleanup_jobs
    EXEC=
    [[ -n $(find "$SPOOL/20081225/date" -name "$id") ]] || fail "$(find "$SPOOL" -name "$id*")"
    pair_is_whole "$SPOOL" 20081225 "$id"
    log_has "\"$id\": missing"
    log_has "archived 19"
    pair_is_whole "$ARCHIVE" 20081225 "${ids[1]}"
}

@test "in whatever style the database shows times, finished jobs are put away" {
    sql "ALTER DATABASE \"$PGDATABASE\" SET DateStyle = 'German, MDY'; ALTER DATABASE \"$PGDATABASE\" SET TimeZone = 'Asia/Kathmandu'"
    ended true "$(crash)"
    ended false "$(crash)"
    run cleans
    sql "ALTER DATABASE \"$PGDATABASE\" RESET ALL"
    [[ $status == 0 ]] || fail "$output"
}

@test "where a clock cannot be asked no crash is removed for its age, but empty directories are" {
    half=$(crash --without json --age 200000) throttled=$(crash --root "$DEFERRED" --age 0)
    expect_status 1 scan
    quarantined "$half" json
    mkdir -p "$SPOOL/20081224/date/00/web" "$DEFERRED/20081224/date/00/web"
    keep=(--keep-quarantine-days=1 --keep-deferred-days=1)
    behind 259200 0
    for dry in --dry-run ''; do
        expect_status 74 cleanup_jobs "${keep[@]}" $dry
        for root in "$SPOOL/quarantine" "$DEFERRED"; do
            [[ $output == *"\"$root\" cannot be asked for the time: "*": no crash is removed there for its age"* ]] || fail "$output"
        done
    done
    quarantined "$half" json
    pair_is_whole "$DEFERRED" 20081225 "$throttled"
    [[ ! -e $SPOOL/20081224 && ! -e $DEFERRED/20081224 ]]
}
