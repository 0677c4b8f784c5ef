#!/usr/bin/env bats
# retention_refused.bats - what the server refuses, or hides, beside what cleanup removes for its age.
load ../helper
load quarantine
load refused
load sweep

setup_file() {
    begin_file
    export LOGIN=retention_$$
    make_login
}

teardown_file() {
    end_file
    psql -qX -d postgres -c "DROP ROLE $LOGIN"
}

# That came two months ago.
throttled() { collect --root "$DEFERRED" --day 20081225 --age 5200000 "$@"; }
retains() { cleanup_jobs --keep-deferred-days=30 --keep-quarantine-days=30 "$@"; }

# Has a statement of a trigger run before any row, and before any statement, of a table.
before() {
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ${3//\'/\'\'}; RETURN coalesce(NEW, OLD); END';
         CREATE TRIGGER refuse BEFORE $1 ON $2 FOR EACH ROW EXECUTE FUNCTION refuse();
         CREATE TRIGGER refuse_all BEFORE $1 ON $2 FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
}

@test "whatever a trigger on any table does to a run, throttled crashes that are due go, in that run or the next" {
    expect_status 0 retains
    for table in crashmon.runs crashmon.storages jobs priorityjobs processors; do
        for what in 'RETURN NULL' "$(raises 40001)" "$(raises 23503)" "$(raises 55P03)" "$(raises 57014)" \
            "$(raises 08006)" "$(raises 42501)" "$(raises 25006)" "$(raises P0001)" \
            'PERFORM pg_terminate_backend(pg_backend_pid())'; do
            id=$(throttled)
            due
            before "INSERT OR UPDATE OR DELETE" "$table" "$what"
            run retains
            accept
            ((status == 0 || status >= 69)) || fail "exit code $status: $table $what" "$output"
            if [[ $what == *terminate* ]]; then
                expect_status 0 retains
            fi
            [[ ! $(find "$DEFERRED" -name "$id*") ]] || fail "left: $table, $what" "$output"
        done
    done
}

@test "a run that has ended with 69 for another reason than its connection expires old runs, and measures" {
    processor p1
    sql "INSERT INTO crashmon.runs (program, storage, started, ended, next_due, host, pid)
         SELECT 'crashmon-scan', 'main', now() - d * interval '1 day', now() - d * interval '1 day', now() - d * interval '1 day', 'h', 1
         FROM unnest(ARRAY[40, 50]) AS d"
    before INSERT crashmon.runs "$(raises 40001)"
    expect_status 69 cleanup_jobs
    sql_is "SELECT count(*) FROM crashmon.runs" 1
    expect_status 69 scan --metrics-file="$BATS_TEST_TMPDIR/metrics"
    grep -q '^crashmon_processors{.*alive.* 1$' "$BATS_TEST_TMPDIR/metrics" || fail "$(<"$BATS_TEST_TMPDIR/metrics")"
}

@test "where a policy may hide who wants a throttled crash none is removed (77), by a dry run neither" {
    for table in jobs priorityjobs; do
        id=$(throttled)
        request "$id"
        sql "INSERT INTO jobs (pathname, uuid) VALUES ('$(place "$DEFERRED" "$id").json', '$id');
             CREATE POLICY hidden ON $table USING (false);
             ALTER TABLE $table ENABLE ROW LEVEL SECURITY"
        due
        for option in --dry-run ''; do
            expect_status 77 as "$LOGIN" retains $option
            [[ $output == *"cannot see which throttled crashes are wanted: row security is in force for this login, and may hide jobs or requests; none is removed"* ]] || fail "$output"
        done
        pair_is_whole "$DEFERRED" 20081225 "$id"
        sql "ALTER TABLE $table DISABLE ROW LEVEL SECURITY; DROP POLICY hidden ON $table"
    done
}
