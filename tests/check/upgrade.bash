# upgrade.bash - for what loads the scripts on what is there already: each case begins with an empty database.
# Roles belong to the whole server, so such a file and roles.bats run one at a time.
# shellcheck shell=bash
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
        # shellcheck disable=SC2053,SC2154 # a pattern; bats sets them
        [[ $status -ne 0 && $output == *$1* ]] || fail "$script: $output"
    done
}

# All objects, with their owners and rights. What version 1 granted in "public" does no harm.
shape() { pg_dump -s | grep -vE '^(--|\\(un)?restrict|$)|GRANT USAGE ON SCHEMA public' | sort; }

# All rows; what a new column has, where nobody has put anything into it, is not told.
rows() { db_state | sed -E 's/, "(storages|attempts|root|missingdatetime|reasons|error)": (null|0)\b//g'; }
