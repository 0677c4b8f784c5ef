#!/usr/bin/env bats
# The views that crashmon offers to monitoring scripts and to people.
load ../helper
load jobs

@test "queue: each storage's jobs by state, one row for each job in one column" {
    alpha=$(processor alpha)
    job 1 "$alpha"
    job 2 "$alpha" priority=1
    job 3 "$alpha" starteddatetime='now()' priority=1
    job 4 "$alpha" starteddatetime='now()' success=true
    job 5 "$alpha" starteddatetime='now()' success=false
    job 6 "$alpha" starteddatetime='now()' success=false "storage='west'"
    sql_is "SELECT storage, waiting, with_priority, started, succeeded, failed,
                   extract(hour FROM oldest_waiting)
            FROM crashmon.queue ORDER BY storage" $'main|2|1|1|1|1|23\nwest|0|0|0|0|1|'
}

@test "queue: an empty queue is a row of zeros where a program has run" {
    sql_is "SELECT count(*) FROM crashmon.queue" 0
    ran crashmon-scan 300 300
    sql_is "SELECT * FROM crashmon.queue" "main|0|0|0|0|0|||"
}

@test "queue: for how long the oldest has been with a processor, and has been finished" {
    job 1 NULL "starteddatetime=now() - interval '2 hours'"
    job 2 NULL "starteddatetime=now() - interval '3 hours'"
    job 3 NULL success=false "starteddatetime=now() - interval '9 hours', completeddatetime=now() - interval '4 hours'"
    job 4 NULL success=true "completeddatetime=now() - interval '1 hour'"
    sql_is "SELECT extract(hour FROM oldest_started), extract(hour FROM oldest_finished) FROM crashmon.queue" '3|4'
}

@test "started_jobs: what is with a processor, for how long, and when that was seen" {
    alpha=$(processor alpha 120)
    job 1 "$alpha"
    job 2 "$alpha" "starteddatetime=now() - interval '2 hours'"
    job 3 NULL "starteddatetime='-infinity'" "storage='west'"
    job 4 "$alpha" starteddatetime='now()' success=true
    sql_is "SELECT uuid, storage, processor, extract(hour FROM started_for), extract(minute FROM last_seen)
            FROM crashmon.started_jobs ORDER BY id" "$(id 2)|main|alpha|2|2"$'\n'"$(id 3)|west|||"
}

@test "recent_outcomes: how many crashes were quarantined lately, and when the last ones were" {
    ran crashmon-scan 600 300 "outcomes='{\"queued\": 3, \"already_queued\": 1}'"
    ran crashmon-scan 7200 300 "outcomes='{\"queued\": 5, \"quarantined\": 2}'"
    ran crashmon-scan 700000 300 "outcomes='{\"quarantined\": 7}'" "storage='west'"
    ran crashmon-cleanup 10 300
    sql_is "SELECT storage, program, outcome, last_hour, last_day, last_week, latest < now() - interval '1 hour'
            FROM crashmon.recent_outcomes ORDER BY 1, 3" \
        $'main|crashmon-scan|already queued|1|1|1|f\nmain|crashmon-scan|quarantined|0|2|2|t\nmain|crashmon-scan|queued|3|8|8|f\nwest|crashmon-scan|quarantined|0|0|0|t'
}

@test "recent_quarantine: for what reasons crashes were quarantined lately, in the runs of all programs" {
    processor p1
    crash --count 2 --without dump --age 100000 >/dev/null
    crash --without json --age 100000 >/dev/null
    expect_status 1 scan
    sql_is "SELECT outcomes->>'quarantined', reasons FROM crashmon.runs" '3|{".dump is missing": 2, ".json is missing": 1}'
    ran crashmon-cleanup 90000 300 "reasons='{\".dump is missing\": 4}'"
    sql_is "SELECT storage, program, reason, last_hour, last_day, last_week FROM crashmon.recent_quarantine ORDER BY 2, 3" \
        $'main|crashmon-cleanup|.dump is missing|0|0|4\nmain|crashmon-scan|.dump is missing|2|2|2\nmain|crashmon-scan|.json is missing|1|1|1'
}

