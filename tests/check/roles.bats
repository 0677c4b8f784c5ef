#!/usr/bin/env bats
# The three roles: each can do its work and nothing else. The logins are made for this file alone.
# Roles belong to the whole server, so this file runs once at a time.
load ../helper

ROLES=$TESTS/../sql/roles.sql

setup_file() {
    exec 8<"$BATS_TEST_FILENAME"
    flock 8
    begin_file
    psql -qX -f "$ROLES"
    export PGPASSWORD=${PGPASSWORD:-secret}
    export MONITOR=test_monitor_$$ PROCESSOR=test_processor_$$ REPORTER=test_reporter_$$
    export NOBODY=test_nobody_$$ OBSERVER=test_observer_$$
    sql "CREATE ROLE $MONITOR LOGIN PASSWORD '$PGPASSWORD' IN ROLE crashmon_monitor;
         CREATE ROLE $PROCESSOR LOGIN PASSWORD '$PGPASSWORD' IN ROLE crashmon_processor;
         ALTER ROLE $PROCESSOR SET role = crashmon_processor;
         CREATE ROLE $REPORTER LOGIN PASSWORD '$PGPASSWORD' IN ROLE crashmon_reporter;
         CREATE ROLE $OBSERVER LOGIN PASSWORD '$PGPASSWORD' IN ROLE crashmon_observer;
         CREATE ROLE $NOBODY LOGIN PASSWORD '$PGPASSWORD'"
}

teardown_file() {
    end_file
    psql -qX -d postgres -c "DROP ROLE IF EXISTS $MONITOR, $PROCESSOR, $REPORTER, $NOBODY, $OBSERVER,
                             crashmon_observer, crashmon_monitor, crashmon_processor, crashmon_reporter"
}

# refused LOGIN STATEMENT...: the server refuses each of them for want of a right.
refused() {
    local login=$1 statement
    shift
    for statement in "$@"; do
        run as "$login" psql -qAtX -v ON_ERROR_STOP=1 -v VERBOSITY=sqlstate -c "$statement"
        [[ $status -ne 0 && $output == *42501* ]] ||
            fail "$login is not refused: $statement" "$output"
    done
}

ID=22adfb61-f75b-11dc-b6be-001322081225

# Queues a job.
job_of() {
    sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/spool/$ID.json', '$ID', $1)
         RETURNING id"
}

