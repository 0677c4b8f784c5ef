#!/usr/bin/env bats
# locks.bats - one run at a time, and how a run begins, is interrupted, and ends.
# shellcheck disable=SC2154,SC2030,SC2031 # a case is a subshell; background sets pid
load ../helper
load refused

# Asserts that each crash is either queued or still new, and that there are so many of them.
nothing_lost() {
    local queued new
    queued=$(sql "SELECT uuid FROM jobs ORDER BY 1" | sort)
    new=$(new_links)
    [[ -z $(comm -12 <(echo "$queued") <(echo "$new")) ]] || fail "queued and new:" "$new"
    [[ $(printf '%s\n' "$queued" "$new" | grep -c .) == "$1" ]] || fail "lost:" "$queued" "$new"
}

@test "a run that finds the lock taken says who holds it and since when, and does nothing (75)" {
    processor p1
    collect --count 2
    request "$(collect --without links)"
    before=$(db_state; spool_state "$SPOOL")
    for program in "${PROGRAMS[@]}"; do lock "$program"; done
    holder=$(session "SELECT pg_backend_pid()")
    for program in "${PROGRAMS[@]}"; do
        expect_status 75 program "$program" --log-file-line-format-string='%(levelname)s %(message)s'
        [[ -z $output ]] || fail "cron would mail: $output"
        line=$(tail -n 1 "$LOG")
        [[ $line == "WARNING "*"$holder"* ]] || fail "$program does not warn of who: $line"
        [[ $line =~ [0-9]{2}:[0-9]{2} ]] || fail "$program does not say since when: $line"
    done
    expect_status 75 scan --stderr-error-logging-level=30
    [[ $output == *"$holder"* ]] || fail "does not say who: $output"
    equal "$(db_state; spool_state "$SPOOL")" "$before"
}

@test "a run that finds the lock taken by a prepared transaction, which no session holds, says so (75)" {
    session "BEGIN; SELECT pg_advisory_xact_lock($(lock_of crashmon-scan)); PREPARE TRANSACTION '$PGDATABASE'" >/dev/null
    expect_status 75 scan
    session "ROLLBACK PREPARED '$PGDATABASE'"
    log_has "the lock of crashmon-scan for storage main is taken: a prepared transaction, see pg_prepared_xacts"
    expect_status 68 scan
}

@test "a run that finds another run at work says that one's process id" {
    processor p1
    collect
    held scan
    expect_status 75 scan
    grep -F WARNING "$LOG" | grep -qF "$pid" || fail "does not say who"
    session COMMIT
    background_ends 0
}

@test "--lock-wait waits, and then works" {
    processor p1
    id=$(collect)
    lock crashmon-scan
    background scan --lock-wait=00:01:00
    await_session "application_name = 'crashmon-scan'"
    has_links "$id"
    unlock crashmon-scan
    background_ends 0
    no_links "$id"
}

@test "--lock-wait ends when its time is over (75)" {
    lock crashmon-scan
    before=${EPOCHREALTIME/./}
    within 5 expect_status 75 scan --lock-wait=00:00:01
    ((${EPOCHREALTIME/./} - before >= 1000000)) || fail "before its time"
}

@test "a signal ends the wait for the lock (143)" {
    lock crashmon-scan
    background scan --lock-wait=01:00:00
    await_session "application_name = 'crashmon-scan'"
    kill -TERM "$pid"
    background_ends 143
}

@test "two simultaneous runs never do the same work" {
    processor p1
    collect --count 10
    held scan --batch-size=3
    expect_status 75 scan
    session COMMIT
    background_ends 0
    sql_is "SELECT count(*) FROM jobs" 10
}

@test "of several runs started at once each crash is seen by one" {
    processor p1
    collect --count 200
    pids=()
    for i in 1 2 3 4; do
        background scan --lock-wait=00:01:00 --batch-size=10
        pids+=("$pid")
    done
    for one in "${pids[@]}"; do background_ends 0 "$one"; done
    sql_is "SELECT count(*), sum(seen) FROM crashmon.runs" "4|200"
    sql_is "SELECT count(*) FROM jobs" 200
}