@test "retire_storage: forgets a storage without jobs and without a run at work, and no other" {
    ran crashmon-scan 600 300
    ran crashmon-scan 600 300 "storage='west'"
    sql "INSERT INTO crashmon.storages (storage, place, identity, path, host)
         VALUES ('main', 'storage', gen_random_uuid(), '/', 'x'), ('west', 'storage', gen_random_uuid(), '/w', 'x')"
    job 1 NULL "storage='west'"
    sql_is "SELECT crashmon.retire_storage('west')" 'has jobs'
    sql "DELETE FROM jobs"
    lock crashmon-cleanup west
    sql_is "SELECT crashmon.retire_storage('west')" 'at work'
    unlock crashmon-cleanup west
    sql_is "SELECT crashmon.retire_storage('east')" unknown
    sql_is "SELECT count(*) FROM crashmon.storages" 2
    sql_is "SELECT crashmon.retire_storage('west')" retired
    sql_is "SELECT s.storage, r.storage FROM crashmon.storages AS s, crashmon.runs AS r" 'main|main'
}

@test "processor_state: age, load and priority table of each, and the jobs of nobody" {
    alpha=$(processor alpha 120) beta=$(processor beta)
    makes_priority_table "$alpha"
    job 1 "$alpha"
    job 2 "$alpha" starteddatetime='now()'
    job 3 "$alpha" starteddatetime='now()' success=true
    job 4 NULL
    sql_is "SELECT id, name, extract(minute FROM last_seen), unfinished, started, has_priority_table
            FROM crashmon.processor_state ORDER BY id" \
        $'1|alpha|2|2|1|t\n2|beta|0|0|0|f\n|||1|0|f'
}

# A run in the books: ran PROGRAM AGE INTERVAL [COLUMN=VALUE...], times in seconds; it has ended.
ran() {
    local set statements
    statements="INSERT INTO crashmon.runs
                    (program, storage, host, pid, started, next_due, ended, exit_code)
                SELECT '$1', 'main', 'host1', 4711, began, began + $3 * interval '1 s', began, 0
                FROM (SELECT now() - $2 * interval '1 s' AS began) AS t;"
    shift 3
    for set in "$@"; do
        statements+="UPDATE crashmon.runs SET $set
                     WHERE id = currval('crashmon.runs_id_seq');"
    done
    sql "$statements"
}

@test "locks: holder, host and process of a run, by the name of its storage" {
    session "SET application_name = 'crashmon-scan'"
    lock crashmon-scan main
    backend=$(session "SELECT pg_backend_pid()")
    ran crashmon-scan 0 300 ended=NULL "backend=$backend" 'started=clock_timestamp()'
    ran crashmon-cleanup 0 300 ended=NULL "backend=$backend" 'started=clock_timestamp()'
    sql_is "SELECT program, storage, backend, host, pid, application_name, since = started
            FROM crashmon.locks" "crashmon-scan|main|$backend|host1|4711|crashmon-scan|t"
    session "SELECT pg_advisory_unlock_all()"
    sql_is "SELECT count(*) FROM crashmon.locks" 0
}

@test "locks: a killed run of another session with the same process id is not the holder" {
    lock crashmon-scan main
    ran crashmon-scan 86400 300 ended=NULL "backend=$(session "SELECT pg_backend_pid()")"
    sql_is "SELECT storage, host, pid FROM crashmon.locks" "main||"
}

@test "locks: a holder that is no run shows, with the storage's name if a run or a job bears it" {
    session "SET application_name = 'somebody'"
    lock crashmon-cleanup main
    sql_is "SELECT program, storage, host, application_name, since IS NOT NULL
            FROM crashmon.locks" "crashmon-cleanup|||somebody|t"
    job 1 NULL
    sql_is "SELECT storage FROM crashmon.locks" main
    sql "DELETE FROM jobs"
    ran crashmon-scan 600 300
    sql_is "SELECT storage FROM crashmon.locks" main
}

