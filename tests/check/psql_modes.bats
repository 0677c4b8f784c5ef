#!/usr/bin/env bats
# psql_modes.bats - the scripts do all, or nothing with a sentence, however psql has been started or set up.
load ../helper
load upgrade

# Socorro's tables, as few columns as from-socorro.sql needs.
socorro() {
    sql "CREATE TABLE public.processors (id serial PRIMARY KEY, name varchar(255) NOT NULL UNIQUE,
             startdatetime timestamp NOT NULL, lastseendatetime timestamp);
         CREATE TABLE public.jobs (id serial PRIMARY KEY, pathname varchar(1024) NOT NULL, uuid varchar(50) NOT NULL UNIQUE,
             owner integer REFERENCES public.processors, priority integer DEFAULT 0, queueddatetime timestamp,
             starteddatetime timestamp, completeddatetime timestamp, success boolean, message text);
         CREATE TABLE public.priorityjobs (uuid varchar(255) PRIMARY KEY)"
}

# All three scripts, where there is nothing else.
load_all() {
    nothing
    socorro
    PSQLRC=$BATS_TEST_TMPDIR/psqlrc PGOPTIONS='' psql -q "$@" -f "$SQL/from-socorro.sql" -f "$SQL/schema.sql" -f "$SQL/roles.sql" 2>&1
}
# What there is then, and what anybody may.
all() { shape | grep -v "^-- "; }