# A processor of Socorro's registers, under its own login.
registers() {
    local id
    id=$(as "$PROCESSOR" sql "INSERT INTO processors (name, startdatetime, lastseendatetime)
                              VALUES ('$1', now(), now()) RETURNING id")
    as "$PROCESSOR" sql "CREATE TABLE priority_jobs_$id (uuid varchar(50) NOT NULL PRIMARY KEY)"
    echo "$id"
}

@test "roles.sql run again is harmless" {
    run -0 psql -qX -f "$ROLES"
    equal "$output" ""
}

@test "roles.sql run again needs no right to make roles, only the owner of the tables" {
    owner=test_owner_$$
    sql "CREATE ROLE $owner LOGIN PASSWORD '$PGPASSWORD';
         GRANT ALL ON DATABASE \"$PGDATABASE\" TO $owner"
    createdb -O "$owner" "${PGDATABASE}_owned"
    PGDATABASE=${PGDATABASE}_owned as "$owner" psql -qX -f "$TESTS/../sql/schema.sql"
    PGDATABASE=${PGDATABASE}_owned run as "$owner" psql -qX -f "$ROLES"
    dropdb "${PGDATABASE}_owned"
    sql "DROP OWNED BY $owner; DROP ROLE $owner"
    [[ $status -eq 0 ]] || fail "$output"
}

@test "nobody else gets in" {
    refused "$NOBODY" "SELECT FROM crashmon.jobs" "SELECT FROM crashmon.priorityjobs" \
        "SELECT FROM crashmon.processors" "CREATE TABLE crashmon_priority.priority_jobs_1 ()" \
        "SELECT FROM crashmon.queue" "SELECT crashmon.is_crash_id('')" \
        "INSERT INTO crashmon.priorityjobs (uuid) VALUES ('$ID')"
}

@test "processors and reporters may execute their own functions only, the rest of the world none" {
    may_execute() {
        sql "SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc
             WHERE pronamespace = 'crashmon'::regnamespace
                 AND has_function_privilege('$1', oid, 'EXECUTE')"
    }
    equal "$(may_execute "$PROCESSOR")" \
        "check_change give_back heartbeat job_failed job_succeeded leave lock_priority_table printable priority_table \
register_processor register_processor take_jobs"
    equal "$(may_execute "$REPORTER")" "check_change crash_state is_crash_id printable request_crash"
    equal "$(may_execute "$NOBODY")" ""
}

# What is granted in the schemas, to whom, and how, one line each; the owner's own rights are not told.
granted() {
    sql "SELECT format('%s: %s on %s', replace(grantee::regrole::text, 'crashmon_', ''),
                       string_agg(DISTINCT what, ', '), string_agg(DISTINCT place, ', '))
         FROM (SELECT grantee, place, string_agg(DISTINCT privilege_type, ', ') AS what
               FROM (SELECT nspname AS place, nspacl AS acl, nspowner AS owner FROM pg_namespace
                     WHERE nspname LIKE 'crashmon%'
                     UNION ALL SELECT relname, relacl, relowner FROM pg_class
                     WHERE relnamespace = 'crashmon'::regnamespace
                     UNION ALL SELECT relname || '.' || attname, attacl, 0 FROM pg_attribute
                     JOIN pg_class AS c ON c.oid = attrelid WHERE relnamespace = 'crashmon'::regnamespace
                     UNION ALL SELECT proname || '()', proacl, proowner FROM pg_proc
                     WHERE pronamespace = 'crashmon'::regnamespace) AS objects, aclexplode(acl) AS a
               WHERE grantee <> owner GROUP BY grantee, place) AS granted
         GROUP BY grantee, what ORDER BY 1"
}

@test "each role has these rights, and nobody has any other" {
    equal "$(granted | grep -v '^monitor: EXECUTE')" "\
monitor: DELETE, INSERT, SELECT, UPDATE on jobs, pauses, priorityjobs, runs
monitor: DELETE, SELECT, UPDATE on processors
monitor: INSERT, SELECT, UPDATE on storages
monitor: SELECT on last_runs, locks, processor_state, queue, recent_outcomes, recent_quarantine, started_jobs
monitor: USAGE on crashmon, jobs_id_seq, runs_id_seq
observer: EXECUTE on crash_state(), is_crash_id(), priority_table(), schema_version(), \
silent_since()
observer: SELECT on jobs, last_runs, locks, pauses, priorityjobs, processor_state, processors, queue, recent_outcomes, recent_quarantine, runs, started_jobs, storages
observer: USAGE on crashmon
processor: CREATE, USAGE on crashmon_priority
processor: EXECUTE on check_change(), give_back(), heartbeat(), job_failed(), job_succeeded(), leave(), lock_priority_table(), \
printable(), priority_table(), register_processor(), take_jobs()
processor: INSERT on processors.id
processor: INSERT, UPDATE on processors.lastseendatetime, processors.name, processors.startdatetime
processor: SELECT on jobs, processors
processor: UPDATE on jobs.attempts, jobs.completeddatetime, jobs.message, jobs.starteddatetime, jobs.success, \
processors.storages
processor: USAGE on crashmon, processors_id_seq
reporter: EXECUTE on check_change(), crash_state(), is_crash_id(), printable(), request_crash()
reporter: INSERT on priorityjobs.uuid
reporter: SELECT on jobs, priorityjobs, queue
reporter: USAGE on crashmon"
}

