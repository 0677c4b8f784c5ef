#!/usr/bin/env bats
# pauses.bats - a storage that is paused: its runs do nothing until it is resumed.
load ../helper

# A storage with something to do for each program, paused.
paused() {
    processor p1
    new=$(collect)
    done=$(collect --without links)
    ended true "$done"
    asked=$(collect --without links)
    request "$asked"
    marked
    sql "SELECT crashmon.pause('main', 'the spool is moved')"
}

# What a run must leave as it is.
state() {
    spool_state "$SPOOL" "$DEFERRED" "$ARCHIVE"
    sql "SELECT uuid, success FROM jobs ORDER BY 1; SELECT uuid FROM priorityjobs; SELECT * FROM processors"
}

@test "runs on a storage that is paused do nothing, end with 0, and the log says so; then they go on" {
    paused
    before=$(state)
    for run in "${RUNS[@]}" "scan --repair --incomplete-age=00:00:00" "cleanup_jobs --repair"; do
        rm -f "$LOG"
        # shellcheck disable=SC2086 # several words
        expect_status 0 $run
        [[ $run == *repair* && $output == *paused*"nothing is done"*"seen 0; exit code 0" || -z $output ]] || fail "$output"
        log_has 'INFO - storage main has been paused since '
        log_has ': "the spool is moved"; nothing is done'
    done
    equal "$(state)" "$before"
    sql_is "SELECT DISTINCT paused, overdue, exit_code, seen FROM crashmon.last_runs
            WHERE program !~ 'repair'" "t|f|0|0"
    sql_is "SELECT crashmon.resume('main'), crashmon.resume('main')" "t|f"
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    jobs_are "$new" "$asked"
    pair_is_whole "$ARCHIVE" 20"${done: -6}" "$done"
    sql_is "SELECT DISTINCT paused FROM crashmon.last_runs" f
}

@test "a run that another one keeps from its lock ends with 0 as well, as the storage is paused meanwhile" {
    processor p1
    id=$(crash)
    held scan
    sql "SELECT crashmon.pause('main', 'the spool is moved')"
    for lock_wait in 00:00:00 00:00:01; do
        rm -f "$LOG"
        expect_status 0 scan --lock-wait=$lock_wait
        equal "$output" ''
        log_has 'INFO - storage main has been paused since '
        log_has ': "the spool is moved"; nothing is done'
        [[ $(<"$LOG") != *'lock'* ]] || fail "it tells of the lock"
    done
    [[ $(scan --json | tr -d ' ') == *'"exit_code":0,'*'"paused":"storagemain'* ]] || fail "$(scan --json)"
    session COMMIT
    background_ends 0
    jobs_are "$id"
}

@test "a dry run on it says so, too, and only that" {
    paused
    for run in "${RUNS[@]}"; do
        expect_status 0 "$run" --dry-run
        [[ $output == "storage main has been paused since "*" by \""*"\": \"the spool is moved\"; nothing is done" ]] ||
            fail "$output"
    done
}

@test "whoever asks for a crash by hand is told: 1" {
    paused
    before=$(state)
    expect_status 1 priority "$new"
    [[ $output == *"ERROR - storage main has been paused since "*"nothing is done"$'\n'*"\"$new\" was not requested"* ]] || fail "$output"
    equal "$(state)" "$before"
}

@test "--json has the sentence of the log, whatever is in the reason" {
    paused
    sql "UPDATE crashmon.pauses SET reason = E'a\\nb'"
    run scan --json
    sentence=$(perl -MJSON::PP -e 'print decode_json($ARGV[0])->{paused}' "$output")
    [[ $sentence == *': "a\nb'* ]] || fail "$output"
    log_has "$sentence; nothing is done"
    equal "$(scan --status --json | perl -MJSON::PP -e 'print decode_json(<STDIN>)->{troubles}[0]')" "$sentence"
}

@test "another storage works, and --adopt does" {
    paused
    expect_status 0 scan --adopt
    [[ $output == "storage root "* ]] || fail "$output"
    mkdir -p "$BATS_TEST_TMPDIR/other/20000101"
    id=$(collect --root "$BATS_TEST_TMPDIR/other")
    expect_status 0 scan --storage-name=other --storage-root="$BATS_TEST_TMPDIR/other" --deferred-storage-root=
    sql_is "SELECT storage FROM jobs WHERE uuid = '$id'" other
}

@test "status and check say so: a warning" {
    paused
    expect_status 0 scan --status
    [[ $output == "crashmon "*$'\n\nTroubles\n'*"  storage main has been paused since "*": \"the spool is moved\""*$'\n\nNew '* ]] || fail "$output"
    for run in "${RUNS[@]}"; do
        run "$run" --check
        [[ $status -gt 0 && $output == *"storage main has been paused since "* ]] || fail "$output"
    done
}

