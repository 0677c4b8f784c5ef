#!/usr/bin/env bats
# upgrade_strangers.bats - the scripts use nothing that others have made, and end what they could make.
load ../helper
load upgrade

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
            PGOPTIONS="" run psql -qX -f "$SQL/$script"
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

@test "whoever owns the database, or the tables, is not trusted for that by who loads the scripts" {
    sql "CREATE TABLE IF NOT EXISTS public.sprung (); GRANT ALL ON public.sprung TO PUBLIC"
    for before in version_1 load_schema; do
        nothing
        as "$OWNER" "$before"
        as "$OWNER" sql "CREATE OR REPLACE FUNCTION public.spring() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN RESET ROLE; SET ROLE NONE; INSERT INTO public.sprung DEFAULT VALUES; RETURN NEW; END';
            DROP TRIGGER IF EXISTS not_ahead ON processors;
            INSERT INTO processors (name, lastseendatetime) VALUES ('x', 'infinity');
            CREATE TRIGGER mine BEFORE UPDATE ON processors FOR EACH ROW EXECUTE FUNCTION public.spring()"
        # Nor where he has a superuser's session begin as his own role.
        for role in '' "ALTER DATABASE \"$PGDATABASE\" SET role = $OWNER"; do
            [[ -z $role ]] || as "$OWNER" sql "$role"
            for script in schema.sql roles.sql from-socorro.sql; do
                refused "belongs to role $OWNER, so it is not used*load this as that role: psql -U $OWNER *-v owner=$OWNER" $script
            done
        done
        sql "ALTER DATABASE \"$PGDATABASE\" RESET role"
        sql_is "SELECT count(*) FROM public.sprung" 0
    done
    as "$OWNER" expect_status 0 load_schema
    sql_is "SELECT count(*) FROM public.sprung" 1
    sql "DROP FUNCTION public.spring() CASCADE; DROP TABLE public.sprung"
}

@test "tables of Socorro's that belong to a login are not used by a superuser who does not name it" {
    as "$OWNER" sql "CREATE TABLE public.jobs (pathname text); CREATE TABLE public.processors (); CREATE TABLE public.priorityjobs ()"
    refused "in schema public belong to role $OWNER, so they are not used*psql -U $OWNER *-v owner=$OWNER" schema.sql from-socorro.sql
}

@test "the name of a role in a hint can be pasted into a shell, whatever it is" {
    pasted() { # what a shell makes of the words in the hint
        PGOPTIONS='' run psql -qX -f "$SQL/schema.sql"
        eval "printf '%s\n' $(perl -ne 'print "$1 " if /^HINT:.* -U (.*?) \.\.\. Or add/; print $1 if /^HINT:.* -v owner=(.*?), by which/' <<<"$output")"
    }
    # shellcheck disable=SC2016 # literally
    for name in plain_1 Capital "it's" 'a"b' '$(echo) `echo`' '\' -x "''" 'two  words'; do
        quoted="\"${name//\"/\"\"}\""
        sql "CREATE ROLE $quoted; CREATE TABLE public.jobs (); CREATE TABLE public.processors (); CREATE TABLE public.priorityjobs ();
             ALTER TABLE public.jobs OWNER TO $quoted"
        equal "$(pasted)" "$name"$'\n'"$name"
        nothing
        load_schema
        sql "ALTER TABLE jobs OWNER TO $quoted"
        equal "$(pasted)" "$name"$'\n'"$name"
        nothing
        sql "ALTER DATABASE \"$PGDATABASE\" SET role = '${name//\'/\'\'}'"
        equal "$(pasted)" "$name"
        PGOPTIONS="-c role=none" psql -qX -c "ALTER DATABASE \"$PGDATABASE\" RESET role" -c "DROP ROLE $quoted"
    done
}

@test "a superuser says whose tables they are" {
    sql "CREATE ROLE ${OWNER}_2; GRANT CREATE ON DATABASE \"$PGDATABASE\" TO ${OWNER}_2"
    PGOPTIONS="-c role=${OWNER}_2" psql -qX -v ON_ERROR_STOP=1 -f "$SQL/schema.sql"
    run load_roles
    [[ $status -ne 0 && $output == *"schema crashmon belongs to role ${OWNER}_2, so it is not used"*"-v owner=${OWNER}_2"* ]] || fail "$output"
    # Also where there are none yet.
    for there in schema none; do
        [[ $there == schema ]] || nothing
        equal "$(load_schema -v owner="${OWNER}_2" -f "$SQL/roles.sql")" ""
        sql_is "SELECT DISTINCT nspowner::regrole, relowner::regrole FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
                WHERE nspname = 'crashmon'" "${OWNER}_2|${OWNER}_2"
    done
    nothing
    sql "DROP OWNED BY ${OWNER}_2; DROP ROLE ${OWNER}_2"
}