@test "what the site keeps in our schema keeps its own rights, and gets none" {
    sql "CREATE TABLE crashmon.mine (id serial); CREATE VIEW crashmon.my_view AS SELECT 1;
         CREATE FUNCTION crashmon.my_function() RETURNS integer LANGUAGE sql RETURN 1;
         GRANT ALL ON crashmon.mine, crashmon.my_view TO $NOBODY; GRANT ALL ON SEQUENCE crashmon.mine_id_seq TO $NOBODY"
    rights() { sql "SELECT relname, relacl FROM pg_class WHERE relname ~ '^(mine|my_)' UNION SELECT proname, proacl FROM pg_proc WHERE proname = 'my_function' ORDER BY 1"; }
    rights=$(rights)
    sql "CREATE TRIGGER mine BEFORE UPDATE ON crashmon.mine FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    for load in 1 2; do
        expect_status 0 psql -qX -f "$TESTS/../sql/schema.sql" -f "$ROLES" -f "$TESTS/old_server.sql"
        equal "$output" ""
        equal "$(rights)" "$rights"
    done
    sql "DROP TABLE crashmon.mine; DROP VIEW crashmon.my_view; DROP FUNCTION crashmon.my_function()"
}

@test "sql/objects.sql names all that is crashmon's in the schema" {
    mapfile -t lists < <(psql -qAtX -f "$TESTS/../sql/objects.sql" -c "SELECT '' LIMIT 0" -c '\echo :tables, :views' -c '\echo :functions')
    names() { sql "SELECT string_agg(name, ', ' ORDER BY name COLLATE \"C\") FROM ($1) AS n (name)"; }
    equal "$(names "SELECT unnest(string_to_array('${lists[0]}', ', '))")" \
        "$(names "SELECT relname FROM pg_class WHERE relnamespace = 'crashmon'::regnamespace AND relkind IN ('r', 'v')")"
    equal "$(names "SELECT to_regprocedure('crashmon.' || f)::text FROM regexp_split_to_table('${lists[1]}', '(?<=\)), ') AS f")" \
        "$(names "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'crashmon'::regnamespace")"
}

@test "a role locks no table of others, and sets no sequence" {
    for table in jobs processors priorityjobs runs storages pauses; do
        for login in "$PROCESSOR" "$REPORTER" "$OBSERVER" "$NOBODY"; do
            refused "$login" "BEGIN; LOCK TABLE crashmon.$table IN SHARE MODE" "TRUNCATE crashmon.$table" \
                "ALTER TABLE crashmon.$table DISABLE TRIGGER ALL"
        done
    done
    for login in "$MONITOR" "$PROCESSOR" "$REPORTER" "$OBSERVER" "$NOBODY"; do
        refused "$login" "SELECT setval('crashmon.jobs_id_seq', 1)" "ALTER SEQUENCE crashmon.runs_id_seq RESTART" \
            "SELECT setval('crashmon.processors_id_seq', 1)"
    done
}

# --- processor

@test "processor: a processor of Socorro's can do its work" {
    alpha=$(registers host1_100)
    job_of "$alpha"
    sql "INSERT INTO priority_jobs_$alpha VALUES ('$ID')"
    as "$PROCESSOR" sql "UPDATE processors SET lastseendatetime = '2010-01-01' WHERE id = $alpha"
    run -0 as "$PROCESSOR" sql "SELECT j.id, pj.uuid, 1, j.starteddatetime FROM jobs j
                                RIGHT JOIN priority_jobs_$alpha pj ON j.uuid = pj.uuid"
    equal "$output" "1|$ID|1|"
    as "$PROCESSOR" sql "DELETE FROM priority_jobs_$alpha WHERE uuid = '$ID'"
    run -0 as "$PROCESSOR" sql "SELECT id, pathname, uuid FROM jobs WHERE owner = $alpha
                                AND starteddatetime IS NULL
                                ORDER BY priority DESC, queueddatetime ASC LIMIT 1"
    equal "$output" "1|/spool/$ID.json|$ID"
    as "$PROCESSOR" sql "UPDATE jobs SET starteddatetime = '2010-01-01' WHERE id = 1"
    as "$PROCESSOR" sql "UPDATE jobs SET completeddatetime = '2010-01-01', success = False,
                         message = 'no frames' WHERE id = 1"
    as "$PROCESSOR" sql "DROP TABLE priority_jobs_$alpha"
    sql_is "SELECT success, message FROM jobs" "f|no frames"
}

@test "processor: one of Socorro's from 2011 on, which names the id, can register" {
    run -0 as "$PROCESSOR" sql "INSERT INTO processors (id, name, startdatetime, lastseendatetime)
                                VALUES (DEFAULT, 'host1_100', now(), now()) RETURNING id, name"
    equal "$output" "1|host1_100"
    registers host2_200
}

