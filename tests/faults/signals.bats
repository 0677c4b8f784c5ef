#!/usr/bin/env bats
# signals.bats - signals that end no run, or not at once; readers that have gone; descriptors that
# are closed.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # cases are subshells; helper.bash uses EXEC
load ../helper


# Sends these signals at once and lets the program go on; it must end with one of these codes.
signalled() {
    local signal status=0 codes=$1
    for signal in "${@:2}"; do kill -"$signal" "$pid"; done
    session COMMIT
    wait "$pid" || status=$?
    [[ " $codes " == *" $status "* ]] || fail "ends with $status after ${*:2}"
    sql_is "SELECT exit_code FROM crashmon.runs ORDER BY id DESC LIMIT 1" "$status"
}

@test "a second signal at once does no harm: the run ends at the same batch boundary (128+n)" {
    processor p1
    mapfile -t new < <(collect --count 12 --day 20081225)
    mapfile -t requested < <(collect --count 6 --day 20081225 --root "$DEFERRED")
    mapfile -t finished < <(collect --count 6 --day 20081225 --without links)
    ended true "${finished[@]}"
    for id in "${requested[@]}"; do request "$id"; done
    for run in "${RUNS[@]}"; do
        held "$run" --batch-size=1
        signalled 143 TERM TERM
    done
    held scan --batch-size=1
    signalled '143 130 129' TERM INT HUP
    [[ -n $(new_links) ]] || fail "scan went on"
    sql_is "SELECT (SELECT count(*) FROM priorityjobs) > 0,
                   (SELECT count(*) FROM jobs WHERE success) > 0" "t|t"
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    jobs_are "${new[@]}" "${requested[@]}"
    for id in "${finished[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
}

@test "a signal that comes before the work ends the run before it is done (143)" {
    processor p1
    mapfile -t ids < <(collect --count 12)
    session "BEGIN; LOCK TABLE crashmon.runs"
    background scan --batch-size=1
    await_blocked crashmon-scan
    signalled 143 TERM
    [[ -n $(new_links) ]] || fail "the run went on"
    equal "$( (sql "SELECT uuid FROM jobs"; new_links) | grep . | sort)" \
        "$(printf '%s\n' "${ids[@]}" | sort)"
}

# A signal after the first 16 MiB of a file of 40.
signalled_while_copying() {
    EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=sendfile -e inject=sendfile:signal=TERM:when=1" \
        expect_status 143 "$@"
    equal "$(grep -o '= [0-9]*$' "$BATS_TEST_TMPDIR/trace")" "= 16777216"
    [[ -z $output ]] || fail "printed: $output"
}

@test "a signal ends the copy of a large file, and nothing of it remains: the next run copies it" {
    disk "$BATS_TEST_TMPDIR/there" size=200m
    huge=$(crash --size 41943040) id=$(crash) half=$(crash --without json --size 41943040)
    ended true "$huge" "$id"
    options=(--save-successful-minidumps-to="$BATS_TEST_TMPDIR/there")
    signalled_while_copying cleanup_jobs "${options[@]}"
    jobs_are "$huge" "$id"
    for one in "$huge" "$id"; do pair_is_whole "$SPOOL" 20081225 "$one"; done
    equal "$(find "$BATS_TEST_TMPDIR/there" -type f ! -name .crashmon)" ""
    expect_status 0 cleanup_jobs "${options[@]}"
    for one in "$huge" "$id"; do pair_is_whole "$BATS_TEST_TMPDIR/there" 20081225 "$one"; done

    processor p1
    options=(--incomplete-age=00:30:00 --quarantine-to="$BATS_TEST_TMPDIR/there/quarantine")
    signalled_while_copying scan "${options[@]}"
    has_links "$half"
    equal "$(find "$BATS_TEST_TMPDIR/there/quarantine" -type f -name '*-*')" ""
    expect_status 1 scan "${options[@]}"
    quarantined "$half" json "$BATS_TEST_TMPDIR/there/quarantine"
}

@test "signals that are ignored when the program is started (nohup) do not end it" {
    processor p1
    mapfile -t ids < <(collect --count 3)
    nohup_scan() { EXEC='exec env --ignore-signal=HUP,INT' program crashmon-scan "$@"; }
    hold
    background nohup_scan --batch-size=1
    await_blocked crashmon-scan
    signalled 0 HUP INT
    jobs_are "${ids[@]}"
}

@test "a program that is stopped and continued goes on" {
    processor p1
    mapfile -t ids < <(collect --count 3)
    held scan --batch-size=1
    kill -STOP "$pid"
    session COMMIT
    await sql_true "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                    AND application_name = 'crashmon-scan' AND wait_event = 'ClientRead')"
    kill -CONT "$pid"
    background_ends 0
    jobs_are "${ids[@]}"
}

