#!/usr/bin/env bats
# cleanup_archived.bats - long-term storage is never changed: a crash id that comes a second time.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

# Another crash of an id that the archive has: again ID [COLLECT OPTIONS].
again() { collect --id "$1" --day 20081225 "${@:2}" >/dev/null; }

# Asserts that the newcomer lies in quarantine, whole, with the reason, and nowhere else.
newcomer_is_quarantined() {
    local id=$1 file
    expect_status 1 cleanup_jobs
    sql_is "SELECT count(*) FROM jobs" 0
    no_links "$id"
    equal "$(spool_state "$ARCHIVE")" "$archived"
    for file in "$id.json" "$id.dump"; do
        [[ -f $SPOOL/quarantine/20081225/$id/$file ]] || fail "$(find "$SPOOL")"
    done
    [[ -z $(find "$SPOOL"/2*/name -type f) ]] || fail "left: $(find "$SPOOL"/2*/name)"
    grep -q "file .* in \"$ARCHIVE\" has other bytes" "$SPOOL/quarantine/20081225/$id/reason"
    log_has "\"$id\": quarantined: file "
}

setup_archived() {
    id=$(collect --day 20081225 "$@")
    ended true "$id"
    cleans
    archived=$(spool_state "$ARCHIVE")
}

@test "a crash id that comes a second time with other bytes is quarantined, and the archive stays" {
    setup_archived
    again "$id" --size 100
    ended true "$id"
    newcomer_is_quarantined "$id"
}

@test "the same on another file system" {
    [[ $OTHER_DISK ]] || skip "there is one file system"
    rm -r "$ARCHIVE"
    ARCHIVE=$(mktemp -d "$OTHER_DISK/archive.XXXXXX")
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ARCHIVE|" "$CONF"
    setup_archived
    again "$id" --size 100
    ended true "$id"
    newcomer_is_quarantined "$id"
    rm -r "$ARCHIVE"
}

@test "one file with other bytes keeps the whole newcomer out, so that nothing is mixed" {
    setup_archived --extra browser
    find "$ARCHIVE" -type f -exec cp -p -t "$BATS_TEST_TMPDIR" {} +
    for changed in "$id.json" "$id.dump" "$id.browser.dump"; do
        again "$id" --extra browser
        place=$SPOOL/20081225/name/$(name_dir "$id")
        cp -p "$BATS_TEST_TMPDIR/$id".* "$place"
        printf x >>"$place/$changed"
        ended true "$id"
        newcomer_is_quarantined "$id"
        [[ -f $SPOOL/quarantine/20081225/$id/$id.browser.dump ]] || fail "$(find "$SPOOL")"
        rm -r "$SPOOL/quarantine"
    done
}

@test "a newcomer whose quarantine was interrupted goes there whole, not in part to the archive" {
    killed="strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:signal=KILL"
    $killed true 2>/dev/null || skip "no strace here"
    for case in 'half 1' 'half 2' 'half 3' 'older 3'; do
        read -r there moved <<<"$case"
        setup_archived
        [[ $there == older ]] || rm "$ARCHIVE/20081225/name/$(name_dir "$id")/$id.json"
        archived=$(spool_state "$ARCHIVE")
        again "$id" --size 100 --extra browser
        ended true "$id"
        [[ $there == half ]] || sql "SET LOCAL session_replication_role = replica;
                                     UPDATE jobs SET queueddatetime = now() + interval '2 minutes'"
        EXEC="$killed:when=$moved" expect_status 137 cleanup_jobs
        await sql_true "SELECT pg_try_advisory_xact_lock($(lock_of crashmon-cleanup))"
        newcomer_is_quarantined "$id"
        [[ -f $SPOOL/quarantine/20081225/$id/$id.browser.dump ]] || fail "$(find "$SPOOL")"
        rm -r "$SPOOL/quarantine" "$ARCHIVE/20081225"
    done
}