@test "what only runs change is no more than a warning of check while they are paused" {
    paused
    for what in new:scan requests:priority finished:cleanup_jobs; do
        run "${what#*:}" --check --check-"${what%:*}"=00:00:00,00:00:00
        [[ $status == 1 && $output == *"; the storage is paused"* ]] || fail "$status: $output"
    done
}

@test "pause and resume say what is; an unknown storage cannot be paused" {
    sql_is "SELECT crashmon.pause('main', 'no run yet')" unknown
    sql_is "SELECT count(*) FROM crashmon.pauses" 0
    expect_status 68 scan
    sql_is "SELECT crashmon.pause('main', 'first')" paused
    sql_is "SET client_min_messages = error; SELECT crashmon.pause('main', 'second')" paused
    sql_is "SELECT storage, reason, who = session_user, since <= now() FROM crashmon.pauses" "main|second|t|t"
    lock crashmon-cleanup
    sql_is "SET client_min_messages = error; SELECT crashmon.pause('main', 'third')" 'at work'
    sql_is "SELECT crashmon.pause('maim', 'x')" unknown
    run ! sql "SELECT crashmon.pause('main', NULL)"
    [[ $output == *'storage "main" is not paused, as no reason is given'* ]] || fail "$output"
    run -1 psql -qAtXc "SELECT crashmon.pause('main', ' ')"
    [[ $output == *'as no reason is given'* ]] || fail "$output"
}

@test "who pauses a storage that is paused already is told since when, by whom and why" {
    expect_status 68 scan
    run -0 psql -qAtXc "SELECT crashmon.pause('main', 'first')"
    equal "$output" paused
    sql "UPDATE crashmon.pauses SET since = '2026-01-02 03:04:05.6+00', who = 'ada'"
    PGTZ=UTC run -0 psql -qAtXc "SELECT crashmon.pause('main', 'second')"
    [[ $output == 'WARNING:  storage "main" was paused already, since 2026-01-02 03:04:05+00 by "ada": "first"'$'\n'*HINT:*$'\n'paused ]] ||
        fail "$output"
    sql_is "SELECT reason, who = session_user, since > now() - interval '1 h' FROM crashmon.pauses" "second|t|t"
}

@test "a storage that is retired is not paused any more" {
    expect_status 68 scan
    sql "SELECT crashmon.pause('main', 'for good')"
    sql_is "SELECT crashmon.retire_storage('main')" retired
    sql_is "SELECT count(*) FROM crashmon.pauses" 0
}

@test "what pause, resume and retry say of others is one line, and nothing that a terminal obeys" {
    local name=$'x"\nHINT:  all is well\e[8m\u202e\u009b' seen='x"\nHINT:  all is well\x1b[8m\xe2\x80\xae\xc2\x9b'
    sql "INSERT INTO jobs (pathname, uuid, storage, success)
         VALUES ('/x', '22adfb61-f75b-11dc-b6be-001322081225', '$name', false)"
    say() { run psql -qAtX -c "SELECT crashmon.$1"; }
    say "pause('$name', '')"
    [[ ${lines[0]} == "ERROR:  storage \"$seen\" is not paused, as no reason is given" ]] || fail "$output"
    sql "SELECT crashmon.pause('$name', '$name'); UPDATE crashmon.pauses SET who = '$name'"
    say "pause('$name', 'x')"
    [[ ${lines[0]} == "WARNING:  storage \"$seen\" was paused already, since "*" by \"$seen\": \"$seen\"" && ${#lines[@]} == 3 ]] ||
        fail "$output"
    sql 'CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
         CREATE TRIGGER refuse BEFORE DELETE ON crashmon.pauses FOR EACH ROW EXECUTE FUNCTION refuse()'
    say "resume('$name')"
    [[ ${lines[0]} == "ERROR:  cannot resume storage \"$seen\": the server has left it"* ]] || fail "$output"
    sql 'DROP FUNCTION refuse() CASCADE'
    lock crashmon-cleanup "$name"
    say "retry('-infinity')"
    [[ ${lines[0]} == "ERROR:  crashmon-cleanup is at work with storage $seen" ]] || fail "$output"
    unlock crashmon-cleanup "$name"
    say "request_crash('$name')"
    [[ ${lines[0]} == 'ERROR:  not a crash id: "x\"\nHINT:  all is well\u001b[8m\xe2\x80\xae\xc2\x9b"' ]] || fail "$output"
}

@test "a reason cannot look like a line of ours" {
    expect_status 68 scan
    sql "SELECT crashmon.pause('main', E'x\"; all is well\n2026-01-01 ERROR - done ' || repeat('é', 400))"
    expect_status 0 scan
    log_has ': "x\"; all is well\n2026-01-01 ERROR - done éé'
}
