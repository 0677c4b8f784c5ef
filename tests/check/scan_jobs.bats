#!/usr/bin/env bats
# scan_jobs.bats - what crashmon-scan does to jobs that are begun too long or too often, which
# processors get jobs, and when they count as dead.
load ../helper
load jobs

# Jobs of a processor that has begun them, so many minutes ago: begun OWNER MINUTES NUMBER...
begun() {
    local owner=$1 minutes=$2
    shift 2
    for number; do job "$number" "$owner" starteddatetime="now() - interval '$minutes min'"; done
}

attempts() { sql "SELECT string_agg(attempts::text, ' ' ORDER BY uuid) FROM jobs"; }

# --- attempts

@test "a crash that ends each processor which takes it fails after five attempts, and goes where failed ones go" {
    id=$(crash)
    processor p1 >/dev/null
    expect_status 0 scan
    for attempt in 1 2 3 4 5; do
        sql "SELECT uuid FROM crashmon.take_jobs(1, 1)" >/dev/null
        sql "SELECT crashmon.register_processor('p1')" >/dev/null
        if ((attempt < 5)); then expect_status 0 scan; fi
    done
    sql "SELECT uuid FROM crashmon.take_jobs(1, 1)" >/dev/null # and again
    expect_status 1 scan
    log_has "WARNING - \"$id\": failed: no processor has finished it; attempts: 5"
    log_has "seen 1: failed 1"
    sql_is "SELECT success, message FROM jobs" "f|no processor has finished it; attempts: 5"
    sql_is "SELECT crashmon.job_succeeded(1)" f
    expect_status 0 cleanup_jobs
    pair_is_whole "$FAILED" 20081225 "$id"
}

@test "a job tells how often it was begun, which may be more than enough" {
    id=$(crash)
    processor p1 >/dev/null
    expect_status 0 scan
    for attempt in 1 2 3 4 5 6; do
        sql "SELECT uuid FROM crashmon.take_jobs(1, 1)" >/dev/null
        sql "SELECT crashmon.register_processor('p1')" >/dev/null
    done
    expect_status 1 scan
    log_has "\"$id\": failed: no processor has finished it; attempts: 6"
    sql_is "SELECT message FROM jobs" "no processor has finished it; attempts: 6"
    sql "UPDATE jobs SET success = NULL, starteddatetime = now() - interval '25 hours'"
    expect_status 1 scan
    log_has "\"$id\": failed: no processor has finished it; attempts: 7"
    sql_is "SELECT message FROM jobs" "no processor has finished it; attempts: 7"
}

@test "the attempts of a job are counted when its owner is dead, too" {
    begun "$(processor p1 7200)" 10 1
    processor p2 >/dev/null
    scan
    equal "$(attempts)" 1
    sql "UPDATE jobs SET attempts = 2, starteddatetime = now();
         UPDATE processors SET lastseendatetime = now() - interval '1 hour'"
    processor p3 >/dev/null
    expect_status 1 scan --maximum-attempts=3
    sql_is "SELECT success, attempts FROM jobs" "f|3"
}

@test "a dry run tells which jobs of a dead processor fail, and with how many attempts" {
    processor p1 >/dev/null
    dead=$(processor dead 7200)
    begun="starteddatetime=now()"
    job 1 "$dead" attempts=4 "$begun"
    job 2 "$dead" attempts=3 "starteddatetime=now() - interval '3 days'"
    job 3 "$dead" attempts=4
    job 4 "$dead" attempts=5 "$begun"
    job 5 NULL attempts=4 "$begun"
    run scan --dry-run --batch-size=1
    announced=$(grep -E '": failed|begun' <<<"$output" | sort)
    expect_status 1 scan
    equal "$announced" "$(grep -E '": failed|begun' "$LOG" | sed 's/.* - //' | sort)"
    equal "$announced" "$(for number in 1 4 5; do
        echo "\"$(id $number)\": failed: no processor has finished it; attempts: $((number == 4 ? 6 : 5))"
    done)"
}

