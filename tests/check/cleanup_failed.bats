#!/usr/bin/env bats
# cleanup_failed.bats - what is kept of why a job has failed.
load ../helper

# Asserts what the file beside a failed pair says: reason_is ROOT ID TEXT.
reason_is() { equal "$(<"$(place "$1" "$2").reason")" "$3"; }

# A job that failed for a reason; $id is its crash.
fails() {
    id=$(collect --day 20081225 --without links)
    ended false "$id"
    sql "UPDATE jobs SET message = $1 WHERE uuid = '$id'"
}

@test "why a job has failed is in the log, and beside its pair" {
    fails "'no \"threads\"'"
    cleans --dump-permissions=0640
    log_has "\"$id\": archived: moved to \"$FAILED\"; it failed: \"no \\\"threads\\\"\""
    pair_is_whole "$FAILED" 20081225 "$id"
    reason_is "$FAILED" "$id" 'no "threads"'
    equal "$(stat -c %a "$(place "$FAILED" "$id").reason")" 640
    equal "$(find "$FAILED" -type f -printf '%f\n' | sort)" "$(printf '%s\n' "$id".{dump,json,reason})"
}

@test "a reason of several lines, or without an end, is one line" {
    fails "E'Traceback:\n  line\r\033[2J'"
    cleans
    log_has 'it failed: "Traceback:\n  line\r\x1b[2J"'
    reason_is "$FAILED" "$id" 'Traceback:\n  line\r\x1b[2J'
    fails "repeat('é', 1000000)"
    cleans
    equal "$(wc -m <"$(place "$FAILED" "$id").reason")" 4001
    tail -n 3 "$LOG" | head -n 1 | grep -qE "it failed: \"é{200}\.\.\.\"$" || fail
}

@test "without a reason there is no file, nor for a job that has succeeded, nor where pairs are deleted" {
    fails NULL
    cleans
    fails "''"
    cleans
    fails "'why'"
    sql "UPDATE jobs SET success = true"
    cleans
    fails "'why'"
    cleans --save-failed-minidumps-to=
    log_has "\"$id\": deleted: no long-term storage is set; it failed: \"why\""
    equal "$(find "$FAILED" "$ARCHIVE" -name '*.reason')" ""
}

@test "a copy to another disk has the reason, too" {
    elsewhere
    fails "'why'"
    cleans --save-failed-minidumps-to="$ELSEWHERE"
    reason_is "$ELSEWHERE" "$id" why
    rm -r "$ELSEWHERE"
}

@test "a run after a kill adds the reason; one that is there already, or anything else, stays" {
    fails "'why'"
    mkdir -p "$(dirname "$(place "$FAILED" "$id")")"
    mv "$(place "$SPOOL" "$id")".* "$(dirname "$(place "$FAILED" "$id")")"
    touch "$(dirname "$(place "$FAILED" "$id")")/.$id.reason.0123456789abcdef.tmp"
    cleans
    log_has "\"$id\": archived: it was in \"$FAILED\" already; it failed: \"why\""
    reason_is "$FAILED" "$id" why
    equal "$(find "$FAILED" -name '.*')" ""

    fails "'why'"
    mkdir -p "$(dirname "$(place "$FAILED" "$id")")"
    echo other >"$(place "$FAILED" "$id").reason"
    cleans
    reason_is "$FAILED" "$id" other
    fails "'why'"
    mkdir -p "$(place "$FAILED" "$id").reason"
    cleans
}

@test "a pair whose reason cannot be written keeps its row" {
    disk "$BATS_TEST_TMPDIR/small" size=64k
    cleanup_jobs --adopt --save-failed-minidumps-to="$BATS_TEST_TMPDIR/small" >/dev/null
    fails "repeat('x', 4000)"
    mkdir -p "$(dirname "$(place "$BATS_TEST_TMPDIR/small" "$id")")"
    cp "$(place "$SPOOL" "$id")".* "$(dirname "$(place "$BATS_TEST_TMPDIR/small" "$id")")"
    rm "$(place "$SPOOL" "$id")".*
    head -c 100000 /dev/zero >"$BATS_TEST_TMPDIR/small/.full" 2>/dev/null || true
    expect_status 74 cleanup_jobs --save-failed-minidumps-to="$BATS_TEST_TMPDIR/small"
    log_has "cannot write why its job failed to \"$BATS_TEST_TMPDIR/small\": No space left on device"
    sql_is "SELECT count(*) FROM jobs" 1
    equal "$(find "$BATS_TEST_TMPDIR/small" -name '*reason*')" ""
    rm "$BATS_TEST_TMPDIR/small/.full"
    cleans --save-failed-minidumps-to="$BATS_TEST_TMPDIR/small"
    pair_is_whole "$BATS_TEST_TMPDIR/small" 20081225 "$id"
}

@test "one that is processed again as operations.md says, and fails for another reason: that is told" {
    processor p1
    id=22adfb61-f75b-11dc-b6be-001322081225
    collect --day 20081225 --id $id --extra browser --without links >/dev/null
    ended false "$id"
    sql "UPDATE jobs SET message = 'first'"
    cleans
    equal "$(find "$FAILED" -name "$id*" | wc -l)" 4
    recipes=$(sed -n '/^What has been put away can be brought back/,/^`File exists`/p' "$TESTS/../doc/operations.md" |
        sed -n "s|/srv/crashes/failed|$FAILED|; s|/srv/crashes/spool|$SPOOL|; s|crashmon-priority|priority|; s/^    //p; /^And /p")
    one=${recipes%%And *} all=${recipes#*$'\n'And }
    all=${all#*$'\n'}
    # Another crash of its id is in quarantine.
    collect --root "$BATS_TEST_TMPDIR/other" --day 20081225 --id $id --without links >/dev/null
    mkdir -p "$SPOOL/quarantine/20081225/$id"
    mv "$(place "$BATS_TEST_TMPDIR/other" $id)".* "$SPOOL/quarantine/20081225/$id"
    echo other >"$SPOOL/quarantine/20081225/$id/$id.dump"
    before=$(find "$FAILED" "$SPOOL" -type f | sort)
    for recipe in "$one" "$all"; do
        run eval "$recipe"
        [[ $output == *"File exists"* ]] || fail "$recipe" "$output"
        equal "$(find "$FAILED" "$SPOOL" -type f | sort)" "$before"
    done
    equal "$(<"$SPOOL/quarantine/20081225/$id/$id.dump")" other
    rm -r "$SPOOL/quarantine"
    (eval "$one") || fail "$one"
    equal "$(find "$FAILED" -type f ! -name .crashmon)" ""
    expect_status 0 scan --settle-time=00:00:00
    jobs_are "$id"
    finish "$id" false
    sql "UPDATE jobs SET message = 'second'"
    cleans
    reason_is "$FAILED" "$id" second
    equal "$(find "$FAILED" -name "$id*" | wc -l)" 4
    run priority --explain "$id"
    [[ $output == *'"second"'* && $output != *'"first"'* ]] || fail "$output"
}

@test "jobs with ids of 0 and below are put away, too" {
    mapfile -t ids < <(collect --day 20081225 --without links --count 3)
    ended true "${ids[@]}"
    sql "UPDATE jobs SET id = 2 - 2 * id"
    sql_is "SELECT min(id), max(id) FROM jobs" "-4|0"
    cleans
    for id in "${ids[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
}
