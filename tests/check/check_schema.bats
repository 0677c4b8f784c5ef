#!/usr/bin/env bats
# --check: the schema, the rights of the login, and what the tables must have.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load jobs
load check

@test "the schema and the rights" {
    used
    sql "ALTER SCHEMA crashmon RENAME TO other"
    answers 2 scan -- "CRITICAL: cannot read the version of the schema: ERROR:  schema \"crashmon\" does not exist (load sql/schema.sql, if database \"$PGDATABASE\" is the right one)"
    sql "ALTER SCHEMA other RENAME TO crashmon"
    # To be pasted, whatever its name.
    role="test \"check_$$" quoted="\"test \"\"check_$$\""
    sql "CREATE ROLE $quoted LOGIN"
    denied="cannot read the version of the schema: .*permission denied for schema crashmon (load sql/roles.sql, and GRANT crashmon_monitor TO $quoted)"
    PGUSER=$role expect_status 77 scan
    mkdir -p "$SPOOL/quarantine/20081225/x" # news from there hides nothing
    PGUSER=$role answers 2 scan -- "CRITICAL: $denied" 'WARNING: 1 in quarantine'
    sql "GRANT USAGE ON SCHEMA crashmon TO $quoted;
         GRANT SELECT ON ALL TABLES IN SCHEMA crashmon TO $quoted"
    PGUSER=$role expect_status 2 scan --check
    sql "DROP OWNED BY $quoted; DROP ROLE $quoted"
    grep -q "^CRITICAL: role $role lacks DELETE, INSERT, UPDATE on table crashmon.jobs" <<<"$output" ||
        fail "$output"
}

# What a run and --check need of PostgreSQL's, by its names: functions and tables.
needed_of_server() {
    sed -n '/db_server_objects\[\] =/,/;$/p' "$TESTS/../pgc/db_status.pgc" | grep -o '"[^"]*"' | tr -d '"\n' | tr ';' '\n' | sed 's/(.*//' | sort -u
}

# The statements that the latest output has for a superuser.
grants() { grep -oP '\(as a superuser: \KGRANT .*? TO ("([^"]|"")*"|\w+)(?=\))' <<<"$output" | sort -u | sed 's/$/;/'; }

