#!/usr/bin/env bats
# cleanup_begun.bats - a crash whose id another one in long-term storage has, and which a run that
# was killed has begun to quarantine: it goes there whole, whatever its job's verdict is by now.
load ../helper
load quarantine

# A crash of which long-term storage has a namesake: $id, and its $note.
newcomer() {
    id=$(crash --without links)
    ended true "$id"
    cleans
    archived=$(spool_state "$ARCHIVE")
    crash --id "$id" --size 200 --extra browser >/dev/null
    ended true "$id"
    note=$(dirname "$(place "$SPOOL" "$id")")/.moving.$id
}

# Has a run killed before its N-th call on the way of $id to quarantine, and the verdict change:
# then long-term storage for it has nothing of the id. begun CALL:N [OPTION...]
begun() {
    newcomer
    killed_at "$1" cleanup_jobs "${@:2}"
    [[ -L $note || -L ${note/moving/quarantined} ]] || fail "$(find "$SPOOL" "$CASE")"
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
    [[ -z $(find "$SPOOL/20081225" "$FAILED" -type f -o -name '.*') ]] ||
        fail "$(find "$SPOOL" "$FAILED")"
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

@test "it goes there whole: once it has been noted, and its files have been moved, one after the other" {
    marked
    go_there_whole renameat2:1 renameat2:2 renameat:1 renameat2:3 syncfs:1
}

@test "to another disk: once they have been copied, before and after the originals went" {
    elsewhere
    CASE=$ELSEWHERE/quarantine
    echo "quarantine-to = $CASE" >>"$CONF"
    marked
    go_there_whole renameat2:3 unlinkat:4 renameat:1 renameat2:5
}

@test "once all of it is there, and its row stays, nothing is left to do but to delete that" {
    marked
    newcomer
    session "BEGIN; SELECT FROM jobs FOR UPDATE" >/dev/null
    expect_status 0 cleanup_jobs
    jobs_are "$id"
    [[ -L ${note/moving/quarantined} ]]
    later=$(crash --id "$id" --day 20081226)
    session "ROLLBACK"
    expect_status 1 cleanup_jobs --save-failed-minidumps-to=
    is_in_quarantine
    pair_is_whole "$SPOOL" 20081226 "$later"
}

@test "what was put back by hand goes where the verdict says, and nothing is left of the note" {
    marked
    newcomer
    session "BEGIN; SELECT FROM jobs FOR UPDATE" >/dev/null
    expect_status 0 cleanup_jobs
    session "ROLLBACK"
    mv "$CASE/20081225/$id/$id".* "$(dirname "$note")"
    sql "UPDATE jobs SET success = false"
    killed_at renameat2:2 cleanup_jobs --lock-wait=00:00:10
    cleans --lock-wait=00:00:10
    pair_is_whole "$FAILED" 20081225 "$id"
    [[ -z $(find "$SPOOL/20081225" -type f -o -name '.*') ]] || fail "$(find "$SPOOL")"
}

@test "if that could not be noted, its pair counts as missing, although the other crash is in its place (1)" {
    marked
    newcomer
    session "BEGIN; SELECT FROM jobs FOR UPDATE" >/dev/null
    EXEC="strace -f -qq -o /dev/null -e trace=renameat -e inject=renameat:error=EIO"
    expect_status 0 cleanup_jobs
    EXEC=''
    session "ROLLBACK"
    [[ -L $note ]]
    expect_status 1 cleanup_jobs --lock-wait=00:00:10
    log_has "\"$id\": missing: its pair, which was going to quarantine, was not found; the row stays for 24 hours"
    jobs_are "$id"
    equal "$(spool_state "$ARCHIVE")" "$archived"
}

@test "the row of one that counts as missing takes the note along" {
    marked
    newcomer
    rm "$(place "$SPOOL" "$id")"*
    ln -s "quarantine $id 7: why" "$note"
    expect_status 1 cleanup_jobs
    [[ -L $note ]]
    sql "UPDATE jobs SET missingdatetime = now() - interval '25 hours', completeddatetime = now() - interval '25 hours'"
    expect_status 1 cleanup_jobs
    jobs_are
    [[ ! -L $note ]]
}

@test "killed again and again it goes to the same case, whatever became of times, owners and marks, and of older cases" {
    marked
    for change in 'chmod -R g+w' copied adopted; do
        newcomer
        expect_status 1 cleanup_jobs
        crash --id "$id" --size 300 --extra browser >/dev/null
        ended true "$id"
        for at in renameat2:2 symlinkat:1 renameat2:2; do
            killed_at "$at" cleanup_jobs --lock-wait=00:00:10
        done
        equal "$(readlink "${note/moving/quarantined}" | cut -d" " -f1-2)" "quarantine $id.1"
        case $change in
            copied) cp -a "$SPOOL" "$SPOOL.new" && rm -r "$SPOOL" && mv "$SPOOL.new" "$SPOOL" ;;
            adopted) rm "$SPOOL/.crashmon" && cleanup_jobs --adopt --lock-wait=00:00:10 ;;
            *) $change "$SPOOL" ;;
        esac
        rm -r "$CASE/20081225/$id"
        sql "UPDATE jobs SET success = false"
        expect_status 1 cleanup_jobs --lock-wait=00:00:10 --save-failed-minidumps-to=
        mv "$CASE/20081225/$id.1" "$CASE/20081225/$id"
        is_in_quarantine
    done
}

