#!/usr/bin/env bats
# cleanup_halves.bats - half a pair in the spool: it goes on to where its rest is, or a killed run has
# noted that it goes, and never becomes a part of another crash with its id.
# shellcheck disable=SC2154,SC2034 # bats sets status and output
load ../helper

# Puts half of another crash of $id there: namesake ROOT json|dump.
namesake() {
    collect --root "$1" --id "$id" --day 20081225 --size 300 --without links --without "$2" >/dev/null
}

# Long-term storage of jobs that succeeded is another disk.
copied() {
    elsewhere
    ARCHIVE=$ELSEWHERE
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ARCHIVE|" "$CONF"
    marked
}

nothing_is_left() {
    [[ -z $(find "$SPOOL/20081225" -type f -o -name '.*') ]] || fail "$(find "$SPOOL")"
}

# After a kill the verdict changes, and all of $id goes where it had begun to go.
goes_on_after_a_flip() {
    sql "UPDATE jobs SET success = false"
    cleans --lock-wait=00:00:10
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    nothing_is_left
    [[ -z $(find "$FAILED" -type f) ]] || fail "$(find "$FAILED")"
}

@test "a pair of which half was put away goes on where that half is, whatever the verdict is now" {
    id=$(collect --day 20081225)
    mkdir -p "$ARCHIVE/20081225/name/$(name_dir "$id")"
    mv "$SPOOL/20081225/name/$(name_dir "$id")/$id.dump" "$ARCHIVE/20081225/name/$(name_dir "$id")"
    ended false "$id"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    [[ -z $(find "$FAILED" -type f) ]] || fail "$(find "$FAILED")"
}

@test "half a pair goes on to where its rest is, and waits while that disk is away (74)" {
    ARCHIVE=$BATS_TEST_TMPDIR/disk
    disk "$ARCHIVE"
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ARCHIVE|" "$CONF"
    marked
    id=$(crash --without links --extra browser)
    ended true "$id"
    killed_at unlinkat:2 cleanup_jobs # copies three files, names them, and removes one
    [[ -L $(dirname "$(place "$SPOOL" "$id")")/.moving.$id ]]
    sql "UPDATE jobs SET success = false"
    bind "$ARCHIVE" "$BATS_TEST_TMPDIR/there"
    umount "$ARCHIVE"
    for failed in "$FAILED" ''; do
        ended false "$(crash --without links)"
        expect_status 74 cleanup_jobs --lock-wait=00:00:10 --save-failed-minidumps-to="$failed"
        jobs_are "$id"
    done
    bind "$BATS_TEST_TMPDIR/there" "$ARCHIVE"
    cleans --save-failed-minidumps-to=
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    [[ -e $(place "$ARCHIVE" "$id").browser.dump ]]
    [[ -z $(find "$SPOOL/20081225" -type f -o -name '.*') ]] || fail "$(find "$SPOOL")"
}

@test "so it does on one disk, where nothing is noted, after the first rename" {
    disk "$BATS_TEST_TMPDIR/disk"
    SPOOL=$BATS_TEST_TMPDIR/disk/spool ARCHIVE=$BATS_TEST_TMPDIR/disk/archive
    mkdir "$SPOOL" "$ARCHIVE"
    sed -i "s|^storage-root.*|storage-root = $SPOOL|; s|^save-successful.*|save-successful-minidumps-to = $ARCHIVE|" "$CONF"
    marked
    for failed in "$FAILED" ''; do
        id=$(crash --without links --extra browser)
        ended true "$id"
        killed_at renameat2:2 cleanup_jobs
        sql "UPDATE jobs SET success = false"
        mv "$ARCHIVE" "$ARCHIVE.away"
        expect_status 74 cleanup_jobs --lock-wait=00:00:10 --save-failed-minidumps-to="$failed"
        log_has "cannot put \"$id\" away: it may be in the other long-term storage, which cannot be used"
        mv "$ARCHIVE.away" "$ARCHIVE"
        cleans --save-failed-minidumps-to="$failed"
        pair_is_whole "$ARCHIVE" 20081225 "$id"
        [[ -e $(place "$ARCHIVE" "$id").browser.dump ]]
        [[ -z $(find "$SPOOL/20081225" "$FAILED" -type f -o -name '.*') ]] || fail "$(find "$SPOOL" "$FAILED")"
    done
}