@test "locks: any key, negative too, and nobody else's locks" {
    for storage in a b c d e f g h; do
        lock crashmon-priority $storage
        sql "INSERT INTO jobs (pathname, uuid, storage) VALUES ('', '$storage', '$storage')"
    done
    sql_true "SELECT bool_or(hashtext(storage) < 0) FROM jobs"
    session "SELECT pg_advisory_lock(1, 2), pg_advisory_lock(3)"
    sql_is "SELECT string_agg(storage, '' ORDER BY storage) FROM crashmon.locks
            WHERE program = 'crashmon-priority'" abcdefgh
    sql_is "SELECT count(*) FROM crashmon.locks" 8
}

@test "locks: those of another database do not show" {
    PGDATABASE=postgres lock crashmon-scan main
    sql_is "SELECT count(*) FROM crashmon.locks" 0
}

@test "last_runs: the latest run of each program" {
    ran crashmon-scan 900 300 exit_code=75
    ran crashmon-scan 200 300 exit_code=1 seen=3 "outcomes='{\"queued\": 2, \"left\": 1}'"
    ran crashmon-cleanup 60 300
    sql_is "SELECT program, storage, exit_code, seen, outcomes->>'queued', overdue, running
            FROM crashmon.last_runs ORDER BY program" \
        $'crashmon-cleanup|main|0|||f|f\ncrashmon-scan|main|1|3|2|f|f'
}

@test "last_runs: overdue once the next run is late by more than one interval" {
    ran crashmon-scan 590 300
    ran crashmon-cleanup 610 300
    sql_is "SELECT program FROM crashmon.last_runs WHERE overdue" crashmon-cleanup
}

@test "last_runs: a run at work is not overdue, nor is the next one as soon as it has ended" {
    lock crashmon-scan main
    ran crashmon-scan 7200 300 ended=NULL "backend=$(session "SELECT pg_backend_pid()")"
    sql_is "SELECT running, killed, overdue FROM crashmon.last_runs" 't|f|f'
    sql "UPDATE crashmon.runs SET ended = now() - interval '299 s'"
    sql_is "SELECT running, killed, overdue FROM crashmon.last_runs" 'f|f|f'
    sql "UPDATE crashmon.runs SET ended = now() - interval '301 s'"
    sql_is "SELECT overdue FROM crashmon.last_runs" t
}

@test "last_runs: running while its session holds the lock; without an end it was killed" {
    lock crashmon-scan other
    ran crashmon-scan 10 300 ended=NULL exit_code=NULL \
        "backend=$(session "SELECT pg_backend_pid()")"
    sql_is "SELECT running, killed FROM crashmon.last_runs" 'f|t'
    lock crashmon-scan main
    sql_is "SELECT running, killed FROM crashmon.last_runs" 't|f'
    session_end
    await sql_true "SELECT NOT running AND killed FROM crashmon.last_runs"
}

@test "times without an end break no view" {
    alpha=$(processor alpha)
    sql "INSERT INTO jobs (pathname, uuid, owner, queueddatetime)
         VALUES ('/x', 'a', $alpha, 'infinity'), ('/x', 'b', $alpha, '-infinity'),
                ('/x', 'c', $alpha, now() - interval '1 hour')"
    sql "UPDATE jobs SET starteddatetime = '-infinity', completeddatetime = 'infinity', success = true
         WHERE uuid = 'b'"
    sql "UPDATE processors SET startdatetime = 'infinity', lastseendatetime = '-infinity'"
    sql_is "SELECT waiting, oldest_waiting BETWEEN '59 min' AND '61 min' FROM crashmon.queue" "2|t"
    sql_is "SELECT name, last_seen, unfinished FROM crashmon.processor_state" "alpha||2"
    run ! sql "UPDATE processors SET storages = ARRAY(SELECT 'storage ' || n FROM generate_series(1, 10000) AS n)"
    [[ $output == *processors_storages* ]] || fail "$output"
    sql "UPDATE processors SET lastseendatetime = '-infinity'"
    processor beta
    expect_status 0 scan
    sql_is "SELECT name FROM processors" beta
}

