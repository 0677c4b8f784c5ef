#!/usr/bin/env bats
# waits.bats - what a run waits for, and for how long.
# shellcheck disable=SC2154 # bats sets status and output, background sets pid
load ../helper

@test "a program that stands still while it writes to the log holds others up for a second in all" {
    processor p1
    expect_status 0 scan
    collect --count 5
    exec {held}>"$BATS_TEST_TMPDIR/.crashmon.log.lock"
    flock "$held"
    expect_status 0 timeout 10 "$BUILD/crashmon-scan" --config="$CONF" --batch-size=1
    equal "$output" ""
    log_has "seen 5"
    exec {held}<&-
}