@test "half a pair goes on to its rest, whatever a namesake has left of its own where the verdict is now" {
    marked
    for left in json dump; do
        id=$(crash --without links)
        ended false "$id"
        cleans
        old=$(place "$FAILED" "$id")
        [[ $left == json ]] && rm "$old.dump" || rm "$old.json"
        crash --id "$id" --size 200 --extra browser --without links >/dev/null
        ended true "$id"
        killed_at renameat2:2 cleanup_jobs
        sql "UPDATE jobs SET success = false"
        before=$(spool_state "$FAILED")
        if [[ $left == json ]]; then
            cleans --lock-wait=00:00:10
            pair_is_whole "$ARCHIVE" 20081225 "$id"
        else
            expect_status 1 cleanup_jobs --lock-wait=00:00:10
            log_has "cannot put \"$id\" away: both long-term storages have what may be the rest of it"
            jobs_are "$id"
        fi
        equal "$(spool_state "$FAILED")" "$before"
    done
}

@test "half a pair goes on to where its further dump is, whatever the verdict is now" {
    marked
    for lost in dump json; do
        id=$(crash --without links --extra browser)
        rm "$(place "$SPOOL" "$id").$lost"
        ended true "$id"
        expect_status 1 cleanup_jobs
        sql "UPDATE jobs SET missingdatetime = now() - interval '25 hours', completeddatetime = now() - interval '25 hours'"
        killed_at renameat2:2 cleanup_jobs
        sql "UPDATE jobs SET success = false"
        expect_status 1 cleanup_jobs --lock-wait=00:00:10 --save-failed-minidumps-to=
        jobs_are
        equal "$(find "$ARCHIVE" -name "$id*" | wc -l)" 2
        [[ -z $(find "$SPOOL/20081225" "$FAILED" -type f -o -name '.*') ]] || fail "$(find "$SPOOL" "$FAILED")"
    done
}

@test "of half a pair without metadata the dump goes last: it is found by that" {
    marked
    for failed in "$FAILED" ''; do
        id=$(crash --without links --extra browser)
        rm "$(place "$SPOOL" "$id").json"
        ended false "$id"
        at=unlinkat # at once
        if [[ $failed ]]; then
            expect_status 1 cleanup_jobs
            sql "UPDATE jobs SET missingdatetime = now() - interval '25 hours', completeddatetime = now() - interval '25 hours'"
            at=renameat2
        fi
        killed_at "$at":2 cleanup_jobs --save-failed-minidumps-to="$failed"
        run cleanup_jobs --lock-wait=00:00:10 --save-failed-minidumps-to="$failed"
        jobs_are
        [[ -z $(find "$SPOOL/20081225" -type f) ]] || fail "$(find "$SPOOL")"
    done
}

@test "half a pair goes on where it is noted, whatever the other long-term storage has, or if it is away" {
    copied
    for at in 2 3; do
        id=$(crash --without links --extra browser)
        ended true "$id"
        killed_at unlinkat:$at cleanup_jobs # copies three files, names them, and removes one or two
        namesake "$FAILED" json
        before=$(spool_state "$FAILED")
        cleans --lock-wait=00:00:10
        pair_is_whole "$ARCHIVE" 20081225 "$id"
        nothing_is_left
        equal "$(spool_state "$FAILED")" "$before"
    done
    id=$(crash --without links)
    ended true "$id"
    killed_at unlinkat:2 cleanup_jobs
    mv "$FAILED" "$FAILED.away"
    cleans --lock-wait=00:00:10
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "what was there already is noted like copies: the rest goes nowhere else" {
    marked
    id=$(crash --without links)
    ended true "$id"
    mkdir -p "$(dirname "$(place "$ARCHIVE" "$id")")"
    cp "$(place "$SPOOL" "$id")".* "$(dirname "$(place "$ARCHIVE" "$id")")"
    killed_at unlinkat:2 cleanup_jobs
    goes_on_after_a_flip
}

@test "a full spool, where nothing can be noted: what is left goes on to where all of it is" {
    copied
    id=$(crash --without links --extra browser)
    ended true "$id"
    EXEC="strace -f -qq -o /dev/null -e trace=symlinkat,unlinkat -e inject=symlinkat:error=ENOSPC -e inject=unlinkat:signal=KILL:when=2"
    run cleanup_jobs
    EXEC=''
    equal "$status" 137
    goes_on_after_a_flip
}

@test "half a pair does not become a part of another crash: it is quarantined (1)" {
    marked
    id=$(crash --without links)
    ended true "$id"
    cleans
    before=$(spool_state "$ARCHIVE")
    crash --id "$id" --without links --without json --extra browser >/dev/null # with the same dump
    ended true "$id"
    expect_status 1 cleanup_jobs
    log_has "\"$id\": quarantined: \"$ARCHIVE\" has another crash of its id, and of this one half is missing"
    jobs_are
    nothing_is_left
    equal "$(spool_state "$ARCHIVE")" "$before"
    equal "$(cd "$SPOOL/quarantine/20081225/$id" && echo *)" "$id.browser.dump $id.dump reason"
}
