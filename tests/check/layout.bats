#!/usr/bin/env bats
# layout.bats - a root that holds something, but nothing that would be seen, is told; an empty one
# is not.
# shellcheck disable=SC2154,SC2034 # bats sets status and output
load ../helper

setup() {
    begin_case
    processor p1 >/dev/null
}

# Asserts that all programs that use this root end with 1, and say so once, in the log alone.
told() {
    local run
    for run in ${2//,/ }; do
        : >"$LOG"
        expect_status 1 "$run"
        [[ -z $output ]] || fail "mailed: $output"
        [[ $(grep -cF "WARNING - $1" "$LOG") == 1 ]] || fail "not told: $1"
        expect_status 1 "$run" --dry-run
        [[ $output == *"$1"* ]] || fail "$output"
    done
}

not_told() {
    local run
    : >"$LOG"
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    ! grep -q WARNING "$LOG" || fail "told"
}

@test "a root that holds entries but no day is told" {
    rmdir "$SPOOL/20000101" "$DEFERRED/20000101"
    mkdir "$SPOOL/2008-12-25"
    told "storage root \"$SPOOL\" has no directory of a day (YYYYMMDD), but \"2008-12-25\"" scan,priority,cleanup_jobs
    rmdir "$SPOOL/2008-12-25"
    not_told
    touch "$DEFERRED/a file"
    told "deferred storage root \"$DEFERRED\" has no directory of a day (YYYYMMDD), but \"a file\"" priority,cleanup_jobs
    expect_status 0 scan
}

@test "nothing is reported of a new root that is empty, or holds only what is never a crash" {
    rmdir "$SPOOL/20000101" "$DEFERRED/20000101"
    not_told
    mkdir "$SPOOL/lost+found" "$SPOOL/quarantine" "$DEFERRED/lost+found"
    not_told
}

@test "renamed branches are told, whichever it is" {
    crash >/dev/null
    for branch in date name; do
        mv "$SPOOL/20081225/$branch" "$SPOOL/20081225/$branch.d"
        [[ $branch == date ]] || mv "$SPOOL/20081225/date" "$SPOOL/date"
        told "day \"$SPOOL/20081225\" holds \"$branch.d\", but no directory \"$branch\"" \
            scan,priority,cleanup_jobs
        mv "$SPOOL/20081225/$branch.d" "$SPOOL/20081225/$branch"
    done
    mv "$SPOOL/date" "$SPOOL/20081225/date"
    expect_status 0 scan
    sql_is "SELECT count(*) FROM jobs" 1
}

@test "days with one branch, with both and something else, or with nothing are known" {
    crash >/dev/null
    expect_status 0 scan
    mkdir "$SPOOL/20081226" "$SPOOL/20081227" "$DEFERRED/20081225"
    not_told
    mkdir -p "$SPOOL/20081228/lost+found" # a disk for a day to come
    not_told
    mkdir "$SPOOL/20081225/other" "$SPOOL/20081227/name"
    not_told
    rm -r "$SPOOL/20081227"
    mkdir -p "$SPOOL/20081225/date"
    not_told
}

@test "a signal counts for more than what is told, an error does, too" {
    rmdir "$SPOOL/20000101"
    mkdir "$SPOOL/other"
    sql "DELETE FROM processors"
    expect_status 68 scan
    log_has "has no directory of a day"
}

@test "what lies in such a root, or was queued with other suffixes, is not missing, and its job does not fail (1)" {
    id=$(crash) other=$(crash)
    expect_status 0 scan
    finish "$id" true
    sql "UPDATE jobs SET queueddatetime = now() - interval '3 days'"
    rmdir "$SPOOL/20000101"
    mv "$SPOOL/20081225" "$SPOOL/2008-12-25"
    expect_status 1 cleanup_jobs
    log_has "cannot put \"$id\" away: \"$SPOOL\" has no directory of a day, but something else, in which it may be; it stays for the next run"
    sql "INSERT INTO priorityjobs (uuid, requesteddatetime) VALUES ('$(nowhere)', now() - interval '20 min')"
    expect_status 1 priority
    log_has "but something else, in which it may be; the request stays for the next run"
    mv "$SPOOL/2008-12-25" "$SPOOL/20081225"
    expect_status 1 priority
    log_has "given up 1"
    expect_status 1 cleanup_jobs --json-file-suffix=.js
    log_has "cannot put \"$id\" away: it was queued with another json-file-suffix than \".js\"; it stays"
    expect_status 1 cleanup_jobs --repair --json-file-suffix=.js
    log_has "\"$other\": left: it was queued with another json-file-suffix than \".js\""
    sql_is "SELECT uuid, success, missingdatetime FROM jobs ORDER BY success" "$id|t|"$'\n'"$other||"
    expect_status 0 cleanup_jobs
    jobs_are "$other"
    expect_status 0 cleanup_jobs --repair
}