@test "the same bytes count as moved: a repetition after a kill" {
    setup_archived --extra browser
    find "$ARCHIVE" -type f -exec cp -p -t "$BATS_TEST_TMPDIR" {} +
    for there in "$id.json" "$id.dump" "$id.browser.dump" "$id.*"; do
        again "$id" --extra browser
        place=$SPOOL/20081225/name/$(name_dir "$id")
        rm "$place/$id".*
        cp -p "$BATS_TEST_TMPDIR/$id".* "$place"
        ended true "$id"
        # shellcheck disable=SC2086 # a pattern: these alone have been moved before
        find "$ARCHIVE" -type f ! -name "$there" -delete
        cleans
        equal "$(spool_state "$ARCHIVE")" "$archived"
        [[ -z $(find "$SPOOL"/2*/name -type f) ]] || fail "left: $(find "$SPOOL"/2*/name)"
    done
}

@test "archived files may have more names, as a backup by hard links gives them" {
    setup_archived
    find "$ARCHIVE" -type f -exec cp -p -t "$BATS_TEST_TMPDIR" {} +
    cp -al "$ARCHIVE" "$SPOOL/../backup"
    again "$id"
    cp -p "$BATS_TEST_TMPDIR/$id".* "$SPOOL/20081225/name/$(name_dir "$id")"
    ended true "$id"
    cleans
    again "$id" --size 100
    ended true "$id"
    newcomer_is_quarantined "$id"
    ended true "$id" # whose pair is archived, and whose row was not yet removed
    cleans
    equal "$(spool_state "$ARCHIVE")" "$archived"
}

@test "a file system that cannot rename without replacing: copies, and links to the final name" {
    without="strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:error=EINVAL"
    $without true 2>/dev/null || skip "no strace here"
    id=$(collect --day 20081225 --extra browser)
    ended true "$id"
    EXEC=$without expect_status 0 cleanup_jobs
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    [[ -z $(find "$ARCHIVE" -name '.*.tmp') ]] || fail "$(find "$ARCHIVE")"
    archived=$(spool_state "$ARCHIVE")
    again "$id" --size 100
    ended true "$id"
    EXEC=$without newcomer_is_quarantined "$id"
}

has_copies() { [[ -n $(find "$ARCHIVE" -name '.*.tmp') ]]; }

# Has a run in the background copy what has ended to another disk; the copies are there, and for half
# a second they have no names yet.
copies_slowly() {
    elsewhere
    ARCHIVE=$ELSEWHERE
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ARCHIVE|" "$CONF"
    slowly="strace -f -qq -o /dev/null -e trace=syncfs -e inject=syncfs:delay_enter=500000:when=1"
    $slowly true 2>/dev/null || skip "no strace here"
    clean_slowly() { EXEC=$slowly cleanup_jobs; }
    background clean_slowly
    await has_copies
}

@test "a file that grows between copy and removal is not removed, and nothing is lost" {
    id=$(collect --day 20081225)
    ended true "$id"
    copies_slowly
    printf more >>"$SPOOL/20081225/name/$(name_dir "$id")/$id.dump"
    background_ends 1
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    grep -q "PMDMmore" "$SPOOL/20081225/name/$(name_dir "$id")/$id.dump"
    archived=$(spool_state "$ARCHIVE")
    sql_is "SELECT count(*) FROM jobs" 1
    # The longer one is another crash for all that is known, whose links may be on their way.
    expect_status 1 cleanup_jobs
    log_has "a pair of its id in \"$SPOOL/20081225\" may still be being written"
    equal "$(spool_state "$ARCHIVE")" "$archived"
    grep -q "PMDMmore" "$SPOOL/20081225/name/$(name_dir "$id")/$id.dump"
}

@test "nor is one of which other bytes have come meanwhile, with the size and the time that it had" {
    id=$(crash)
    ended true "$id"
    dump=$(place "$SPOOL" "$id").dump
    copies_slowly
    touch -r "$dump" "$BATS_TEST_TMPDIR/time"
    printf other | dd of="$dump" conv=notrunc status=none
    touch -r "$BATS_TEST_TMPDIR/time" "$dump"
    background_ends 1
    log_has "\"$id\": left: a file of it has changed since it was looked at"
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    [[ $(<"$dump") == other* ]]
    jobs_are "$id"
}

