#!/usr/bin/env bats
# repair_rows.bats - crashmon-cleanup --repair: unfinished jobs whose pair is not in the spool.
# shellcheck disable=SC2154,SC2086 # bats sets status and output; one word an id
load ../helper
load repair
load refused

# The pairs of all jobs have been missing for so long.
missing_for_a_day() { sql "UPDATE jobs SET missingdatetime = now() - interval '24 hours'"; }

message="crashmon: its pair is neither in the spool nor in long-term storage"

@test "an unfinished job whose pair is nowhere fails with a message, and its row stays" {
    id=$(nowhere) begun=$(nowhere)
    waiting "$id" "$begun"
    sql "UPDATE jobs SET starteddatetime = '2008-12-25' WHERE uuid = '$begun'"
    finds repair_rows nowhere "$id" nowhere "$begun"
    summary "seen 2: failed 2"
    sql_is "SELECT DISTINCT success, message, completeddatetime IS NULL, starteddatetime IS NULL FROM jobs" \
        "f|$message|f|f"
    sql_is "SELECT starteddatetime::date FROM jobs WHERE uuid = '$begun'" 2008-12-25
    finds repair_rows
}

@test "a mark that no root has any more does not say that the pair is in another root" {
    id=$(nowhere)
    waiting "$id"
    sql "UPDATE jobs SET root = gen_random_uuid()"
    finds repair_rows nowhere "$id"
    summary "seen 1: failed 1"
}

# A repair, of which a dry run lists $id and changes nothing, says this.
repair_says() {
    local before
    before=$(everything)
    expect_status 1 repair_rows --dry-run
    equal "${output% *}" "nowhere $id"
    equal "$(everything)" "$before"
    rm -f "$LOG"
    expect_status 1 repair_rows
    log_has "\"$id\": $1"
}

@test "a day whose disk is away fails no job, and one that was back is missing anew" {
    disk "$SPOOL/20081225" size=1m
    id=$(crash --without links)
    waiting "$id"
    cp -a "$SPOOL/20081225" "$BATS_TEST_TMPDIR/away"
    umount "$SPOOL/20081225"
    repair_says "missing: its pair was not found, and its day is empty (is it mounted?); its job stays for 24 hours"
    [[ $output == *" ERROR - \"$id\": missing"* ]] || fail "$output"
    repair_says "left: its pair has been missing for less than 24 hours; its job stays"
    missing_for_a_day
    mount -t tmpfs tmpfs "$SPOOL/20081225"
    cp -a "$BATS_TEST_TMPDIR/away/." "$SPOOL/20081225"
    finds repair_rows
    summary "seen 0"
    sql_is "SELECT success IS NULL, missingdatetime IS NULL FROM jobs" "t|t"
    umount "$SPOOL/20081225"
    repair_says missing
    sql "SELECT crashmon.take_jobs(1, 1); SELECT crashmon.job_failed(id, 'no') FROM jobs"
    missing_for_a_day
    sql "SELECT crashmon.retry('-infinity')"
    repair_says missing
    missing_for_a_day
    repair_says "failed: its pair was not found"
    mount -t tmpfs tmpfs "$SPOOL/20081225"
}

@test "nor does the day of the id of a job that does not say where its pair is; what is hidden is no sign of a disk" {
    id=$(crash --without links)
    waiting "$id"
    rm -r "$SPOOL/20081225"
    mkdir -p "$SPOOL/20081225/.snapshot" "$SPOOL/20081226"
    for path in pathname "''"; do
        sql "UPDATE jobs SET missingdatetime = NULL, pathname = $path"
        repair_says "missing: its pair was not found, and its day is empty (is it mounted?); its job stays for 24 hours"
    done
}

@test "nor does one of long-term storage, to which the pair may have been moved" {
    disk "$ARCHIVE/20081225" size=1m
    id=$(crash --without links)
    ended true "$id"
    cleans
    waiting "$id"
    cp -a "$ARCHIVE/20081225" "$BATS_TEST_TMPDIR/away"
    umount "$ARCHIVE/20081225"
    repair_says "missing: its pair was not found, and its day in long-term storage is empty (is it mounted?); its job stays for 24 hours"
    mount -t tmpfs tmpfs "$ARCHIVE/20081225"
    cp -a "$BATS_TEST_TMPDIR/away/." "$ARCHIVE/20081225"
    finds repair_rows archived "$id"
    sql_is "SELECT success IS NULL, missingdatetime IS NULL FROM jobs" "t|t"
}

