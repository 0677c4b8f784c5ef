#!/usr/bin/env bats
# flushes.bats - before the rows go, each file system that was changed is flushed, and no other:
# mounts inside long-term storage and inside the spool, too. As strace sees it.
# shellcheck disable=SC2154,SC2034 # bats sets status and output
load ../helper

setup() {
    begin_case
    TRACE=$BATS_TEST_TMPDIR/trace
}

# Cleans up; the calls of syncfs() are in $TRACE, with their paths.
traced() {
    local EXEC="strace -f -qq -y -o $TRACE -e trace=syncfs $STRACE"
    $EXEC true 2>/dev/null || skip "no strace here"
    cleanup_jobs "$@"
}

# Asserts how often the file system of each place was flushed: flushed COUNT PLACE COUNT PLACE...
flushed() {
    local want='' got='' path
    while (($#)); do
        want+="$(stat -c %d "$2") $1"$'\n'
        shift 2
    done
    got=$(sed -n 's/.*syncfs([0-9]*<\(.*\)>.*/\1/p' "$TRACE" |
        while read -r path; do stat -c %d "$path"; done | sort | uniq -c | awk '{ print $2, $1 }')
    equal "$got" "$(sort <<<"${want%$'\n'}")"
}

two_jobs() {
    good=$(crash --without links) bad=$(crash --without links)
    ended true "$good"
    ended false "$bad"
}

@test "on one file system: once a batch" {
    two_jobs
    expect_status 0 traced
    flushed 1 "$SPOOL"
    two_jobs
    expect_status 0 traced --batch-size=1
    flushed 2 "$SPOOL"
    expect_status 0 traced
    [[ ! -s $TRACE ]] || fail "flushed for nothing" "$(<"$TRACE")"
}

@test "a day of long-term storage that is a disk of its own: before and after the copies get names, and last" {
    disk "$ARCHIVE/20081225" size=1m
    two_jobs
    expect_status 0 traced
    flushed 3 "$ARCHIVE/20081225" 1 "$SPOOL"
    pair_is_whole "$ARCHIVE" 20081225 "$good"
}

@test "two days of long-term storage on two disks: both" {
    disk "$ARCHIVE/20081225" size=1m
    disk "$ARCHIVE/20081226" size=1m
    ids=$(crash --without links
        collect --day 20081226 --without links)
    # shellcheck disable=SC2086 # one word an id
    ended true $ids
    expect_status 0 traced
    flushed 3 "$ARCHIVE/20081225" 3 "$ARCHIVE/20081226" 1 "$SPOOL"
}

@test "a day of the spool that is a disk of its own: where pairs are deleted, that one alone" {
    disk "$SPOOL/20081225" size=1m
    two_jobs
    expect_status 0 traced --save-successful-minidumps-to= --save-failed-minidumps-to=
    flushed 1 "$SPOOL/20081225"
}

@test "spool and long-term storage on a disk of their own: only those, and only if changed" {
    disk "$SPOOL" size=1m
    disk "$ARCHIVE" size=1m
    good=$(crash --without links)
    ended true "$good"
    expect_status 0 traced
    flushed 1 "$SPOOL" 3 "$ARCHIVE"
}

@test "a pair that a killed run has moved, perhaps without a flush: where it is" {
    disk "$ARCHIVE/20081225" size=1m
    good=$(collect --root "$ARCHIVE" --day 20081225 --without links)
    ended true "$good"
    expect_status 0 traced
    flushed 1 "$ARCHIVE/20081225"
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "a pair that a killed run has moved to quarantine: where it was" {
    marked
    two_jobs
    expect_status 0 cleanup_jobs
    crash --id "$good" --size 200 --without links >/dev/null
    ended true "$good"
    killed_at fsync:3 cleanup_jobs
    [[ -z $(find "$SPOOL/20081225" -type f) ]] || fail "$(find "$SPOOL")"
    expect_status 1 traced --lock-wait=00:00:10
    flushed 1 "$SPOOL"
    jobs_are
}

@test "a disk inside long-term storage that cannot be flushed (74): the rows stay" {
    disk "$ARCHIVE/20081225" size=1m
    two_jobs
    for call in 1 2; do
        STRACE="-e inject=syncfs:error=EIO:when=$call" expect_status 74 traced
        [[ $output == *"cannot flush the file system of \""*"Input/output error"* ]] || fail "$output"
        jobs_are "$good" "$bad"
        two_jobs
        sql "DELETE FROM jobs WHERE uuid NOT IN ('$good', '$bad')"
    done
    expect_status 0 traced
    pair_is_whole "$ARCHIVE" 20081225 "$good"
}

@test "where pairs are deleted the disk writes down what is gone meanwhile; if it cannot, no more goes, and no row (74)" {
    mapfile -t ids < <(crash --count 1000 --without links)
    ended true "${ids[@]}"
    EXEC="strace -f -qq -o /dev/null -e trace=syncfs -e inject=syncfs:error=EIO:when=1"
    expect_status 74 cleanup_jobs --save-successful-minidumps-to=
    EXEC=''
    sql_is "SELECT count(*) FROM jobs" 1000
    left=$(find "$SPOOL/20081225" -name '*.json' | wc -l)
    ((left > 0 && left < 1000)) || fail "pairs that are left: $left"
    expect_status 1 cleanup_jobs --save-successful-minidumps-to=
    log_has "seen 1000: deleted $left, missing $((1000 - left))"
    sql_is "SELECT count(*) FROM jobs" $((1000 - left))
}
