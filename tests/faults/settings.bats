#!/usr/bin/env bats
# settings.bats - what an administrator can set for a role or a database: with any value of any
# setting the programs do their work, or refuse with the code that fits.
load ../helper

# Each setting that a session has, with its other values, as SETTING|VALUE: values CONDITION.
values() {
    sql "SELECT name, value FROM (SELECT name, value FROM pg_settings, LATERAL (
             SELECT CASE setting WHEN 'on' THEN 'off' ELSE 'on' END WHERE vartype = 'bool'
             UNION ALL SELECT unnest(enumvals) WHERE vartype = 'enum'
             UNION ALL SELECT unnest(ARRAY[min_val, max_val]) WHERE vartype IN ('integer', 'real')
         ) AS other (value)
         WHERE context = 'user' AND name NOT LIKE 'debug_print%' AND value <> setting
         UNION ALL VALUES
             ('DateStyle', 'German, MDY'), ('DateStyle', 'SQL, DMY'), ('TimeZone', 'Asia/Kathmandu'),
             ('client_encoding', 'LATIN1'), ('client_encoding', 'SQL_ASCII'), ('client_encoding', 'EUC_JP'),
             ('search_path', ''), ('search_path', 'public'), ('search_path', 'nowhere'),
             ('default_tablespace', 'pg_default'), ('lc_monetary', 'C'), ('lc_numeric', 'C'),
             ('temp_tablespaces', ''), ('timezone_abbreviations', 'India'), ('statement_timeout', '100'),
             ('lock_timeout', '100'), ('idle_session_timeout', '100'), ('transaction_timeout', '100'),
             ('idle_in_transaction_session_timeout', '100'), ('application_name', 'crashmon-scan'),
             ('default_table_access_method', 'nothing'), ('default_text_search_config', 'german'),
             ('lc_time', 'C'), ('local_preload_libraries', 'nothing'),
             ('restrict_nonsystem_relation_kind', 'view, foreign-table'), ('createrole_self_grant', 'set, inherit'),
             ('plpgsql.extra_errors', 'all'), ('plpgsql.extra_warnings', 'all')
         ) AS setting (name, value) WHERE $1 ORDER BY 1, 2"
}

# A crash that is queued, one that is requested, and their way out; the name of a processor that no
# other encoding has. The programs print nothing.
way_through() {
    local new requested run
    new=$(crash) requested=$(crash --root "$DEFERRED")
    request "$requested"
    request "🦊" # not a crash id
    for run in scan priority cleanup_jobs; do
        run "$run"
        [[ ! $output && ($status == 0 || $run/$status == priority/1) ]] || return
        sql "UPDATE jobs SET completeddatetime = now(), success = true"
    done
    PGOPTIONS='' run psql -qX -f "$TESTS/../sql/schema.sql"
    [[ $output != *ERROR* && $status == 0 ]] || return
    sql_is "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM priorityjobs)" 0 || return
    pair_is_whole "$ARCHIVE" 20081225 "$new" && pair_is_whole "$ARCHIVE" 20081225 "$requested"
}

# With each of these settings in turn.
all_is_done_where() {
    local setting value failed=() tried=''
    processor "🦊 firefox"
    while IFS='|' read -r setting value; do
        tried+=${tried:+,}$setting
        sql "ALTER DATABASE \"$PGDATABASE\" SET \"$setting\" = '$value'" || continue
        status=0
        way_through >"$BATS_TEST_TMPDIR/said" 2>&1 || case $setting=$status in
        default_transaction_read_only=69 | local_preload_libraries=69) ;;
        temp_buffers=2) ;; # more than there is memory: the server makes no temporary table, as schema.sql has to
        *) failed+=("$setting = $value: $status, $output") ;;
        esac
        sql "ALTER DATABASE \"$PGDATABASE\" RESET ALL; DELETE FROM jobs; DELETE FROM priorityjobs;
             UPDATE processors SET lastseendatetime = now()"
        find "$SPOOL" "$DEFERRED" -mindepth 1 ! -name 20000101 -delete
    done < <(values "$1")
    [[ ! ${failed[*]} ]] || fail "${failed[@]}"
    sql_is "SELECT name FROM pg_settings WHERE context = 'user' AND name NOT LIKE 'debug_print%'
                AND name <> ALL ('{$tried}') AND $1" ''
}

# In parts, lest a case takes too long.
@test "with any value of any setting of the database all is done, schema.sql too, or refused with the right code" {
    all_is_done_where "lower(name) < 'e'"
}
@test "the same with settings from e to i" { all_is_done_where "lower(name) BETWEEN 'e' AND 'j'"; }
@test "the same with settings from j to q" { all_is_done_where "lower(name) > 'j' AND lower(name) < 'r'"; }
@test "the same with settings from r on" { all_is_done_where "lower(name) >= 'r'"; }

@test "transaction_timeout, where the server has it, ends neither a batch nor a script that takes longer" {
    [[ $(sql "SELECT current_setting('transaction_timeout', true)") ]] || skip "the server has none"
    processor p1
    id=$(collect)
    sql "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END';
         CREATE TRIGGER linger BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION linger()"
    background psql -qAtX -c "SELECT pg_advisory_lock(hashtext('crashmon'), 0)" \
        -c "DO 'BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE locktype = ''advisory''
                AND waitstart < clock_timestamp() - interval ''0.3 s'') LOOP
                PERFORM pg_sleep(0.005); END LOOP; END'"
    await sql_true "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 0)"
    # One of its two transactions waits for that lock, the other for whoever could use such a schema.
    sql "CREATE SCHEMA crashmon_replaced_1"
    session "BEGIN; SELECT 1" >/dev/null
    sql "ALTER DATABASE \"$PGDATABASE\" SET transaction_timeout = '200ms'"
    expect_status 0 scan
    jobs_are "$id"
    sql "DROP TRIGGER linger ON jobs"
    PGOPTIONS='' run psql -qX -v ON_ERROR_STOP=1 -f "$TESTS/../sql/schema.sql"
    sql "ALTER DATABASE \"$PGDATABASE\" RESET ALL"
    [[ $status == 0 && $output == *"a transaction that could use it is open"* ]] || fail "$status, $output"
    session ROLLBACK
    background_ends 0
}