# --- readers that have gone

# $PIPE becomes the end of a pipe that nobody reads any more.
break_pipe() {
    exec {PIPE}> >(:)
    wait $!
}
stderr_unread() { env --default-signal=PIPE "$@" 2>&"$PIPE"; }
stdout_unread() { env --default-signal=PIPE "$@" >&"$PIPE"; }

@test "a reader of stderr that has gone changes neither the work nor the exit code" {
    break_pipe
    EXEC=stderr_unread
    id=$(collect)
    expect_status 68 scan
    processor p1
    expect_status 0 scan --stderr-error-logging-level=10
    jobs_are "$id"
    PGPORT=1 expect_status 69 scan
}

@test "a reader of stderr that has gone does not change what a bad command line ends with" {
    break_pipe
    EXEC=stderr_unread
    for run in "${RUNS[@]}"; do expect_status 64 "$run" --no-such-option; done
    expect_status 78 scan --limit=many
}

@test "a reader of stdout that has gone ends a dry run quietly, and not by a signal" {
    processor p1
    collect --count 60
    before=$(db_state; spool_state "$SPOOL")
    break_pipe
    EXEC=stdout_unread
    expect_status 0 scan --dry-run
    equal "$output" ""
    equal "$(db_state; spool_state "$SPOOL")" "$before"
    expect_status 0 scan --dry-run --stderr-error-logging-level=INFO
    [[ $output == *'dry run, seen 60'* ]] || fail "$output"
}

stdout_full() { "$@" >/dev/full; }

@test "a run whose answer finds the disk full ends with 74, whatever else there was" {
    EXEC=stdout_full
    processor p1
    collect
    for option in --show-config --version --dry-run; do expect_status 74 scan $option; done
    collect --without dump
    expect_status 74 scan --dry-run
}

@test "a run whose answer finds the disk full says so" {
    EXEC=stdout_full
    for option in --show-config --version --dry-run; do
        run cleanup_jobs $option
        [[ $status == 0 || -n $output ]] || fail "$option ends with $status and says nothing"
    done
}

# --- closed descriptors

closed() {
    case $CLOSED in
    stdout) "$@" >&- ;;
    stderr) "$@" 2>&- ;;
    all) "$@" <&- >&- 2>&- ;;
    esac
}

@test "with stdin, stdout and stderr closed all is done, and what is said there is in no file" {
    processor p1
    printf '%s\n' 'stderr-line-format-string = said on stderr: %(message)s' \
        'stderr-error-logging-level = 10' "metrics-file = $BATS_TEST_TMPDIR/metrics" >>"$CONF"
    before=$(sha256sum "$CONF")
    EXEC=closed
    for CLOSED in stderr all; do
        id=$(collect --day 20081225) throttled=$(collect --day 20081225 --root "$DEFERRED")
        half=$(collect --day 20081225 --without dump --age 100000)
        expect_status 1 scan
        quarantined "$half" dump
        expect_status 0 priority "$throttled"
        jobs_are "$id" "$throttled"
        finish "$id" true
        finish "$throttled" false
        expect_status 0 cleanup_jobs
        pair_is_whole "$ARCHIVE" 20081225 "$id"
        pair_is_whole "$FAILED" 20081225 "$throttled"
        cd "$BATS_TEST_TMPDIR"
        ! grep -r 'said on stderr' spool deferred archive failed metrics "$LOG" ||
            fail "there"
        cd /
    done
    equal "$(sha256sum "$CONF")" "$before"
}

@test "with stdout closed a question says nothing to the server" {
    strace -qq true 2>/dev/null || skip "no strace here"
    expect_status 68 scan
    for question in "scan --status" "scan --check" "priority --explain $(crash)"; do
        # shellcheck disable=SC2086 # several words
        strace -y -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=write "$BUILD"/crashmon-$question --config="$CONF" >&- || true
        equal "$(grep -o '^write(1<[^>]*>' "$BATS_TEST_TMPDIR/trace" | sort -u)" 'write(1</dev/null>'
    done
}

@test "with stderr closed the exit codes are the same" {
    EXEC=closed
    for CLOSED in stderr all; do
        expect_status 64 scan --no-such-option
        expect_status 78 scan --limit=many
        expect_status 68 scan
        PGPORT=1 expect_status 69 scan
    done
}

@test "a dry run with stdout closed prints into no file" {
    processor p1
    collect --count 3
    before=$(db_state; spool_state "$SPOOL")
    EXEC=closed CLOSED=stdout
    expect_status 0 scan --dry-run
    equal "$(db_state; spool_state "$SPOOL")" "$before"
    ! grep 'queued: for' "$LOG" || fail "in the log"
}
