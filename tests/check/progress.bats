#!/usr/bin/env bats
# progress.bats - what a person who waits at a terminal is told: how far a run is, what became of each id.
load ../helper
load repair

# Runs a program on a terminal; what that gets is in $output, each line that replaces another one on
# a line of its own.
on_terminal() {
    local command
    command="$(printf '%q ' "$BUILD/$1" --config="$CONF" "${@:2}")"
    expect_status 0 env PGOPTIONS='' TERM="${TERMINAL-vt100}" script -qec "$command" "$BATS_TEST_TMPDIR/typescript"
    output=$(tr '\r' '\n' <<<"$output")
}

# Has each change of a job take a fifth of a second.
slow() {
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_catalog.pg_sleep(0.2);
                    RETURN CASE TG_OP WHEN ''DELETE'' THEN OLD ELSE NEW END; END';
         CREATE TRIGGER slow BEFORE INSERT OR UPDATE OR DELETE ON jobs FOR EACH ROW
             EXECUTE FUNCTION refuse()"
}

tells() { grep -qE -- "$1" <<<"$output" || fail "no line like $1:" "$output"; }

@test "on a terminal scan tells how many crashes, how many a second, and how long still" {
    crash --count 8 >/dev/null
    slow
    on_terminal crashmon-scan --batch-size=1
    tells '^crashmon-scan: crashes: [1-7] of 8, [1-9] a second, 0:00:0[0-9] left'
    tells $'crashmon-scan: crashes: 8, [1-9] a second$'
}

@test "on a terminal cleanup does, too; --limit is all that there is to do" {
    mapfile -t ids < <(crash --count 9)
    ended true "${ids[@]}"
    slow
    on_terminal crashmon-cleanup --batch-size=1 --limit=8
    tells '^crashmon-cleanup: crashes: [1-7] of 8, [1-9] a second, 0:00:0[0-9] left'
    tells 'crashmon-cleanup: crashes: 8, [1-9] a second$'
}

@test "a line is not wider than its window" {
    crash --count 8 >/dev/null
    slow
    # shellcheck disable=SC2016 # for the other shell
    expect_status 0 env PGOPTIONS='' TERM=vt100 script -qec "stty cols 24; $BUILD/crashmon-scan --config=$CONF --batch-size=1" \
        "$BATS_TEST_TMPDIR/typescript"
    output=$(tr '\r' '\n' <<<"$output" | sed 's/\x1b\[K//')
    tells '^crashmon-scan: crashes:$'
    ! grep -E '.{24}' <<<"$output" || fail "too wide: $output"
}

@test "what is logged on the terminal stands on lines of its own" {
    crash --count 8 >/dev/null
    slow
    on_terminal crashmon-scan --batch-size=1 --stderr-error-logging-level=20
    tells '^crashmon-scan: crashes: [1-7] of 8'
    tells $'^\e\\[K[0-9 ,:-]+ INFO - batch of 1 done, left: 0$'
}

@test "a terminal that cannot erase a line gets none that is replaced" {
    for TERMINAL in dumb ''; do
        crash --count 8 >/dev/null
        slow
        on_terminal crashmon-scan --batch-size=1
        equal "$output" ''
        on_terminal crashmon-scan --progress
        tells '^crashmon-scan: crashes: 0, 0 a second$'
        [[ $output != *$'\e'* ]] || fail "$output"
        sql "DROP FUNCTION refuse() CASCADE"
    done
}

@test "a run that is over at once tells nothing, nor does one without a terminal, or a dry one" {
    crash --count 8 >/dev/null
    on_terminal crashmon-scan --dry-run
    [[ $output != *second* ]] || fail "$output"
    on_terminal crashmon-scan
    equal "$output" ''
    crash --count 8 >/dev/null
    slow
    expect_status 0 scan --batch-size=1
    equal "$output" ''
}

@test "--progress tells without a terminal, and at the end in any case" {
    mapfile -t ids < <(crash --count 3)
    expect_status 0 scan --progress
    tells '^crashmon-scan: crashes: 3, [0-9]+ a second$'
    sql "UPDATE jobs SET success = true, completeddatetime = now()"
    expect_status 0 cleanup_jobs --progress
    tells '^crashmon-cleanup: crashes: 3, [0-9]+ a second$'
}

@test "repairs tell how many crashes they have looked at" {
    crash --count 5 --without links >/dev/null
    aged
    expect_status 1 scan --repair "$AGE" --progress
    tells '^crashmon-scan-repair: crashes: 5, [0-9]+ a second$'
    sql "UPDATE jobs SET queueddatetime = now() - interval '1 hour'"
    expect_status 0 cleanup_jobs --repair "$AGE" --progress
    tells '^crashmon-cleanup-repair: crashes: 5, [0-9]+ a second$'
}

@test "on a terminal priority tells what has become of each crash that it was given; else it is silent" {
    new=$(crash --root "$DEFERRED") half=$(crash --without dump) none=$(nowhere) other=$(nowhere)
    request "$other"
    on_terminal crashmon-priority "$new" "$half" "bp-${none^^}"
    tells "^\"$new\": queued: with priority, for processor \"p1\", found in \"$DEFERRED\"$"
    tells "^\"$half\": left: .dump is missing$"
    tells "^\"${none^^}\": left: it is in none of \"$SPOOL\", \"$DEFERRED\", "
    tells '^seen 4: queued 1, left 3; exit code 0$'
    equal "$(grep -c . <<<"$output")" 4
    # What is on stderr already is not told twice.
    on_terminal crashmon-priority --stderr-error-logging-level=10 "$none"
    equal "$(grep -c "\"$none\": left: " <<<"$output")" 1
    expect_status 0 priority "$new"
    equal "$output" ''
    on_terminal crashmon-priority
    equal "$output" ''
}

@test "whoever reads it, a run does all its work: ids given at a terminal, repairs" {
    mapfile -t ids < <(crash --root "$DEFERRED" --count 60)
    crash --count 60 --without links >/dev/null
    aged
    # shellcheck disable=SC2016 # Perl's
    unread() {
        echo "$(printf '%q ' perl -e 'pipe my $reader, my $writer; close $reader; open STDOUT, ">&", $writer;
                                      exec @ARGV' "$BUILD/$1" --config="$CONF" --batch-size=5 "${@:2}")" >"$BATS_TEST_TMPDIR/unread"
        PGOPTIONS='' run script -qec "bash $BATS_TEST_TMPDIR/unread" "$BATS_TEST_TMPDIR/typescript"
    }
    unread crashmon-priority "${ids[@]}"
    equal "$status $output" "0 "
    jobs_are "${ids[@]}"
    log_has 'seen 60: queued 60; exit code 0'
    unread crashmon-scan --repair "$AGE"
    equal "$status" 1
    sql_is "SELECT count(*) FROM jobs" 120
}