@test "processor: one that uses the functions can do its work" {
    run -0 as "$PROCESSOR" sql "SELECT crashmon.register_processor('alpha')"
    equal "$output" 1
    as "$PROCESSOR" sql "CREATE TABLE priority_jobs_1 (uuid varchar(50) NOT NULL PRIMARY KEY)"
    job_of 1
    sql "INSERT INTO priority_jobs_1 VALUES ('$ID')"
    run -0 as "$PROCESSOR" sql "SELECT crashmon.heartbeat(1)"
    equal "$output" t
    run -0 as "$PROCESSOR" sql "SELECT id, uuid FROM crashmon.take_jobs(1, 10)"
    equal "$output" "1|$ID"
    run -0 as "$PROCESSOR" sql "SELECT crashmon.register_processor('alpha')"
    run -0 as "$PROCESSOR" sql "SELECT id FROM crashmon.take_jobs(1, 10)"
    equal "$output" 1
    run -0 as "$PROCESSOR" sql "SELECT crashmon.job_failed(1, 'no'), crashmon.job_succeeded(1)"
    equal "$output" "t|f"
}

@test "processor: cannot say which jobs there are, whose they are or what is urgent" {
    job_of "$(processor alpha)"
    refused "$PROCESSOR" "INSERT INTO jobs (pathname, uuid) VALUES ('', '')" "DELETE FROM jobs" \
        "UPDATE jobs SET owner = NULL" "UPDATE jobs SET priority = 9" \
        "UPDATE jobs SET pathname = ''" "UPDATE jobs SET uuid = ''" \
        "UPDATE jobs SET storage = ''" "TRUNCATE jobs" "DROP TABLE jobs" \
        "SELECT FROM priorityjobs" "INSERT INTO priorityjobs (uuid) VALUES ('$ID')"
}

@test "processor: cannot keep others from registering by using up all ids" {
    sql "SELECT setval('crashmon.processors_id_seq', 2147483646); INSERT INTO processors (id, name) VALUES (1, 'first')"
    as "$PROCESSOR" sql "SELECT nextval('crashmon.processors_id_seq')"
    run -0 as "$PROCESSOR" sql "SELECT crashmon.register_processor('alpha'), crashmon.register_processor('beta')"
    equal "$output" "2|3"
}

@test "processor: one that comes back under another login goes on" {
    registers alpha
    job_of 1
    sql "GRANT crashmon_processor TO $NOBODY; ALTER ROLE $NOBODY SET role = crashmon_processor"
    run as "$NOBODY" sql "SELECT crashmon.register_processor('alpha');
                          SELECT uuid, crashmon.job_succeeded(id) FROM crashmon.take_jobs(1, 1)"
    sql "REVOKE crashmon_processor FROM $NOBODY; ALTER ROLE $NOBODY RESET role"
    equal "$output" "1
$ID|t"
}

@test "processor: cannot give a job attempts below none, for which it would be begun for ever" {
    registers alpha
    job_of 1
    run ! as "$PROCESSOR" sql "UPDATE jobs SET attempts = -2147483648"
    as "$PROCESSOR" sql "SELECT id FROM crashmon.take_jobs(1, 1)"
    run -0 as "$PROCESSOR" sql "SELECT crashmon.give_back(1); SELECT attempts FROM jobs"
    equal "$output" "t
0"
}

@test "processor: cannot remove processors, change an id, or touch what is the programs'" {
    processor alpha
    refused "$PROCESSOR" "DELETE FROM processors" "UPDATE processors SET id = 7" \
        "SELECT crashmon.remove_processor(1, '0')" "SELECT FROM crashmon.runs" \
        "INSERT INTO crashmon.runs DEFAULT VALUES" "SELECT crashmon.schema_version()" \
        "SELECT crashmon.request_crash('$ID')" "CREATE TABLE crashmon.mine ()"
}

# --- reporter

