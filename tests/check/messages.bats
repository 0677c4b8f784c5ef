#!/usr/bin/env bats
# messages.bats - what is told can be acted on: who is missing, which places were searched, whom to end.
load ../helper

ID=22adfb61-f75b-11dc-b6be-001322081225

# --- no processor (68)

@test "68 says which processors there were, since when they are silent, and how many crashes wait" {
    crash --count 3 >/dev/null
    expect_status 68 scan
    [[ $output == *"no processor is alive, none is registered: nothing is queued, the spool stays as it is (new crashes there: 3)"* ]] ||
        fail "$output"
    p=$(processor 'host1 "a"' 3600)
    processor host2 7200 >/dev/null
    processor host3 400 >/dev/null
    processor host4 999999 >/dev/null
    sql "UPDATE processors SET lastseendatetime = '2008-12-25 12:00:00+00' WHERE id = $p;
         INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '$ID', $p)"
    expect_status 68 scan
    seen() { sql "SELECT date_trunc('second', lastseendatetime) FROM processors WHERE name = '$1'"; }
    [[ $output == *"no processor is alive (\"host3\" was last seen $(seen host3), \"host2\" was last seen $(seen host2), \"host4\" was last seen $(seen host4), 1 more; unfinished jobs: 1): nothing is queued"* ]] ||
        fail "$output"
    request "$(crash)"
    expect_status 68 priority
    [[ $output == *"no processor is alive (\"host3\" was last seen"*": requested crashes that are not queued, their requests stay: 1"* ]] ||
        fail "$output"
    sql "DELETE FROM jobs; DELETE FROM processors; SELECT crashmon.register_processor('b', '{b}');
         INSERT INTO jobs (pathname, uuid, owner) SELECT '/x', '$ID', id FROM processors"
    expect_status 68 scan
    [[ $output == *"no processor that serves this storage is alive (\"b\" serves others; unfinished jobs: 0)"* ]] ||
        fail "$output"
}

@test "68 counts the jobs of all processors that are silent, late ones too, and says what to do" {
    dead=$(processor dead 7200) late=$(processor late 400)
    sql "INSERT INTO jobs (pathname, uuid, owner)
         SELECT '/x', '0000000' || i || '-0000-0000-0000-000002081225',
                CASE WHEN i < 3 THEN $dead ELSE $late END
         FROM generate_series(1, 5) AS i"
    for run in scan priority "scan --dry-run"; do
        request "$(crash)"
        expect_status 68 $run
        [[ $output == *"; unfinished jobs: 5): "*"; start a processor for this storage"* ]] || fail "$run" "$output"
    done
    sql "UPDATE processors SET lastseendatetime = now(), storages = '{b}'"
    expect_status 68 scan
    [[ $output == *"; unfinished jobs: 0): "*"; start a processor for this storage"* ]] || fail "$output"
}

# --- requests

@test "of a crash that is nowhere it is told which places were searched" {
    request "$ID" 601
    expect_status 1 priority
    log_has "\"$ID\": given up: no pair for 10 min 0 s (it is in none of \"$SPOOL\", \"$DEFERRED\", \"$ARCHIVE\" and \"$FAILED\"); the request is removed"
    request "$ID"
    mkdir "$SPOOL/quarantine"
    sql "DELETE FROM crashmon.storages WHERE place = 'deferred'" # or it might be there
    run priority --deferred-storage-root=
    log_has "\"$ID\": left: it is in none of \"$SPOOL\", \"$ARCHIVE\", \"$FAILED\" and \"$SPOOL/quarantine\""
}

