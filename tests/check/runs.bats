#!/usr/bin/env bats
# runs.bats - the row of a run in crashmon.runs, while it works and when it was killed.
# shellcheck disable=SC2154,SC2030,SC2031,SC2046 # a case is a subshell; background sets pid; ids are words
load ../helper

setup() {
    begin_case
    sql "DROP FUNCTION IF EXISTS slow(), on_note() CASCADE"
}

# Has each job that comes, changes or goes take a third of a second.
slow() {
    sql "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_catalog.pg_sleep(0.3); RETURN coalesce(NEW, OLD); END';
         CREATE TRIGGER slow BEFORE INSERT OR UPDATE OR DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION slow()"
}

# A trigger that does this before each change of the row of a run at work, or AFTER it.
on_note() {
    sql "CREATE FUNCTION on_note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN $1; END';
         CREATE ${2:-} TRIGGER on_note ${3:-BEFORE} UPDATE ON crashmon.runs ${4:-} FOR EACH ROW
             WHEN (NEW.ended IS NULL) EXECUTE FUNCTION on_note()"
}

@test "crashmon.runs tells how far a run is while it works" {
    processor p1
    crash --count 8 >/dev/null
    slow
    background scan --batch-size=1
    await sql_true "SELECT running AND seen BETWEEN 1 AND 8 AND (outcomes->>'queued')::int BETWEEN 1 AND 7
                        AND exit_code IS NULL FROM crashmon.last_runs"
    background_ends 0
    sql_is "SELECT seen, outcomes, running, killed FROM crashmon.last_runs" '8|{"queued": 8}|f|f'
}

# A run of this program is killed after some batches: its row has what is committed, of this outcome,
# which so many rows tell: is_killed PROGRAM OUTCOME QUERY [OPTION].
is_killed() {
    background program "${1%-repair}" --batch-size=1 "${@:4}"
    await sql_true "SELECT ($3) >= 2"
    kill -KILL "$pid"
    background_ends 137
    await sql_true "SELECT killed FROM crashmon.last_runs WHERE program = '$1'"
    sql_is "SELECT killed, seen = ($3), outcomes = jsonb_build_object('$2', $3), seen < 8
            FROM crashmon.last_runs WHERE program = '$1'" 't|t|t|t'
}

@test "the row of a run that was killed has what is committed: scan" {
    processor p1
    crash --count 8 >/dev/null
    slow
    is_killed crashmon-scan queued '(SELECT count(*) FROM jobs)'
}

@test "the row of a run that was killed has what is committed: jobs that scan lets fail" {
    processor p1
    sql "INSERT INTO jobs (pathname, uuid, owner, attempts) SELECT '', gen_random_uuid(), 1, 5 FROM generate_series(1, 8)"
    slow
    is_killed crashmon-scan failed '(SELECT count(*) FROM jobs WHERE success IS FALSE)'
}

@test "the row of a run that was killed has what is committed: priority" {
    processor p1
    requests 0 $(crash --count 8)
    slow
    is_killed crashmon-priority queued '(SELECT 8 - count(*) FROM priorityjobs)'
}

@test "the row of a run that was killed has what is committed: cleanup" {
    ended true $(crash --count 8 --without links)
    slow
    is_killed crashmon-cleanup archived '(SELECT 8 - count(*) FROM jobs)'
}

@test "the row of a run that was killed has what is committed: scan --repair" {
    processor p1
    crash --count 8 --without links >/dev/null
    find "$SPOOL" -path '*/name*' -type d -exec touch -d '1 hour ago' {} +
    slow
    is_killed crashmon-scan-repair queued '(SELECT count(*) FROM jobs)' --repair --incomplete-age=00:30:00
}

@test "the row of a run that was killed has what is committed: cleanup --repair" {
    processor p1
    for id in $(nowhere 8); do
        sql "INSERT INTO jobs (pathname, uuid, owner, queueddatetime)
             VALUES ('$(place "$SPOOL" "$id").json', '$id', 1, '2008-12-25')"
    done
    slow
    is_killed crashmon-cleanup-repair failed '(SELECT count(*) FROM jobs WHERE success IS FALSE)' --repair
}

@test "the row of a run that was killed has what is committed, when to change it takes a while, as far from the server" {
    on_note "PERFORM pg_catalog.pg_sleep(0.2); RETURN NEW"
    processor p1
    crash --count 8 >/dev/null
    slow
    is_killed crashmon-scan queued '(SELECT count(*) FROM jobs)'
}

