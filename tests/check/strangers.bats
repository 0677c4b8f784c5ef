#!/usr/bin/env bats
# strangers.bats - the database has other logins: nothing of ours ever runs what they have made.
# Roles belong to the whole server, so this file and roles.bats run one at a time.
load ../helper
load jobs

SQL=$TESTS/../sql
PATHS='pg_catalog, crashmon, pg_temp'

# The tests' own sessions do not run into the traps.
export PGOPTIONS="-c search_path=pg_catalog,crashmon"

# The owner of the database is not a superuser; anybody may create in "public", as in old clusters.
setup_file() {
    exec 8<"$BATS_TEST_DIRNAME/roles.bats"
    flock 8
    local name
    export OWNER=strange_owner_$$ PROCESSOR=strange_processor_$$ REPORTER=strange_reporter_$$
    export NOBODY=strange_nobody_$$ MONITOR=strange_monitor_$$ PGPASSWORD=${PGPASSWORD:-secret}
    begin_file
    for name in OWNER PROCESSOR REPORTER NOBODY MONITOR; do
        sql "CREATE ROLE ${!name} LOGIN PASSWORD '$PGPASSWORD'"
    done
    sql "ALTER DATABASE \"$PGDATABASE\" OWNER TO $OWNER;
         DROP SCHEMA crashmon, crashmon_priority CASCADE;
         GRANT CREATE ON SCHEMA public TO PUBLIC;
         CREATE SCHEMA traps; CREATE SEQUENCE traps.sprung;
         GRANT USAGE ON SCHEMA traps TO PUBLIC; GRANT ALL ON traps.sprung TO PUBLIC;
         CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
         GRANT USAGE ON FOREIGN SERVER nowhere TO PUBLIC"
    as "$OWNER" load_scripts schema.sql
    load_scripts roles.sql
    sql "GRANT crashmon_processor TO $PROCESSOR; GRANT crashmon_reporter TO $REPORTER;
         GRANT crashmon_monitor TO $MONITOR;
         ALTER ROLE $PROCESSOR SET role = crashmon_processor"
}

teardown_file() {
    end_file
    psql -qX -d postgres -c "DROP ROLE IF EXISTS $OWNER, $PROCESSOR, $REPORTER, $NOBODY, $MONITOR,
        crashmon_monitor, crashmon_observer, crashmon_processor, crashmon_reporter"
}

