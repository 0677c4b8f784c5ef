#!/usr/bin/env bats
# upgrade.bats - schema.sql on what is there already: version 1, another set of tables, a restored
# dump; and beside others at work.
# Roles belong to the whole server, so this file and roles.bats run one at a time.
load ../helper
load jobs

SQL=$TESTS/../sql

setup_file() {
    exec 8<"$BATS_TEST_DIRNAME/roles.bats"
    flock 8
    begin_file
    export OWNER=upgrade_owner_$$ PROCESSOR=upgrade_processor_$$ PGPASSWORD=${PGPASSWORD:-secret}
    sql "CREATE ROLE $OWNER LOGIN PASSWORD '$PGPASSWORD';
         CREATE ROLE $PROCESSOR LOGIN PASSWORD '$PGPASSWORD';
         GRANT CREATE ON SCHEMA public TO PUBLIC; ALTER DATABASE \"$PGDATABASE\" OWNER TO $OWNER"
}

teardown_file() {
    end_file
    psql -qX -d postgres -c "DROP ROLE IF EXISTS $OWNER, $PROCESSOR,
        crashmon_monitor, crashmon_observer, crashmon_processor, crashmon_reporter"
}

# Each case begins with an empty database.
setup() {
    nothing
    load_schema
    begin_case
    nothing
}
nothing() {
    sql "DROP SCHEMA IF EXISTS crashmon, crashmon_priority CASCADE;
         DROP TABLE IF EXISTS public.jobs, public.processors, public.priorityjobs,
             public.priority_jobs_1 CASCADE"
}

load_schema() { PGOPTIONS='' psql -qX -v ON_ERROR_STOP=1 -f "$SQL/schema.sql" "$@" 2>&1; }
load_roles() { load_schema -f "$SQL/roles.sql"; }
version_1() { PGOPTIONS='' psql -qX -v ON_ERROR_STOP=1 -f "$BATS_TEST_DIRNAME/version_1.sql" "$@"; }

# Each of these scripts refuses to do anything, with this sentence: refused SENTENCE SCRIPT...
refused() {
    local script
    for script in "${@:2}"; do
        PGOPTIONS='' run psql -qX -f "$SQL/$script"
        # shellcheck disable=SC2053 # a pattern
        [[ $status -ne 0 && $output == *$1* ]] || fail "$script: $output"
    done
}

# All objects, with their owners and rights. What version 1 granted in "public" does no harm.
shape() { pg_dump -s | grep -vE '^(--|\\(un)?restrict|$)|GRANT USAGE ON SCHEMA public' | sort; }

# All rows; what a new column has, where nobody has put anything into it, is not told.
rows() { db_state | sed -E 's/, "(storages|attempts|root|missingdatetime|reasons)": (null|0)\b//g'; }

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
        as "$who" expect_status 0 load_schema
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

@test "what default privileges give to others puts nothing on our tables, nor into our schemas" {
    local name=${PGDATABASE}_defaults
    createdb -T template0 "$name"
    PGDATABASE=$name sql "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
        ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO $OWNER, PUBLIC;
        ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO $OWNER;
        GRANT ALL ON SCHEMA public TO PUBLIC; CREATE FUNCTION public.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'"
    for load in load_schema load_roles; do
        PGDATABASE=$name "$load"
        for what in "CREATE TRIGGER t BEFORE INSERT ON crashmon.runs EXECUTE FUNCTION public.g()" \
            "CREATE TRIGGER t INSTEAD OF INSERT ON crashmon.queue FOR EACH ROW EXECUTE FUNCTION public.g()" \
            "TRUNCATE crashmon.runs" "CREATE TABLE crashmon.mine ()" "CREATE TABLE crashmon_priority.jobs ()" \
            "CREATE TABLE public.mine (id bigint REFERENCES crashmon.jobs ON DELETE CASCADE)" \
            "BEGIN; LOCK TABLE crashmon.queue" "CREATE TABLE public.mine (its crashmon.jobs)" "CREATE TABLE public.mine (its crashmon.queue[])" \
            "SELECT setval('crashmon.jobs_id_seq', 1)"; do
            PGDATABASE=$name run as "$OWNER" psql -qAtX -v VERBOSITY=sqlstate -c "$what"
            [[ $output == *42501* ]] || what_failed="$load: $what: $output"
        done
    done
    dropdb "$name"
    [[ -z ${what_failed:-} ]] || fail "$what_failed"
}

@test "a foreign key of somebody else's on our tables is refused, then no longer possible" {
    load_roles
    sql "GRANT USAGE ON SCHEMA crashmon TO $PROCESSOR; GRANT REFERENCES (id) ON jobs, processors TO $PROCESSOR"
    for table in jobs processors; do
        as "$PROCESSOR" sql "SET ROLE NONE; CREATE TABLE public.mine
            (id bigint CONSTRAINT mine_key REFERENCES crashmon.$table ON DELETE CASCADE)"
        for script in schema.sql from-socorro.sql roles.sql; do
            PGOPTIONS= run psql -qX -f "$SQL/$script"
            [[ $status -ne 0 && $output == *"constraint mine_key on table public.mine belongs to role $PROCESSOR, so it"* &&
                $output != *ERROR*ERROR* ]] ||
                fail "$script: $output"
        done
        sql "DROP TABLE public.mine"
    done
    load_roles
    sql_is "SELECT has_column_privilege('$PROCESSOR', 'jobs', 'id', 'REFERENCES'),
                   has_column_privilege('$PROCESSOR', 'processors', 'id', 'REFERENCES')" "f|f"
}

