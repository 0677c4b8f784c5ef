#!/usr/bin/env bats
# waits.bats - what a run waits for, and for how long.
# shellcheck disable=SC2154 # bats sets status and output, background sets pid
load ../helper

@test "who holds the log file's lock for ever holds a run up for ten seconds, and it says so" {
    processor p1
    collect --count 5
    touch "$LOG"
    exec {held}<"$LOG"
    flock "$held"
    expect_status 0 timeout 60 "$BUILD/crashmon-scan" --config="$CONF" --batch-size=1
    [[ $output == *"cannot lock log file \"$LOG\""* ]] || fail "says: $output"
    log_has "seen 5"
    exec {held}<&-
}