@test "what a run or --check needs of PostgreSQL's is listed" {
    sources=$(cd "$TESTS/.." && cat pgc/*.pgc sql/{monitor,pauses,times}.sql | grep -v 'see pg_prepared_xacts')
    words=$(grep -oE '\b[a-z_]+\b' <<<"$sources" | sort -u | paste -sd,)
    calls=$(grep -oP "\b[a-z_]+\((?!' \|\|)" <<<"$sources" | tr -d '(' | sort -u | paste -sd,)
    equal "$(sql "WITH used AS (SELECT oid FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relname = ANY ('{$words}') AND relkind IN ('r', 'v'))
                  SELECT relname FROM used JOIN pg_class USING (oid)
                  UNION SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY ('{$calls}')
                      AND proname ~ '^((pg|current|has|set)_|version$|row_security|hashtext)'
                  UNION SELECT proname FROM used JOIN pg_rewrite ON ev_class = used.oid
                  JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid AND refclassid = 'pg_proc'::regclass
                  JOIN pg_proc ON pg_proc.oid = refobjid ORDER BY 1" | comm -23 - <(needed_of_server))" ""
}

@test "what a site has taken from PUBLIC of PostgreSQL's is told (77), also by --check (2), with a GRANT that helps" {
    used
    role=check_login_$$
    sql "CREATE ROLE $role LOGIN; GRANT USAGE ON SCHEMA crashmon TO $role;
         GRANT ALL ON ALL TABLES IN SCHEMA crashmon TO $role; GRANT ALL ON ALL SEQUENCES IN SCHEMA crashmon TO $role"
    denied=
    for name in $(needed_of_server); do
        mapfile -t objects < <(sql "SELECT format('EXECUTE ON FUNCTION %s', oid::regprocedure) FROM pg_proc WHERE proname = '$name' AND pronamespace = 'pg_catalog'::regnamespace
                                    UNION ALL SELECT format('SELECT ON pg_catalog.%s', relname) FROM pg_class WHERE relname = '$name' AND relnamespace = 'pg_catalog'::regnamespace")
        ((${#objects[@]})) || fail "$name"
        sql "$(printf 'REVOKE %s FROM PUBLIC;' "${objects[@]}") DELETE FROM processors WHERE name = 'late'"
        processor late 400 >/dev/null
        crash >/dev/null
        ended true "$(crash --without links)"
        failed=()
        for run in scan priority "cleanup_jobs --save-successful-minidumps-to="; do
            # shellcheck disable=SC2086 # an option
            PGUSER=$role run $run
            [[ $status == 0 || ($status == 77 && $output == *"permission denied for "*" $name "*"(as a superuser: GRANT "*" pg_catalog.$name"*" TO \"$role\")"*) ]] ||
                fail "$name: $run: $status: $output"
            [[ $status == 0 ]] || failed+=("$run")
        done
        denied+=${failed[*]:+ $name}
        # Each answer may only show the next one.
        for run in scan priority cleanup_jobs; do
            for round in 1 2 3; do
                PGUSER=$role run "$run" --check
                output=$(sed -n '/^[A-Z]*: /{/: the last run/!p}' <<<"$output")
                [[ $output == *"taken from PUBLIC"* || $output == *"permission denied"* ]] || break
                [[ $round != 3 && $(grants) ]] || fail "$name: $output"
                sql "$(grants)"
            done
        done
        for run in "${failed[@]}"; do
            # shellcheck disable=SC2086 # an option
            PGUSER=$role expect_status 0 $run
        done
        sql "$(printf 'GRANT %s TO PUBLIC;' "${objects[@]}") $(printf "REVOKE %s FROM $role;" "${objects[@]}")"
    done
    sql "DROP OWNED BY $role; DROP ROLE $role"
    [[ $denied == *pg_logical_emit_message*pg_try_advisory_lock*set_config*version* ]] || fail "$denied"
}

@test "what is in the processors' schema and is not a priority table (2)" {
    sql "CREATE TABLE crashmon_priority.priority_jobs_7 (uuid varchar(50) PRIMARY KEY);
         CREATE VIEW crashmon_priority.jobs AS SELECT 1; CREATE FUNCTION crashmon_priority.f() RETURNS integer RETURN 1"
    run scan --check
    sql "DROP TABLE crashmon_priority.priority_jobs_7; DROP VIEW crashmon_priority.jobs;
         DROP FUNCTION crashmon_priority.f()"
    equal "$status $(grep -o '^CRITICAL: .* is not a priority table' <<<"$output")" \
        $'2 CRITICAL: "function crashmon_priority.f()" is not a priority table
CRITICAL: "view crashmon_priority.jobs" is not a priority table'
}

@test "triggers of crashmon's that are disabled or missing (1), until schema.sql is loaded" {
    used
    sql "ALTER TABLE crashmon.jobs DISABLE TRIGGER ALL; DROP TRIGGER not_ahead ON crashmon.processors;
         ALTER TABLE crashmon.priorityjobs ENABLE REPLICA TRIGGER not_ahead"
    run cleanup_jobs --check
    PGOPTIONS='' psql -qX -v ON_ERROR_STOP=1 -f "$TESTS/../sql/schema.sql" >/dev/null 2>&1
    [[ $status == 1 && ${#lines[@]} == 4 ]] || fail "$status: $output"
    for line in 'jobs are disabled or missing: RI_ConstraintTrigger_c_[0-9]*, RI_ConstraintTrigger_c_[0-9]*, count_attempt, not_ahead' \
        'priorityjobs are disabled or missing: not_ahead' 'processors are disabled or missing: not_ahead'; do
        grep -q "^WARNING: triggers of table crashmon.$line (load sql/schema.sql)$" <<<"$output" || fail "no $line: $output"
    done
    answers 0 cleanup_jobs --
}

@test "keys that are missing (2), until schema.sql is loaded" {
    used
    sql "ALTER TABLE crashmon.processors DROP CONSTRAINT processors_name_key; ALTER TABLE crashmon.storages DROP CONSTRAINT storages_pkey;
         ALTER TABLE crashmon.runs DROP CONSTRAINT runs_pkey; CREATE UNIQUE INDEX mine ON crashmon.runs (id)"
    run cleanup_jobs --check
    PGOPTIONS='' psql -qX -v ON_ERROR_STOP=1 -f "$TESTS/../sql/schema.sql"
    [[ $status == 2 && ${#lines[@]} == 2 &&
        $output == *"keys of tables in the schema crashmon are missing or not valid: processors (name), storages (place, storage) (load sql/schema.sql)"* ]] ||
        fail "$status: $output"
    answers 0 cleanup_jobs --
}

@test "a foreign key that is missing or not valid (2), until schema.sql is loaded" {
    used
    sql "ALTER TABLE crashmon.jobs ADD mine integer REFERENCES crashmon.processors ON DELETE SET NULL"
    for key in "" "ADD FOREIGN KEY (owner) REFERENCES crashmon.processors ON DELETE SET NULL NOT VALID"; do
        sql "ALTER TABLE crashmon.jobs DROP CONSTRAINT jobs_owner_fkey${key:+, $key}"
        run cleanup_jobs --check
        PGOPTIONS='' psql -qX -v ON_ERROR_STOP=1 -f "$TESTS/../sql/schema.sql"
        [[ $status == 2 && ${#lines[@]} == 2 &&
            $output == *"keys of tables in the schema crashmon are missing or not valid: jobs (owner) (load sql/schema.sql)"* ]] ||
            fail "$key: $status: $output"
        answers 0 cleanup_jobs --
    done
}

# --check says that a key of this table is missing, and schema.sql agrees: keys_are_missing KEYS [WHAT-IS-THERE]
keys_are_missing() {
    run cleanup_jobs --check
    [[ $status == 2 && $(grep -vc '^WARNING: these are .* tables other than' <<<"$output") == 2 &&
        $output == *"keys of tables in the schema crashmon are missing or not valid: $1 (load sql/schema.sql)"* ]] ||
        fail "$status: $output"
    PGOPTIONS='' run psql -qX -v ON_ERROR_STOP=1 -f "$TESTS/../sql/schema.sql"
    [[ ${2:+refused} || $status$output == 0 ]] || fail "$status: $output"
    [[ ! ${2:-} || ($status != 0 && $output == *"the key of table $2\", where crashmon needs "*": nothing is changed"*HINT*Drop*) ]] ||
        fail "$status: $output"
}

@test "a foreign key that is something else (2) is named by schema.sql, and can be dropped" {
    used
    sql 'CREATE SCHEMA other; CREATE TABLE other.processors (id integer PRIMARY KEY);
         ALTER TABLE crashmon.jobs DROP CONSTRAINT jobs_owner_fkey, ADD CONSTRAINT x FOREIGN KEY (owner) REFERENCES other.processors ON DELETE SET NULL'
    keys_are_missing 'jobs (owner)' 'jobs is "FOREIGN KEY (owner) REFERENCES other.processors(id) ON DELETE SET NULL'
    # Beside ours it does no harm, but one that deletes jobs does.
    sql 'ALTER TABLE crashmon.jobs ADD FOREIGN KEY (owner) REFERENCES crashmon.processors ON DELETE SET NULL'
    answers 0 cleanup_jobs --
    sql 'DROP SCHEMA other CASCADE; ALTER TABLE crashmon.jobs ADD CONSTRAINT y FOREIGN KEY (owner) REFERENCES crashmon.processors ON DELETE CASCADE'
    keys_are_missing 'jobs (owner)' 'jobs is "FOREIGN KEY (owner) REFERENCES processors(id) ON DELETE CASCADE'
    sql 'ALTER TABLE crashmon.processors ADD other integer UNIQUE;
         ALTER TABLE crashmon.jobs DROP CONSTRAINT y, ADD CONSTRAINT y FOREIGN KEY (owner) REFERENCES crashmon.processors (other) ON DELETE SET NULL'
    keys_are_missing 'jobs (owner)' 'jobs is "FOREIGN KEY (owner) REFERENCES processors(other) ON DELETE SET NULL'
    # A name of ours that something else has is no obstacle.
    sql 'ALTER TABLE crashmon.processors DROP COLUMN other CASCADE; ALTER TABLE crashmon.jobs ADD CONSTRAINT y CHECK (id > 0);
         ALTER TABLE crashmon.jobs DROP CONSTRAINT y, DROP CONSTRAINT jobs_owner_fkey, ADD CONSTRAINT jobs_owner_fkey CHECK (id > 0);
         ALTER TABLE crashmon.processors DROP CONSTRAINT processors_name_key, ADD CONSTRAINT processors_name_key CHECK (id > 0)'
    keys_are_missing 'jobs (owner), processors (name)'
    answers 0 cleanup_jobs --
    sql 'ALTER TABLE crashmon.jobs DROP CONSTRAINT jobs_owner_fkey;
         ALTER TABLE crashmon.processors DROP CONSTRAINT processors_name_key'
}

@test "a unique index with more in it is no key (2), one that only carries more is, one that is not valid is not (2)" {
    used
    sql 'ALTER TABLE crashmon.jobs DROP CONSTRAINT jobs_uuid_key; CREATE UNIQUE INDEX mine ON crashmon.jobs (uuid, lower(message))'
    keys_are_missing 'jobs (uuid)'
    sql 'DROP INDEX crashmon.mine; ALTER TABLE crashmon.jobs DROP CONSTRAINT jobs_uuid_key, ADD CONSTRAINT jobs_uuid_key UNIQUE (uuid) INCLUDE (id)'
    answers 0 cleanup_jobs --
    equal "$(psql -qX -v ON_ERROR_STOP=1 -f "$TESTS/../sql/schema.sql" 2>&1)" ''
    sql "UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('jobs_uuid_key'::regclass, 'jobs_pkey'::regclass)"
    keys_are_missing 'jobs (id), jobs (uuid)'
    answers 0 cleanup_jobs --
}

@test "processors that were rebuilt by hand (2) become what is needed, by schema.sql" {
    for old in crashmon.old other.processors; do
        used
        sql "CREATE SCHEMA other;
             ALTER TABLE crashmon.processors $([[ $old == other* ]] && echo 'SET SCHEMA other' || echo 'RENAME TO old');
             CREATE TABLE crashmon.processors (LIKE $old INCLUDING ALL); INSERT INTO crashmon.processors SELECT * FROM $old;
             CREATE TRIGGER not_ahead BEFORE INSERT OR UPDATE ON crashmon.processors FOR EACH ROW
                 WHEN (greatest(NEW.startdatetime, NEW.lastseendatetime) > clock_timestamp()) EXECUTE FUNCTION crashmon.not_ahead()"
        keys_are_missing 'jobs (owner)' "jobs is \"FOREIGN KEY (owner) REFERENCES ${old#crashmon.}(id) ON DELETE SET NULL"
        sql "ALTER TABLE crashmon.jobs DROP COLUMN IF EXISTS mine, DROP CONSTRAINT $(
            sql "SELECT conname FROM pg_constraint WHERE confrelid = '$old'::regclass AND conname LIKE 'jobs_owner_fkey%'")"
        keys_are_missing 'jobs (owner)'
        answers 0 cleanup_jobs --
        sql_is "SELECT crashmon.register_processor('after'), pg_get_serial_sequence('crashmon.processors', 'id')" \
            '2|crashmon.processors_id_seq'
        sql "DROP TABLE $old; DROP SCHEMA other"
        begin_case
        processor alpha >/dev/null
    done
}

@test "views and sequences that belong to a table which was replaced, or are missing (1), until schema.sql is loaded" {
    used
    while IFS='|' read -r change told; do
        sql "$change"
        run cleanup_jobs --check
        PGOPTIONS='' psql -qX -v ON_ERROR_STOP=1 -f "$TESTS/../sql/schema.sql"
        [[ $status == 1 && ${#lines[@]} == 2 &&
            $output == *"these are missing, or belong to tables other than those in the schema crashmon: $told (load sql/schema.sql)"* ]] ||
            fail "$change: $status: $output"
        answers 0 cleanup_jobs --
    done <<'END'
ALTER TABLE pauses RENAME TO old; CREATE TABLE crashmon.pauses (LIKE old INCLUDING ALL)|view last_runs
ALTER TABLE runs RENAME TO old_runs; CREATE TABLE crashmon.runs (LIKE old_runs INCLUDING ALL); INSERT INTO runs SELECT * FROM old_runs|view last_runs, view locks, view queue, view recent_outcomes, view recent_quarantine, sequence crashmon.runs_id_seq
DROP VIEW queue|view queue
ALTER SEQUENCE processors_id_seq OWNED BY NONE|sequence crashmon.processors_id_seq
CREATE SEQUENCE crashmon.other OWNED BY crashmon.runs.id|sequence crashmon.runs_id_seq
END
    sql 'DROP TABLE old, old_runs'
}

load_schema() { PGOPTIONS='' psql -qX -v ON_ERROR_STOP=1 -f "$TESTS/../sql/schema.sql"; }

# --check of each program ends with 2, and names what is missing: is_missing WHAT
is_missing() {
    for run in "${RUNS[@]}"; do
        run "$run" --check
        [[ $status == 2 && $output == *$'\n'"CRITICAL: functions of the schema crashmon are missing: $1 (load sql/schema.sql, then sql/roles.sql)"* ]] ||
            fail "$1: $run: $status: $output"
    done
}

@test "each function of crashmon's that is missing (2), until schema.sql is loaded" {
    used
    mapfile -t functions < <(sql "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'crashmon'::regnamespace
                                      AND proname <> 'schema_version' ORDER BY 1")
    ((${#functions[@]} > 20)) || fail "${functions[*]}"
    for function in "${functions[@]}"; do
        signature=${function#crashmon.} signature=${signature/timestamp with time zone/timestamptz}
        sql "SET client_min_messages = error; DROP FUNCTION $function CASCADE"
        is_missing "${signature//,/, }"
        load_schema
    done
    answers 0 scan --
    # All that is wrong at once: also where the check asks about a right on it.
    role=check_login_$$
    sql "DROP FUNCTION remove_processor, take_jobs; CREATE PROCEDURE crashmon.take_jobs(integer, integer) LANGUAGE sql AS '';
         CREATE ROLE $role LOGIN; GRANT USAGE ON SCHEMA crashmon TO $role; GRANT SELECT ON ALL TABLES IN SCHEMA crashmon TO $role"
    is_missing "remove_processor(integer, interval), take_jobs(integer, integer)"
    PGUSER=$role run scan --check
    sql "DROP PROCEDURE take_jobs; DROP OWNED BY $role; DROP ROLE $role"
    [[ $output == *"role $role lacks DELETE, INSERT, UPDATE on table crashmon.jobs"* ]] || fail "$output"
    load_schema
    answers 0 scan --
}

@test "a function that a program cannot do without is named with what helps (76), by --check, too (2)" {
    used
    helps="(load sql/schema.sql, if database \"$PGDATABASE\" is the right one)"
    for function in schema_version silent_since; do
        sql "ALTER FUNCTION crashmon.$function RENAME TO other"
        expect_status 76 scan
        [[ $output == *"crashmon.$function("*" does not exist"*"$helps"* ]] || fail "$output"
        expect_status 2 scan --check
        [[ $output == *"crashmon.$function("*" does not exist"*"$helps"* ]] || fail "$output"
        sql "ALTER FUNCTION crashmon.other RENAME TO $function"
    done
}

@test "a trigger of ours that runs something else (2)" {
    used
    sql 'ALTER FUNCTION crashmon.count_attempt() RENAME TO other'
    answers 2 cleanup_jobs -- 'CRITICAL: functions of the schema crashmon are missing: count_attempt()' \
        'WARNING: triggers of table crashmon.jobs are disabled or missing: count_attempt (load sql/schema.sql)'
    sql 'ALTER FUNCTION crashmon.other() RENAME TO count_attempt'
    answers 0 cleanup_jobs --
    # Not one of the same name with arguments, which is the site's.
    sql 'CREATE FUNCTION crashmon.count_attempt(integer) RETURNS integer RETURN 1'
    answers 0 cleanup_jobs --
    sql 'DROP FUNCTION crashmon.count_attempt(integer)'
}

@test "a table that a crash of the server would empty (2)" {
    used
    sql 'ALTER TABLE crashmon.jobs SET UNLOGGED'
    run cleanup_jobs --check
    sql 'ALTER TABLE crashmon.jobs SET LOGGED'
    [[ $status == 2 && ${#lines[@]} == 2 &&
        $output == *'table crashmon.jobs is unlogged: after a crash of the server it is empty (ALTER TABLE crashmon.jobs SET LOGGED)'* ]] ||
        fail "$status: $output"
    answers 0 cleanup_jobs --
}