@test "reporter: can ask for a crash, with and without the functions, and see how far it is" {
    as "$REPORTER" sql "INSERT INTO priorityjobs (uuid) VALUES ('$ID')"
    run -0 as "$REPORTER" sql "SELECT crashmon.request_crash('$ID'), crashmon.crash_state('$ID'),
                               crashmon.is_crash_id('$ID')"
    equal "$output" "f|requested|t"
    job_of NULL
    run -0 as "$REPORTER" sql "SELECT uuid, crashmon.crash_state(uuid) FROM jobs"
    equal "$output" "$ID|queued"
    run -0 as "$REPORTER" sql "SELECT waiting FROM crashmon.queue"
    equal "$output" 1
}

@test "reporter: can do nothing else" {
    request "$ID"
    job_of "$(processor alpha)"
    refused "$REPORTER" "DELETE FROM priorityjobs" "UPDATE priorityjobs SET uuid = ''" \
        "INSERT INTO priorityjobs (uuid, requesteddatetime) VALUES ('', 'infinity')" \
        "UPDATE jobs SET priority = 9" "DELETE FROM jobs" \
        "INSERT INTO jobs (pathname, uuid) VALUES ('', '')" "SELECT FROM processors" \
        "SELECT crashmon.take_jobs(1, 1)" "SELECT crashmon.heartbeat(1)" \
        "SELECT crashmon.job_succeeded(1)" "SELECT crashmon.remove_processor(1, '0')" \
        "SELECT FROM crashmon.runs" "SELECT FROM crashmon.locks" "CREATE TABLE mine ()" \
        "CREATE TABLE crashmon.mine ()"
}

# --- observer