@test "a job whose pair is in either root, on whatever day, in whole or in part, is left alone" {
    ids=$(crash --without links; crash --root "$DEFERRED"; collect --day 20081227 --id-day 081225
          crash --id-day none --depth 4; crash --without json --without links)
    marked
    waiting $ids
    before=$(everything | grep -v "^runs|")
    finds repair_rows
    equal "$(everything | grep -v "^runs|")" "$before"
}

@test "a pair that is in long-term storage is listed, there alone or in the spool, too" {
    there=$(crash --root "$ARCHIVE" --without links) failed=$(crash --root "$FAILED" --without links)
    twice=$(crash --without links)
    cp -r "$SPOOL/20081225" "$ARCHIVE"
    waiting "$there" "$failed" "$twice"
    before=$(disk_state; sql "SELECT * FROM jobs")
    finds repair_rows archived "$there" archived "$failed" twice "$twice"
    summary "seen 3: left 3"
    equal "$(disk_state; sql "SELECT * FROM jobs")" "$before"
}

@test "finished jobs, young ones, those of other storages and what is not a crash id are not its business" {
    ids=$(nowhere 5)
    waiting $ids
    read -r -d '' -a id <<<"$ids" || true
    finish "${id[0]}" true
    finish "${id[1]}" false
    sql "UPDATE jobs SET queueddatetime = now() WHERE uuid = '${id[2]}';
         UPDATE jobs SET storage = 'two' WHERE uuid = '${id[3]}';
         UPDATE jobs SET uuid = 'no id' WHERE uuid = '${id[4]}'"
    finds repair_rows
}

@test "a job from another root is listed, as its pair may be there" {
    id=$(nowhere)
    waiting "$id"
    sql "UPDATE jobs SET pathname = '/elsewhere/$id.json'"
    finds repair_rows nowhere "$id"
    summary "seen 1: left 1"
    log_has "\"$id\": left: it was queued from another root"
    sql_is "SELECT success IS NULL FROM jobs" t
}

@test "a job is listed, with the reason, that cannot be looked for: its root is not set, or several pairs" {
    id=$(crash --root "$DEFERRED")
    expect_status 0 priority "$id"
    several=$(crash --without links)
    cp -a "$SPOOL/20081225" "$SPOOL/20081226"
    waiting "$several"
    sql "UPDATE jobs SET queueddatetime = now() - interval '1 hour', pathname = ' ' WHERE uuid = '$several';
         UPDATE jobs SET queueddatetime = now() - interval '1 hour'"
    without_deferred() { repair_rows --deferred-storage-root= "$@"; }
    finds without_deferred unknown "$id" unknown "$several"
    expect_status 1 without_deferred --dry-run
    [[ $output == *"unknown $id "*": it was queued from a root that is not set in this run"* ]] ||
        fail "$output"
    [[ $output == *"unknown $several "*": several pairs have its id"* ]] || fail "$output"
}

@test "where a place cannot be searched (74, 77) nothing is concluded" {
    waiting "$(nowhere)"
    mv "$FAILED" "$FAILED.away"
    expect_status 74 cleanup_jobs --repair "$AGE"
    [[ $output == *"cannot open long-term storage \"$FAILED\""*"nothing was done"* ]] || fail "$output"
    mv "$FAILED.away" "$FAILED"
    sql_is "SELECT success IS NULL FROM jobs" t
    cleanup_jobs --adopt >/dev/null
    rmdir "$SPOOL/20000101"
    expect_status 74 cleanup_jobs --repair "$AGE"
    [[ $output == *"holds no day at all"* ]] || fail "$output"
    sql_is "SELECT success IS NULL FROM jobs" t
}

@test "while a day cannot be searched (77) every job that may lie there is told, and none fails" {
    blind=$(crash --without links) id=$(nowhere)
    waiting "$blind" "$id"
    as_a_user
    chmod 0 "$SPOOL/20081225/name"
    expect_status 77 cleanup_jobs --repair "$AGE"
    [[ $output == *"\"$id\": cannot look for it in \"$SPOOL/20081225\""* ]] || fail "$output"
    summary "seen 2: left 2"
    sql_is "SELECT count(*) FROM jobs WHERE success IS NULL" 2
}