@test "different storages do not disturb each other, nor do different programs" {
    processor p1
    lock crashmon-scan
    id=$(collect --root "$BATS_TEST_TMPDIR/two")
    expect_status 0 scan --storage-name=two --storage-root="$BATS_TEST_TMPDIR/two"
    sql_is "SELECT uuid, storage FROM jobs" "$id|two"
    expect_status 0 priority
    expect_status 0 cleanup_jobs
    expect_status 75 scan
}

@test "the lock is an advisory lock of this program for this storage, held to the end of the run" {
    processor p1
    collect
    held scan --storage-name=two
    sql_is "SELECT count(*) FROM pg_locks, hashtext('crashmon-scan') AS class,
                hashtext('two') AS key WHERE locktype = 'advisory' AND granted
                AND classid::bigint = class AND objid::bigint = (key::bigint & 4294967295)
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())" 1
    session COMMIT
    background_ends 0
    sql_is "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
            (SELECT oid FROM pg_database WHERE datname = current_database())" 0
}

@test "a run that was killed leaves no lock; the next one does its work" {
    processor p1
    collect --count 5
    held scan --batch-size=2
    kill -KILL "$pid"
    background_ends 137
    session ROLLBACK
    expect_status 0 scan --lock-wait=00:00:30
    nothing_lost 5
    [[ -z $(new_links) ]] || fail "$(new_links)"
    sql_is "SELECT ended IS NULL, exit_code FROM crashmon.runs ORDER BY id" $'t|\nf|0'
}

@test "SIGTERM, SIGINT and SIGHUP end a run at the next batch boundary (128+n), all consistent" {
    processor p1
    collect --count 20
    for signal in HUP:129 INT:130 TERM:143; do
        held scan --batch-size=1
        kill -"${signal%:*}" "$pid"
        session COMMIT
        background_ends "${signal#*:}"
        nothing_lost 20
        [[ -n $(new_links) ]] || fail "the run went on to its end"
        sql_is "SELECT exit_code, ended IS NOT NULL FROM crashmon.runs ORDER BY id DESC LIMIT 1" \
            "${signal#*:}|t"
    done
    expect_status 0 scan
    nothing_lost 20
    [[ -z $(new_links) ]] || fail "$(new_links)"
}

@test "a lost connection stops the run before the next change on disk (69)" {
    processor p1
    collect --count 5
    before=$(spool_state "$SPOOL")
    held scan --batch-size=2
    sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'crashmon-scan'"
    session COMMIT
    background_ends 69
    equal "$(spool_state "$SPOOL")" "$before"
    sql_is "SELECT count(*) FROM jobs" 0
    expect_status 0 scan
    nothing_lost 5
}

