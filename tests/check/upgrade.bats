#!/usr/bin/env bats
# upgrade.bats - schema.sql on what is there already: version 1, another set of tables, a restored
# dump; and beside others at work.
load ../helper
load upgrade

# A processor of Socorro's at work, with the search path that it is told to have.
registers() {
    as "$PROCESSOR" sql "INSERT INTO processors (name, startdatetime, lastseendatetime)
                         VALUES ('host1', now(), now())"
    as "$PROCESSOR" sql "CREATE TABLE priority_jobs_1 (uuid varchar(50) NOT NULL PRIMARY KEY)"
}

@test "version 1 becomes what schema.sql makes, with all rows, beside processors at work" {
    load_roles
    fresh=$(shape)
    nothing
    version_1 -v roles=
    sql "GRANT crashmon_processor TO $PROCESSOR; ALTER ROLE $PROCESSOR SET role = crashmon_processor"
    # As doc/operations.md says.
    sql "CREATE SCHEMA crashmon_priority;
         GRANT USAGE, CREATE ON SCHEMA crashmon_priority TO crashmon_processor"
    registers
    job 1 1 starteddatetime='now()'
    job 2 1
    job 3 NULL success=true
    request "$(id 4)"
    names 1 "$(id 2)"
    sql "INSERT INTO crashmon.runs (program, storage, host, pid, next_due)
         VALUES ('crashmon-scan', 'main', 'host1', 1, now())"
    before=$(rows)
    as "$PROCESSOR" session "SELECT count(*) FROM jobs" >/dev/null
    expect_status 0 load_roles
    equal "$output" ""
    equal "$(rows)" "$before"
    sql "DROP TABLE crashmon_priority.priority_jobs_1"
    sql "CREATE TABLE priority_jobs_1 (uuid varchar(50) NOT NULL PRIMARY KEY);
         ALTER TABLE priority_jobs_1 OWNER TO crashmon_processor"
    # The session that was there before goes on.
    equal "$(session "SELECT uuid FROM jobs WHERE id = 2")" "$(id 2)"
    session "UPDATE jobs SET starteddatetime = now() WHERE id = 2"
    session "DELETE FROM priority_jobs_1; DROP TABLE priority_jobs_1"
    sql "GRANT CREATE ON SCHEMA public TO PUBLIC"
    equal "$(shape)" "$fresh"
}

@test "version 1 that belongs to a login is brought up to date by it, or by a superuser for it" {
    as "$OWNER" version_1
    as "$OWNER" sql "CREATE TABLE public.priority_jobs_1 (uuid varchar(50) PRIMARY KEY)"
    before=$(rows)
    for who in "$OWNER" "${PGUSER:-}"; do
        as "$who" expect_status 0 load_schema -v owner="$OWNER"
        equal "$(rows)" "$before"
        sql_is "SELECT DISTINCT relowner::regrole FROM pg_class
                WHERE relnamespace IN ('crashmon'::regnamespace, 'crashmon_priority'::regnamespace)" "$OWNER"
    done
    sql_is "SELECT to_regclass('crashmon_priority.priority_jobs_1') IS NOT NULL" t
}

@test "a priority table of somebody who is no processor stays where it is, and gives him no right" {
    load_roles
    nothing
    version_1
    sql "SET client_min_messages = error; REVOKE crashmon_processor FROM $PROCESSOR;
         ALTER ROLE $PROCESSOR RESET role"
    as "$PROCESSOR" sql "CREATE TABLE public.priority_jobs_1 (uuid varchar(50))"
    expect_status 0 load_schema
    [[ $output == *"WARNING:  table public.priority_jobs_1 stays where it is: its owner is not"* ]] || fail "$output"
    sql_is "SELECT has_schema_privilege('$PROCESSOR', 'crashmon_priority', 'USAGE')" f
}