@test "what has the type of a table of ours in version 1 is named, and nothing is changed" {
    version_1
    for what in "TABLE public.mine (its jobs[])" "TYPE public.mine AS (its jobs)" "DOMAIN public.mine AS jobs"; do
        as "$PROCESSOR" sql "SET ROLE NONE; CREATE $what"
        run load_schema
        [[ $status -ne 0 && $output == *"public.mine belongs to role $PROCESSOR, so it is not used"* ||
            $output == *"type mine belongs to role $PROCESSOR, so it is not used"* ]] || fail "$what: $output"
        sql_is "SELECT crashmon.schema_version()" 1
        sql "DROP ${what%% *} public.mine"
    done
    expect_status 0 load_schema
}

@test "what is on tables that were somebody else's, and uses what is still his, is refused" {
    for what in "TABLE jobs ADD CHECK (spring(uuid))" "TABLE jobs ALTER success SET DEFAULT spring('x')" \
        "TABLE jobs ADD mine sprung" \
        "TABLE jobs ADD mine boolean GENERATED ALWAYS AS (spring(uuid)) STORED" \
        "TABLE jobs ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON jobs USING (spring(uuid))" \
        "TABLE jobs RESET (fillfactor); CREATE INDEX ON jobs (spring(uuid))" \
        "TABLE jobs RESET (fillfactor); CREATE TABLE child () INHERITS (jobs)" \
        "TABLE jobs RESET (fillfactor); CREATE RULE r AS ON DELETE TO jobs DO ALSO SELECT spring(old.uuid)" \
        "TABLE jobs RESET (fillfactor); CREATE STATISTICS s ON (spring(uuid)), uuid FROM jobs" \
        "TABLE jobs RESET (fillfactor); CREATE TRIGGER t BEFORE UPDATE ON jobs FOR EACH ROW
             WHEN (spring(new.uuid)) EXECUTE FUNCTION suppress_redundant_updates_trigger()"; do
        nothing
        version_1
        sql "ALTER TABLE jobs OWNER TO $PROCESSOR; CREATE SCHEMA his AUTHORIZATION $PROCESSOR; GRANT USAGE ON SCHEMA his TO PUBLIC"
        as "$PROCESSOR" sql "SET ROLE NONE; SET search_path = his, public;
            CREATE FUNCTION spring(varchar) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
            CREATE DOMAIN sprung AS text CHECK (spring(value)); ALTER $what"
        sql "ALTER TABLE jobs OWNER TO CURRENT_USER"
        refused "belongs to role $PROCESSOR, so it is not used" schema.sql from-socorro.sql
        sql "SET client_min_messages = error; DROP SCHEMA his CASCADE"
    done
}

@test "a trigger that others have the right to make is refused, also under a name of ours" {
    load_roles
    for what in mine count_attempt not_ahead; do
        sql "GRANT USAGE ON SCHEMA crashmon TO $PROCESSOR; GRANT TRIGGER ON jobs TO $PROCESSOR"
        as "$PROCESSOR" sql "SET ROLE NONE; CREATE OR REPLACE TRIGGER $what BEFORE UPDATE ON crashmon.jobs FOR EACH ROW
            EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        refused "trigger $what on table crashmon.jobs may be the work of others*: $PROCESSOR*Drop them" schema.sql roles.sql
        sql "REVOKE TRIGGER ON jobs FROM $PROCESSOR; DROP TRIGGER $what ON jobs"
        expect_status 0 load_schema
    done
    before=$(shape)
    for what in "not_ahead BEFORE UPDATE ON jobs" "not_ahead BEFORE INSERT ON crashmon.runs" \
        "count_attempt BEFORE UPDATE ON jobs" "count_attempt BEFORE UPDATE ON processors"; do
        sql "CREATE OR REPLACE TRIGGER $what FOR EACH ROW EXECUTE FUNCTION crashmon.${what%% *}()"
        refused "trigger ${what%% *} on table crashmon.* may be the work of others, *, or had it" schema.sql roles.sql
        sql "DROP TRIGGER ${what%% *} ON ${what##* }"
        expect_status 0 load_roles
    done
    equal "$(shape)" "$before"
}

@test "what somebody else has put on a table that inherits from ours, or refers to it, is refused" {
    load_roles
    sql "CREATE OR REPLACE FUNCTION public.spring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         ALTER FUNCTION public.spring OWNER TO $PROCESSOR"
    for what in "() INHERITS (jobs)" "(id bigint REFERENCES jobs ON DELETE CASCADE)"; do
        sql "CREATE TABLE public.mine $what; CREATE TRIGGER t BEFORE UPDATE ON public.mine FOR EACH ROW EXECUTE FUNCTION public.spring()"
        refused "function public.spring() belongs to role $PROCESSOR, so it is not used" schema.sql roles.sql
        sql "DROP TABLE public.mine"
    done
    sql "DROP FUNCTION public.spring()"
}