@test "a job that was begun a day ago by a living processor waits again, which is an attempt" {
    p=$(processor p1)
    begun "$p" 1439 1
    begun "$p" 1441 2
    job 3 "$p"
    job 4 "$p" starteddatetime="now() - interval '2 days'" success=false
    expect_status 0 scan
    sql_is "SELECT string_agg(id::text, ' ' ORDER BY id) FROM jobs WHERE starteddatetime IS NULL" "2 3"
    equal "$(attempts)" "0 1 0 0"
    log_has "WARNING - the job of \"$(id 2)\" was begun more than 24:00:00 ago: it waits again, after attempt 1 of 5"
    equal "$(take "$p" 9)" 2
    sql "UPDATE jobs SET starteddatetime = now() WHERE id = 3"
    expect_status 0 scan --job-timeout=00:00:00
    sql_is "SELECT count(starteddatetime) FROM jobs" 4
    sql "UPDATE jobs SET starteddatetime = now() - interval '1 minute', attempts = 4 WHERE id = 2"
    expect_status 1 scan --job-timeout=00:00:30
    sql_is "SELECT success, starteddatetime IS NULL, id FROM jobs ORDER BY id" $'|t|1\nf|f|2\n|f|3\nf|f|4'
}

@test "a job that is locked is passed over at once, one that the server does not let fail keeps no other" {
    p=$(processor p1)
    for number in 1 2 3; do job $number "$p" attempts=7; done
    session "BEGIN; SELECT FROM jobs WHERE id = 1 FOR UPDATE"
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''not %'', NEW.uuid; END';
         CREATE TRIGGER refuse BEFORE UPDATE ON jobs FOR EACH ROW WHEN (NEW.id = 2)
             EXECUTE FUNCTION refuse()"
    expect_status 1 scan
    session "ROLLBACK"
    sql_is "SELECT id FROM jobs WHERE success" ''
    sql_is "SELECT string_agg(id::text, ' ') FROM jobs WHERE NOT success" 3
    log_has "\"$(id 1)\": left: its row is locked, or has changed since it was found to have had too many attempts"
    log_has "seen 3: left 2, failed 1"
}

@test "a job that was begun too long ago, and is locked, is told as left, and waits (0)" {
    p=$(processor p1)
    begun "$p" 1441 1
    session "BEGIN; SELECT FROM jobs FOR UPDATE" >/dev/null
    expect_status 0 scan
    session ROLLBACK
    log_has "\"$(id 1)\": left: its row is locked, or has changed since it was found to have been begun too long ago"
    log_has "seen 1: left 1; exit code 0"
    sql_is "SELECT starteddatetime IS NULL FROM jobs" f
}

@test "a dry run tells which jobs it would let fail or take back, and changes nothing" {
    p=$(processor p1)
    job 1 "$p" attempts=5
    begun "$p" 2000 2
    before=$(everything)
    expect_status 1 scan --dry-run
    [[ $output == *"\"$(id 1)\": failed: no processor has finished it; attempts: 5"* &&
        $output == *"the job of \"$(id 2)\" was begun more than 24:00:00 ago"* ]] || fail "$output"
    equal "$(everything)" "$before"
}

@test "jobs of another storage are left to its own scan" {
    p=$(processor p1)
    job 1 "$p" attempts=5 "storage='b'"
    begun "$p" 2000 2
    sql "UPDATE jobs SET storage = 'b'"
    expect_status 0 scan
    sql_is "SELECT count(success), count(starteddatetime) FROM jobs" "0|1"
}

# --- storages

@test "jobs go to processors that serve their storage" {
    sql "SELECT crashmon.register_processor('a', '{b,main}'), crashmon.register_processor('b', '{b,mai}'),
                crashmon.register_processor('c', '{b}');
         UPDATE processors SET storages = '{}' WHERE name = 'c'"
    crash --count 4 >/dev/null
    expect_status 0 scan
    sql_is "SELECT owner, count(*) FROM jobs GROUP BY owner" "1|4"
    processor d >/dev/null
    crash --count 4 >/dev/null
    expect_status 0 scan
    sql_is "SELECT owner, count(*) FROM jobs GROUP BY owner ORDER BY owner" $'1|4\n4|4'
}