@test "observer: sees every table and view, and what a run would do" {
    job_of "$(processor alpha)"
    for what in $(sql "SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'v')
                           AND relnamespace = 'crashmon'::regnamespace"); do
        run -0 as "$OBSERVER" sql "SELECT count(*) >= 0 FROM $what"
        equal "$output" t
    done
    run -0 as "$OBSERVER" sql "SELECT crashmon.crash_state('$ID'), crashmon.schema_version()"
    equal "$output" "queued|2"
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    collect
    for run in "${RUNS[@]}"; do as "$OBSERVER" expect_status 0 "$run" --dry-run; done
    as "$OBSERVER" expect_status 0 scan --status
    [[ $output == *'Waiting     1 '* && $output != *Troubles* ]] || fail "$output"
    as "$OBSERVER" expect_status 0 priority --explain "$ID"
    [[ $output == *"Job         "*", waiting"* && $output != *Troubles* ]] || fail "$output"
}

@test "a database that only reads: --check is CRITICAL for who runs the programs, whose run ends with 69, not for an observer" {
    processor p1 >/dev/null
    sql "ALTER ROLE $MONITOR SET default_transaction_read_only = on; ALTER ROLE $OBSERVER SET default_transaction_read_only = on"
    as "$MONITOR" expect_status 69 scan
    for run in "${RUNS[@]}"; do
        as "$MONITOR" expect_status 2 "$run" --check
        [[ $output == *"CRITICAL: the database only reads (default_transaction_read_only is on): a run with this login would end with 69"* ]] || fail "$output"
    done
    as "$OBSERVER" expect_status 0 scan --check
    sql "ALTER ROLE $MONITOR RESET default_transaction_read_only; ALTER ROLE $OBSERVER RESET default_transaction_read_only"
}

@test "observer: --check says that the rights of a run were not looked at, and has the GRANT for what was taken from PUBLIC; what he may not see is UNKNOWN (3)" {
    local note='OK: the login is an observer'"'"'s: the rights of a run were not looked at'
    as_a_user
    processor alpha
    as "$OBSERVER" expect_status 0 scan --check
    equal "$(sed '1s/|.*//' <<<"$output")" "CRASHMON SCAN OK - storage main"$'\n'"$note"
    for object in 'EXECUTE ON FUNCTION pg_lock_status()' 'SELECT ON pg_stat_activity' 'EXECUTE ON FUNCTION version()'; do
        sql "REVOKE $object FROM PUBLIC"
        as "$OBSERVER" run scan --check
        sql "GRANT $object TO PUBLIC"
        [[ $status == 2 && $output == *"permission denied for "*" (as a superuser: GRANT ${object% *} pg_catalog.${object##* } TO \"$OBSERVER\")"* ]] ||
            fail "$object: $output"
    done
    chmod 0 "$SPOOL"
    as "$OBSERVER" expect_status 3 scan --check
    [[ $output == 'CRASHMON SCAN UNKNOWN - 1 problem: cannot open storage root '*"Permission denied|"*$'\n'"$note" ]] ||
        fail "$output"
    as "$MONITOR" expect_status 3 scan --check
    [[ $output != *"$note"* ]] || fail "$output"
    chmod 755 "$SPOOL"
}

@test "a login without a right is connected all the same, with --json; without a server it is not known whether that is a standby" {
    database() {
        perl -MJSON::PP -e 'my $d = decode_json($ARGV[0])->{database}; print map { !defined $_ ? "null" : $_ ? "yes" : "no" } @$d{qw(connected standby)}' "$output"
    }
    as "$NOBODY" run scan --status --json
    equal "$(database)" yesnull
    as "$OBSERVER" run scan --status --json
    equal "$(database)" yesno
    run scan --status --json --database-port=1
    equal "$(database)" nonull
}

@test "observer: changes nothing" {
    for what in jobs processors priorityjobs crashmon.runs crashmon.storages; do
        refused "$OBSERVER" "DELETE FROM $what" "INSERT INTO $what DEFAULT VALUES" "TRUNCATE $what" \
            "BEGIN; LOCK TABLE $what IN ROW EXCLUSIVE MODE" "SELECT FROM $what FOR UPDATE"
    done
    refused "$OBSERVER" "CREATE TABLE crashmon.mine ()" "CREATE TABLE crashmon_priority.mine ()" \
        "SELECT nextval('crashmon.jobs_id_seq')" "SELECT crashmon.register_processor('x')" \
        "SELECT crashmon.request_crash('$ID')" "SELECT crashmon.remove_processor(1, '0')"
}

# --- monitor

@test "monitor: may not retire a storage, and is told who may" {
    run as "$MONITOR" psql -qAtXc "SELECT crashmon.retire_storage('main')"
    equal "${lines[0]}" 'ERROR:  cannot retire storage "main": only the owner of the tables may do so'
    refused "$MONITOR" "SELECT crashmon.retire_storage('main')"
}

@test "monitor: sees all views; the locks of others too, without being in pg_read_all_stats" {
    sql_is "SELECT pg_has_role('$MONITOR', 'pg_read_all_stats', 'MEMBER')" f
    alpha=$(processor alpha)
    job_of "$alpha"
    session "SET application_name = 'somebody'"
    session "SELECT pg_advisory_lock(hashtext('crashmon-scan'), hashtext('main'))"
    run -0 as "$MONITOR" sql "SELECT program, storage, host, application_name, since
                              FROM crashmon.locks"
    equal "$output" "crashmon-scan|main||somebody|"
    sql "INSERT INTO crashmon.runs (program, storage, host, pid, backend, next_due)
         VALUES ('crashmon-scan', 'main', 'host1', 4711,
                 $(session "SELECT pg_backend_pid()"), now() + interval '5 min')"
    run -0 as "$MONITOR" sql "SELECT storage, host, pid, since = started FROM crashmon.locks"
    equal "$output" "main|host1|4711|t"
    run -0 as "$MONITOR" sql "SELECT storage, running, overdue FROM crashmon.last_runs"
    equal "$output" "main|t|f"
    run -0 as "$MONITOR" sql "SELECT storage, waiting FROM crashmon.queue"
    equal "$output" "main|1"
    run -0 as "$MONITOR" sql "SELECT name, unfinished FROM crashmon.processor_state"
    equal "$output" "alpha|1"
}

@test "monitor: removes a dead processor and the priority table that it made" {
    alpha=$(registers host1_100)
    sql "INSERT INTO priority_jobs_$alpha VALUES ('$ID')"
    run -0 as "$MONITOR" sql "SELECT crashmon.remove_processor($alpha, '-1 hour')"
    equal "$output" removed
    sql_is "SELECT uuid, to_regclass('priority_jobs_$alpha') IS NULL FROM priorityjobs" "$ID|t"
    sql_is "SELECT count(*) FROM processors" 0
}

@test "monitor: a dead processor goes though its priority table belongs to another login (77)" {
    alpha=$(processor alpha 3600)
    processor beta
    sql "CREATE TABLE priority_jobs_$alpha (uuid varchar(50) PRIMARY KEY)"
    expect_status 77 as "$MONITOR" scan
    log_has "priority_jobs_$alpha"
    sql_is "SELECT name FROM processors" beta
    expect_status 0 as "$MONITOR" scan
}

@test "monitor: a job is raised though its owner's priority table belongs to another login" {
    alpha=$(processor alpha)
    job_of "$alpha"
    sql "CREATE TABLE priority_jobs_$alpha (uuid varchar(50) PRIMARY KEY)"
    request "$ID"
    expect_status 0 as "$MONITOR" priority
    log_has "cannot use the priority tables of processors $alpha "
    sql_is "SELECT priority, (SELECT count(*) FROM priorityjobs) FROM jobs" "1|0"
}

@test "monitor: a login that does not inherit, and sets its role, changes what it says" {
    registers alpha
    job_of 1
    sql "ALTER ROLE $NOBODY NOINHERIT; GRANT crashmon_monitor TO $NOBODY"
    run as "$NOBODY" sql "SET ROLE crashmon_monitor; UPDATE jobs SET priority = 1, success = true
                          RETURNING priority; DELETE FROM processors; SELECT owner IS NULL FROM jobs"
    sql "ALTER ROLE $NOBODY INHERIT; REVOKE crashmon_monitor FROM $NOBODY"
    equal "$output" "1
t"
}

@test "monitor: who is a member, but has not its rights, is told so (77), by --check, too" {
    sql "ALTER ROLE $NOBODY NOINHERIT; GRANT crashmon_monitor TO $NOBODY"
    for role in none "$PROCESSOR"; do
        [[ $role == none ]] || sql "GRANT $PROCESSOR TO $NOBODY; ALTER ROLE $NOBODY SET role = $PROCESSOR"
        has="(\"$NOBODY\" is a member of crashmon_monitor, but has not its rights as role \"${role/none/$NOBODY}\": ALTER ROLE $NOBODY SET role = crashmon_monitor)"
        as "$NOBODY" expect_status 77 scan
        [[ $output == *"permission denied for "*"$has"* ]] || fail "$output"
        as "$NOBODY" run scan --check
        [[ $output == *CRITICAL*"$has"* ]] || fail "$output"
    done
    processor p1
    sql "ALTER ROLE $NOBODY SET role = crashmon_monitor"
    as "$NOBODY" expect_status 0 scan
    # Nor is what somebody has taken away a matter of the role.
    sql "REVOKE DELETE ON jobs FROM crashmon_monitor"
    as "$NOBODY" run scan --check
    sql "GRANT DELETE ON jobs TO crashmon_monitor; ALTER ROLE $NOBODY INHERIT; ALTER ROLE $NOBODY RESET role;
         REVOKE crashmon_monitor, $PROCESSOR FROM $NOBODY"
    [[ $output == *"lacks DELETE on table crashmon.jobs (load sql/roles.sql)"* ]] || fail "$output"
}

@test "monitor: cannot change the schema, its version or its roles" {
    refused "$MONITOR" "DROP FUNCTION crashmon.schema_version" "TRUNCATE jobs" \
        "DROP TABLE jobs" "ALTER TABLE jobs ADD mine text" "CREATE TABLE crashmon.mine ()" \
        "DROP FUNCTION crashmon.is_crash_id(text)" "DROP SCHEMA crashmon CASCADE" \
        "CREATE ROLE mine" "GRANT crashmon_monitor TO $NOBODY"
}

@test "monitor: the three programs do their work, with parties that have only their own rights" {
    alpha=$(registers host1_100)
    collect --count 3 >"$BATS_TEST_TMPDIR/ids"
    throttled=$(SPOOL=$DEFERRED collect --without links)
    expect_status 0 as "$MONITOR" scan
    wanted=$(tail -n 1 "$BATS_TEST_TMPDIR/ids")
    as "$REPORTER" sql "SELECT crashmon.request_crash('$wanted'),
                               crashmon.request_crash('$throttled')"
    expect_status 0 as "$MONITOR" priority
    run -0 as "$PROCESSOR" sql "SELECT uuid FROM crashmon.take_jobs($alpha, 2)"
    equal "$(sort <<<"$output")" "$(printf '%s\n' "$wanted" "$throttled" | sort)"
    as "$PROCESSOR" sql "SELECT crashmon.take_jobs($alpha, 9)"
    as "$PROCESSOR" sql "SELECT crashmon.job_succeeded(id) FROM jobs WHERE uuid <> '$wanted'"
    as "$PROCESSOR" sql "SELECT crashmon.job_failed(id, 'no') FROM jobs WHERE uuid = '$wanted'"
    expect_status 0 as "$MONITOR" cleanup_jobs
    sql_is "SELECT count(*) FROM jobs" 0
    pair_is_whole "$ARCHIVE" "20${throttled: -6}" "$throttled"
    pair_is_whole "$FAILED" "20${wanted: -6}" "$wanted"
    sql_is "SELECT program FROM crashmon.last_runs WHERE exit_code = 0 ORDER BY program" \
        $'crashmon-cleanup\ncrashmon-priority\ncrashmon-scan'
}

@test "monitor: scan removes a dead processor and the priority table that it made" {
    alpha=$(registers host1_100)
    collect --count 2 >"$BATS_TEST_TMPDIR/ids"
    expect_status 0 as "$MONITOR" scan
    sql "INSERT INTO priority_jobs_$alpha SELECT uuid FROM jobs LIMIT 1;
         UPDATE processors SET lastseendatetime = now() - interval '1 hour'"
    beta=$(registers host2_200)
    expect_status 0 as "$MONITOR" scan
    sql_is "SELECT id FROM processors" "$beta"
    sql_is "SELECT count(*) FROM jobs WHERE owner = $beta" 2
    sql_is "SELECT to_regclass('priority_jobs_$alpha') IS NULL, count(*) FROM priorityjobs" "t|1"
}

# --- from another host

@test "all logins over TCP with scram: with their passwords they do their work, with another none gets in (69)" {
    hba=$(sql "SHOW hba_file")
    rules=$(<"$hba")
    printf '%s\n' "host \"$PGDATABASE\" all all scram-sha-256" "$rules" >"$hba"
    sql "SELECT pg_reload_conf()" >/dev/null
    export PGHOST=localhost SQL_AS=
    refuses() { ! PGPASSWORD=wrong psql -qAtXc "SELECT" 2>/dev/null; }
    await as "$NOBODY" refuses
    for run in "${RUNS[@]}"; do
        PGPASSWORD=wrong as "$MONITOR" expect_status 69 "$run"
        [[ $output == *"password authentication failed"* ]] || fail "$output"
    done
    alpha=$(as "$PROCESSOR" sql "SELECT crashmon.register_processor('alpha')")
    id=$(collect)
    as "$MONITOR" expect_status 0 scan
    as "$REPORTER" sql "SELECT crashmon.request_crash('$id')" >/dev/null
    as "$MONITOR" expect_status 0 priority
    run -0 as "$PROCESSOR" sql "SELECT uuid, crashmon.job_succeeded(id) FROM crashmon.take_jobs($alpha, 1)"
    equal "$output" "$id|t"
    as "$OBSERVER" expect_status 0 cleanup_jobs --dry-run
    printf '%s\n' "localhost:*:*:*:$PGPASSWORD" >"$BATS_TEST_TMPDIR/passwords"
    chmod 600 "$BATS_TEST_TMPDIR/passwords"
    as "$MONITOR" expect_status 0 env -u PGPASSWORD PGPASSFILE="$BATS_TEST_TMPDIR/passwords" \
        PGOPTIONS= "$BUILD/crashmon-cleanup" --config="$CONF"
    printf '%s\n' "$rules" >"$hba"
    pair_is_whole "$ARCHIVE" "20${id: -6}" "$id"
}