# A session of somebody who has not set a search path: that of the database counts.
plain() { PGOPTIONS='' psql -qAtX -v ON_ERROR_STOP=1 "$@" 2>&1; }
load_scripts() { for file; do plain -v owner="$OWNER" -f "$SQL/$file" || return; done && plain -f "$TESTS/old_server.sql"; }
not_sprung() {
    local answer
    ask "SELECT is_called FROM traps.sprung"
    [[ $answer == f ]] || fail "sprung: $(grep -a "trap: " "$(server_log)" | sort | uniq -c | tail -50)"
}
server_log() { echo "$TMPDIR"/pg_virtualenv*/log/*.log; }

# A call of each function, in an order in which all do something.
calls() {
    cat <<'END'
SELECT crashmon.schema_version();
SELECT crashmon.register_processor('p1');
SELECT crashmon.heartbeat(1);
SELECT crashmon.priority_table(1);
SELECT crashmon.lock_priority_table(1);
SELECT crashmon.fill_priority_tables('{1}', '{22adfb61-f75b-11dc-b6be-001322081225}');
SELECT * FROM crashmon.take_jobs(1, 2);
SELECT crashmon.give_back(1);
SELECT * FROM crashmon.take_jobs(1, 2);
SELECT crashmon.register_processor('p1', '{main}');
SELECT * FROM crashmon.take_jobs(1, 2);
SELECT crashmon.job_succeeded(1), crashmon.job_failed(2, 'no');
SELECT crashmon.retry('-infinity');
SELECT crashmon.pause('main', 'no'), crashmon.resume('main');
SELECT crashmon.is_crash_id('22adfb61-f75b-11dc-b6be-001322081225');
SELECT crashmon.request_crash('32adfb61-f75b-11dc-b6be-001322081225');
SELECT crashmon.crash_state('32adfb61-f75b-11dc-b6be-001322081225');
SELECT crashmon.silent_since('1 second');
SELECT crashmon.remove_processor(2, '1 second');
SELECT crashmon.leave(1);
SELECT crashmon.retire_storage('west');
SELECT crashmon.check_change('', true);
SELECT crashmon.printable('');
END
    sql "SELECT format('SELECT * FROM crashmon.%I;', relname) FROM pg_class
         WHERE relnamespace = 'crashmon'::regnamespace AND relkind = 'v'"
}

# Something to do for everybody: the programs in the name of each who may run them, then all
# functions and views.
everybody_works() {
    local who round=0
    for who in "$MONITOR" "$OWNER" "${PGUSER:-}"; do
        empty_tables
        sql "DROP TABLE IF EXISTS crashmon_priority.priority_jobs_1, crashmon_priority.priority_jobs_2;
             CREATE TABLE crashmon_priority.priority_jobs_1 (uuid varchar(50) PRIMARY KEY);
             CREATE TABLE crashmon_priority.priority_jobs_2 (uuid varchar(50) PRIMARY KEY);
             ALTER TABLE crashmon_priority.priority_jobs_1 OWNER TO crashmon_processor;
             ALTER TABLE crashmon_priority.priority_jobs_2 OWNER TO crashmon_processor;
             GRANT crashmon_processor TO $OWNER;
             INSERT INTO crashmon_priority.priority_jobs_2 VALUES ('$(id 77)')"
        processor p1 >/dev/null
        processor dead 86400 >/dev/null
        processor late 400 >/dev/null
        job 1 2
        job 2 3
        job 3 2 success=true
        collect --count 3 --day 2008120$((++round)) >"$BATS_TEST_TMPDIR/ids"
        collect --day 20081225 --root "$DEFERRED" >>"$BATS_TEST_TMPDIR/ids"
        requests 0 "$(id 1)" "$(id 2)" "$(tail -n 1 "$BATS_TEST_TMPDIR/ids")" nonsense
        crash --without dump >/dev/null
        for run in "scan --dry-run" "priority --dry-run" "cleanup_jobs --dry-run" \
            priority "priority --batch-size=1 $(id 5)" scan "scan --batch-size=1" "scan --repair" \
            "cleanup_jobs --keep-deferred-days=1" "cleanup_jobs --repair" "cleanup_jobs --adopt" \
            "scan --status" "priority --explain $(id 1)" "priority --release $(id 1)" "scan --check" "priority --check" "cleanup_jobs --check"; do
            # shellcheck disable=SC2086 # several words
            as "$who" run $run
            [[ $status -le 1 || $run == *--check || $status == 68 || $status == 74 ]] || fail "$who: $run: $status" "$output"
        done
        [[ $who != "$MONITOR" ]] || continue
        sql "DROP FUNCTION crashmon.schema_version()" # or from-socorro.sql would have nothing to do
        as "$who" load_scripts from-socorro.sql schema.sql || fail "$who cannot load schema.sql"
        as "$who" plain <<<"$(calls)" >"$BATS_TEST_TMPDIR/said" || fail "$who: $(<"$BATS_TEST_TMPDIR/said")"
    done
    load_scripts roles.sql || fail "cannot load roles.sql"
    # The parties, whose updates have triggers of ours to pass.
    sql "UPDATE processors SET lastseendatetime = 'infinity'; UPDATE jobs SET success = NULL, starteddatetime = NULL"
    as "$PROCESSOR" plain <<<"$(calls | grep -E 'register|heartbeat|take_jobs|job_')" >"$BATS_TEST_TMPDIR/said" ||
        fail "$(<"$BATS_TEST_TMPDIR/said")"
    as "$REPORTER" plain <<<"$(calls | grep -E 'request_crash|crash_state|is_crash_id|queue')" \
        >"$BATS_TEST_TMPDIR/said" || fail "$(<"$BATS_TEST_TMPDIR/said")"
}

# Each statement of the programs, whether or not a run comes to it.
statements() {
    grep -ohE 'ECPGst_normal, "([^"\\]|\\.)*"' "$BUILD"/pgc/*.c |
        sed -E 's/^ECPGst_normal, "(.*)"$/\1/; s/\\"/"/g; /^set /d' |
        awk '{ print "PREPARE s" NR " AS " $0 ";" }'
}

# Those that the documents have an administrator give.
documented() {
    perl -0777 -ne 'print "PREPARE d", ++$n, " AS $2;\n" while /psql -d \S+ -c (["\x27])((?:SELECT|UPDATE|DELETE) .*?)\1/gs' \
        "$TESTS"/../doc/{operations,migrating-from-socorro}.md | sed 's/BACKEND/1/'
}

# Which functions and operators all that used: the server writes its statements' plans into its log.
what_is_used() {
    local log from
    log=$(server_log)
    from=$(stat -c %s "$log")
    for print in parse rewritten plan; do
        sql "ALTER DATABASE \"$PGDATABASE\" SET debug_print_$print = on"
        sql "ALTER DATABASE \"$PGDATABASE\" SET debug_pretty_print = off"
    done
    everybody_works
    sql_true "SELECT $(statements | wc -l) > 30"
    { echo "SET search_path = $PATHS;" && statements && documented; } | plain -f - || fail "a statement is none"
    sql "ALTER DATABASE \"$PGDATABASE\" RESET ALL"
    tail -c "+$((from + 1))" "$log" | tr -s '\n\t ' ' ' >"$BATS_TEST_TMPDIR/plans"
    oids() { grep -aoE "$1" "$BATS_TEST_TMPDIR/plans" | grep -oE '[0-9]+' | sort -un | paste -sd,; }
    FUNCTIONS={$(oids ':(funcid|aggfnoid|winfnoid) [0-9]+')}
    OPERATORS={$(oids ':(opno [0-9]+|opnos \(o [0-9 ]+\))')}
    export FUNCTIONS OPERATORS
}

plant() { # WHO SCHEMA
    PGOPTIONS="-c search_path=pg_catalog -c trap.schema=$2 -c trap.functions=$FUNCTIONS
               -c trap.operators=$OPERATORS" PGUSER=$1 psql -qX -v ON_ERROR_STOP=1 \
        -f "$BATS_TEST_DIRNAME/strangers.sql"
}

@test "no program, function, view or script runs a function, operator, type or view of a stranger's" {
    what_is_used
    sql_true "SELECT cardinality('$FUNCTIONS'::oid[]) > 30 AND cardinality('$OPERATORS'::oid[]) > 30"
    # Every function of ours has been called.
    sql_is "SELECT proname FROM pg_proc WHERE pronamespace = 'crashmon'::regnamespace
            AND prorettype <> 'trigger'::regtype AND position(proname || '(' IN \$\$$(calls)\$\$) = 0" ''
    plant "$NOBODY" public
    plant "$PROCESSOR" crashmon_priority
    sql_true "SELECT count(*) > 1000 FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    # The traps work: this is what would have happened.
    PGOPTIONS='-c search_path=public' plain -c "SELECT length(relname::varchar) FROM pg_class LIMIT 1"
    sql_is "SELECT is_called FROM traps.sprung" t
    for path in "crashmon_priority, crashmon, public" "public, crashmon_priority, crashmon, pg_catalog"; do
        sql "ALTER DATABASE \"$PGDATABASE\" SET search_path = $path; ALTER SEQUENCE traps.sprung RESTART"
        everybody_works
        sql "ALTER DATABASE \"$PGDATABASE\" RESET ALL"
        not_sprung
    done
    used=$(PGOPTIONS="-c search_path=public,crashmon -c client_min_messages=log -c debug_print_parse=on -c debug_pretty_print=off" \
        psql -qAtX -v ON_ERROR_STOP=1 -f <(documented) 2>&1 | tr '\n' ' ')
    [[ $used != *ERROR* ]] || fail "$used"
    sql_is "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace
                AND oid IN ($(grep -oE ':(op)?funcid [0-9]+' <<<"$used" | tr -dc '0-9\n' | paste -sd,))" ''
    # Nor does roles.sql, which takes a superuser the first time, run anything of the owner's.
    plant "$OWNER" crashmon
    sql "ALTER SEQUENCE traps.sprung RESTART"
    load_scripts roles.sql
    not_sprung
    sql "DROP SCHEMA crashmon CASCADE" # one by one the thousands would take a minute
    as "$OWNER" load_scripts schema.sql
    load_scripts roles.sql
}

@test "every schema in which ours look for names can be written by its owner alone" {
    sql_is "SELECT n.nspname, acl.grantee::regrole, acl.privilege_type
            FROM pg_namespace AS n, aclexplode(nspacl) AS acl
            WHERE n.nspname = ANY (string_to_array('$PATHS', ', '))
                AND acl.privilege_type = 'CREATE' AND acl.grantee <> n.nspowner" ''
    # All functions have this path, or a body that is bound.
    sql_is "SELECT proname FROM pg_proc WHERE pronamespace = 'crashmon'::regnamespace
                AND prosqlbody IS NULL
                AND NOT coalesce('search_path=$PATHS' = ANY (proconfig), false)" ''
    # So have the sessions of the programs.
    empty_tables
    processor p1 >/dev/null
    sql "CREATE TABLE public.paths (path text); GRANT ALL ON public.paths TO PUBLIC;
         CREATE FUNCTION public.keep_path() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO public.paths VALUES (current_setting(''search_path'')); RETURN NULL; END'"
    for table in jobs runs; do
        sql "CREATE TRIGGER keep_path AFTER INSERT ON crashmon.$table
             EXECUTE FUNCTION public.keep_path()"
    done
    crash >/dev/null
    for run in "${RUNS[@]}"; do as "$MONITOR" expect_status 0 "$run"; done
    sql_is "SELECT path, count(*) FROM public.paths GROUP BY path" "$PATHS|4"
    sql "DROP FUNCTION public.keep_path() CASCADE; DROP TABLE public.paths"
}

# --- priority tables: whatever their owner, a processor, has put on them

TABLE='(uuid varchar(50) PRIMARY KEY)'
declare -gA ODD=(
    [trigger]="TABLE ME $TABLE; CREATE TRIGGER t BEFORE INSERT OR DELETE ON ME
               FOR EACH ROW EXECUTE FUNCTION springs()"
    [statement]="TABLE ME $TABLE; CREATE TRIGGER t AFTER INSERT OR DELETE ON ME EXECUTE FUNCTION springs()"
    [rule]="TABLE ME $TABLE; CREATE RULE r AS ON INSERT TO ME DO ALSO SELECT spring(new.uuid)"
    [deletion]="TABLE ME $TABLE; CREATE RULE r AS ON DELETE TO ME DO ALSO SELECT spring(old.uuid)"
    [policy]="TABLE ME $TABLE; ALTER TABLE ME ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
              CREATE POLICY p ON ME USING (spring(uuid) <> '')"
    [check]="TABLE ME (uuid varchar(50) CHECK (spring(uuid) <> ''))"
    [default]="TABLE ME (uuid varchar(50), other text DEFAULT spring('x'))"
    [generated]="TABLE ME (uuid varchar(50), other text GENERATED ALWAYS AS (spring(uuid)) STORED)"
    [domain]="DOMAIN sprung AS text CHECK (spring(value) <> ''); CREATE TABLE ME (uuid sprung)"
    [other]="DOMAIN other AS text CHECK (spring(value) <> ''); CREATE TABLE ME (uuid text, other other)"
    [index]="TABLE ME (uuid varchar(50)); CREATE INDEX ON ME (spring(uuid))"
    [empty]="TABLE ME ()"
    [partial]="TABLE ME (uuid varchar(50)); CREATE INDEX ON ME (uuid) WHERE spring(uuid) <> ''"
    [statistics]="TABLE ME (uuid varchar(50)); CREATE STATISTICS s ON (uuid || spring('x')), uuid FROM ME"
    [child]="TABLE ME (uuid varchar(50)); CREATE TABLE child () INHERITS (ME);
             INSERT INTO child VALUES ('x'); CREATE TRIGGER t BEFORE DELETE ON child
             FOR EACH ROW EXECUTE FUNCTION springs()"
    [foreign]="FOREIGN TABLE ME (uuid varchar(50)) SERVER nowhere"
    [materialized]="MATERIALIZED VIEW ME AS SELECT spring('x')::varchar AS uuid"
    [view]="VIEW ME AS SELECT spring('x')::varchar AS uuid"
    [partitioned]="TABLE ME (uuid varchar(50)) PARTITION BY LIST (spring(uuid))"
    [referenced]="TABLE ME $TABLE; CREATE TABLE referring (uuid varchar(50) REFERENCES ME ON DELETE CASCADE);
                  INSERT INTO ME VALUES ('x'); INSERT INTO referring VALUES ('x');
                  CREATE TRIGGER t BEFORE DELETE ON referring FOR EACH ROW EXECUTE FUNCTION springs()"
)

# Makes the priority table of a processor, as it likes: makes ID KIND.
makes() {
    as "$PROCESSOR" psql -qAtX -v ON_ERROR_STOP=1 <<END
SET search_path = crashmon_priority, crashmon;
CREATE OR REPLACE FUNCTION spring(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
    'BEGIN PERFORM nextval(''traps.sprung''); RETURN \$1; END';
CREATE OR REPLACE FUNCTION springs() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM nextval(''traps.sprung''); RETURN coalesce(new, old); END';
CREATE ${ODD[$2]//ME/priority_jobs_$1}
END
    sql "ALTER SEQUENCE traps.sprung RESTART"
}
nothing_of_processors() {
    sql "DROP SCHEMA crashmon_priority CASCADE"
    as "$OWNER" load_scripts schema.sql
    load_scripts roles.sql
}
# The same after makes, in a moment.
unmakes() {
    sql "DO \$\$ DECLARE its record; BEGIN
             FOR its IN SELECT i.type, i.identity FROM pg_depend, pg_identify_object(classid, objid, 0) AS i
                        WHERE refclassid = 'pg_namespace'::regclass AND i.schema = 'crashmon_priority'
                            AND classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass) LOOP
                 EXECUTE format('DROP %s IF EXISTS %s CASCADE', its.type, its.identity);
             END LOOP;
         END \$\$"
}

@test "a priority table on which anything could run code is not touched, whoever runs what" {
    nothing_of_processors
    for kind in "${!ODD[@]}"; do
        empty_tables
        p=$(processor p1) dead=$(processor dead 86400)
        makes "$p" "$kind"
        job 1 "$p"
        request "$(id 1)"
        for who in "$MONITOR" "${PGUSER:-}"; do
            sql "UPDATE jobs SET priority = 0"
            request "$(id 1)"
            as "$who" expect_status 0 priority
            log_has "cannot use the priority tables of processors $p "
            sql_is "SELECT priority, (SELECT count(*) FROM priorityjobs) FROM jobs" "1|0"
        done
        equal "$(take "$p" 9)" 1
        not_sprung
        unmakes
        makes "$dead" "$kind"
        expect_status 77 scan
        log_has "cannot use table \"priority_jobs_$dead\""
        expect_status 0 scan
        sql_is "SELECT count(*) FROM processors" 1
        not_sprung
        unmakes
    done
}

@test "a priority table that may be locked but not read is passed over, and its dead processor goes" {
    nothing_of_processors
    empty_tables
    processor p1 >/dev/null
    dead=$(processor dead 86400)
    ODD[plain]="TABLE ME $TABLE"
    makes "$dead" plain
    as "$PROCESSOR" sql "REVOKE ALL ON crashmon_priority.priority_jobs_$dead FROM crashmon_processor;
                         GRANT TRUNCATE ON crashmon_priority.priority_jobs_$dead TO crashmon_processor"
    as "$MONITOR" expect_status 77 scan
    log_has "cannot use table \"priority_jobs_$dead\""
    as "$MONITOR" expect_status 0 scan
    sql_is "SELECT count(*) FROM processors" 1
}

@test "what is put on a priority table while it is used has to wait until then" {
    nothing_of_processors
    empty_tables
    p=$(processor p1)
    ODD[plain]="TABLE ME $TABLE"
    makes "$p" plain
    session "BEGIN"
    equal "$(session "SELECT crashmon.lock_priority_table($p)")" ready
    for what in "STATISTICS s ON (uuid || spring('x')), uuid FROM ME" "INDEX CONCURRENTLY i ON ME (spring(uuid))" \
        "TRIGGER t BEFORE INSERT ON ME EXECUTE FUNCTION springs()" "TABLE child () INHERITS (ME)" \
        "RULE r AS ON INSERT TO ME DO ALSO SELECT spring('x')"; do
        run as "$PROCESSOR" psql -qX -v ON_ERROR_STOP=1 -v VERBOSITY=sqlstate \
            -c 'SET search_path = crashmon_priority' -c "SET lock_timeout = '50ms'" \
            -c "CREATE ${what//ME/priority_jobs_$p}"
        [[ $output == *55P03* ]] || fail "$what: $output"
    done
    # Its processor goes on meanwhile.
    as "$PROCESSOR" sql "SET LOCAL lock_timeout = '1s';
        INSERT INTO crashmon_priority.priority_jobs_$p VALUES ('x');
        SELECT FROM crashmon_priority.priority_jobs_$p;
        DELETE FROM crashmon_priority.priority_jobs_$p"
    session "ROLLBACK"
}

@test "a priority table in which a search takes long is passed over, until its processor is dead" {
    nothing_of_processors
    ODD[indexes]="TABLE ME $TABLE; CREATE INDEX ON ME (uuid)"
    ODD[large]="TABLE ME (uuid text); INSERT INTO ME SELECT repeat(md5(n::text), 60) FROM generate_series(1, 6000) AS n"
    for kind in indexes large; do
        empty_tables
        p=$(processor p1)
        makes "$p" "$kind"
        sql "INSERT INTO crashmon_priority.priority_jobs_$p VALUES ('$(id 2)')"
        job 1 "$p"
        request "$(id 1)"
        as "$MONITOR" expect_status 0 priority
        log_has "cannot use the priority tables of processors $p "
        sql_is "SELECT priority FROM jobs" 1
        equal "$(take "$p" 9)" 1
        sql "DELETE FROM jobs; UPDATE processors SET lastseendatetime = '-infinity'"
        processor p2
        as "$MONITOR" expect_status 0 scan
        equal "$(requested)" "$(id 2)"
        sql_is "SELECT to_regclass('crashmon_priority.priority_jobs_$p'), name FROM processors" "|p2"
    done
}

# --- what somebody has made under our names

# A database of its own, in which this is done by a stranger before schema.sql is loaded.
before_us() {
    local name=${PGDATABASE}_before
    createdb -T template0 "$name"
    PGDATABASE=$name PGOPTIONS='' psql -qX -v ON_ERROR_STOP=1 -c "GRANT ALL ON SCHEMA public TO PUBLIC" \
        -c "GRANT CREATE ON DATABASE \"$name\" TO PUBLIC"
    PGDATABASE=$name PGUSER=$NOBODY PGOPTIONS='' psql -qX -v ON_ERROR_STOP=1 -c "$1"
    PGDATABASE=$name run load_scripts schema.sql
    dropdb "$name"
    [[ $status -ne 0 && $output == *"$NOBODY"* || $output == *'belong to another role'* ]] ||
        fail "not refused: $1" "$output"
    [[ $output == *HINT* ]] || fail "no hint: $output"
}

@test "a schema, or Socorro's tables, that somebody else has made is refused with a sentence" {
    before_us "CREATE SCHEMA crashmon"
    before_us "CREATE SCHEMA crashmon_priority"
    before_us "CREATE TABLE jobs (); CREATE TABLE processors (); CREATE TABLE priorityjobs ()"
}

@test "what others could make in the schema, or put on its tables, is refused, then no longer possible" {
    # As a version 1 could, whose tables were in the schema "crashmon".
    sql "GRANT CREATE ON SCHEMA crashmon TO $PROCESSOR; GRANT ALL ON jobs TO crashmon_processor"
    for what in "FUNCTION crashmon.now() RETURNS text LANGUAGE sql AS 'SELECT 1::text'" \
        "TABLE crashmon.mine ()" "VIEW crashmon.mine AS SELECT 1" "TYPE crashmon.mine AS (x text)" \
        "OPERATOR crashmon.|| (LEFTARG = text, RIGHTARG = integer, FUNCTION = crashmon_priority.f)" \
        "TRIGGER t BEFORE INSERT ON crashmon.jobs EXECUTE FUNCTION crashmon_priority.g()" \
        "TRIGGER t BEFORE UPDATE ON crashmon.jobs FOR EACH ROW WHEN (crashmon_priority.f(new.uuid, 1) <> '')
         EXECUTE FUNCTION suppress_redundant_updates_trigger()"; do
        as "$PROCESSOR" sql "SET ROLE NONE; SET search_path = crashmon_priority;
            CREATE OR REPLACE FUNCTION crashmon_priority.f(text, integer) RETURNS text LANGUAGE sql AS 'SELECT 1::text';
            CREATE OR REPLACE FUNCTION crashmon_priority.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END';
            CREATE $what"
        for script in schema.sql from-socorro.sql roles.sql; do
            run load_scripts $script
            [[ $status -ne 0 && $output == *"belongs to role $PROCESSOR, so it is not used"* ]] ||
                fail "$script: $what" "$output"
        done
        case $what in
        TRIGGER*) sql "DROP TRIGGER t ON crashmon.jobs" ;;
        OPERATOR*) sql "DROP OPERATOR crashmon.|| (text, integer)" ;;
        FUNC*) sql "DROP FUNCTION crashmon.now()" ;;
        *) sql "DROP ${what%% *} crashmon.mine" ;;
        esac
    done
    as "$OWNER" load_scripts schema.sql
    sql_is "SELECT has_schema_privilege('$PROCESSOR', 'crashmon', 'CREATE'),
                   has_table_privilege('$PROCESSOR', 'jobs', 'TRIGGER, TRUNCATE, REFERENCES')" "f|f"
    sql "REVOKE ALL ON jobs FROM crashmon_processor"
    load_scripts roles.sql
}

@test "a role that can log in is not taken for one of ours" {
    sql "ALTER ROLE crashmon_observer LOGIN"
    run load_scripts roles.sql
    sql "ALTER ROLE crashmon_observer NOLOGIN"
    [[ $status -ne 0 && $output == *"crashmon_observer is not one of crashmon's"* ]] || fail "$output"
}

# --- what is locked costs a tenth of a second, and nothing that was requested

# A dead processor, with requests in its table.
dies_with_requests() {
    nothing_of_processors
    empty_tables
    processor p1 >/dev/null
    dead=$(processor dead 86400)
    ODD[plain]="TABLE ME $TABLE"
    makes "$dead" plain
    sql "INSERT INTO crashmon_priority.priority_jobs_$dead VALUES ('$(id 1)'), ('$(id 2)')"
}
table_has() { sql_is "SELECT uuid FROM crashmon_priority.priority_jobs_$dead ORDER BY 1" "$1"; }
all_is_moved() {
    session "ROLLBACK"
    as "$MONITOR" expect_status 0 scan
    equal "$(requested)" "$(id 1; id 2)"
    sql_is "SELECT to_regclass('crashmon_priority.priority_jobs_$dead'), count(*) FROM processors" "|1"
}

@test "a request that somebody is just making keeps a dead processor's table until it can be moved" {
    dies_with_requests
    session "BEGIN; INSERT INTO priorityjobs (uuid) VALUES ('$(id 1)')"
    as "$MONITOR" expect_status 0 scan
    log_has "cannot remove processor \"dead\""
    table_has "$(id 1)"
    equal "$(requested)" "$(id 2)"
    all_is_moved
}

@test "a table that somebody reads, as pg_dump does, is dropped by a later run; its requests are moved" {
    dies_with_requests
    session "BEGIN; LOCK TABLE crashmon_priority.priority_jobs_$dead IN ACCESS SHARE MODE"
    as "$MONITOR" expect_status 0 scan
    table_has ''
    all_is_moved
}

@test "a table that is locked altogether is passed over, with what is in it" {
    dies_with_requests
    session "BEGIN; LOCK TABLE crashmon_priority.priority_jobs_$dead"
    as "$MONITOR" expect_status 0 scan
    equal "$(requested)" ''
    all_is_moved
}

@test "dead processors whose tables are locked do not keep another one from being removed" {
    dies_with_requests
    sql "DO \$\$ BEGIN FOR n IN 10..20 LOOP
             EXECUTE format('CREATE TABLE crashmon_priority.priority_jobs_%s (uuid varchar(50))', n);
             EXECUTE format('ALTER TABLE crashmon_priority.priority_jobs_%s OWNER TO crashmon_processor', n);
         END LOOP; END \$\$;
         UPDATE processors SET id = 30 WHERE name = 'dead';
         ALTER TABLE crashmon_priority.priority_jobs_$dead RENAME TO priority_jobs_30;
         INSERT INTO processors (id, name, lastseendatetime) SELECT n, 'p' || n, '-infinity' FROM generate_series(10, 20) AS n"
    session "BEGIN; $(for n in {10..20}; do echo "LOCK TABLE crashmon_priority.priority_jobs_$n;"; done)"
    is_removed() { as "$MONITOR" expect_status 0 scan; sql_true "SELECT count(*) = 0 FROM processors WHERE id = 30"; }
    await is_removed
    session ROLLBACK
    equal "$(requested)" "$(id 1; id 2)"
}

@test "however many priority tables are locked, nobody waits for a second" {
    nothing_of_processors
    empty_tables
    sql "DO \$\$ BEGIN FOR n IN 1..40 LOOP
             EXECUTE format('CREATE TABLE crashmon_priority.priority_jobs_%s (uuid varchar(50))', n);
             EXECUTE format('ALTER TABLE crashmon_priority.priority_jobs_%s OWNER TO crashmon_processor', n);
         END LOOP; END \$\$;
         INSERT INTO processors (name) SELECT 'p' || n FROM generate_series(1, 40) AS n;
         INSERT INTO jobs (pathname, uuid, owner) SELECT '/x', '00000000-0000-0000-0000-0000001' || 10000 + n, n
         FROM generate_series(1, 40) AS n;
         INSERT INTO priorityjobs (uuid) SELECT uuid FROM jobs"
    session "BEGIN; $(for n in {1..40}; do echo "LOCK TABLE crashmon_priority.priority_jobs_$n;"; done)"
    as "$MONITOR" expect_status 0 priority
    sql_is "SELECT max(ended - started) < '1 second' FROM crashmon.runs" t
    sql_is "SELECT count(*), min(priority), (SELECT count(*) FROM priorityjobs) FROM jobs" "40|1|0"
    # Nor where they belong to dead processors.
    sql "DELETE FROM jobs; UPDATE processors SET lastseendatetime = '-infinity'"
    processor alive
    as "$MONITOR" expect_status 0 scan
    session "ROLLBACK"
    sql_is "SELECT max(ended - started) < '1.5 seconds' FROM crashmon.runs" t
    sql_is "SELECT count(*) FROM processors" 41
}
