#!/usr/bin/env bats
# holders.bats - who has locked what a run needs is named, so that somebody can act on it.
# shellcheck disable=SC2154,SC2030,SC2031 # a case is a subshell; background sets pid
load ../helper
load refused

teardown_file() {
    end_file
    psql -qX -d postgres -c "DROP ROLE IF EXISTS holders_$$"
}

# What is said of the other session, which has just begun a transaction: holder [PID].
holder() {
    sql "SELECT format('database session %s of role %s, application \"psql\", since %s', pid,
                       to_json(usename), date_trunc('second', xact_start))
         FROM pg_stat_activity WHERE pid = ${1:-$(session "SELECT pg_backend_pid()")}"
}

# A third session, which stays in a transaction that has done this; what is to be said of it is in $holder.
be_guilty() {
    background psql -qX -c "BEGIN; $1; SELECT pg_sleep(60)"
    await_session "wait_event = 'PgSleep'"
    guilty=$(sql "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")
    holder=$(holder "$guilty")
}
end_guilt() { sql "SELECT pg_terminate_backend($guilty)" >/dev/null; }

says() { [[ $output == *"$1"* ]] || fail "does not say: $1" "$output"; }

@test "a run, or a question, that needs a table says which session has locked it, whose, and since when" {
    processor p1
    collect
    request "$(collect)"
    session "BEGIN; LOCK TABLE jobs" >/dev/null
    locked="lock timeout; \"jobs\" is locked by $(holder)"
    pids=() outputs=()
    for run in "${RUNS[@]}"; do
        background "$run"
        pids+=("$pid") outputs+=("$BACKGROUND")
    done
    for question in --check --status; do
        run scan "$question"
        says "$locked"
    done
    for i in 0 1 2; do
        BACKGROUND=${outputs[i]}
        background_ends 69 "${pids[i]}"
        says "ERROR - cannot "
        says "$locked"
        [[ $output != *"$locked"*"$locked"* ]] || fail "twice" "$output"
    done
}

@test "where a batch is refused in parts because of a lock cron's mail says who holds it" {
    processor p1
    processor old 36000
    collect --count 60
    session "BEGIN; LOCK TABLE jobs IN SHARE MODE" >/dev/null
    locked="; \"jobs\" is locked by $(holder)"
    within 20 expect_status 69 scan
    says "20 crashes in a row were refused, at last: cannot queue a batch: ERROR:  canceling statement due to lock timeout$locked; "
    log_has "cannot remove processor \"old\": its row, one of its jobs, its priority table or a request in it is locked, or it takes too long$locked; all stay for the next run"
}

@test "a dead processor whose row is locked stays, and the log says who has locked it (0)" {
    processor p1
    processor old 36000
    session "BEGIN; SELECT FROM processors WHERE name = 'old' FOR KEY SHARE" >/dev/null
    rows="; the oldest transaction that has changed or locked rows of \"processors\" is that of $(holder)"
    expect_status 0 scan
    log_has "cannot remove processor \"old\": its row, one of its jobs, its priority table or a request in it is locked, or it takes too long$rows; all stay for the next run"
    sql_is "SELECT count(*) FROM processors" 2
    session ROLLBACK
    expect_status 0 scan
    sql_is "SELECT name FROM processors" p1
}

@test "where several tables are locked the holder of each is told, as it may be any of them" {
    processor p1
    collect
    session "BEGIN; LOCK TABLE priorityjobs" >/dev/null
    bystander=$(holder)
    be_guilty "LOCK TABLE crashmon.jobs IN SHARE MODE"
    run scan
    end_guilt
    log_has "; \"priorityjobs\" is locked by $bystander; \"jobs\" is locked by $holder; "
}

@test "what nothing depends on names it, too" {
    processor p1
    session "BEGIN; LOCK TABLE crashmon.runs" >/dev/null
    expect_status 0 scan
    log_has "lock timeout; \"runs\" is locked by $(holder); nothing else depends on it"
}