@test "priority tables that are locked hold an upgrade up for a second in all, and stay where they are" {
    version_1
    sql "DO \$\$ BEGIN FOR n IN 1..40 LOOP EXECUTE format('CREATE TABLE public.priority_jobs_%s ()', n); END LOOP; END \$\$"
    session "BEGIN; $(for n in {1..40}; do echo "LOCK TABLE priority_jobs_$n;"; done)"
    before=$(sql "SELECT clock_timestamp()")
    expect_status 0 load_schema
    session ROLLBACK
    sql_true "SELECT clock_timestamp() - '$before' < '2.5 seconds'"
    equal "$(grep -c "WARNING:  table public.priority_jobs_[0-9]* stays where it is: " <<<"$output")" 40
    sql "SET client_min_messages = error; $(for n in {1..40}; do echo "DROP TABLE IF EXISTS public.priority_jobs_$n;"; done)"
}

@test "what depends on a function of version 1 that goes is named, and nothing is changed" {
    version_1
    sql "GRANT USAGE ON SCHEMA crashmon TO PUBLIC"
    as "$PROCESSOR" sql "SET ROLE NONE; CREATE VIEW public.mine AS SELECT crashmon.put_in_priority_tables('{}', '{}')"
    run load_schema
    [[ $status -ne 0 && $output == *"view public.mine depends on function put_in_priority_tables(integer[],text[]): nothing is changed"*HINT* ]] ||
        fail "$output"
    sql_is "SELECT crashmon.schema_version()" 1
    sql "DROP VIEW public.mine"
    expect_status 0 load_schema
}

@test "programs of this version do nothing with version 1, and say which one they need (76)" {
    version_1
    processor p1 >/dev/null
    crash >/dev/null
    before=$(everything)
    for run in "${RUNS[@]}"; do
        expect_status 76 "$run"
        [[ $output == *"the schema has version 1, this program needs version 2 (load its sql/schema.sql)"* ]] || fail "$output"
    done
    equal "$(everything)" "$before"
}

@test "whoever loads it, and whatever his search path, there is one set of tables" {
    load_schema
    sql "CREATE ROLE crashmon SUPERUSER LOGIN PASSWORD '$PGPASSWORD'"
    as crashmon run load_schema
    sql "DROP ROLE crashmon"
    [[ $status -eq 0 ]] || fail "$output"
    sql_is "SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'jobs'" crashmon
    as "$PROCESSOR" run load_schema
    [[ $status -ne 0 && $output == *"do this as that role"* ]] || fail "$output"
}

@test "of a set of tables that is not complete nothing is left behind" {
    version_1
    sql "DROP TABLE public.priorityjobs CASCADE"
    for script in schema.sql roles.sql; do
        PGOPTIONS="" run psql -qX -f "$SQL/$script"
        [[ $status -ne 0 && $output == *"nothing is changed"*HINT* ]] || fail "$output"
    done
    sql_is "SELECT to_regclass('public.jobs') IS NOT NULL" t
}

@test "of two sets of tables neither is chosen" {
    version_1
    PGOPTIONS='' psql -qX -c 'SET search_path = crashmon' -f "$BATS_TEST_DIRNAME/version_1.sql"
    before=$(rows)
    run load_schema
    [[ $status -ne 0 && $output == *"several sets of the tables"*"schemas public, crashmon"* ]] || fail "$output"
    equal "$(rows)" "$before"
}

# A transaction that has read every table and view, and written and counted where one can.
uses_all() {
    session BEGIN
    session "$(sql "SELECT string_agg(format(CASE relkind WHEN 'r' THEN 'SELECT FROM %1\$s; DELETE FROM %1\$s'
                                                          WHEN 'v' THEN 'SELECT FROM %1\$s'
                                                          ELSE 'SELECT nextval(''%1\$s'')' END, oid::regclass), ';')
                    FROM pg_class WHERE relnamespace = 'crashmon'::regnamespace AND relkind IN ('r', 'v', 'S')")" >/dev/null
}

