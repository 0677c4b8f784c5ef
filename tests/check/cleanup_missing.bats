#!/usr/bin/env bats
# cleanup_missing.bats - a pair that is not found is missing only where every place could be searched,
# and its row stays for 24 hours. What cannot be entered is not nowhere.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

# Runs cleanup, which must end like this and say this of $id: run_says CODE OUTCOME [OPTION...]
run_says() {
    rm -f "$LOG"
    expect_status "$1" cleanup_jobs "${@:3}"
    log_has "\"$id\": $2"
}

hours_pass() {
    sql "UPDATE jobs SET missingdatetime = missingdatetime - interval '$1 hours',
                         completeddatetime = completeddatetime - interval '$1 hours'"
}

setup_missing() {
    id=$(crash --without links)
    ended true "$id"
    mv "$SPOOL/20081225" "$BATS_TEST_TMPDIR/away"
}

# --- 24 hours

@test "a pair that is missing is told once, its row stays for 24 hours, and then it is told again" {
    setup_missing
    run_says 1 'missing: its pair was not found; the row stays for 24 hours'
    [[ $output == *" ERROR - \"$id\": missing"* ]] || fail "$output"
    for hours in 0 23; do
        hours_pass $hours
        run_says 0 'left: its pair has been missing for less than 24 hours; the row stays'
        [[ -z $output ]] || fail "$output"
        log_has "seen 1: left 1; exit code 0"
        jobs_are "$id"
    done
    hours_pass 1
    expect_status 1 cleanup_jobs --dry-run
    [[ $output == *"missing: its pair was not found for 24 hours"* ]] || fail "$output"
    jobs_are "$id"
    run_says 1 'missing: its pair was not found for 24 hours; the row is removed'
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "one whose row somebody has locked waits (0), and is told as missing once that is noted" {
    setup_missing
    session "BEGIN; SELECT FROM jobs FOR UPDATE" >/dev/null
    for _ in 1 2; do
        run_says 0 'left: its pair was not found; the row stays for 24 hours; it is locked, or has changed meanwhile, so this is not noted yet'
        [[ -z $output ]] || fail "$output"
        log_has "seen 1: left 1; exit code 0"
    done
    session ROLLBACK
    run_says 1 'missing: its pair was not found; the row stays for 24 hours'
    run_says 0 'left: its pair has been missing for less than 24 hours; the row stays'
}

@test "one that comes back within 24 hours is put away, with the others" {
    setup_missing
    run_says 1 missing
    hours_pass 23
    mv "$BATS_TEST_TMPDIR/away" "$SPOOL/20081225"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "one that was back, and could not be put away, is missing anew" {
    setup_missing
    run_says 1 missing
    hours_pass 23
    mv "$BATS_TEST_TMPDIR/away" "$SPOOL/20081225"
    mkdir -p "$(dirname "$(place "$ARCHIVE" "$id")")"
    mkdir "$(place "$ARCHIVE" "$id").json"
    run_says 1 left
    sql_is "SELECT missingdatetime IS NULL FROM jobs" t
    mv "$SPOOL/20081225" "$BATS_TEST_TMPDIR/away"
    rmdir "$(place "$ARCHIVE" "$id").json"
    run_says 1 'missing: its pair was not found; the row stays for 24 hours'
}

@test "a job that is set back and finished again is missing anew" {
    setup_missing
    run_says 1 missing
    hours_pass 25
    sql "UPDATE jobs SET success = NULL, starteddatetime = NULL, completeddatetime = NULL"
    expect_status 0 cleanup_jobs
    finish "$id" true
    run_says 1 'missing: its pair was not found; the row stays for 24 hours'
    run_says 0 left
}

@test "a time that lies ahead, as when the server's clock is set back, does not have it told again and again" {
    setup_missing
    sql "SET LOCAL session_replication_role = replica; UPDATE jobs SET completeddatetime = now() + interval '3 hours'"
    run_says 1 missing
    run_says 0 left
}

@test "a day on a disk of its own that is not mounted loses no row" {
    disk "$SPOOL/20081225" size=1m
    id=$(crash --without links)
    ended true "$id"
    cp -a "$SPOOL/20081225" "$BATS_TEST_TMPDIR/away"
    umount "$SPOOL/20081225"
    run_says 1 'missing: its pair was not found, and its day is empty (is it mounted?); the row stays for 24 hours'
    run_says 0 left
    mount -t tmpfs tmpfs "$SPOOL/20081225"
    cp -a "$BATS_TEST_TMPDIR/away/." "$SPOOL/20081225"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "many that are missing cost one statement a batch, and are told one by one" {
    mapfile -t ids < <(crash --count 30 --without links)
    ended true "${ids[@]}"
    rm -r "$SPOOL/20081225"
    expect_status 1 cleanup_jobs --batch-size=10
    log_has "seen 30: missing 30; exit code 1"
    sql_is "SELECT count(*), count(DISTINCT missingdatetime) FROM jobs" "30|3"
    expect_status 0 cleanup_jobs --batch-size=7
    log_has "seen 30: left 30; exit code 0"
}

@test "where pairs are deleted it is a warning, and the row stays as long: its disk may be away" {
    setup_missing
    run_says 1 'missing: its pair was not found; the row stays' --save-successful-minidumps-to=
    [[ $output != *ERROR* ]] || fail "$output"
    hours_pass 23
    run_says 0 left --save-successful-minidumps-to=
    jobs_are "$id"
    mv "$BATS_TEST_TMPDIR/away" "$SPOOL/20081225"
    cleans --save-successful-minidumps-to=
    roots_are_empty
}

@test "where pairs are deleted the rows of a killed run stay, too, and go after 24 hours" {
    killed="strace -f -qq -o /dev/null -e trace=syncfs -e inject=syncfs:signal=KILL:when=1"
    $killed true 2>/dev/null || skip "no strace here"
    mapfile -t ids < <(crash --count 3 --without links)
    ended true "${ids[@]}"
    EXEC=$killed run cleanup_jobs --save-successful-minidumps-to=
    equal "$status" 137
    roots_are_empty
    expect_status 1 cleanup_jobs --save-successful-minidumps-to= --lock-wait=00:00:10
    log_has "seen 3: missing 3"
    jobs_are "${ids[@]}"
    expect_status 0 cleanup_jobs --save-successful-minidumps-to=
    hours_pass 24
    expect_status 1 cleanup_jobs --save-successful-minidumps-to=
    sql_is "SELECT count(*) FROM jobs" 0
}

# --- half a pair

@test "half a pair stays where it is, with its row, for 24 hours; then it is archived" {
    for half in json dump; do
        [[ $half == json ]] && other=dump || other=json
        id=$(crash --without $other --without links)
        ended true "$id"
        run_says 1 "missing: its .$other file was not found; the rest and the row stay for 24 hours"
        hours_pass 23
        run_says 0 "left: its .$other file has been missing for less than 24 hours; the rest and the row stay"
        [[ -f $(place "$SPOOL" "$id").$half ]] || fail "$(find "$SPOOL" "$ARCHIVE")"
        jobs_are "$id"
        hours_pass 1
        run_says 1 "missing: its .$other file was not found for 24 hours; the rest is in \"$ARCHIVE\""
        [[ -f $(place "$ARCHIVE" "$id").$half ]] || fail "$(find "$SPOOL" "$ARCHIVE")"
        sql_is "SELECT count(*) FROM jobs" 0
    done
}

@test "the other half that comes late, or when its disk is back, completes the pair" {
    id=$(crash --without links)
    ended true "$id"
    mv "$(place "$SPOOL" "$id").dump" "$BATS_TEST_TMPDIR/late"
    run_says 1 missing
    mv "$BATS_TEST_TMPDIR/late" "$(place "$SPOOL" "$id").dump"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "half a namesake is not mixed with the pair, whose disk is away, nor deleted for it" {
    for to in "$ARCHIVE" ''; do
        setup_missing
        collect --id "$id" --day 20081226 --size 200 --without json --without links >/dev/null
        sql "UPDATE jobs SET completeddatetime = now() + interval '1 hour'"
        run_says 1 missing --save-successful-minidumps-to=$to
        [[ -f $SPOOL/20081226/name/$(name_dir "$id")/$id.dump ]] || fail "$(find "$SPOOL")"
        rm -r "$SPOOL/20081226"
        mv "$BATS_TEST_TMPDIR/away" "$SPOOL/20081225"
        cleans --save-successful-minidumps-to=$to
        [[ -z $to ]] || pair_is_whole "$ARCHIVE" 20081225 "$id"
    done
}

@test "where pairs are deleted, half a pair where the row says is what a killed run has left: it goes" {
    id=$(crash --without dump --without links)
    ended true "$id"
    cleans --save-successful-minidumps-to=
    roots_are_empty
}

# --- an archived namesake

@test "a namesake that was archived long before the crash was queued does not hide that it is missing" {
    id=$(crash --without links)
    ended true "$id"
    mv "$SPOOL/20081225" "$ARCHIVE"
    ahead() { sql "SET LOCAL session_replication_role = replica; UPDATE jobs SET queueddatetime = now() + interval '$1'"; }
    ahead '2 minutes' # so is the file older by that
    run_says 1 'missing: its pair was not found; the row stays for 24 hours'
    ahead '20 seconds'
    run_says 0 'archived: it was in'
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "of an id without a date, an older namesake under a later day does not hide that it is archived" {
    id=$(crash --id-day none --without links)
    mkdir -p "$ARCHIVE/20081226"
    cp -r "$SPOOL/20081225/name" "$ARCHIVE/20081226"
    name=$(find "$ARCHIVE" -name "$id.json")
    older() { (($(date +%s%N) - $(date -d "$(stat -c %z "$name")" +%s%N) > 1200000000)); }
    await older
    ended true "$id"
    mv "$SPOOL/20081225" "$ARCHIVE"
    sql "SET LOCAL session_replication_role = replica;
         UPDATE jobs SET queueddatetime = now() + interval '60 seconds'"
    find "$ARCHIVE/20081225" -type f -exec touch {} + # its ctime is what counts: a moment after the job, by what is allowed for clocks
    run_says 0 'archived: it was in'
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "nor does it in a run that has lasted for long: how long ago that was is asked at each batch" {
    slowly="strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:delay_enter=2000000:when=1"
    $slowly true 2>/dev/null || skip "no strace here"
    id=$(crash --without links)
    ended true "$(collect --day 20081226 --without links)" "$id"
    mv "$SPOOL/20081225" "$ARCHIVE"
    sql "SET LOCAL session_replication_role = replica;
         UPDATE jobs SET queueddatetime = now() + interval '61 seconds'"
    EXEC=$slowly run_says 1 'missing: its pair was not found' --batch-size=1
}

# --- what cannot be entered

@test "a file in the place of the day that the row names hides its pair (1): the row stays" {
    id=$(crash --without links)
    ended true "$id"
    mv "$SPOOL/20081225" "$BATS_TEST_TMPDIR/day"
    : >"$SPOOL/20081225"
    expect_status 1 cleanup_jobs
    log_has "cannot put \"$id\" away: cannot look for it in \"$SPOOL/20081225\": Not a directory"
    sql_is "SELECT missingdatetime IS NULL FROM jobs" t
    rm "$SPOOL/20081225"
    mv "$BATS_TEST_TMPDIR/day" "$SPOOL/20081225"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "a day that is a link, in root, deferred root or archive (1): the row stays" {
    setup_missing
    for place in "$SPOOL" "$DEFERRED" "$ARCHIVE" "$FAILED"; do
        for day in 20081225 20081224; do
            ln -s "$BATS_TEST_TMPDIR/away" "$place/$day"
            run_says 1 "left: cannot look for it in \"$place/$day\": Not a directory"
            [[ $output == *"cannot put \"$id\" away: cannot look for it"* ]] || fail "$output"
            ln -sfn nowhere "$place/$day"
            run_says 1 left
            rm "$place/$day"
        done
        sql_is "SELECT missingdatetime IS NULL FROM jobs" t
    done
    mv "$BATS_TEST_TMPDIR/away" "$SPOOL/20081225"
    cleans
}

@test "a tree that can be entered in part: what is behind a link, or a file, stays (1)" {
    for dir in name "name/22" "name/22/ad"; do
        id=$(collect --id 22adfb61-f75b-11dc-b6be-001322081225 --without links)
        ended true "$id"
        mv "$SPOOL/20081225/$dir" "$BATS_TEST_TMPDIR/away"
        ln -s "$BATS_TEST_TMPDIR/away" "$SPOOL/20081225/$dir"
        run_says 1 left
        rm "$SPOOL/20081225/$dir"
        touch "$SPOOL/20081225/$dir"
        run_says 1 left
        rm "$SPOOL/20081225/$dir"
        mv "$BATS_TEST_TMPDIR/away" "$SPOOL/20081225/$dir"
        cleans
        rm -r "$ARCHIVE"/2*
    done
}

@test "a directory that may not be entered (77): the row stays" {
    id=$(crash --without links)
    as_a_user
    ended true "$id"
    for dir in 20081225 20081225/name; do
        chmod 0 "$SPOOL/$dir"
        run_says 77 "left: cannot look for it in \"$SPOOL/20081225\": Permission denied"
        chmod 755 "$SPOOL/$dir"
    done
    cleans
}

@test "a disk that fails (74): the row stays" {
    id=$(crash --without links)
    ended true "$id"
    for error in EIO ESTALE ELOOP; do
        EXEC="strace -f -qq -o /dev/null -P 20081225/name/$(name_dir "$id") -e trace=openat2
              -e inject=openat2:error=$error"
        $EXEC true 2>/dev/null || skip "no strace here"
        # ELOOP is a link in the way, which is not the fault of the disk.
        [[ $error == ELOOP ]] && code=1 || code=74
        run_says "$code" "left: cannot look for it"
        sql_is "SELECT missingdatetime IS NULL FROM jobs" t
    done
    EXEC=
    cleans
}

@test "a run that could not look for it does not have it missing anew" {
    setup_missing
    run_says 1 missing
    ln -s "$BATS_TEST_TMPDIR/away" "$SPOOL/20081225"
    run_says 1 'left: cannot look for it'
    rm "$SPOOL/20081225"
    run_says 0 'left: its pair has been missing for less than 24 hours; the row stays'
}

@test "priority does not give up what it cannot look for (1), and does when it can" {
    id=$(nowhere)
    requests 86400 "$id"
    ln -s elsewhere "$SPOOL/20081224"
    for _ in 1 2; do
        expect_status 1 priority
        [[ $output == *"\"$id\": cannot look for it in \"$SPOOL/20081224\": Not a directory"* ]] ||
            fail "$output"
        equal "$(requested)" "$id"
    done
    rm "$SPOOL/20081224"
    expect_status 1 priority
    equal "$(requested)" ""
    log_has "\"$id\": given up: "
}

@test "scan: what lies behind a link is no half pair: it is left, however old (1)" {
    processor p1
    id=$(crash --age 200000)
    mv "$SPOOL/20081225/name" "$BATS_TEST_TMPDIR/away"
    ln -s "$BATS_TEST_TMPDIR/away" "$SPOOL/20081225/name"
    expect_status 1 scan
    log_has "\"$id\": cannot open directory \"$SPOOL/20081225/name\": Not a directory (a symbolic link is not followed); it stays for the next run"
    [[ ! -e $SPOOL/quarantine ]] || fail "$(find "$SPOOL/quarantine")"
    rm "$SPOOL/20081225/name"
    mv "$BATS_TEST_TMPDIR/away" "$SPOOL/20081225/name"
    expect_status 0 scan
    jobs_are "$id"
}
