#!/usr/bin/env bats
# cleanup_begun.bats - a crash whose id another one in long-term storage has, and which a run that
# was killed has begun to quarantine: it goes there whole, whatever its job's verdict is by now.
load ../helper

# Has a run killed in its N-th call on the way of $id to quarantine, and the verdict change: then
# long-term storage for it has nothing of the id. begun CALL:N [OPTION...]
begun() {
    id=$(crash --without links)
    ended true "$id"
    cleans
    archived=$(spool_state "$ARCHIVE")
    crash --id "$id" --size 200 --extra browser >/dev/null
    ended true "$id"
    EXEC="strace -f -qq -o /dev/null -e trace=${1%:*} -e inject=${1%:*}:signal=KILL:when=${1#*:}"
    run cleanup_jobs "${@:2}"
    EXEC=''
    equal $status 137
    [[ -e $CASE/20081225/$id/$id.browser.dump && -e $(place "$SPOOL" "$id").dump ]] ||
        fail "$(find "$SPOOL" "$CASE")"
    sql "UPDATE jobs SET success = false"
}

# As if the other crash had been archived an hour before this one was queued, and not just now.
aged() {
    sql "SET LOCAL session_replication_role = replica; UPDATE jobs SET queueddatetime = now() + interval '1 hour'"
}

is_in_quarantine() {
    jobs_are
    [[ $(cd "$CASE/20081225/$id" && echo *) == "$id.browser.dump $id.dump $id.json reason" ]] ||
        fail "$(find "$SPOOL" "$FAILED" "$CASE")"
    equal "$(spool_state "$ARCHIVE")" "$archived"
    [[ -z $(find "$SPOOL/20081225" "$FAILED" -type f) ]] || fail "$(find "$SPOOL" "$FAILED")"
}

# For each of these calls, where failed pairs are archived and where they are deleted.
go_there_whole() {
    local at failed
    for at; do
        for failed in "$FAILED" ''; do
            begun "$at" --save-failed-minidumps-to="$failed"
            [[ $failed ]] || aged
            expect_status 1 cleanup_jobs --lock-wait=00:00:10 --save-failed-minidumps-to="$failed"
            is_in_quarantine
        done
    done
}

setup() {
    begin_case
    CASE=$SPOOL/quarantine
    strace -qq -o /dev/null true 2>/dev/null || skip "no strace here"
}

@test "it goes there whole: once the further dump has been moved, and the metadata, too" {
    marked
    go_there_whole renameat2:2 renameat2:3
}

@test "to another disk: once the further dump has been copied, and the metadata, before and after these went" {
    elsewhere
    CASE=$ELSEWHERE/quarantine
    echo "quarantine-to = $CASE" >>"$CONF"
    marked
    go_there_whole renameat2:3 unlinkat:4 renameat2:5
}

@test "it stays while the quarantine is away, or cannot be entered, and others go on (74)" {
    elsewhere
    disk "$ELSEWHERE/disk"
    CASE=$ELSEWHERE/disk/quarantine
    echo "quarantine-to = $CASE" >>"$CONF"
    marked
    begun renameat2:3
    bind "$ELSEWHERE/disk" "$ELSEWHERE/there"
    umount "$ELSEWHERE/disk"
    other=$(crash --without links)
    ended false "$other"
    expect_status 74 cleanup_jobs --lock-wait=00:00:10 --save-failed-minidumps-to=
    log_has "cannot put \"$id\" away: cannot open quarantine \"$CASE\": No such file or directory"
    jobs_are "$id"
    bind "$ELSEWHERE/there" "$ELSEWHERE/disk"
    mv "$CASE/20081225" "$CASE/away"
    touch "$CASE/20081225"
    expect_status 74 cleanup_jobs --save-failed-minidumps-to=
    log_has "cannot put \"$id\" away: cannot open \"20081225/$id\" in quarantine: Not a directory"
    rm "$CASE/20081225"
    mv "$CASE/away" "$CASE/20081225"
    expect_status 1 cleanup_jobs --save-failed-minidumps-to=
    is_in_quarantine
}

@test "it goes there, too, while the disk of the storage that has the other crash is away" {
    disk "$BATS_TEST_TMPDIR/disk"
    ARCHIVE=$BATS_TEST_TMPDIR/disk
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ARCHIVE|" "$CONF"
    marked
    begun renameat2:2
    bind "$ARCHIVE" "$BATS_TEST_TMPDIR/there"
    umount "$ARCHIVE"
    expect_status 1 cleanup_jobs --lock-wait=00:00:10 --save-failed-minidumps-to=
    ARCHIVE=$BATS_TEST_TMPDIR/there
    is_in_quarantine
}

@test "the case of another storage, or of another crash, is no reason to quarantine this one" {
    CASE=$BATS_TEST_TMPDIR/quarantine
    echo "quarantine-to = $CASE" >>"$CONF"
    mkdir "$CASE"
    marked
    for mark in 11111111-2222-4333-8444-555555555555 "$(sed -n 's/.* //p' "$SPOOL/.crashmon")"; do
        id=$(crash --without links)
        ended true "$id"
        cleans
        case=$CASE/20081225/$id
        mkdir -p "$case"
        cp "$(place "$ARCHIVE" "$id").dump" "$case/$id.$([[ $mark == 11111111-* ]] && echo browser.)dump"
        crash --id "$id" --size 200 --without links >/dev/null
        ended false "$id"
        echo "2026-11-28T12:27:11Z $mark/20081225/name/$(name_dir "$id")/$id.json: other bytes" >"$case/reason"
        cleans
        pair_is_whole "$FAILED" 20081225 "$id"
    done
}