@test "what a trigger on jobs refuses at the commit is told as the crash's, and not as the row's" {
    processor p1
    id=$(crash)
    crash --count 3 >/dev/null
    sql "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not billed''; END';
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
             WHEN (NEW.uuid = '$id') EXECUTE FUNCTION slow()"
    expect_status 1 scan
    sql_is "SELECT outcomes FROM crashmon.last_runs" '{"left": 1, "queued": 3}'
    [[ $(<"$LOG") == *"$id"*"not billed"* && $(<"$LOG") != *"cannot record"* ]] || fail "$(<"$LOG")"
}

@test "what a batch has left, and a crash in quarantine, is counted once in the row" {
    processor p1
    crash --count 3 >/dev/null
    crash --count 2 --without dump >/dev/null
    crash --without dump --age 100000 >/dev/null
    id=$(crash)
    sql "INSERT INTO jobs (uuid, pathname) VALUES ('$id', '$(find "$SPOOL" -name "$id.json")')"
    expect_status 1 scan --batch-size=2
    sql_is "SELECT seen, outcomes FROM crashmon.runs" \
        '7|{"left": 2, "queued": 3, "quarantined": 1, "already_queued": 1}'
}

# The row of a run cannot be changed, for this reason: all is done, one warning says so, in time.
is_in_vain() {
    processor p1
    crash --count 300 >/dev/null
    within "${2:-6}" expect_status 0 scan --batch-size=10
    sql_is "SELECT count(*) FROM jobs" 300
    equal "$(grep -c "WARNING - cannot record how far the run is: .*$1.*; nothing else depends on it" "$LOG")" 1
    equal "$output" ''
}

@test "a row of crashmon.runs that a trigger refuses to change keeps no run from its work" {
    on_note "RAISE ''not now''"
    is_in_vain 'not now'
    sql_is "SELECT outcomes FROM crashmon.last_runs" '{"queued": 300}'
}

@test "a row of crashmon.runs that a trigger refuses at the commit keeps no run from its work" {
    on_note "RAISE ''not now''" CONSTRAINT AFTER 'DEFERRABLE INITIALLY DEFERRED'
    is_in_vain 'not now'
    sql_is "SELECT outcomes FROM crashmon.last_runs" '{"queued": 300}'
}

@test "a trigger that swallows the changes of a row of crashmon.runs keeps no run from its work" {
    on_note "RETURN NULL"
    processor p1
    crash --count 3 >/dev/null
    expect_status 0 scan --batch-size=1
    sql_is "SELECT outcomes FROM crashmon.last_runs" '{"queued": 3}'
    [[ $(<"$LOG") != *"cannot record"* ]] || fail "it warns"
}

@test "a trigger on crashmon.runs that sleeps costs a run a second, and not its work" {
    on_note "PERFORM pg_catalog.pg_sleep(5); RETURN NEW"
    is_in_vain 'statement timeout' 12
}

@test "a trigger on crashmon.runs that is slow costs a run little" {
    on_note "PERFORM pg_catalog.pg_sleep(0.6); RETURN NEW"
    processor p1
    crash --count 300 >/dev/null
    within 5 expect_status 0 scan --batch-size=10
    sql_is "SELECT outcomes FROM crashmon.last_runs" '{"queued": 300}'
    [[ $(<"$LOG") != *"cannot record"* ]] || fail "it warns"
}

# With this statement somebody locks the row of a run that is at work.
is_locked() {
    processor p1
    crash --count 8 >/dev/null
    slow
    background scan --batch-size=1
    await sql_true "SELECT EXISTS (SELECT FROM crashmon.runs WHERE seen > 0)"
    session "BEGIN; $1" >/dev/null
    await sql_true "SELECT count(*) = 8 FROM jobs"
    session COMMIT >/dev/null
    background_ends 0
    sql_is "SELECT outcomes FROM crashmon.last_runs" '{"queued": 8}'
    equal "$(grep -c 'cannot record how far the run is: .*lock timeout' "$LOG")" 1
}

@test "a row of crashmon.runs that is locked keeps no run from its work" {
    is_locked "SELECT FROM crashmon.runs FOR UPDATE"
}

@test "a lock on the table crashmon.runs keeps no run from its work" {
    is_locked "LOCK TABLE crashmon.runs"
}
