#!/usr/bin/env bats
# cleanup_evidence.bats - what tells the pair of a row from another crash with its id: the place, when
# files and links came, and what is in long-term storage.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

setup() {
    begin_case
    processor p1 >/dev/null
}

# A crash that is queued from the storage root, under day 26.
queued() {
    id=$(collect --day 20081226 --id-day 081225 "$@")
    expect_status 0 scan
}

# Another crash of its id without links, as some collectors leave those that they throttle.
throttled() { collect --root "$DEFERRED" --day 20081225 --id "$id" --size 200 --without links "$@" >/dev/null; }
again() { collect --id "$id" --day 20081225 --size 200 "$@" >/dev/null; }

ended_long_ago() {
    sql "UPDATE jobs SET queueddatetime = now() - interval '2 hours', success = true,
                         starteddatetime = now() - interval '2 hours',
                         completeddatetime = now() - interval '2 hours'"
}

# A moment ago, so that what comes now came later.
is_past() { await sql_true "SELECT $1 < now() - interval '50 ms' FROM jobs"; }

cleanup_says() {
    rm -f "$LOG"
    expect_status "$1" cleanup_jobs "${@:3}"
    log_has "\"$id\": $2"
}

a_day_passes() {
    sql "UPDATE jobs SET missingdatetime = missingdatetime - interval '24 hours',
                         completeddatetime = completeddatetime - interval '24 hours'"
}

# --- new ctimes

# The only link is a date link, which priority does not find by an id.
date_link_left() {
    id=$(crash --without name-link)
    expect_status 0 priority "$id"
    finish "$id" true
    is_past completeddatetime
}

@test "a copy to another disk that fails leaves the original as it is" {
    elsewhere
    date_link_left
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ELSEWHERE|" "$CONF"
    pair=$(place "$SPOOL" "$id")
    state() { stat -c '%a %Z %z' "$pair".*; }
    before=$(state)
    EXEC='strace -f -qq -o /dev/null -e trace=sendfile -e inject=sendfile:error=ENOSPC'
    $EXEC true 2>/dev/null || skip "no strace here"
    expect_status 74 cleanup_jobs
    EXEC=
    equal "$(state)" "$before"
    cleans
    pair_is_whole "$ELSEWHERE" 20081225 "$id"
}

# --- times that are still to come

@test "what comes to the place of a crash that was queued and finished at a time to come is not it" {
    for to in --batch-size=1000 --save-successful-minidumps-to=; do
        id=$(crash)
            expect_status 0 scan
        finish "$id" true
        sql "SET LOCAL session_replication_role = replica;
             UPDATE jobs SET queueddatetime = now() + interval '1 hour',
                 starteddatetime = now() + interval '1 hour', completeddatetime = now() + interval '1 hour'"
        again
        expect_status 0 scan
        log_has "\"$id\": left: it came after a processor had taken the job with its id"
        cleanup_says 1 'missing: its pair was not found' "$to"
        pair_is_whole "$SPOOL" 20081225 "$id"
        has_links "$id"
        sql "DELETE FROM jobs"
    done
}
