#!/usr/bin/env bats
# release_refused.bats - crashmon-priority --release where the server refuses something: each crash
# is released or still in quarantine, the program says which, and the same again does the rest.
load ../helper
load quarantine
load refused

# Superusers would not see the policies.
setup_file() {
    begin_file
    export LOGIN=release_$$
    make_login
}

teardown_file() {
    end_file
    psql -qX -d postgres -c "DROP ROLE $LOGIN"
}

teardown() {
    sql "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY; DROP POLICY IF EXISTS refuse ON jobs"
    end_case
}

release() { as "$LOGIN" priority --release "$@"; }

three_in_quarantine() {
    ids=()
    for i in 1 2 3; do
        id=${i}2adfb61-f75b-11dc-b6be-001322081225
        in_quarantine
        ids+=("$id")
    done
}

# Has the server do something when it is asked for the job of the second.
at_second() {
    sql "INSERT INTO jobs (pathname, uuid) VALUES ('/x/${ids[1]}.json', '${ids[1]}');
         CREATE FUNCTION refuse(text) RETURNS boolean LANGUAGE plpgsql AS
             'BEGIN ${1//\'/\'\'}; RETURN true; END';
         CREATE POLICY refuse ON jobs USING (crashmon_priority.refuse(uuid));
         GRANT USAGE ON SCHEMA crashmon_priority TO $LOGIN;
         ALTER TABLE jobs ENABLE ROW LEVEL SECURITY"
}

# Asserts that these are out of quarantine, and no others.
out_are() { equal "$(new_links)" "$(printf '%s\n' "$@")"; }

# Whatever it was does not happen again: all are out then, once and whole.
finishes() {
    sql "DROP FUNCTION IF EXISTS refuse(text) CASCADE; DROP FUNCTION IF EXISTS refuse() CASCADE; DELETE FROM jobs"
    run release "${ids[@]}"
    ((status < 2)) || fail "exit code $status" "$output"
    out_are "${ids[@]}"
    for id in "${ids[@]}"; do pair_is_whole "$SPOOL" 20081225 "$id"; done
    [[ -z $(find "$SPOOL/quarantine" -type f) ]] || fail "left" "$(find "$SPOOL/quarantine")"
}

@test "one of which the server refuses to tell whether it has a job stays, and keeps no other" {
    three_in_quarantine
    for how in "$(raises P0001)|70" "$(raises 42501)|77" "PERFORM pg_sleep(20)|69"; do
        at_second "${how%|*}"
        within 4 expect_status "${how#*|}" release "${ids[@]}"
        [[ $output == *"ERROR - cannot release \"${ids[1]}\": cannot see whether the crash has a job: ERROR:  "* ]] || fail "$output"
        [[ $output == *"exit code ${how#*|}" ]] || fail "$output"
        out_are "${ids[0]}" "${ids[2]}"
        sql "DROP FUNCTION refuse(text) CASCADE; DELETE FROM jobs"
    done
    finishes
}

@test "while somebody has jobs locked each stays, with his name, and costs a tenth of a second" {
    three_in_quarantine
    session "BEGIN; LOCK TABLE jobs" >/dev/null
    within 4 expect_status 1 release "${ids[@]}"
    for id in "${ids[@]}"; do
        [[ $output == *"cannot release \"$id\": "*"\"jobs\" is locked by database session "* ]] || fail "$output"
    done
    session COMMIT
    finishes
}

@test "a signal that comes while it waits for its lock: it says that none was released" {
    three_in_quarantine
    lock crashmon-priority-release >/dev/null
    background release --lock-wait=00:01:00 "${ids[@]}"
    await_session "application_name = 'crashmon-priority-release'"
    kill "$pid"
    background_ends 143
    for id in "${ids[@]}"; do
        [[ $output == *"ERROR - \"$id\" was not released: ask for it later"* ]] || fail "$output"
    done
    unlock crashmon-priority-release
}

@test "once the connection is lost it says which were not released" {
    three_in_quarantine
    at_second "PERFORM pg_terminate_backend(pg_backend_pid())"
    sql "GRANT EXECUTE ON FUNCTION pg_terminate_backend TO $LOGIN"
    expect_status 69 release "${ids[@]}"
    out_are "${ids[0]}"
    for id in "${ids[@]:1}"; do
        [[ $output == *"ERROR - \"$id\" was not released: ask for it later"* ]] || fail "$output"
    done
    [[ $output != *"\"${ids[0]}\" was not"* ]] || fail "$output"
    finishes
}

@test "if the answer to the last statement of the run is lost (69), all are released, as it says" {
    three_in_quarantine
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
         CREATE TRIGGER refuse AFTER UPDATE ON crashmon.runs EXECUTE FUNCTION refuse()"
    expect_status 69 release "${ids[@]}"
    [[ $output == *"seen 3: released 3; exit code 69" ]] || fail "$output"
    out_are "${ids[@]}"
    finishes
}

@test "where the server refuses to know the quarantine it is asked once, not for each crash; by scan, too" {
    processor p1
    QUARANTINE=$BATS_TEST_TMPDIR/elsewhere
    echo "quarantine-to = $QUARANTINE" >>"$CONF"
    three_in_quarantine
    expect_status 0 scan
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NEW; END';
         CREATE TRIGGER refuse BEFORE INSERT ON crashmon.storages FOR EACH ROW WHEN (NEW.place = 'quarantine')
             EXECUTE FUNCTION refuse()"
    within 6 expect_status 69 release "${ids[@]}"
    equal "$(grep -c 'cannot record the mark' <<<"$output")" 1
    out_are
    crash --without dump --age 200000 --count 3
    new=$(crash)
    within 8 expect_status 69 scan
    equal "$(grep -c 'cannot record the mark' <<<"$output")" 1
    jobs_are "$new"
    sql "DROP FUNCTION refuse() CASCADE"
    expect_status 0 release "${ids[@]}"
    expect_status 1 scan --settle-time=00:00:00
    jobs_are "$new" "${ids[@]}"
}