@test "whatever psql's options, variables and start file are, all is loaded" {
    : >"$BATS_TEST_TMPDIR/psqlrc"
    equal "$(load_all -X)" ""
    all=$(all)
    while IFS= read -r mode; do
        rc=
        [[ $mode != RC* ]] || rc=${mode#RC } mode=
        printf '%b\n' "$rc" >"$BATS_TEST_TMPDIR/psqlrc"
        # shellcheck disable=SC2086 # several words
        run load_all $mode
        [[ $status -eq 0 && $output != *"WARNING:  "* && $output != *"ERROR:  "* ]] || fail "$mode$rc: $output"
        equal "$(all)" "$all"
    done <<'END'
-S
-v SINGLELINE=on
-v ON_ERROR_STOP=0
-v ON_ERROR_STOP=0 -v ON_ERROR_ROLLBACK=on
-v AUTOCOMMIT=off
-S -v AUTOCOMMIT=off
-v AUTOCOMMIT=off -v FETCH_COUNT=1 -v ON_ERROR_ROLLBACK=on
-v FETCH_COUNT=1
-v ECHO=queries -v ECHO_HIDDEN=noexec -v VERBOSITY=sqlstate
-v place=elsewhere -v is_converted=1 -v is_open=1
-a -b -x -t -A -z -0 -H
RC \\\\timing on\n\\\\set QUIET off\n\\\\set ON_ERROR_ROLLBACK interactive\n\\\\x auto\n\\\\pset null (null)
RC \\\\set AUTOCOMMIT off\n\\\\set ON_ERROR_ROLLBACK on\n\\\\set SINGLELINE on
RC SET search_path = public;\nSET default_transaction_read_only = on;
END
}

@test "inside of a transaction the scripts do nothing: they are to begin and end their own" {
    : >"$BATS_TEST_TMPDIR/psqlrc"
    refuses() {
        [[ $status -ne 0 && $output == *"a transaction is open already: nothing is done"*HINT* && $output != *WARNING* ]] ||
            fail "$1: $output"
        equal "$(all)" "$before"
    }
    for script in from-socorro schema roles; do
        nothing
        [[ $script != from-socorro ]] || socorro
        [[ $script != roles ]] || load_schema
        before=$(all)
        while IFS='|' read -r options first; do
            # shellcheck disable=SC2086 # several words
            PGOPTIONS='' run psql -qX $options ${first:+-c "$first"} -f "$SQL/$script.sql"
            refuses "$options $first"
        done <<'END'
-1|
-1|SELECT
-1 -v AUTOCOMMIT=off|
-S -1|
-v FETCH_COUNT=1|BEGIN
-v ON_ERROR_ROLLBACK=on|BEGIN ISOLATION LEVEL SERIALIZABLE
-v AUTOCOMMIT=off|CREATE TABLE public.mine ()
END
        printf '%s\n' '\set AUTOCOMMIT off' 'SET search_path = public;' >"$BATS_TEST_TMPDIR/psqlrc"
        PSQLRC=$BATS_TEST_TMPDIR/psqlrc PGOPTIONS='' run psql -q -f "$SQL/$script.sql"
        refuses "a start file"
    done
}

@test "what is open in the session stays as it was, and so does its way to commit" {
    nothing
    run psql -qAtX 2>&1 <<END
\\set AUTOCOMMIT off
\\i $SQL/schema.sql
CREATE TABLE public.mine ();
ROLLBACK;
SELECT to_regclass('public.mine'), 'crashmon.jobs'::regclass;
END
    [[ $status -eq 0 && $output == "|jobs" ]] || fail "$output"
}

@test "of a script that has failed in an interactive session nothing can be committed" {
    nothing
    : >"$BATS_TEST_TMPDIR/psqlrc"
    # Refused after the schemas were made.
    printf '%s\n' '\set ON_ERROR_ROLLBACK on' 'CREATE TEMP TABLE mine ();' "\\i $SQL/schema.sql" 'COMMIT;' '\q' |
        PGOPTIONS='' PSQLRC=$BATS_TEST_TMPDIR/psqlrc script -qec 'psql -X -n' /dev/null >"$BATS_TEST_TMPDIR/said"
    grep -q 'this session has temporary tables: nothing is changed' "$BATS_TEST_TMPDIR/said" || fail "$(<"$BATS_TEST_TMPDIR/said")"
    sql_is "SELECT to_regnamespace('crashmon'), to_regnamespace('crashmon_priority')" "|"
}

@test "whoever waits behind a script whose psql stands still goes on within ten seconds, and the next load does all" {
    while IFS='|' read -r script file line statement; do
        nothing
        case $script in
        from-socorro) socorro ;;
        schema) version_1 ;;
        roles) load_schema ;;
        end) load_schema && sql "CREATE SCHEMA crashmon_replaced_1" ;;
        esac
        # As at Ctrl-Z, or when its host is gone: between two statements.
        copy=$BATS_TEST_TMPDIR/$script
        cp -r "$SQL" "$copy"
        sed -i "$line"'i\\\\! echo $PPID >'"$copy/pid; kill -STOP \$PPID" "$copy/$file.sql"
        PGOPTIONS='' background psql -qX -f "$copy/${script/end/schema}.sql"
        stands() { [[ -s $copy/pid && $(<"/proc/$(<"$copy/pid")/stat") == *') T '* ]]; }
        await stands
        background_pids+=("$(<"$copy/pid")") # its shell may be gone
        PGOPTIONS='-c statement_timeout=10s' psql -qAtX -c "$statement" || fail "$script: $statement"
        kill -CONT "$(<"$copy/pid")"
        background_ends 2
        [[ $output == *"terminating connection due to idle-in-transaction timeout"* ]] || fail "$script: $output"
        equal "$(PGOPTIONS='' psql -qX -v ON_ERROR_STOP=1 -f "$SQL/${script/end/schema}.sql" 2>&1)" ""
    done <<'END'
from-socorro|from-socorro|/end.sql/|SELECT FROM public.jobs
schema|schema|/end.sql/|INSERT INTO public.jobs (pathname, uuid) VALUES ('', 'x')
roles|roles|/end.sql/|SELECT FROM pg_advisory_xact_lock(hashtext('crashmon'), 0)
end|end|$|DROP SCHEMA crashmon_replaced_1
END
}