@test "who waits for a table is named with whom he waits for, as all others queue up behind him" {
    processor p1
    crash
    session "BEGIN; SELECT count(*) FROM crashmon.storages" >/dev/null
    reader=$(session "SELECT pg_backend_pid()")
    background psql -qX -c "BEGIN; LOCK TABLE crashmon.storages; COMMIT"
    await_session "wait_event_type = 'Lock'"
    waiting=$(sql "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    run scan --check
    says "lock timeout; \"storages\" is about to be locked by $(holder "$waiting"), which waits for database session $reader"
    session COMMIT
}

@test "a prepared transaction, which no session holds, is called that" {
    processor p1
    collect
    session "BEGIN; LOCK TABLE jobs IN SHARE MODE; PREPARE TRANSACTION '$PGDATABASE'" >/dev/null
    expect_status 0 scan
    session "ROLLBACK PREPARED '$PGDATABASE'"
    log_has "; \"jobs\" is locked by a prepared transaction, see pg_prepared_xacts; "
}

@test "where it is a row whoever has been changing rows for longest is named, as most likely it is he" {
    processor p1
    new=$(collect)
    session "BEGIN; INSERT INTO jobs (pathname, uuid) VALUES ('/x', '$new')" >/dev/null
    expect_status 0 scan
    log_has "in relation \"jobs\"; the oldest transaction that has changed or locked rows of \"jobs\" is that of $(holder); \"$new\" stays for the next run"
}

@test "who has the row of a place locked is told by --adopt" {
    marked
    session "BEGIN; SELECT FROM storages FOR UPDATE" >/dev/null
    locked="in relation \"storages\"; the oldest transaction that has changed or locked rows of \"storages\" is that of $(holder)"
    run cleanup_jobs --adopt
    session COMMIT
    equal "$status" 69
    says "$locked"
}

@test "of a dead processor whoever has rows of its priority table comes before who has others" {
    processor p1
    old=$(processor old 36000)
    sql "CREATE TABLE priority_jobs_$old (uuid text); INSERT INTO priority_jobs_$old VALUES ('x');
         INSERT INTO jobs (pathname, uuid, owner) SELECT '/x', 'x', id FROM processors WHERE name = 'p1'"
    session "BEGIN; UPDATE jobs SET message = 'x'" >/dev/null
    be_guilty "DELETE FROM crashmon_priority.priority_jobs_$old"
    expect_status 0 scan
    end_guilt
    log_has "cannot remove processor \"old\": "
    log_has "the oldest transaction that has changed or locked rows of \"priority_jobs_$old\" is that of $holder; "
}

@test "a processor whose row is locked is told with who has it, and since when" {
    p=$(processor p1)
    collect
    session "BEGIN; DELETE FROM processors WHERE id = $p" >/dev/null
    expect_status 69 scan
    says "(\"p1\" is locked by $(holder); unfinished jobs"
}

@test "where a login may not see since when a session holds its lock, the rest is told" {
    processor p1
    LOGIN=holders_$$
    make_login
    expect_status 0 as "$LOGIN" scan
    collect
    session "BEGIN; LOCK TABLE jobs IN SHARE MODE" >/dev/null
    pid=$(session "SELECT pg_backend_pid()")
    expect_status 0 as "$LOGIN" scan
    session COMMIT
    log_has "; \"jobs\" is locked by database session $pid of role \"$(sql "SELECT session_user")\", application \"psql\"; "
}

@test "a priority table that the run does not need is no reason, though somebody has it locked" {
    p=$(processor p1)
    old=$(processor old 36000)
    collect
    sql "CREATE TABLE priority_jobs_$p (uuid text)"
    session "BEGIN; LOCK TABLE priority_jobs_$p" >/dev/null
    be_guilty "SELECT FROM processors WHERE id IN ($p, $old) FOR UPDATE"
    run scan
    end_guilt
    session ROLLBACK
    log_has "rows of \"processors\" is that of $holder"
    ! grep -F "\"priority_jobs_$p\" is locked" "$LOG" || fail "a bystander is named"
}
