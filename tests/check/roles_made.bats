#!/usr/bin/env bats
# roles_made.bats - how sql/roles.sql makes the roles, which are not there yet: by whom, and beside others.
load ../helper
load upgrade

# Each case begins without the roles.
setup() {
    begin_case
    sql "DROP SCHEMA IF EXISTS crashmon, crashmon_priority CASCADE"
    no_roles
}
no_roles() {
    sql "DROP OWNED BY $OWNER CASCADE; ALTER ROLE $OWNER NOCREATEROLE;
         DROP ROLE IF EXISTS crashmon_monitor, crashmon_observer, crashmon_processor, crashmon_reporter;
         ALTER DATABASE \"$PGDATABASE\" OWNER TO $OWNER; GRANT CREATE ON SCHEMA public TO PUBLIC"
}
load_as_owner() { PGOPTIONS='' psql -qX -U "$OWNER" -v ON_ERROR_STOP=1 "${@/#/-f$SQL/}" 2>&1; }
rights() { pg_dump -s | grep -E '^(GRANT|REVOKE) ' | sort; }

@test "the owner of the tables can make the roles with CREATEROLE, and load it again without" {
    load_as_owner schema.sql
    run load_as_owner roles.sql
    [[ $status -ne 0 && $output == *"permission denied"* ]] || fail "$output"
    load_schema -f "$SQL/roles.sql" -v owner="$OWNER"
    all=$(rights)
    for self_grant in '' 'set, inherit'; do
        no_roles
        load_as_owner schema.sql
        sql "ALTER ROLE $OWNER CREATEROLE"
        [[ ! $(sql "SELECT current_setting('createrole_self_grant', true)") ]] ||
            sql "ALTER ROLE $OWNER SET createrole_self_grant = '$self_grant'"
        equal "$(load_as_owner roles.sql)" ""
        equal "$(rights)" "$all"
        sql "ALTER ROLE $OWNER NOCREATEROLE"
        equal "$(load_as_owner schema.sql roles.sql)" ""
        equal "$(rights)" "$all"
    done
}

@test "a role that is just being made or granted, as for another database, is waited for, four seconds at most" {
    load_schema
    for statement in "CREATE ROLE crashmon_processor" "GRANT crashmon_processor TO crashmon_monitor"; do
        sql "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'crashmon\\_%'" >"$BATS_TEST_TMPDIR/before"
        session "BEGIN; $statement" >/dev/null
        PGOPTIONS='' run psql -qX -f "$SQL/roles.sql"
        [[ $status -ne 0 && $output == *"roles are being made by another session: nothing is changed"*HINT* ]] ||
            fail "$statement: $output"
        sql_is "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'crashmon\\_%'" "$(<"$BATS_TEST_TMPDIR/before")"
        background load_roles
        await_session "wait_event_type = 'Lock'"
        session COMMIT
        background_ends 0
        equal "$output" ""
        sql "REVOKE crashmon_processor FROM crashmon_monitor"
    done
    sql_is "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'crashmon\\_%'" 4
}
@test "a role that is just being dropped is waited for, four seconds at most, and who does it is named" {
    load_schema
    sql "CREATE ROLE crashmon_observer"
    session "BEGIN; DROP ROLE crashmon_observer" >/dev/null
    refused "rights or definitions are being changed: role crashmon_observer: nothing is done*By process * of role" roles.sql
    background load_roles
    await_session "wait_event = 'PgSleep'"
    session COMMIT
    background_ends 0
    equal "$output" ""
    sql_is "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'crashmon\\_%'" 4
}

@test "roles for several databases of one server can be made at the same time" {
    load_schema
    other=${PGDATABASE}_2
    createdb "$other"
    PGDATABASE=$other load_schema
    for round in 1 2 3 4 5; do
        sql "DROP OWNED BY crashmon_monitor, crashmon_observer, crashmon_processor, crashmon_reporter" 2>/dev/null || true
        psql -qX -d "$other" -c "DROP OWNED BY crashmon_monitor, crashmon_observer, crashmon_processor, crashmon_reporter" 2>/dev/null || true
        sql "DROP ROLE IF EXISTS crashmon_monitor, crashmon_observer, crashmon_processor, crashmon_reporter"
        background load_roles
        PGDATABASE=$other load_roles
        background_ends 0
        equal "$output" ""
    done
    psql -qX -d postgres -c "DROP DATABASE \"$other\""
}

@test "roles that have lost a right, as on a table that was rebuilt, are named by --check, until roles.sql is loaded" {
    lacking() { as "$OWNER" run scan --check && equal "$(grep '^CRITICAL: role' <<<"$output")" "$1"; }
    load_as_owner schema.sql
    load_schema -v owner="$OWNER" -f "$SQL/roles.sql"
    lacking ''
    as "$OWNER" sql "ALTER TABLE crashmon.jobs RENAME TO old; CREATE TABLE crashmon.jobs (LIKE crashmon.old INCLUDING ALL);
                     ALTER TABLE crashmon.priorityjobs RENAME TO older; CREATE TABLE crashmon.priorityjobs (LIKE crashmon.older INCLUDING ALL)"
    load_as_owner schema.sql
    lacking 'CRITICAL: role crashmon_observer lacks SELECT on these: jobs, priorityjobs (load sql/roles.sql)
CRITICAL: role crashmon_processor lacks SELECT on these: jobs (load sql/roles.sql)
CRITICAL: role crashmon_reporter lacks SELECT on these: jobs, priorityjobs (load sql/roles.sql)'
    load_as_owner roles.sql
    lacking ''
    # Roles of another database's are no matter of this one.
    sql "DROP SCHEMA crashmon, crashmon_priority CASCADE"
    load_as_owner schema.sql
    lacking ''
}