@test "run again it waits for nobody, and nobody for it" {
    load_roles
    cp -r "$SQL" "$BATS_TEST_TMPDIR/scripts"
    # Each tells which locks it has taken that somebody who reads and writes would have to wait for.
    locks="SELECT relation::regclass, mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation"
    locks+=" WHERE pid = pg_backend_pid() AND mode !~ '^(AccessShare|RowShare|RowExclusive)Lock$'"
    sed -i "s/^COMMIT;/$locks; COMMIT;/" "$BATS_TEST_TMPDIR"/scripts/*
    uses_all
    for script in schema.sql roles.sql from-socorro.sql; do
        PGOPTIONS='' run psql -qAtX -v ON_ERROR_STOP=1 -f "$BATS_TEST_TMPDIR/scripts/$script"
        [[ $status -eq 0 && -z $output ]] || fail "$script: $output"
    done
    session "ROLLBACK"
}

@test "who holds the scripts up for ten seconds is named" {
    as "$PROCESSOR" session "SELECT pg_advisory_lock(hashtext('crashmon'), 0)" >/dev/null
    sed "s/lock_timeout = '10s'/lock_timeout = '10ms'/" "$SQL/begin.sql" >"$BATS_TEST_TMPDIR/begin.sql"
    cp "$SQL/escape.sql" "$BATS_TEST_TMPDIR"
    sed 's/^.ir move.sql/COMMIT;/; /^.ir [^b]/d' "$SQL/schema.sql" >"$BATS_TEST_TMPDIR/schema.sql"
    run psql -qX -f "$BATS_TEST_TMPDIR/schema.sql"
    [[ $status -ne 0 && $output == *"nothing is done"*"It is process "*" of role $PROCESSOR."* ]] || fail "$output"
}

@test "a view that has changed is replaced when nobody reads it, else it is named" {
    load_schema
    fresh=$(shape)
    sql "CREATE OR REPLACE VIEW crashmon.queue AS $(sql "SELECT rtrim(pg_get_viewdef('crashmon.queue'), ';')") LIMIT 9"
    session "BEGIN; SELECT FROM crashmon.queue"
    run load_schema
    [[ $status -ne 0 && $output == *"the view crashmon.queue is in use for too long: nothing is changed"* ]] || fail "$output"
    session ROLLBACK
    expect_status 0 load_schema
    equal "$(shape)" "$fresh"
}

@test "of several at the same time each makes, or finds, all that there is to be" {
    local n pids=()
    for n in 1 2 3 4; do
        load_roles >"$BATS_TEST_TMPDIR/said$n" 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    equal "$(cat "$BATS_TEST_TMPDIR"/said*)" ""
    sql_is "SELECT crashmon.schema_version()" 2
}

@test "sequences that are behind, as after a logical switch-over, are set right" {
    load_schema
    for table in processors jobs runs; do
        sql "SELECT nextval('crashmon.${table}_id_seq') FROM generate_series(1, 7)" >/dev/null
    done
    before=$(sql "SELECT last_value FROM crashmon.jobs_id_seq")
    load_schema
    equal "$(sql "SELECT last_value FROM crashmon.jobs_id_seq")" "$before"
    p=$(processor p1)
    crash >/dev/null
    expect_status 0 scan
    for table in processors jobs runs; do sql "ALTER SEQUENCE crashmon.${table}_id_seq RESTART"; done
    sql "INSERT INTO processors (id, name, lastseendatetime) VALUES (2147483647, 'last', '-infinity')"
    crash --count 3 >/dev/null
    expect_status 0 load_schema
    equal "$output" ""
    expect_status 0 scan
    sql_is "SELECT count(*), (SELECT count(*) FROM crashmon.runs) FROM jobs" "4|2"
    sql_is "SELECT crashmon.register_processor('p2')" 9
}

@test "an upgrade waits for others for seconds, and others for it for a tenth of one" {
    version_1
    session "BEGIN; SELECT count(*) FROM jobs" >/dev/null
    background load_schema
    await_session "wait_event = 'PgSleep'"
    for n in 1 2 3 4 5 6; do sql "SET LOCAL lock_timeout = '1s'; $(job_text $n)"; done
    session "COMMIT"
    background_ends 0
    sql_is "SELECT count(*) FROM crashmon.jobs" 6

    nothing
    version_1
    session "BEGIN; SELECT count(*) FROM jobs" >/dev/null
    run load_schema
    [[ $status -ne 0 && $output == *"the tables are in use for too long"* ]] || fail "$output"
    sql_is "SELECT crashmon.schema_version()" 1
    session "COMMIT"
}
job_text() { echo "INSERT INTO jobs (pathname, uuid) VALUES ('/x', '$(id "$1")')"; }

@test "very many times in the future are refused before they are mended under the lock, with what mends them" {
    for place in public crashmon; do
        nothing
        [[ $place == public ]] || sql "CREATE SCHEMA crashmon; GRANT CREATE ON SCHEMA crashmon TO PUBLIC"
        PGOPTIONS="-c search_path=$place" psql -qX -v ON_ERROR_STOP=1 -f "$BATS_TEST_DIRNAME/version_1.sql"
        sql "SET LOCAL search_path = $place; ALTER TABLE jobs DROP CONSTRAINT jobs_owner_fkey;
             INSERT INTO processors (name, startdatetime) SELECT n, now() + '1 day' FROM generate_series(1, 10001) AS n;
             INSERT INTO jobs (pathname, uuid, completeddatetime) SELECT '', n, now() + '1 day' FROM generate_series(1, 10001) AS n;
             INSERT INTO priorityjobs SELECT n, 'infinity' FROM generate_series(1, 10001) AS n"
        for table in processors priorityjobs jobs; do
            before=$(shape)
            PGOPTIONS='' run psql -qX -v ON_ERROR_STOP=1 -f "$SQL/schema.sql"
            [[ $status -ne 0 && $output == *"10001 rows of table $place.$table have times in the future: nothing is changed"*"HINT:  Mend them, then load this again: UPDATE $place.$table SET "* ]] ||
                fail "$output"
            equal "$(shape)" "$before"
            sql "$(sed -n 's/^HINT: .*load this again: //p' <<<"$output")"
        done
        equal "$(load_schema)" ""
        sql_is "SELECT count(*), count(starteddatetime), count(*) FILTER (WHERE completeddatetime <= now()) FROM crashmon.jobs" "10001|0|10001"
        sql_true "SELECT max(startdatetime) <= now() FROM crashmon.processors"
        sql "ALTER TABLE crashmon.priorityjobs DISABLE TRIGGER not_ahead; UPDATE crashmon.priorityjobs SET requesteddatetime = now() + '1 day'"
        run load_schema
        [[ $output == *"10001 rows of table crashmon.priorityjobs have times in the future: nothing is changed"* ]] || fail "$output"
    done
}

@test "a vacuum, or whoever is making an index, holds an upgrade up for seconds, and nobody else" {
    version_1
    session "BEGIN; LOCK TABLE jobs IN SHARE UPDATE EXCLUSIVE MODE"
    background load_schema
    await_session "wait_event = 'relation'"
    for n in 1 2 3 4 5 6; do sql "SET LOCAL lock_timeout = '50ms'; $(job_text $n)"; done
    session "COMMIT"
    background_ends 0
    sql_is "SELECT count(*) FROM crashmon.jobs" 6
}

@test "a dump can be restored, by another owner too, and is up to date then" {
    load_roles
    p=$(processor p1)
    job 1 "$p"
    makes_priority_table "$p"
    fresh=$(shape) before=$(rows)
    pg_dump -f "$BATS_TEST_TMPDIR/plain"
    pg_dump --clean --if-exists -f "$BATS_TEST_TMPDIR/clean"
    pg_dump -F custom -f "$BATS_TEST_TMPDIR/custom"
    for format in plain clean custom; do
        createdb -T "$( [[ $format == clean ]] && echo crashmon_template || echo template0)" "${PGDATABASE}_restored"
        if [[ $format == custom ]]; then
            pg_restore -d "${PGDATABASE}_restored" "$BATS_TEST_TMPDIR/custom"
        else
            psql -qX -v ON_ERROR_STOP=1 -d "${PGDATABASE}_restored" -f "$BATS_TEST_TMPDIR/$format" >/dev/null
        fi
        PGDATABASE=${PGDATABASE}_restored expect_status 0 load_roles
        shape=$(PGDATABASE=${PGDATABASE}_restored shape) state=$(PGDATABASE=${PGDATABASE}_restored rows)
        crash >/dev/null
        PGDATABASE=${PGDATABASE}_restored program crashmon-scan
        dropdb "${PGDATABASE}_restored"
        equal "$shape" "$fresh"
        equal "$state" "$before"
    done
    createdb -O "$OWNER" -T template0 "${PGDATABASE}_restored"
    as "$OWNER" pg_restore --no-owner --no-acl -d "${PGDATABASE}_restored" "$BATS_TEST_TMPDIR/custom"
    PGDATABASE=${PGDATABASE}_restored as "$OWNER" run load_schema
    dropdb "${PGDATABASE}_restored"
    [[ $status -eq 0 ]] || fail "$output"
}

@test "priority tables that a restore has given to its owner are named, with what gives them back" {
    load_roles
    sql "GRANT crashmon_processor TO $PROCESSOR"
    for id in 1 2; do
        sql "CREATE TABLE crashmon_priority.priority_jobs_$id (uuid varchar(50) PRIMARY KEY);
             ALTER TABLE crashmon_priority.priority_jobs_$id OWNER TO crashmon_processor"
    done
    pg_dump -F custom -f "$BATS_TEST_TMPDIR/custom"
    createdb -O "$OWNER" -T template0 "${PGDATABASE}_restored"
    as "$OWNER" pg_restore --no-owner -d "${PGDATABASE}_restored" "$BATS_TEST_TMPDIR/custom"
    PGDATABASE=${PGDATABASE}_restored as "$OWNER" expect_status 0 load_schema
    for id in 1 2; do
        name=crashmon_priority.priority_jobs_$id
        [[ $output == *"WARNING:  table $name belongs to role $OWNER, so crashmon's programs cannot use it"*"HINT:  As a superuser: ALTER TABLE $name OWNER TO crashmon_processor."* ]] ||
            fail "$output"
        PGDATABASE=${PGDATABASE}_restored sql "ALTER TABLE $name OWNER TO crashmon_processor"
    done
    said=$(PGDATABASE=${PGDATABASE}_restored as "$OWNER" load_roles)
    dropdb "${PGDATABASE}_restored"
    equal "$said" ""
}

@test "whose sessions run no triggers is named, and by --check" {
    load_roles
    sql "GRANT crashmon_processor TO $PROCESSOR"
    for place in "DATABASE \"$PGDATABASE\"|the database" "ROLE $PROCESSOR|role $PROCESSOR" "ROLE $PROCESSOR IN DATABASE \"$PGDATABASE\"|role $PROCESSOR"; do
        sql "ALTER ${place%|*} SET session_replication_role = replica"
        expect_status 0 load_schema
        [[ $output == *"WARNING:  no trigger fires in sessions of ${place#*|}: "*"ALTER ${place%%[|\"]*}"*"RESET session_replication_role"* ]] || fail "$output"
        run scan --check
        [[ $place == ROLE* || $output == *"WARNING: session_replication_role is replica: no trigger fires"* ]] || fail "$output"
        sql "ALTER ${place%|*} RESET session_replication_role"
    done
    sql "ALTER ROLE $OWNER SET session_replication_role = replica"
    equal "$(load_schema)" ""
    sql "ALTER ROLE $OWNER RESET session_replication_role; REVOKE crashmon_processor FROM $PROCESSOR"
}