@test "it stays while a file of its case cannot be compared with its own (74)" {
    elsewhere
    CASE=$ELSEWHERE/quarantine
    echo "quarantine-to = $CASE" >>"$CONF"
    marked
    begun unlinkat:4
    EXEC="strace -f -qq -o /dev/null -e trace=pread64 -e inject=pread64:error=EIO -P $CASE/20081225/$id/$id.browser.dump"
    expect_status 74 cleanup_jobs --lock-wait=00:00:10 --save-failed-minidumps-to=
    EXEC=''
    jobs_are "$id"
    equal "$(echo "$CASE"/20081225/*)" "$CASE/20081225/$id"
    expect_status 1 cleanup_jobs --save-failed-minidumps-to=
    is_in_quarantine
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
    log_has "cannot put \"$id\" away: quarantine \"$CASE\" has no mark"
    jobs_are "$id"
    bind "$ELSEWHERE/there" "$ELSEWHERE/disk"
    mv "$CASE/20081225" "$CASE/away"
    touch "$CASE/20081225"
    expect_status 74 cleanup_jobs --save-failed-minidumps-to=
    log_has "cannot put \"$id\" away: cannot create directory \"$CASE/20081225\": Not a directory"
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

# Asserts that metadata and a dump of $id lie in two cases, which say whence: is_apart JSON DUMP
is_apart() {
    local json dump
    json=$(find "$QUARANTINE" -name "$id.json" -printf '%h') dump=$(find "$QUARANTINE" -name "$id.dump" -printf '%h')
    [[ $json && $dump && $json != "$dump" ]] || fail "$(find "$QUARANTINE")"
    grep -q "^[^ ]* $1/20081225/name/" "$json/reason" || fail "$(cat "$json/reason")"
    grep -q "^[^ ]* $2/20081225/name/" "$dump/reason" || fail "$(cat "$dump/reason")"
}

# A crash without a dump, which a run that is killed then has begun to quarantine: begun_without_dump ROOT CALL:N
begun_without_dump() {
    id=$(crash --without links)
    ended true "$id"
    cleans
    collect --root "$1" --day 20081225 --id "$id" --without links --without dump >/dev/null
    echo another >"$(place "$1" "$id").json"
    touch -d '1 hour ago' "$(place "$1" "$id").json"
    ended true "$id"
    killed_at "$2" cleanup_jobs --lock-wait=00:00:10
}

@test "killed before its case has a file: nothing from another storage or root comes there" {
    shared_quarantine
    marked
    west=$(sed -n 's/.* //p' "$WEST/.crashmon") main=$(sed -n 's/.* //p' "$SPOOL/.crashmon")
    for at in fsync:1 symlinkat:1 fsync:2 renameat2:1; do
        begun_without_dump "$SPOOL" $at
        collect --root "$WEST" --day 20081225 --id "$id" --size 555 --without json --age 200000 >/dev/null
        expect_status 1 west crashmon-scan
        expect_status 1 cleanup_jobs --lock-wait=00:00:10
        is_apart "$main" "$west"
        begun_without_dump "$DEFERRED" $at
        crash --id "$id" --size 555 --without json --age 200000 >/dev/null
        expect_status 1 scan --lock-wait=00:00:10
        expect_status 1 cleanup_jobs --lock-wait=00:00:10
        is_apart "$main/deferred" "$main"
    done
}

@test "what the note names is not its case without a reason, or with that of another storage" {
    shared_quarantine
    CASE=$QUARANTINE
    marked
    for reason in '' "$(cat "$CASE/20081225/$half/reason")"; do
        newcomer
        ln -s "quarantine $id.7 7: why" "$note"
        mkdir -p "$CASE/20081225/$id.7"
        [[ ! $reason ]] || echo "$reason" >"$CASE/20081225/$id.7/reason"
        expect_status 1 cleanup_jobs
        is_in_quarantine
        equal "$(ls "$CASE/20081225/$id.7")" "${reason:+reason}"
    done
}

@test "what has the name of the note, and is none, keeps the pair until it is removed (1)" {
    marked
    newcomer
    for text in '' nowhere failed 'failed x' 'quarantine ../../x 7: why' "quarantine $id.ab 7: why" "quarantine $id/x 7: why" "quarantine $id: why" "quarantine $id 7"; do
        [[ $text ]] && ln -s "$text" "$note" || mkdir "$note"
        expect_status 1 cleanup_jobs
        log_has "cannot put \"$id\" away: cannot read note .moving.$id in \"$(dirname "$note")\": Invalid argument"
        jobs_are "$id"
        rm -r "$note"
    done
    expect_status 1 cleanup_jobs
    is_in_quarantine
}

@test "a spool without room for a note: what goes to quarantine stays whole (74), what is copied goes without" {
    elsewhere
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ELSEWHERE|" "$CONF"
    ARCHIVE=$ELSEWHERE
    marked
    newcomer
    other=$(crash --without links --extra browser)
    ended true "$other"
    EXEC='strace -f -qq -o /dev/null -e trace=symlinkat -e inject=symlinkat:error=ENOSPC'
    expect_status 74 cleanup_jobs
    EXEC=''
    log_has "cannot put \"$id\" away: cannot make note .moving.$id in \"$(dirname "$note")\": No space left on device"
    jobs_are "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
    [[ -e $(place "$SPOOL" "$id").browser.dump && ! -e $CASE/20081225 ]] || fail "$(find "$SPOOL")"
    pair_is_whole "$ARCHIVE" 20081225 "$other"
}

@test "what a forged note says is one line of the log, and of the reason; and deletes nothing" {
    marked
    for text in $': a\n2026-11-28 00:00:00,000 ERROR - b\e[2J' 'failed 7' 'successful 7'; do
        newcomer
        [[ $text != :* ]] || text="quarantine $id 7$text"
        ln -s "$text" "$note"
        run cleanup_jobs --save-failed-minidumps-to=
        ! grep -q $'^2026-11-28 00:00:00,000\|\e' "$LOG" || fail "$(cat "$LOG")"
        is_in_quarantine
        equal "$(wc -l <"$CASE/20081225/$id/reason")" 1
    done
}

@test "a release removes the note of a run that was killed when the row had gone" {
    newcomer
    expect_status 1 cleanup_jobs
    ln -s "quarantine $id 7: why" "$note"
    ln -s "quarantine $id 7: why" "${note/moving/quarantined}"
    expect_status 0 priority --release "$id"
    [[ ! -L $note && ! -L ${note/moving/quarantined} ]] || fail "$(find "$SPOOL")"
}

@test "the note of an earlier job with the id says nothing of where the pair of this one goes" {
    elsewhere
    sed -i "s|^save-failed.*|save-failed-minidumps-to = $ELSEWHERE|" "$CONF"
    marked
    for text in 'failed 7' 'copying to failed 7'; do
        id=$(crash --without links)
        ended true "$id"
        note=$(dirname "$(place "$SPOOL" "$id")")/.moving.$id
        ln -s "$text" "$note"
        cleans
        pair_is_whole "$ARCHIVE" 20081225 "$id"
        [[ ! -L $note ]]
    done
}

@test "so it is for a row without a pathname: nothing is left to do, and the note goes" {
    marked
    newcomer
    find "$SPOOL/20081225" -name "$id" -delete # what has links is another crash
    sql "UPDATE jobs SET pathname = '', root = NULL"
    killed_at syncfs:1 cleanup_jobs
    expect_status 1 cleanup_jobs --lock-wait=00:00:10
    is_in_quarantine
}