@test "whatever the name of the login that loads it, all is its own, and not another role's with a similar name" {
    sql "CREATE ROLE upper_$$ LOGIN"
    # A superuser, and one who owns the database.
    for right in "ALTER ROLE %s SUPERUSER" "ALTER DATABASE \"$PGDATABASE\" OWNER TO %s"; do
        for name in "Upper_$$" "a.b $$" "\"$$"; do
            nothing
            quoted="\"${name//\"/\"\"}\""
            # shellcheck disable=SC2059 # that is a format
            sql "CREATE ROLE $quoted LOGIN PASSWORD '$PGPASSWORD'; $(printf "$right" "$quoted")"
            equal "$(as "$name" load_schema)" ""
            equal "$(load_schema -v owner="$name" -f "$SQL/roles.sql")" ""
            sql_is "SELECT DISTINCT rolname FROM pg_shdepend JOIN pg_roles ON pg_roles.oid = refobjid
                    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                        AND deptype = 'o' AND rolname <> '$OWNER'" "$name"
            nothing
            sql "ALTER DATABASE \"$PGDATABASE\" OWNER TO $OWNER; DROP ROLE $quoted"
        done
    done
    sql "DROP ROLE upper_$$"
}

@test "where the owner of an empty database has sessions begin as his role, the tables do not become his unasked" {
    as "$OWNER" sql "ALTER DATABASE \"$PGDATABASE\" SET role = $OWNER"
    refused "a setting of the database would have the tables belong to role $OWNER: nothing is changed" schema.sql
    sql_is "SELECT to_regnamespace('crashmon')" ""
    equal "$(load_schema -v owner="$OWNER")" ""
    sql_is "SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'crashmon'" "$OWNER"
    nothing
    sql "ALTER DATABASE \"$PGDATABASE\" RESET role"
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
        await_session "usename = '$PROCESSOR' AND wait_event = 'relation'"
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
                await_session "wait_event IN ('relation', 'PgSleep')"
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

@test "what the owner, or a superuser, holds open in our schema is no stranger's: it stays, and the scripts are loaded" {
    sql "CREATE ROLE ${OWNER}_reader"
    as "$OWNER" load_schema
    as "$OWNER" sql "CREATE MATERIALIZED VIEW crashmon.mine AS SELECT count(*) FROM crashmon.jobs;
                     CREATE TABLE crashmon.ours (n integer)"
    load_schema -v owner="$OWNER" -f "$SQL/roles.sql"
    home=$(sql "SELECT 'crashmon'::regnamespace::oid")
    for who in "$OWNER" "${PGUSER:-}"; do
        for what in "REFRESH MATERIALIZED VIEW crashmon.mine" "CREATE TABLE crashmon.mine_too ()" \
            "CREATE FUNCTION crashmon.mine() RETURNS integer LANGUAGE sql RETURN 1" \
            "ALTER TABLE crashmon.ours ADD m integer" "GRANT USAGE ON SCHEMA crashmon TO ${OWNER}_reader" \
            "LOCK TABLE crashmon.jobs IN SHARE ROW EXCLUSIVE MODE"; do
            as "$who" session "BEGIN; $what"
            equal "$(as "$OWNER" load_schema)" ""
            session ROLLBACK
            sql_is "SELECT 'crashmon'::regnamespace::oid" "$home"
        done
        session_end
        unset SESSION_PID
    done
    # Whose a prepared transaction is cannot be told.
    session "BEGIN; CREATE TABLE crashmon.mine_too (); PREPARE TRANSACTION 'mine'"
    as "$OWNER" run load_schema
    session "ROLLBACK PREPARED 'mine'"
    [[ $status -ne 0 && $output == *"the schema crashmon or a view in it is in use"* ]] || fail "$output"
    sql "DROP OWNED BY ${OWNER}_reader; DROP ROLE ${OWNER}_reader"
}

@test "publications and default privileges that give others rights on our tables are named" {
    load_roles
    sql "CREATE ROLE ${OWNER}_former; GRANT CREATE ON DATABASE \"$PGDATABASE\" TO ${OWNER}_former; CREATE PUBLICATION mine FOR ALL TABLES"
    equal "$(load_roles)" ""
    warned() { # SENTENCE STATEMENT UNDOES
        sql "SET client_min_messages = error; $2"
        for load in load_schema load_roles; do
            expect_status 0 "$load"
            [[ $output == *"WARNING:  $1"*HINT* ]] || fail "$2: $output"
        done
        sql "$3"
        equal "$(load_roles)" ""
    }
    for what in "ALL TABLES" "TABLE crashmon.jobs, crashmon.runs"; do
        warned "publication his of role ${OWNER}_former has tables of crashmon's: jobs, " \
            "CREATE PUBLICATION his FOR $what; ALTER ROLE ${OWNER}_former SUPERUSER;
             ALTER PUBLICATION his OWNER TO ${OWNER}_former; ALTER ROLE ${OWNER}_former NOSUPERUSER" "DROP PUBLICATION his"
    done
    for whose in "$(sql "SELECT current_user") crashmon" "crashmon_processor crashmon_priority"; do
        for place in "" "IN SCHEMA ${whose#* }"; do
            defaults="ALTER DEFAULT PRIVILEGES FOR ROLE ${whose% *} $place"
            warned "default privileges of role ${whose% *} let others change the tables that it makes: ${OWNER}_former" \
                "$defaults GRANT ALL ON TABLES TO ${OWNER}_former" "$defaults REVOKE ALL ON TABLES FROM ${OWNER}_former"
            sql "$defaults GRANT SELECT ON TABLES TO ${OWNER}_former"
            equal "$(load_roles)" ""
            sql "$defaults REVOKE ALL ON TABLES FROM ${OWNER}_former"
        done
    done
    defaults="ALTER DEFAULT PRIVILEGES FOR ROLE crashmon_processor"
    warned "default privileges of role crashmon_processor take its own rights " \
        "$defaults REVOKE INSERT ON TABLES FROM crashmon_processor" "$defaults GRANT ALL ON TABLES TO crashmon_processor"
    sql "DROP PUBLICATION mine; DROP OWNED BY ${OWNER}_former; DROP ROLE ${OWNER}_former"
}

@test "what a schema that is replaced takes with it is named" {
    load_roles
    sql "ALTER DEFAULT PRIVILEGES IN SCHEMA crashmon GRANT SELECT ON TABLES TO $OWNER; GRANT CREATE ON SCHEMA crashmon TO $PROCESSOR"
    expect_status 0 load_schema
    [[ $output == *"WARNING:  the schema crashmon is replaced, and does not have this any more: default privileges on new relations "*" in schema crashmon"*HINT* ]] ||
        fail "$output"
    equal "$(load_roles)" ""
}

@test "who keeps a GRANT open on what is ours is waited for, and named after four seconds" {
    load_roles
    sql "CREATE ROLE ${OWNER}_reader; GRANT crashmon_processor, crashmon_observer TO $PROCESSOR"
    grants() { as "$PROCESSOR" session "BEGIN; SET LOCAL client_min_messages = error; GRANT $1 TO ${OWNER}_reader"; }
    while IFS='|' read -r what load ends; do
        grants "$what"
        background "$load"
        await_session "wait_event = 'PgSleep'" || fail "$what: $(<"$BACKGROUND")"
        session "$ends"
        background_ends 0
        equal "$output" ""
    done <<END
EXECUTE ON FUNCTION crashmon.heartbeat(integer)|load_schema|COMMIT
EXECUTE ON FUNCTION crashmon.heartbeat(integer)|load_roles|ROLLBACK
SELECT ON crashmon.jobs|load_roles|COMMIT
SELECT ON crashmon.queue|load_roles|COMMIT
USAGE ON SCHEMA crashmon|load_roles|COMMIT
UPDATE (name) ON crashmon.processors|load_roles|COMMIT
END
    for what in "EXECUTE ON FUNCTION crashmon.heartbeat(integer)|schema.sql" "SELECT ON TABLE crashmon.jobs|roles.sql"; do
        grants "${what%|*}"
        object=${what#* ON } object=${object%|*}
        refused "rights or definitions are being changed: ${object,,}: nothing is done*process * of role $PROCESSOR" "${what#*|}"
        session ROLLBACK
    done
    sql "REVOKE crashmon_processor, crashmon_observer FROM $PROCESSOR; DROP ROLE ${OWNER}_reader"
}

@test "who keeps a GRANT open on a table of his own that has a name of ours holds nobody up" {
    for load in "version_1 schema.sql" "load_roles roles.sql" "load_roles schema.sql"; do
        nothing
        "${load% *}"
        sql "CREATE SCHEMA his AUTHORIZATION $PROCESSOR"
        as "$PROCESSOR" sql "SET ROLE NONE; SET search_path = his; CREATE TABLE jobs (uuid text); CREATE TABLE processors (); CREATE TABLE priorityjobs ()"
        as "$PROCESSOR" session "BEGIN; GRANT SELECT ON his.jobs, his.processors, his.priorityjobs TO PUBLIC; GRANT UPDATE (uuid) ON his.jobs TO PUBLIC"
        PGOPTIONS='' run psql -qX -v ON_ERROR_STOP=1 -f "$SQL/${load#* }"
        session ROLLBACK
        sql "SET client_min_messages = error; DROP SCHEMA his CASCADE"
        [[ $status -eq 0 && -z $output ]] || fail "$load: $output"
    done
}

@test "who keeps a GRANT open on a table of version 1 is named" {
    version_1
    session "BEGIN; GRANT SELECT ON public.jobs TO PUBLIC"
    refused "rights or definitions are being changed: table public.jobs: nothing is done" schema.sql
    session ROLLBACK
}

@test "a table that cannot be read for its sequence is named" {
    load_roles
    session "BEGIN; REINDEX TABLE crashmon.jobs"
    run load_schema
    session ROLLBACK
    [[ $status -ne 0 && $output == *"the table crashmon.jobs is in use for too long: nothing is changed"*HINT* ]] || fail "$output"
}

@test "an event trigger that runs what somebody else has made is named before anything is done, and no table dropped" {
    load_schema
    load_roles
    sql "CREATE TABLE public.sprung (); GRANT ALL ON public.sprung TO PUBLIC;
         INSERT INTO processors (name, lastseendatetime) VALUES ('p1', '-infinity');
         CREATE TABLE crashmon_priority.priority_jobs_1 (uuid varchar(50) PRIMARY KEY);
         CREATE FUNCTION public.spring() RETURNS event_trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO public.sprung DEFAULT VALUES; END';
         ALTER FUNCTION public.spring() OWNER TO $PROCESSOR;
         CREATE EVENT TRIGGER strange ON ddl_command_start EXECUTE FUNCTION public.spring()"
    refused 'event trigger strange runs function public.spring() of role '$PROCESSOR': nothing is changed' schema.sql roles.sql from-socorro.sql
    sql_is "SELECT crashmon.remove_processor(1, '1 s'), to_regclass('crashmon_priority.priority_jobs_1')" "refused|priority_jobs_1"
    for event in ddl_command_end sql_drop table_rewrite; do
        sql "DROP EVENT TRIGGER strange; CREATE EVENT TRIGGER strange ON $event EXECUTE FUNCTION public.spring();
             ALTER EVENT TRIGGER strange ENABLE REPLICA"
        refused 'event trigger strange runs function public.spring() of role' schema.sql
    done
    # What a superuser loads for the owner runs nothing of his, unless as himself.
    sql "ALTER FUNCTION public.spring() OWNER TO $OWNER"
    PGOPTIONS='' run psql -qX -v owner="$OWNER" -f "$SQL/roles.sql"
    [[ $status -ne 0 && $output == *"event trigger strange runs function public.spring() of role $OWNER: nothing is changed"* ]] ||
        fail "$output"
    sql_is "SELECT count(*) FROM public.sprung" 0
    # A superuser's is the site's.
    sql "DROP EVENT TRIGGER strange; ALTER FUNCTION public.spring() OWNER TO CURRENT_USER; DROP TABLE crashmon_priority.priority_jobs_1;
         CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION public.spring(); DELETE FROM public.sprung;
         INSERT INTO processors (id, name, lastseendatetime) VALUES (7, 'p7', '-infinity');
         CREATE TABLE crashmon_priority.priority_jobs_7 (uuid varchar(50) PRIMARY KEY);
         ALTER TABLE crashmon_priority.priority_jobs_7 OWNER TO crashmon_processor"
    equal "$(load_roles)" ""
    sql_is "SELECT crashmon.remove_processor(7, '1 s'), to_regclass('crashmon_priority.priority_jobs_7'), (SELECT count(*) > 9 FROM public.sprung)" "removed||t"
    sql "DROP EVENT TRIGGER mine; DROP FUNCTION public.spring(); DROP TABLE public.sprung"
}

@test "what others call what is theirs is told without a line of its own, and does nothing to a terminal" {
    odd=$'x" is old\nHINT:  Run this\e[8m\u202e\u009b'
    shown=' is old\nHINT:  Run this\x1b[8m\xe2\x80\xae\xc2\x9b'
    quoted="\"${odd//\"/\"\"}\""
    # odd_one STATEMENT BEFORE UNDOES SCRIPT...: what the statement has made is named.
    odd_one() {
        local script
        sql "SET client_min_messages = error; $1"
        for script in "${@:4}"; do
            PGOPTIONS='' run psql -qX -f "$SQL/$script"
            [[ $output == *"$2"*"$shown"* && $output != *$'\e'* && $output != *$'\u202e'* && $output != *$'\u009b'* && $output != *$'\nHINT:  Run'* ]] ||
                fail "$script: $1: $(cat -v <<<"$output")"
        done
        sql "$3"
    }
    version_1
    odd_one "CREATE TABLE public.$quoted (j jobs); ALTER TABLE public.$quoted OWNER TO $PROCESSOR" "column j of table public." \
        "DROP TABLE public.$quoted" schema.sql from-socorro.sql roles.sql
    odd_one "CREATE ROLE $quoted; GRANT CREATE ON SCHEMA public TO $quoted; CREATE TYPE public.mine AS (j jobs); ALTER TYPE public.mine OWNER TO $quoted" \
        "mine belongs to role " "DROP TYPE public.mine; DROP OWNED BY $quoted" schema.sql
    odd_one "CREATE VIEW public.$quoted AS SELECT crashmon.put_in_priority_tables('{}', '{}')" "view public." "DROP VIEW public.$quoted" schema.sql
    load_roles
    odd_one "CREATE TRIGGER $quoted BEFORE UPDATE ON jobs EXECUTE FUNCTION suppress_redundant_updates_trigger(); GRANT TRIGGER ON jobs TO $PROCESSOR" \
        "trigger " "DROP TRIGGER $quoted ON jobs; REVOKE TRIGGER ON jobs FROM $PROCESSOR" schema.sql roles.sql
    odd_one "CREATE FUNCTION public.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; ALTER FUNCTION public.f() OWNER TO $PROCESSOR;
             CREATE EVENT TRIGGER $quoted ON ddl_command_start EXECUTE FUNCTION public.f()" "event trigger " \
        "DROP EVENT TRIGGER $quoted; DROP FUNCTION public.f()" schema.sql from-socorro.sql roles.sql
    odd_one "ALTER DEFAULT PRIVILEGES IN SCHEMA crashmon GRANT INSERT ON TABLES TO $quoted" "that it makes: " \
        "ALTER DEFAULT PRIVILEGES IN SCHEMA crashmon REVOKE INSERT ON TABLES FROM $quoted" schema.sql roles.sql
    odd_one "CREATE TABLE crashmon.$quoted (id integer REFERENCES jobs ON DELETE CASCADE); GRANT TRIGGER ON crashmon.$quoted TO $PROCESSOR" \
        "on table crashmon." "DROP TABLE crashmon.$quoted" schema.sql
    # In an EXCEPTION, and after COMMIT.
    odd_one "CREATE SCHEMA crashmon_replaced_1; CREATE TABLE crashmon_replaced_1.$quoted ()" "table crashmon_replaced_1." \
        "DROP SCHEMA crashmon_replaced_1 CASCADE" schema.sql
    sql "ALTER TABLE processors DROP CONSTRAINT processors_name_key; INSERT INTO processors (name) VALUES ('$odd'), ('$odd')"
    PGOPTIONS='' run psql -qX -f "$SQL/schema.sql"
    [[ $output == *'Key (name)=(x" is old\nHINT:  Run this\x1b[8m'* && $output != *$'\e'* ]] || fail "$(cat -v <<<"$output")"
    sql "DROP ROLE $quoted"
}