@test "a directory that somebody moves away between copy and removal concerns its crash alone (1)" {
    id=$(collect --day 20081225) other=$(collect --day 20081225)
    ended true "$id" "$other"
    copies_slowly
    mv "$SPOOL/20081225/name/$(name_dir "$id")" "$BATS_TEST_TMPDIR/moved"
    background_ends 1
    log_has "\"$id\": left: its directory \"$SPOOL/20081225/name/$(name_dir "$id")\" was there, and is gone"
    jobs_are "$id"
    pair_is_whole "$ARCHIVE" 20081225 "$other"
    cleans # it is in long-term storage
    jobs_are
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

# --- the verdict that counts is that of the row when it is deleted

# Cleans up, and changes the row of $id after its pair was moved, before the row is deleted.
cleans_while() {
    slowly="strace -f -qq -o /dev/null -e trace=syncfs -e inject=syncfs:delay_enter=500000:when=1"
    $slowly true 2>/dev/null || skip "no strace here"
    clean_slowly() { EXEC=$slowly cleanup_jobs; }
    background clean_slowly
    await eval '[[ -n $(find "$ARCHIVE" -name "$id.json") ]]'
    sql "$1"
    background_ends 0
    log_has "\"$id\": left: its row was not deleted"
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "a job that is set back while its pair is put away keeps its row, and is not lost" {
    id=$(collect --day 20081225)
    ended true "$id"
    cleans_while "UPDATE jobs SET success = NULL WHERE uuid = '$id'"
    sql_is "SELECT success IS NULL FROM jobs" t
    finish "$id" false
    cleans # it is in long-term storage, though where the first verdict had it
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    [[ -z $(find "$FAILED" -type f) ]] || fail "$(find "$FAILED")"
}

@test "a verdict that changes meanwhile keeps the row, and does not split the pair" {
    id=$(collect --day 20081225)
    ended true "$id"
    cleans_while "UPDATE jobs SET success = false WHERE uuid = '$id'"
    sql_is "SELECT success FROM jobs" f
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    [[ -z $(find "$FAILED" -type f) ]] || fail "$(find "$FAILED")"
}

@test "a verdict that changes after a kill does not split the pair, at whatever step" {
    elsewhere
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ELSEWHERE|" "$CONF"
    marked
    for at in renameat2:2 renameat2:3 unlinkat:1 unlinkat:2; do
        for failed in "$FAILED" ''; do
            id=$(crash --without links --extra browser)
            ended true "$id"
            killed_at "$at" cleanup_jobs
            [[ -n $(find "$ELSEWHERE" -name "$id*") ]] || fail "nothing is there yet"
            sql "UPDATE jobs SET success = false"
            cleans --lock-wait=00:00:10 --save-failed-minidumps-to="$failed"
            pair_is_whole "$ELSEWHERE" 20081225 "$id"
            [[ -e $(place "$ELSEWHERE" "$id").browser.dump ]] || fail "$(find "$ELSEWHERE")"
            [[ -z $(find "$SPOOL" "$FAILED" -type f) ]] || fail "$(find "$SPOOL" "$FAILED")"
        done
    done
}

@test "nor where the storage for the new verdict has the same bytes of another crash, of the same minute" {
    marked
    for size in 200 64; do
        id=$(crash)
        ended false "$id"
        cleans
        crash --id "$id" --size $size --without links >/dev/null
        before=$(cd "$SPOOL/20081225" && find . -type f -exec sha256sum {} + | sort)
        mkdir -p "$(dirname "$(place "$ARCHIVE" "$id")")"
        mv "$(place "$SPOOL" "$id").dump" "$(place "$ARCHIVE" "$id").dump"
        ended false "$id"
        failed=$(spool_state "$FAILED")
        cleans
        equal "$(cd "$ARCHIVE/20081225" && find . -type f -exec sha256sum {} + | sort)" "$before"
        equal "$(spool_state "$FAILED")" "$failed"
        rm -r "$ARCHIVE/20081225"
    done
}

@test "copies that a killed run has left under temporary names go, whatever the verdict is then" {
    elsewhere
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ELSEWHERE|" "$CONF"
    marked
    for failed in "$FAILED" ''; do
        id=$(crash)
        ended true "$id"
        killed_at syncfs:1 cleanup_jobs
        equal "$(find "$ELSEWHERE" -name ".$id.*.tmp" | wc -l)" 2
        sql "UPDATE jobs SET success = false"
        expect_status 0 cleanup_jobs --dry-run --save-failed-minidumps-to="$failed"
        equal "$(find "$ELSEWHERE" -name ".$id.*.tmp" | wc -l)" 2
        cleans --lock-wait=00:00:10 --save-failed-minidumps-to="$failed"
        [[ -z $(find "$ELSEWHERE" "$SPOOL/20081225" -type f -o -name '.moving*') ]] || fail "$(find "$ELSEWHERE" "$SPOOL")"
        [[ -z $failed ]] || pair_is_whole "$failed" 20081225 "$id"
    done
}

@test "copies that a killed run has left go, too, where another crash of its id has come there since" {
    elsewhere
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ELSEWHERE|" "$CONF"
    marked
    id=$(crash)
    ended true "$id"
    killed_at syncfs:1 cleanup_jobs
    equal "$(find "$ELSEWHERE" -name ".$id.*.tmp" | wc -l)" 2
    collect --root "$ELSEWHERE" --id "$id" --day 20081225 --size 200 --without links >/dev/null
    expect_status 1 cleanup_jobs --lock-wait=00:00:10
    pair_is_whole "$ELSEWHERE" 20081225 "$id"
    [[ -e $SPOOL/quarantine/20081225/$id/$id.dump ]] || fail "$(find "$SPOOL")"
    [[ -z $(find "$ELSEWHERE" -name '.*.tmp') ]] || fail "$(find "$ELSEWHERE")"
}

@test "a day of the other long-term storage that cannot be entered keeps no job of this one" {
    marked
    ln -s nowhere "$FAILED/20081225"
    id=$(crash)
    ended true "$id"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "what the other long-term storage has of another crash of its id is no reason to follow" {
    for size in 200 64; do
        id=$(crash)
        ended true "$id"
        cleans
        crash --id "$id" --size $size >/dev/null
        ended false "$id"
        [[ $size == 200 ]] || sql "SET LOCAL session_replication_role = replica; -- without triggers
                                    UPDATE jobs SET queueddatetime = now() + interval '1 hour'"
        archived=$(spool_state "$ARCHIVE")
        cleans
        pair_is_whole "$FAILED" 20081225 "$id"
        equal "$(spool_state "$ARCHIVE")" "$archived"
    done
}

@test "a DELETE that a trigger swallows is not done: the row stays, and that is told" {
    mapfile -t ids < <(collect --day 20081225 --count 3)
    ended true "${ids[@]}"
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER refuse BEFORE DELETE ON jobs FOR EACH ROW WHEN (OLD.uuid = '${ids[1]}')
             EXECUTE FUNCTION refuse()"
    expect_status 1 cleanup_jobs
    sql_is "SELECT uuid FROM jobs" "${ids[1]}"
    log_has "\"${ids[1]}\": left: cannot delete the rows of finished jobs: the server has left 1 of them as they were"
    log_has "seen 3: archived 2, left 1"
    accept
    cleans
}

@test "a newcomer that cannot be quarantined stays whole" {
    id=$(crash)
    ended true "$id"
    cleans
    json=$(place "$ARCHIVE" "$id").json
    crash --id "$id" >/dev/null
    cp "$json" "$(place "$SPOOL" "$id").json"
    printf more >>"$(place "$SPOOL" "$id").dump"
    ended true "$id"
    before=$(find "$SPOOL/20081225" -type f | sort)
    touch "$SPOOL/quarantine"
    run cleanup_jobs
    equal "$(find "$SPOOL/20081225" -type f | sort)" "$before"
    jobs_are "$id"
}
