#!/usr/bin/env bats
# sql_errors.bats - the errors of the SQL functions are those of the table in doc/sql-interface.md.
load ../helper
load jobs

# Asserts that a statement ends with an SQLSTATE, and that the table has it for that function: raises SQLSTATE STATEMENT.
raises() {
    local said row function
    said=$(psql -qAtX -v VERBOSITY=sqlstate -c "$2" 2>&1 | sed -n 's/^ERROR:  //p')
    equal "$said" "$1" "$2"
    function=$(sed -nE 's/.*crashmon\.([a-z_]+)\(.*/\1/p' <<<"${2//$'\n'/ }")
    row=$(grep -E "^\| [^|]*\b$1\b" "$TESTS/../doc/sql-interface.md") || fail "not in the table: $1"
    row=$(cut -d'|' -f3 <<<"$row")
    [[ $row == *" all "* || $row == *"$function"* ]] || fail "not in the table: $1 from $function"
}

@test "what an argument is wrong with has the SQLSTATE of the table" {
    alpha=$(processor alpha)
    job 1 "$alpha"
    raises 22023 "SELECT crashmon.register_processor('')"
    raises 22023 "SELECT crashmon.register_processor(NULL)"
    raises 22023 "SELECT crashmon.register_processor('p', '{}')"
    raises 22023 "SELECT crashmon.register_processor('p', '{NULL}')"
    raises 22023 "SELECT crashmon.register_processor('p', '{{a,b},{c,NULL}}')"
    raises 22023 "SELECT crashmon.take_jobs($alpha, 0)"
    raises 22023 "SELECT crashmon.request_crash('no id')"
    raises 22001 "SELECT crashmon.register_processor(repeat('p', 256))"
    raises 23514 "SELECT crashmon.register_processor('p', ARRAY[repeat('s', 8193)])"
    raises 22021 "SELECT crashmon.job_failed(1, E'\\xff')"
    raises 42883 "SELECT crashmon.heartbeat(1::bigint)"
    raises 42883 "SELECT crashmon.take_jobs(1::bigint, 1)"
    raises 42P10 "BEGIN; SET LOCAL client_min_messages = error; ALTER TABLE processors DROP CONSTRAINT processors_name_key; SELECT crashmon.register_processor('p')"
    raises P0002 "SELECT crashmon.take_jobs(99, 1)"
    sql "UPDATE jobs SET pathname = '🦊'"
    raises 22P05 "SET client_encoding = 'LATIN1'; SELECT crashmon.take_jobs($alpha, 1)"
    equal "$(take "$alpha" 1)" 1
}

# Asserts it of each function that changes something, after other statements: all_raise SQLSTATE STATEMENTS.
all_raise() {
    for call in "register_processor('p')" "register_processor('p', '{main}')" "heartbeat($alpha)" \
        "take_jobs($alpha, 1)" "job_succeeded(1)" "job_failed(1, 'x')" "give_back(2)" "leave($alpha)" \
        "request_crash('$(id 9)')"; do
        raises "$1" "$2; SELECT crashmon.$call"
    done
}

@test "who may not, or cannot write, is told the SQLSTATE of the table; a question is answered" {
    alpha=$(processor alpha)
    job 1 "$alpha"
    job 2 "$alpha" starteddatetime='now()'
    all_raise 25006 "BEGIN READ ONLY"
    all_raise 42501 "SET ROLE pg_monitor"
    sql_is "SET transaction_read_only = on; SELECT crashmon.crash_state('$(id 1)'), crashmon.is_crash_id('$(id 1)')" "queued|t"
}

@test "who is in the way of others is told the SQLSTATE of the table" {
    alpha=$(processor alpha)
    job 1 "$alpha"
    job 2 "$alpha" starteddatetime='now()'
    session "BEGIN; LOCK TABLE jobs, processors, priorityjobs"
    all_raise 55P03 "SET lock_timeout = '10ms'"
    all_raise 57014 "SET statement_timeout = '100ms'"
    session "ROLLBACK"
    session "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"
    sql "UPDATE jobs SET priority = priority + 1"
    equal "$(session '\set VERBOSITY sqlstate
        SELECT crashmon.job_succeeded(1); SELECT crashmon.heartbeat(1)')" $'ERROR:  40001\nERROR:  25P02'
    session "ROLLBACK"
    # Somebody takes the next id without the sequence, and has not committed.
    session "BEGIN; INSERT INTO processors (id, name, startdatetime, lastseendatetime)
             SELECT last_value + 1, 'q', now(), now() FROM processors_id_seq"
    background env PGAPPNAME=late psql -qAtX -v VERBOSITY=sqlstate -c "SELECT crashmon.register_processor('p')"
    await_blocked late
    session "COMMIT"
    background_ends 1
    equal "$output" "ERROR:  23505"
    sql_true "SELECT crashmon.register_processor('p') > 0"
}

@test "what a trigger of the site's keeps from being done is an error (27000)" {
    alpha=$(processor alpha)
    job 1 "$alpha"
    job 2 "$alpha" starteddatetime='now()'
    sql "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
    for table in jobs processors priorityjobs; do
        sql "CREATE TRIGGER swallow BEFORE INSERT OR UPDATE ON $table FOR EACH ROW EXECUTE FUNCTION swallow()"
    done
    all_raise 27000 "SELECT 1"
}