@test "a row that somebody has locked is passed over, and told so" {
    waiting "$(nowhere)"
    session "BEGIN; SELECT FROM jobs FOR UPDATE" >/dev/null
    expect_status 1 cleanup_jobs --repair "$AGE"
    summary "seen 1: left 1"
    log_has ": left: its row is locked"
    session ROLLBACK
}

@test "the row of a pair that is there again is no finding, even if somebody has locked it" {
    waiting "$(crash --without links)"
    missing_for_a_day
    session "BEGIN; SELECT FROM jobs FOR UPDATE" >/dev/null
    expect_status 0 repair_rows
    summary "seen 0"
    session ROLLBACK
    finds repair_rows
    sql_is "SELECT missingdatetime FROM jobs" ''
}

# Brings a repair to where it has looked at the rows and the files, and is about to do so again.
in_the_middle() {
    session "BEGIN; LOCK TABLE jobs IN EXCLUSIVE MODE"
    background cleanup_jobs --repair "$AGE"
    # It waits for a tenth of a second, which whoever looks from outside may miss.
    session "DO 'BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))) LOOP
                 PERFORM pg_sleep(0.002); END LOOP; END'"
}

@test "a row that changes in the middle is left alone" {
    for change in "UPDATE jobs SET success = true" "UPDATE jobs SET starteddatetime = now()" \
        "UPDATE jobs SET priority = 1" "DELETE FROM jobs"; do
        sql "DELETE FROM jobs"
        waiting "$(nowhere)"
        in_the_middle
        session "$change"
        changed=$(session "SELECT to_jsonb(jobs) FROM jobs")
        session COMMIT
        background_ends 0
        summary "seen 0"
        equal "$(sql "SELECT to_jsonb(jobs) FROM jobs")" "$changed"
    done
}

@test "a pair that comes back in the middle is not nowhere" {
    id=$(crash --without links)
    waiting "$id"
    mv "$SPOOL/20081225" "$SPOOL/away"
    in_the_middle
    mv "$SPOOL/away" "$SPOOL/20081225"
    session COMMIT
    background_ends 0
    sql_is "SELECT success IS NULL FROM jobs" t
}

@test "many rows in batches, up to --limit; one that the server refuses, or sleeps over, keeps no others back" {
    waiting $(nowhere 11) $(crash --count 9 --without links)
    expect_status 1 cleanup_jobs --repair "$AGE" --batch-size=4 --limit=4
    sql_is "SELECT count(*) FROM jobs WHERE NOT success" 4
    first=$(sql "SELECT uuid FROM jobs WHERE success IS NULL ORDER BY id LIMIT 1")
    at UPDATE jobs "$(raises P0001)" "$first"
    expect_status 1 cleanup_jobs --repair "$AGE" --batch-size=4
    accept
    sql_is "SELECT count(*) FROM jobs WHERE NOT success" 10
    named "$first"
    at UPDATE jobs "PERFORM pg_sleep(30)" "$first"
    within 5 expect_status 69 cleanup_jobs --repair "$AGE" --batch-size=4
    accept
    expect_status 1 cleanup_jobs --repair "$AGE" --batch-size=4
    sql_is "SELECT count(*) FROM jobs WHERE success IS NULL" 9
}

@test "a failed job goes the way of all failed jobs: cleanup reports it as missing" {
    waiting "$(nowhere)"
    expect_status 1 repair_rows
    expect_status 1 cleanup_jobs
    summary "seen 1: missing 1"
}

@test "killed before any statement, a repair is finished by the next one" {
    strace -o "$BATS_TEST_TMPDIR/trace" true 2>/dev/null || skip "no strace here"
    for ((number = 1; number < 60; number++)); do
        empty_tables
        processor p1 >/dev/null
        waiting $(nowhere 2) "$(crash --without links)"
            EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=sendto -e inject=sendto:signal=KILL:when=$number" \
            run cleanup_jobs --repair "$AGE"
        killed=$status
        run cleanup_jobs --repair "$AGE" --lock-wait=00:00:10
        [[ $status == [01] ]] || fail "$number: $status" "$output"
        sql_is "SELECT count(*), count(success), bool_or(success) FROM jobs" "3|2|f"
        ((killed == 137)) || break
    done
    ((number > 5)) || fail "$number kills"
}