@test "where nobody serves the storage nothing is queued (68)" {
    sql "SELECT crashmon.register_processor('a', '{b}')"
    id=$(crash)
    request "$id"
    before=$(spool_state "$SPOOL")
    for run in scan priority; do expect_status 68 "$run"; done
    equal "$(spool_state "$SPOOL")" "$before"
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "jobs of a dead processor go to those that serve their storages; the others stay until there is one" {
    dead=$(processor dead 7200)
    job 1 "$dead"
    job 2 "$dead" "storage='b'"
    job 3 "$dead" "storage='c'"
    sql "SELECT crashmon.register_processor('a', '{main}'), crashmon.register_processor('b', '{b}')"
    expect_status 0 scan --batch-size=1
    sql_is "SELECT j.id, p.name FROM jobs j JOIN processors p ON p.id = owner ORDER BY 1" \
        $'1|a\n2|b\n3|dead'
    processor any >/dev/null
    expect_status 0 scan
    sql_is "SELECT j.id, p.name FROM jobs j JOIN processors p ON p.id = owner ORDER BY 1" \
        $'1|a\n2|b\n3|any'
    sql_is "SELECT count(*) FROM processors WHERE name = 'dead'" 0
}

# --- silence

@test "when the database was away, the first processor that is back does not get all jobs" {
    one=$(processor one 7200) two=$(processor two 7210)
    job 1 "$two" starteddatetime='now()'
    sql "INSERT INTO crashmon.runs (program, storage, host, pid, started, next_due)
         VALUES ('crashmon-scan', 'main', 'host1', 1, now() - interval '7230 s', now() - interval '6930 s')"
    sql "SELECT crashmon.heartbeat($one)"
    crash --count 4 >/dev/null
    expect_status 0 scan --dry-run
    expect_status 0 scan
    sql_is "SELECT count(*) FROM processors" 2
    sql_is "SELECT owner, starteddatetime IS NULL FROM jobs WHERE id = 1" "$two|f"
    sql_is "SELECT count(DISTINCT owner) FROM jobs WHERE id > 1" 2
    # Who does not come back is dead after ten minutes of runs.
    sql "UPDATE crashmon.runs SET started = started - interval '11 min', next_due = next_due - interval '11 min';
         INSERT INTO crashmon.runs (program, storage, host, pid, started, next_due)
         SELECT 'crashmon-priority', 'main', 'host1', 1, t, t + interval '1 min'
         FROM generate_series(now() - interval '11 min', now(), '1 min') AS t;
         SELECT crashmon.heartbeat($one)"
    expect_status 0 scan
    sql_is "SELECT name FROM processors" one
}

@test "a processor that has left is removed, and its jobs go to others" {
    one=$(processor one) two=$(processor two)
    job 1 "$one"
    sql "SELECT count(*) FROM crashmon.take_jobs($one, 1)"
    sql "SELECT crashmon.leave($one)"
    expect_status 0 scan
    log_has 'processor "one" has left: its unfinished jobs (1) go to live ones, and it is removed'
    sql_is "SELECT owner, attempts FROM jobs" "$two|0"
}

# --- more processors than work

@test "a hundred thousand processors cost seconds" {
    sql "INSERT INTO processors (name, lastseendatetime)
         SELECT 'ghost ' || n, now() - n % 2 * interval '1 hour' - interval '10 s'
         FROM generate_series(1, 100000) AS n"
    job 1 3
    job 2 100000
    crash --count 20 >/dev/null
    expect_status 0 timeout 15 env PGOPTIONS= "$BUILD/crashmon-scan" --config="$CONF"
    sql_is "SELECT owner <> 3 FROM jobs WHERE id = 1" t
    sql_is "SELECT owner FROM jobs WHERE id = 2" 100000
    sql_is "SELECT count(DISTINCT owner) FROM jobs" 22
    sql_true "SELECT count(*) < 100001 FROM processors"
    request "$(crash)"
    expect_status 0 timeout 15 env PGOPTIONS= "$BUILD/crashmon-priority" --config="$CONF"
}

@test "dead processors are removed for a second in a run, as the crashes wait" {
    processor p1
    sql "INSERT INTO processors (name, lastseendatetime)
         SELECT 'ghost ' || n, now() - interval '1 hour' FROM generate_series(1, 30) AS n;
         CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql
             AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END';
         CREATE TRIGGER slow AFTER DELETE ON processors FOR EACH ROW EXECUTE FUNCTION public.slow()"
    crash
    expect_status 0 scan
    sql_is "SELECT count(*) FROM jobs" 1
    sql_true "SELECT count(*) BETWEEN 21 AND 30 FROM processors"
}

# --- --share-waiting

loads() { sql "SELECT string_agg(n::text, ' ' ORDER BY owner) FROM
               (SELECT owner, count(*) AS n FROM jobs WHERE success IS NULL GROUP BY owner) AS l"; }

# Jobs that wait for a processor: waiting OWNER COUNT.
waiting() {
    sql "INSERT INTO jobs (pathname, uuid, owner, queueddatetime)
         SELECT '/x', gen_random_uuid(), $1, now() + n * interval '1 s' FROM generate_series(1, $2) AS n"
}

@test "--share-waiting: a new processor gets the youngest of what waits for others, a batch in a run" {
    one=$(processor one)
    waiting "$one" 2900
    two=$(processor two)
    expect_status 0 scan
    equal "$(loads)" 2900
    expect_status 0 scan --share-waiting
    equal "$(loads)" "1900 1000"
    log_has "jobs that wait given to processors with fewer jobs: 1000"
    sql_is "SELECT min(id) FROM jobs WHERE owner = $two" 1901
    # No storm: who has less than twice as many keeps it.
    expect_status 0 scan --share-waiting
    equal "$(loads)" "1900 1000"
    sql "UPDATE jobs SET success = true WHERE owner = $two AND id % 2 = 0"
    expect_status 0 scan --share-waiting --batch-size=100
    equal "$(loads)" "1800 600"
    expect_status 0 scan --share-waiting
    equal "$(loads)" "1200 1200"
}

@test "--share-waiting: what is begun, requested, of another storage or locked stays where it is" {
    one=$(processor one) two=$(processor two)
    waiting "$one" 10
    sql "UPDATE jobs SET starteddatetime = now() WHERE id = 10; UPDATE jobs SET priority = 1 WHERE id = 9;
         UPDATE jobs SET storage = 'b' WHERE id = 8; UPDATE jobs SET storage = 'b' WHERE id = 1"
    session "BEGIN; SELECT FROM jobs WHERE id = 7 FOR UPDATE"
    expect_status 0 timeout 5 env PGOPTIONS= "$BUILD/crashmon-scan" --config="$CONF" --share-waiting
    session "ROLLBACK"
    sql_is "SELECT string_agg(id::text, ' ' ORDER BY id) FROM jobs WHERE owner = $two" "2 3 4 5 6"
    sql "SELECT crashmon.register_processor('three', '{b}')"
    before=$(loads)
    expect_status 0 scan --share-waiting
    equal "$(loads)" "$before"
}

@test "whatever fills a dead processor's table, or holds it, the scan ends well and soon" {
    local table=crashmon_priority.priority_jobs_2
    for what in "INSERT INTO $table SELECT '$(id 1)' || repeat('x', 20000000) FROM generate_series(1, 9)" \
        "INSERT INTO $table SELECT 'x' FROM generate_series(1, 1000000)" \
        "CREATE VIEW crashmon_priority.on_it AS SELECT FROM $table" "CREATE PUBLICATION it FOR ALL TABLES"; do
        sql "SET client_min_messages = error; DROP TABLE IF EXISTS $table CASCADE"
        empty_tables
        processor p1 >/dev/null
        processor dead 86400 >/dev/null
        sql "CREATE TABLE $table AS SELECT unnest('{$(id 1),$(id 2)}'::text[]) AS uuid"
        sql "$what"
        case $what in
        *PUBLICATION*)
            # A table that is published without a key admits no DELETE.
            session "BEGIN; INSERT INTO priorityjobs (uuid) VALUES ('$(id 1)')"
            run scan
            session "ROLLBACK"
            sql "DROP PUBLICATION it"
            [[ $status -eq 77 && $(requested) == "$(id 2)" ]] ;;
        *VIEW*)
            run scan
            [[ $status -eq 77 && $(requested) == "$(id 1; id 2)" ]] ;;
        *)
            run scan
            [[ $status -eq 0 && $(requested) == "$(id 1; id 2)" ]] ;;
        esac || fail "$what: $status $(requested)" "$output"
        sql_is "SELECT max(ended - started) < '1.5 seconds' FROM crashmon.runs" t
    done
    sql "DROP TABLE $table"
}