@test "runs with times ahead or without an end hide no others, and nobody's silence" {
    ran crashmon-scan 700 300
    for times in "started=now() + interval '1 day'" "started='infinity'" "started='-infinity'" "next_due='infinity'" "next_due='-infinity'" "ended='infinity'"; do
        ran crashmon-cleanup 700 300 "$times"
        ran crashmon-scan 7000 300 "$times"
    done
    sql_is "SELECT program, overdue FROM crashmon.last_runs" $'crashmon-cleanup|f\ncrashmon-scan|t'
    sql_is "SELECT crashmon.silent_since('1 minute') IS NULL" f
    processor alpha 100000
    expect_status 68 scan
    expect_status 0 scan --status
    [[ $output == *'Runs '*'crashmon-cleanup '*'crashmon-scan '* && $output != *Troubles* ]] || fail "$output"
    [[ $(scan --status --json) == *'"runs": [{"program": "crashmon-cleanup", '*', "due": null, "duration": null, '* ]] ||
        fail "$(scan --status --json)"
}

@test "what is said to happen in the future happens now: no processor is alive for ever, no job begun for ever" {
    alpha=$(processor alpha)
    for ahead in infinity '294276-12-31' tomorrow; do
        sql_is "UPDATE processors SET startdatetime = '$ahead', lastseendatetime = '$ahead'
                RETURNING startdatetime BETWEEN now() AND clock_timestamp(),
                          lastseendatetime BETWEEN now() AND clock_timestamp(), name, storages" "t|t|alpha|"
        sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x \"', '$ahead', $alpha)"
        sql_is "UPDATE jobs SET queueddatetime = '$ahead' WHERE uuid = '$ahead'
                RETURNING queueddatetime BETWEEN now() AND clock_timestamp(), starteddatetime, pathname" 't||/x "'
        sql_is "UPDATE jobs SET starteddatetime = '$ahead', completeddatetime = '2008-12-25 UTC' WHERE uuid = '$ahead'
                RETURNING starteddatetime BETWEEN now() AND clock_timestamp(), completeddatetime, attempts" \
            "t|2008-12-25 00:00:00+00|0"
        sql_is "UPDATE jobs SET completeddatetime = '$ahead', success = true WHERE uuid = '$ahead'
                RETURNING completeddatetime BETWEEN now() AND clock_timestamp(), starteddatetime < now(), id > 0" "t|t|t"
        sql_is "INSERT INTO priorityjobs VALUES ('$ahead', '$ahead')
                RETURNING uuid, requesteddatetime BETWEEN now() AND clock_timestamp()" "$ahead|t"
    done
    # The server's clock was ahead.
    sql "SET LOCAL session_replication_role = replica; UPDATE processors SET lastseendatetime = 'tomorrow'"
    sql "SELECT crashmon.heartbeat($alpha)"
    sql_true "SELECT lastseendatetime <= now() FROM processors"
    # The times of an earlier schema.
    sql "DROP TRIGGER not_ahead ON jobs; UPDATE jobs SET starteddatetime = 'infinity' WHERE uuid = 'tomorrow'"
    PGOPTIONS= psql -qX -f "$TESTS/../sql/schema.sql" -f "$TESTS/old_server.sql"
    sql_true "SELECT max(starteddatetime) <= now() FROM jobs"
}

@test "ids at the ends of their type, zero and below are ids like others" {
    for id in -2147483648 -1 0 2147483647; do
        sql "INSERT INTO processors (id, name) VALUES ($id, 'p$id')"
        sql "CREATE TABLE crashmon_priority.\"priority_jobs_$id\" (uuid text)"
        sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', 'u$id', $id)"
    done
    sql_is "SELECT count(*), bool_and(has_priority_table), sum(unfinished) FROM crashmon.processor_state" "4|t|4"
    sql_is "SELECT crashmon.fill_priority_tables(array_agg(owner), array_agg(uuid)) FROM jobs" ''
    for id in -2147483648 -1 0 2147483647; do
        sql_is "SELECT uuid FROM crashmon.take_jobs($id, 9)" "u$id"
    done
    sql "UPDATE processors SET lastseendatetime = now() - interval '1 day'"
    processor alive
    expect_status 0 scan
    sql_is "SELECT name FROM processors" alive
    sql_is "SELECT count(*) FROM pg_class WHERE relname ~ '^priority_jobs' AND relkind = 'r'" 0
}