@test "a crash that is archived is done: its request is removed" {
    processor p1 >/dev/null
    id=$(collect --day 20081225 --without links)
    for success in true false; do
        ended "$success" "$id"
        cleans
        request "${id^^}"
        expect_status 0 priority
        log_has "\"${id^^}\": finished: it has been archived in \"$ARCHIVE\""
        equal "$(requested)" ""
        mv "$(place "$ARCHIVE" "$id")".* "$(dirname "$(place "$SPOOL" "$id")")" 2>/dev/null || true
    done
    log_has "\"${id^^}\": finished: it has been archived in \"$FAILED\""
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "of a crash that is in quarantine it is told where" {
    processor p1 >/dev/null
    id=$(collect --day 20081224 --without dump)
    scan --incomplete-age=00:00:00 --settle-time=00:00:00 || true
    [[ -e $SPOOL/quarantine/20081224/$id/reason ]]
    request "$id"
    priority || true
    log_has "\"$id\": left: it is in quarantine: \"$SPOOL/quarantine/20081224/$id\""
    equal "$(requested)" "$id"
    requests 601 "$id"
    sql "UPDATE priorityjobs SET requesteddatetime = now() - interval '601 s'"
    expect_status 1 priority
    log_has "given up: no pair for 10 min 0 s (it is in quarantine: \"$SPOOL/quarantine/20081224/$id\"); the request is removed"
    [[ $(<"$LOG") != *"none of"* ]]
}

@test "who may not look into long-term storage is told, and waits no longer" {
    [[ $(id -u) == 0 ]] || skip "only root can become another user"
    request "$ID" 601
    marked
    as_a_user
    chown 0 "$ARCHIVE"
    chmod 700 "$ARCHIVE"
    expect_status 1 priority
    log_has "given up: no pair for 10 min 0 s (it is in neither root, but may be elsewhere: "
    log_has "\"$ARCHIVE\": Permission denied"
}

@test "an id in capitals is the same crash for a person who asks, and one in small letters, too" {
    p=$(processor p1)
    id=$(crash)
    expect_status 0 priority "${id^^}"
    sql_is "SELECT uuid, priority FROM jobs" "$id|1"
    equal "$(requested)" ""
    no_links "$id"
    sql "UPDATE jobs SET priority = 0"
    sql_is "SELECT crashmon.request_crash('${id^^}'), crashmon.crash_state('${id^^}')" "t|queued"
    expect_status 0 priority
    sql_is "SELECT priority FROM jobs" 1
    equal "$(requested)" ""
    sql_is "SELECT crashmon.crash_state('${id^^}'), crashmon.crash_state('${id:0:4}${id:4:4}${id:8}')" "queued|queued"

    id=${ID^^}
    mkdir -p "$(dirname "$(place "$SPOOL" "$id")")"
    echo '{}' >"$(place "$SPOOL" "$id").json"
    echo MDMP >"$(place "$SPOOL" "$id").dump"
    touch -d '1 hour ago' "$(place "$SPOOL" "$id")".*
    expect_status 0 priority "$ID"
    sql_is "SELECT uuid, priority FROM jobs WHERE uuid ILIKE '$ID'" "$id|1"
    sql_is "SELECT crashmon.crash_state('$ID')" queued
}

# --- the server

@test "in a log that programs share it is told whose error it was that came before the lock" {
    PGPORT=1 expect_status 69 priority
    tail -n 1 "$LOG" | grep -qE ' INFO - crashmon-priority, storage main, process [0-9]+: exit code 69 after ' ||
        fail "$(<"$LOG")"
}

@test "a connection that is lost is told once, with what happens now" {
    processor p1 >/dev/null
    crash --count 5 >/dev/null
    held scan
    sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'crashmon-scan'"
    session COMMIT
    background_ends 69
    [[ $output == *"; the batch stays for the next run" ]] || fail "$output"
    equal "$(grep -c 'terminating connection' "$LOG")" 1
    log_has 'the end of this run is not recorded, as the connection is lost'
}

@test "with several hosts it is told why each could not be reached" {
    PGHOST=127.0.0.1,/nonexistent PGPORT=1,2 expect_status 69 scan
    [[ $output == *'"127.0.0.1", port 1 failed: Connection refused; '*'"/nonexistent/.s.PGSQL.2" failed: No such file or directory; nothing was done' ]] ||
        fail "$output"
}

@test "of a lock that no run holds it is told how to end its session" {
    lock crashmon-scan >/dev/null
    backend=$(session "SELECT pg_backend_pid()")
    expect_status 75 scan
    log_has "database session $backend, "
    log_has "of role \"$(sql "SELECT current_user")\", which is no run; it can be ended by SELECT pg_terminate_backend($backend), as a superuser or a member of that role; nothing was done"
}

@test "what is said of a number is right for one, too: a count stands behind a colon" {
    run grep -nE '"[^"]*%(l|ll|z)?[du] [a-z]+s([^a-z]|$)' "$TESTS"/../{pgc/*.{c,pgc},src/*/*.c}
    output=$(grep -vE '%d (crashes in a row|minutes|characters|bytes)' <<<"$output" || true)
    equal "$output" ''
}

@test "a crash that cannot be moved to quarantine: the directory is named that does not let it go" {
    processor p1
    id=$(crash --age 100000)
    rm "$(place "$SPOOL" "$id").json"
    its_directory=$(dirname "$(place "$SPOOL" "$id")")
    chattr +i "$its_directory" 2>/dev/null || skip "no chattr here"
    run scan
    chattr -i "$its_directory"
    equal "$status" 77
    [[ $output == *"cannot quarantine \"$id\": cannot move it to \"$SPOOL/quarantine\" from \"$its_directory\": "* ]] ||
        fail "$output"
    expect_status 1 scan
}