@test "a lock that its session has lost stops the run before the next change (69)" {
    processor p1
    collect --count 5
    before=$(spool_state "$SPOOL")
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
             AS 'BEGIN PERFORM pg_advisory_unlock_all(); RETURN NULL; END';
         CREATE TRIGGER refuse AFTER INSERT ON crashmon.runs EXECUTE FUNCTION refuse()"
    expect_status 69 scan
    [[ $output == *"lock of crashmon-scan for storage main was lost"* ]] || fail "$output"
    equal "$(spool_state "$SPOOL")" "$before"
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "a row of crashmon.runs that has to be waited for is waited for" {
    session "BEGIN; LOCK TABLE crashmon.runs IN SHARE MODE"
    background cleanup_jobs
    await_blocked crashmon-cleanup
    session COMMIT
    background_ends 0
    sql_is "SELECT exit_code FROM crashmon.runs" 0
}

@test "a database that cannot be reached (69)" {
    for program in "${PROGRAMS[@]}"; do
        PGPORT=1 expect_status 69 program "$program"
        [[ -n $output ]] || fail "$program says nothing"
    done
}

has_version() {
    sql "CREATE OR REPLACE FUNCTION crashmon.schema_version() RETURNS integer
         LANGUAGE sql RETURN $1"
}

@test "a schema that is missing or has another version (76)" {
    collect
    before=$(spool_state "$SPOOL")
    for program in "${PROGRAMS[@]}"; do
        PGDATABASE=postgres expect_status 76 program "$program"
        [[ -n $output ]] || fail "$program says nothing"
    done
    for version in 1 999; do
        has_version $version
        for program in "${PROGRAMS[@]}"; do
            run program "$program"
            [[ $status == 76 && -n $output ]] || break
        done
        has_version 2
        [[ $status == 76 && -n $output ]] || fail "$program: $status" "$output"
    done
    equal "$(spool_state "$SPOOL")" "$before"
}

@test "a sequence that is behind, as after a switch-over, keeps no run from its work" {
    processor p1
    sql "INSERT INTO crashmon.runs (id, program, storage, host, pid, next_due)
         SELECT i, 'crashmon-scan', 'main', 'host1', 1, now() FROM generate_series(1, 9) AS i"
    id=$(collect)
    for run in "${RUNS[@]}"; do
        expect_status 0 "$run" --metrics-file="$BATS_TEST_TMPDIR/metrics"
        [[ ! $output ]] || fail "$output"
    done
    log_has "cannot record this run"
    jobs_are "$id"
    [[ -s $BATS_TEST_TMPDIR/metrics ]]
}

# Asserts that a permission is missing for a role that has been granted this.
not_permitted_with() {
    sql "DROP ROLE IF EXISTS crashmon_nobody;
         CREATE ROLE crashmon_nobody LOGIN PASSWORD '$PGPASSWORD'; $1"
    for program in "${PROGRAMS[@]}"; do
        PGUSER=crashmon_nobody expect_status 77 program "$program"
        [[ -n $output ]] || fail "$program says nothing"
    done
    sql "DROP OWNED BY crashmon_nobody; DROP ROLE crashmon_nobody"
}

@test "a permission that is missing in the database: everything (77)" {
    not_permitted_with ''
}

@test "a permission that is missing in the database: to write (77)" {
    not_permitted_with "
        GRANT USAGE ON SCHEMA crashmon TO crashmon_nobody;
        GRANT SELECT ON ALL TABLES IN SCHEMA crashmon TO crashmon_nobody"
}

@test "a storage root that does not exist (74), none at all (78)" {
    for program in "${PROGRAMS[@]}"; do
        expect_status 74 program "$program" --storage-root="$BATS_TEST_TMPDIR/none"
        [[ $output == *"$BATS_TEST_TMPDIR/none"* ]] || fail "$output"
        sed -i '/^storage-root/d' "$CONF"
        expect_status 78 program "$program"
        [[ $output == *storage-root* ]] || fail "$output"
        echo "storage-root = $SPOOL" >>"$CONF"
    done
}

@test "an unknown option or a stray argument (64), a bad value wherever it stands (78)" {
    for program in "${PROGRAMS[@]}"; do
        expect_status 64 program "$program" --no-such-option
        [[ $output == *no-such-option* ]] || fail "$output"
        [[ $program == crashmon-priority ]] || expect_status 64 program "$program" stray
        expect_status 78 program "$program" --batch-size=many
        [[ $output == *batch-size* ]] || fail "$output"
    done
    echo "settle-time = soon" >>"$CONF"
    expect_status 78 scan
    [[ $output == *"$CONF:$(wc -l <"$CONF"): "* ]] || fail "$output"
}

@test "a run leaves one row: who, when, when the next is due, and what it counted" {
    processor p1
    collect --count 3
    background scan --standard-loop-delay=00:07:00
    background_ends 0
    sql_is "SELECT program, storage, host, pid, exit_code, seen, ended >= started,
                date_trunc('minute', next_due - started + '30 s'::interval)
            FROM crashmon.runs" "crashmon-scan|main|$(uname -n)|$pid|0|3|t|00:07:00"
}

@test "each program has its own row and its own interval" {
    processor p1
    printf '%s\n' 'standard-loop-delay = 00:06:00' 'priority-loop-delay = 00:02:00' \
        'cleanup-jobs-loop-delay = 00:04:00' >>"$CONF"
    for program in "${PROGRAMS[@]}"; do
        expect_status 0 program "$program"
        [[ -z $output ]] || fail "a good run printed: $output"
    done
    sql_is "SELECT program, date_trunc('minute', next_due - started + '30 s'::interval)
            FROM crashmon.runs ORDER BY id" \
        $'crashmon-scan|00:06:00\ncrashmon-priority|00:02:00\ncrashmon-cleanup|00:04:00'
}

@test "seen is the sum of all outcomes, in the row and in one summary line of the log" {
    processor p1
    collect --count 4
    collect --without dump
    collect --without dump --age 100000
    expect_status 1 scan
    sql_is "SELECT exit_code, seen, (SELECT sum(value::bigint) FROM jsonb_each_text(outcomes))
            FROM crashmon.runs" "1|6|6"
    [[ $(grep -c 'seen' "$LOG") == 1 ]] || fail "no one summary line"
    grep 'seen' "$LOG" | grep -qw 6 || fail "the summary line does not say 6"
}

@test "a trigger on crashmon.runs that sleeps delays a run for three seconds, and keeps nothing from being done" {
    processor p1
    id=$(crash)
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END';
         CREATE TRIGGER refuse BEFORE INSERT ON crashmon.runs EXECUTE FUNCTION refuse()"
    within 10 expect_status 0 scan
    jobs_are "$id"
    log_has "canceling statement due to statement timeout"
    log_has "nothing else depends on it"
    sql "DROP FUNCTION refuse() CASCADE"
    sql_is "SELECT count(*) FROM crashmon.runs" 0
}

# With a mode, and the number of processors, one of them dead, that are left after the runs.
runs_are_locked() {
    processor p1
    processor p2 3600
    id=$(crash) wanted=$(collect --root "$DEFERRED") done=$(crash --without links)
    request "$wanted"
    ended true "$done"
    session "BEGIN; LOCK TABLE crashmon.runs IN $1 MODE" >/dev/null
    for run in "${RUNS[@]}"; do
        rm -f "$LOG"
        within 8 expect_status 0 "$run"
        equal "$output" ''
        log_has " WARNING - cannot record the start of the run: ERROR:  canceling statement due to lock timeout; \"runs\" is locked by "
    done
    sql_is "SELECT count(*) FROM processors" "$2"
    session COMMIT >/dev/null
    jobs_are "$id" "$wanted"
    pair_is_whole "$ARCHIVE" 20081225 "$done"
    sql_is "SELECT count(*) FROM crashmon.runs" 0
    expect_status 0 scan
    sql_is "SELECT count(*) FROM processors" 1
}

@test "a lock on crashmon.runs delays a run for seconds, is a warning, and keeps nothing from being done" {
    runs_are_locked SHARE 1
}

@test "a lock on crashmon.runs against readers, too, keeps nothing from being done: nobody is dead meanwhile" {
    runs_are_locked 'ACCESS EXCLUSIVE' 2
}

@test "the connection's application_name is the program's name" {
    processor p1
    session "BEGIN; LOCK TABLE jobs"
    for program in "${PROGRAMS[@]}"; do
        background program "$program"
        await_blocked "$program"
        kill -KILL "$pid"
        background_ends 137
    done
}

# --- the lock of the quarantine

# A half pair that is to go to quarantine, and a new crash: $half and $id.
half_and_whole() {
    half=$(crash --without dump --age 200000)
    id=$(crash)
}

@test "who may only read the quarantine holds nobody up" {
    processor p1
    mkdir "$SPOOL/quarantine"
    half_and_whole
    exec {lock}<"$SPOOL/quarantine"
    flock -s "$lock"
    expect_status 1 timeout 20 "$BUILD/crashmon-scan" --config="$CONF"
    jobs_are "$id"
    quarantined "$half" dump
    equal "$(stat -c %a "$SPOOL/quarantine/.lock")" 200
}

@test "who holds the lock of the quarantine is waited for a second, once a run; the rest is done" {
    processor p1
    half_and_whole
    expect_status 1 scan
    half_and_whole
    crash --without dump --age 200000
    mkdir -p "$SPOOL/20081225/date/00/00/web01_0"
    touch -d '3 days ago' "$SPOOL/20081225/date/00/00/web01_0/"{stray,.}
    exec {lock}>"$SPOOL/quarantine/.lock"
    flock "$lock"
    within 4 expect_status 1 scan
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '$id'" 1
    log_has "cannot quarantine \"$half\": somebody else holds the lock of quarantine \"$SPOOL/quarantine\"; it stays for the next run"
    has_links "$half"
    exec {lock}>&-
    expect_status 1 scan
    quarantined "$half" dump
}

@test "a run that has closed its connection changes nothing on disk any more" {
    processor p1
    half_and_whole
    expect_status 1 scan
    half_and_whole
    exec {lock}>"$SPOOL/quarantine/.lock"
    flock "$lock"
    # It waits for a second, in which a slow machine may not come to the second signal.
    until background scan && await log_waits && first_signal && kill -TERM "$pid"; do
        background_ends 143
    done
    exec {lock}>&-
    background_ends 143
    has_links "$half"
    [[ ! -e $SPOOL/quarantine/20081225/$half ]] || fail "quarantined without a lock"
}

@test "what a second signal has cut short, and what follows from that, is no error" {
    session "BEGIN; LOCK TABLE storages IN SHARE MODE" # so no mark can be recorded
    for program in "${PROGRAMS[@]}"; do
        background program "$program"
        await_blocked "$program"
        second_signal_ends TERM
        [[ -z $output ]] || fail "$output"
    done
    session ROLLBACK
}

# Whether scan has the lock file open, and has queued its crashes.
log_waits() {
    has_open /quarantine/.lock && sql_true "SELECT count(*) = 2 FROM jobs"
}

@test "meanwhile nobody is removed, jobs stay with their owners, and new ones go only to who has just been seen" {
    p1=$(processor p1) late=$(processor late 400) dead=$(processor dead 86400) left=$(processor left)
    sql "UPDATE processors SET lastseendatetime = '-infinity' WHERE id = $left"
    mapfile -t owned < <(collect --count 6 --without links)
    for n in 0 1 2 3 4; do
        owner=$p1
        ((n)) || owner=$late
        ((n != 1)) || owner=$dead
        sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '${owned[n]}', $owner)"
    done
    owners() { sql "SELECT uuid, owner FROM jobs WHERE uuid IN ($(quoted "${owned[@]}")) ORDER BY uuid"; }
    before=$(owners)
    session "BEGIN; LOCK TABLE crashmon.runs" >/dev/null
    mapfile -t new < <(collect --count 4)
    requests 0 "${owned[@]:0:3}" "${new[@]:0:2}"
    expect_status 0 priority
    expect_status 0 scan
    sql_is "SELECT DISTINCT owner FROM jobs WHERE uuid IN ($(quoted "${new[@]}"))" "$p1"
    equal "$(owners)" "$before"
    sql_is "SELECT name FROM processors ORDER BY 1" $'dead\nlate\np1'
    sql_is "SELECT count(*) FROM jobs WHERE priority = 1" 5
    run scan --status --json
    sql_is "SELECT string_agg(p ->> 'name' || ' ' || (p ->> 'state'), ', ')
            FROM jsonb_array_elements(\$\$$output\$\$::jsonb -> 'processors' -> 'list') AS p" "dead late, late late, p1 alive"
    sql "UPDATE processors SET lastseendatetime = now() - interval '400 s' WHERE id = $p1"
    waiting=$(collect)
    expect_status 68 scan
    has_links "$waiting"
    equal "$(owners)" "$before"
    session COMMIT >/dev/null
    sql "UPDATE processors SET lastseendatetime = now() WHERE id = $p1"
    expect_status 0 scan
    sql_is "SELECT count(*) FROM jobs WHERE owner IS DISTINCT FROM $p1 AND owner <> $late" 0
}