@test "a superuser says whose tables they are, if their owner is not that of the database" {
    sql "CREATE ROLE ${OWNER}_2; GRANT CREATE ON DATABASE \"$PGDATABASE\" TO ${OWNER}_2"
    PGOPTIONS="-c role=${OWNER}_2" psql -qX -v ON_ERROR_STOP=1 -f "$SQL/schema.sql"
    run load_roles
    [[ $status -ne 0 && $output == *"schema crashmon belongs to role ${OWNER}_2, so it is not used"*"-v owner=ROLE"* ]] || fail "$output"
    equal "$(load_schema -v owner="${OWNER}_2" -f "$SQL/roles.sql")" ""
    nothing
    sql "DROP OWNED BY ${OWNER}_2; DROP ROLE ${OWNER}_2"
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
        PGOPTIONS= run psql -qX -f "$SQL/$script"
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
    await sql_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
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

@test "a vacuum, or whoever is making an index, holds an upgrade up for seconds, and nobody else" {
    version_1
    session "BEGIN; LOCK TABLE jobs IN SHARE UPDATE EXCLUSIVE MODE"
    background load_schema
    await sql_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'relation'"
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

# --- what a login makes in a transaction that is open while the scripts are loaded

# What a processor may have made under version 1, or has been allowed since; and the scripts that end it.
version_1_in_crashmon() { version_1 -c 'SET search_path = crashmon' -v roles= && allow; }
version_1_allowed() { version_1 -v roles= && allow; }
version_2_allowed() { load_roles && allow; }
allow() {
    sql "GRANT crashmon_processor TO $PROCESSOR; GRANT CREATE ON SCHEMA crashmon TO $PROCESSOR;
         GRANT ALL ON jobs, processors, priorityjobs TO $PROCESSOR"
}
its_session() { as "$PROCESSOR" session "$1" >/dev/null; }
@test "what others put into our schema while the scripts are loaded is in no search path of ours" {
    load_roles
    fresh=$(shape)
    for before in version_1_in_crashmon version_2_allowed; do
        nothing
        "$before"
        job 1 NULL
        rows=$(rows)
        its_session "CREATE TABLE crashmon.priority_jobs_7 (); CREATE TABLE public.mine ();
                     BEGIN; LOCK TABLE public.mine"
        # It has been found to be allowed, and is not there yet.
        as "$PROCESSOR" background sql "CREATE FUNCTION crashmon.trap(varchar, text) RETURNS boolean
            BEGIN ATOMIC SELECT EXISTS (SELECT FROM public.mine); END"
        await sql_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = '$PROCESSOR' AND wait_event = 'relation'"
        expect_status 0 load_roles
        [[ $output == *"WARNING:  schema crashmon_replaced_1 stays, "*HINT* ]] || fail "$output"
        session COMMIT
        background_ends 0
        sql_is "SELECT pronamespace::regnamespace FROM pg_proc WHERE proname = 'trap'" crashmon_replaced_1
        equal "$(rows)" "$rows"
        expect_status 0 load_roles
        [[ $output == *"WARNING:  schema crashmon_replaced_1 stays, "*"depend on it"* ]] || fail "$output"
        sql "DROP TABLE public.mine CASCADE; DROP TABLE crashmon_priority.priority_jobs_7"
        equal "$(load_roles)" ""
        equal "$(shape | grep -v "TO $PROCESSOR;")" "$fresh"
        sql "REVOKE crashmon_processor FROM $PROCESSOR"
    done
}

@test "what others put on our tables while the scripts are loaded is waited for, and refused" {
    sql "CREATE OR REPLACE FUNCTION public.spring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         ALTER FUNCTION public.spring OWNER TO $PROCESSOR"
    load_roles
    for before in version_1_allowed version_1_in_crashmon version_2_allowed; do
        for what in "TRIGGER late BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION public.spring()" \
            "TRIGGER late BEFORE UPDATE ON priorityjobs FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()" \
            "TABLE public.late (id integer REFERENCES processors ON DELETE CASCADE)"; do
            for ends in ROLLBACK COMMIT "PREPARE TRANSACTION 'late'; COMMIT PREPARED 'late'"; do
                nothing
                "$before"
                its_session "BEGIN; SET LOCAL search_path = crashmon, public; CREATE $what"
                [[ $ends != PREPARE* ]] || session "${ends%%;*}"
                background load_roles
                await sql_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'relation'"
                session "${ends##*; }"
                background_ends "$([[ $ends == ROLLBACK ]] && echo 0 || echo 3)"
                [[ $ends == ROLLBACK || $output == *" belongs to role $PROCESSOR, so it is not used"* ||
                    $output == *" may be the work of others"*": $PROCESSOR"* ]] || fail "$before: $what: $output"
                sql "DROP TABLE IF EXISTS public.late"
            done
        done
    done
    sql "DROP FUNCTION public.spring() CASCADE"
}
