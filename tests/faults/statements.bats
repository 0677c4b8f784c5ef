#!/usr/bin/env bats
# statements.bats - what the statements cost the server when a million jobs wait, and what a day of
# jobs that come and go leaves of the tables.
# shellcheck disable=SC2154 # bats sets output
load ../helper

# From now on the server explains what it executes for this database, within functions too, in its log.
explain_all() {
    local set
    for set in session_preload_libraries=auto_explain auto_explain.log_min_duration=0 \
        auto_explain.log_nested_statements=on jit=on; do
        sql "ALTER DATABASE \"$PGDATABASE\" SET ${set/=/ = }"
    done
    SERVER_LOG=$(echo "$TMPDIR"/pg_virtualenv*/log/*.log)
    EXPLAINED=$(stat -c %s "$SERVER_LOG")
}

# The plans since then.
plans() { tail -c "+$((EXPLAINED + 1))" "$SERVER_LOG"; }

# Runs a program; its statements may read so many entries of the indexes on jobs.
reads_at_most() {
    sql "SELECT pg_stat_force_next_flush()"
    sql "SELECT pg_stat_reset()"
    run "${@:2}"
    sql "SELECT pg_stat_force_next_flush()"
    sql_true "SELECT sum(idx_tup_read) < $1 FROM pg_stat_user_indexes WHERE relname = 'jobs'" ||
        fail "$(sql "SELECT indexrelname, idx_scan, idx_tup_read FROM pg_stat_user_indexes")" "$output"
    sql_is "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'jobs'" 0
}

@test "with a million jobs no statement reads them from end to end, and every index is of use" {
    p=$(processor p1) q=$(processor p2) dead=$(processor dead 601)
    sql "CREATE TABLE priority_jobs_$p (uuid varchar(50) PRIMARY KEY)"
    sql "INSERT INTO jobs (uuid, pathname, owner)
         SELECT lpad(i::text, 8, '0') || '-0000-0000-0000-000002081225', '/elsewhere/' || i,
                CASE WHEN i % 2 = 0 THEN $p ELSE $q END
         FROM generate_series(1, 1000000) AS i"
    orphan=$(collect --without links) finished=$(collect --without links)
    sql "INSERT INTO jobs (uuid, pathname, owner) VALUES
             ('$orphan', '$SPOOL/$orphan.json', $dead), ('$finished', '$SPOOL/$finished.json', $dead)"
    finish "$finished" true
    new=$(collect) wanted=$(collect) queued=00000077-0000-0000-0000-000002081225
    psql -qX -c 'VACUUM ANALYZE'
    sql "SELECT pg_stat_force_next_flush()"
    sql "SELECT pg_stat_reset()"

    request "$wanted"
    request "$orphan"
    explain_all
    session "SELECT crashmon.request_crash('$queued'), crashmon.crash_state('$queued')"
    expect_status 0 priority
    expect_status 0 scan
    expect_status 0 cleanup_jobs
    taken=$(session "SELECT min(id) FROM crashmon.take_jobs($p, 10) HAVING count(*) = 10")
    session "SELECT crashmon.job_succeeded((SELECT id FROM jobs WHERE uuid = '$queued'))"
    session "SELECT crashmon.job_failed($taken, 'no frames')"
    session "SELECT crashmon.heartbeat($q), crashmon.register_processor('p1')"
    plans=$(plans)
    sql "ALTER DATABASE \"$PGDATABASE\" RESET ALL"

    sql_is "SELECT count(*) FROM jobs WHERE uuid IN ('$new', '$wanted', '$orphan') AND owner IN ($p, $q)" 3
    sql_is "SELECT count(*) FROM processors WHERE id = $dead" 0
    [[ $plans != *"Seq Scan on jobs"* ]] || fail "$(grep -B 30 'Seq Scan on jobs' <<<"$plans")"
    [[ $plans != *JIT:* ]] || fail "$(grep -B 30 JIT: <<<"$plans")"
    for index in $(sql "SELECT indexrelname FROM pg_stat_user_indexes
                        WHERE relname IN ('jobs', 'priorityjobs')"); do
        grep -Eq "Index( Only)? Scan (using|on) $index( |$)" <<<"$plans" || fail "no use for $index"
    done

    # The plans are what was meant to be done, the counters tell what it came to.
    sql "SELECT pg_stat_force_next_flush()"
    sql_is "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'jobs'" 0
    # Loads are counted in the index alone.
    sql_true "SELECT idx_tup_fetch < 1000 FROM pg_stat_user_tables WHERE relname = 'jobs'" ||
        fail "$(sql "SELECT indexrelname, idx_tup_fetch FROM pg_stat_user_indexes")"
    # By crashmon-priority and by crashmon-scan, of two processors each, and not to the end.
    sql_true "SELECT idx_tup_read < 450000 FROM pg_stat_user_indexes WHERE indexrelname = 'jobs_owner'" ||
        fail "$(sql "SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes")"
    sql_is "SELECT count(*) FROM jobs WHERE success IS NOT NULL" 2
}

@test "who has a hundred thousand jobs has enough: all who have more count as equal" {
    p=$(processor p1) q=$(processor p2)
    sql "INSERT INTO jobs (uuid, pathname, owner)
         SELECT lpad(i::text, 36, '-'), '/elsewhere', CASE WHEN i <= 100010 THEN $p ELSE $q END
         FROM generate_series(1, 250000) AS i"
    collect --count 6 >/dev/null
    expect_status 0 scan
    sql_is "SELECT count(*) FILTER (WHERE owner = $p) - 100010 FROM jobs" 3
}

@test "with a million jobs, and as many finished ones, a scan that finds nothing reads next to none" {
    p=$(processor p1)
    processor p2 >/dev/null
    sql "INSERT INTO jobs (uuid, pathname, owner, success)
         SELECT lpad(i::text, 36, '-'), '/elsewhere', $p, CASE WHEN i % 2 = 0 THEN true END
         FROM generate_series(1, 2000000) AS i"
    psql -qX -c 'VACUUM ANALYZE'
    sql "SELECT pg_stat_force_next_flush()"
    sql "SELECT pg_stat_reset()"
    expect_status 0 scan
    sql "SELECT pg_stat_force_next_flush()"
    sql_true "SELECT sum(idx_tup_read) < 100 FROM pg_stat_user_indexes WHERE relname = 'jobs'" ||
        fail "$(sql "SELECT indexrelname, idx_scan, idx_tup_read FROM pg_stat_user_indexes")"
}

@test "requests for some of many jobs read these and no others" {
    p=$(processor p1)
    sql "INSERT INTO jobs (uuid, pathname, owner)
         SELECT lpad(i::text, 8, '0') || '-0000-0000-0000-000002081225', '/elsewhere', $p
         FROM generate_series(1, 20000) AS i"
    sql "INSERT INTO priorityjobs (uuid) SELECT uuid FROM jobs WHERE id % 10 = 0"
    psql -qX -c 'VACUUM ANALYZE'
    sql "SELECT pg_stat_force_next_flush()"
    sql "SELECT pg_stat_reset()"
    expect_status 0 priority
    sql_is "SELECT count(*) FROM jobs WHERE priority > 0" 2000
    sql "SELECT pg_stat_force_next_flush()"
    sql_true "SELECT sum(idx_tup_read) < 10 * 2000 FROM pg_stat_user_indexes WHERE relname = 'jobs'" ||
        fail "$(sql "SELECT indexrelname, idx_scan, idx_tup_read FROM pg_stat_user_indexes")"
}

@test "the jobs of dead processors are moved without a look at the others, or twice at the same" {
    p=$(processor p1)
    for name in d1 d2 d3; do processor "$name" 601 >/dev/null; done
    sql "ALTER TABLE jobs SET (autovacuum_enabled = off)"
    sql "INSERT INTO jobs (uuid, pathname, owner)
         SELECT lpad(i::text, 8, '0') || '-0000-0000-0000-000002081225', '/elsewhere', $p + i % 4
         FROM generate_series(1, 40000) AS i"
    psql -qX -c 'VACUUM ANALYZE'
    sql "SELECT pg_stat_force_next_flush()"
    sql "SELECT pg_stat_reset()"
    run scan
    sql "ALTER TABLE jobs RESET (autovacuum_enabled)"
    sql_is "SELECT count(*) FROM jobs WHERE owner = $p" 40000
    sql "SELECT pg_stat_force_next_flush()"
    sql_is "SELECT indexrelname FROM pg_stat_user_indexes
            WHERE relname = 'jobs' AND idx_tup_read > CASE indexrelname
                WHEN 'jobs_pkey' THEN 2 * 30000 ELSE 10 * 30000 END" '' ||
        fail "$(sql "SELECT indexrelname, idx_scan, idx_tup_read FROM pg_stat_user_indexes")"
}

@test "cleanup reads each finished job a few times, also when the server believes that none is" {
    p=$(processor p1)
    sql "ALTER TABLE jobs SET (autovacuum_enabled = off)"
    sql "INSERT INTO jobs (uuid, pathname, owner)
         SELECT lpad(i::text, 8, '0') || '-0000-0000-0000-000002081225', '/elsewhere', $p
         FROM generate_series(1, 20000) AS i"
    psql -qX -c 'VACUUM ANALYZE'
    sql "UPDATE jobs SET success = true WHERE id <= 5000"
    reads_at_most $((5 * 5000)) cleanup_jobs --batch-size=100
    sql_is "SELECT count(*) FROM jobs WHERE missingdatetime IS NOT NULL" 5000
    sql "UPDATE jobs SET missingdatetime = now() - interval '1 day' WHERE success"
    reads_at_most $((7 * 5000)) cleanup_jobs --batch-size=100 # old versions of their rows as well
    sql "ALTER TABLE jobs RESET (autovacuum_enabled)"
    sql_is "SELECT count(*) FROM jobs" 15000
}

@test "where pairs are deleted it does not pass over the finished jobs behind these" {
    mapfile -t ids < <(crash --count 200 --without links)
    ended true "${ids[@]}"
    sql "INSERT INTO jobs (uuid, pathname, success)
         SELECT lpad(i::text, 8, '0') || '-0000-0000-0000-000002081225', '/elsewhere', true
         FROM generate_series(1, 50000) AS i"
    psql -qX -c 'VACUUM ANALYZE'
    blocks="SELECT idx_blks_hit + idx_blks_read FROM pg_statio_user_indexes WHERE indexrelname = 'jobs_finished'"
    await sql_true "SELECT ($blocks) > 50000" # the server counts with a delay
    sql "SELECT pg_stat_reset()"
    expect_status 0 cleanup_jobs --save-successful-minidumps-to= --limit=200 --batch-size=50
    sql_is "SELECT count(*) FROM jobs" 50000
    await sql_true "SELECT ($blocks) > 0"
    sql_true "SELECT ($blocks) < 200" || fail "$(sql "$blocks")"
}

@test "cleanup reads no unfinished job, also when the server believes that all are finished" {
    p=$(processor p1)
    sql "ALTER TABLE jobs SET (autovacuum_enabled = off)"
    sql "INSERT INTO jobs (uuid, pathname, owner, success)
         SELECT i, '/elsewhere', $p, true FROM generate_series(1, 10) AS i"
    psql -qX -c 'VACUUM ANALYZE'
    sql "INSERT INTO jobs (uuid, pathname, owner, success)
         SELECT lpad(i::text, 8, '0') || '-0000-0000-0000-000002081225', '/elsewhere', $p,
                CASE WHEN i > 19000 THEN true END
         FROM generate_series(11, 20000) AS i"
    reads_at_most $((5 * 1010)) cleanup_jobs --batch-size=100
    sql_is "SELECT count(*), count(missingdatetime) FROM jobs" "19990|1000"
    sql "UPDATE jobs SET missingdatetime = now() - interval '1 day' WHERE success"
    reads_at_most $((7 * 1010)) cleanup_jobs --batch-size=100
    sql "ALTER TABLE jobs RESET (autovacuum_enabled)"
    sql_is "SELECT count(*) FROM jobs" 18990
}

# The queue was drained, but for ten jobs, when the server last looked at it; of these it thinks when it
# makes its plans, and then come many more. Few of those belong to a processor whose load is counted.
@test "each job is looked up by its id, also when the server believes that there are ten" {
    p=$(processor p1) late=$(processor late 400) dead=$(processor dead 601)
    sql "CREATE TABLE priority_jobs_$p (uuid varchar(50) PRIMARY KEY)"
    sql "ALTER TABLE jobs SET (autovacuum_enabled = off)"
    sql "INSERT INTO jobs (uuid, pathname, owner)
         SELECT i, repeat('/elsewhere', 10), $dead FROM generate_series(1, 50000) AS i"
    sql "DELETE FROM jobs WHERE id <= 49990"
    psql -qX -c 'VACUUM ANALYZE'
    sql_is "SELECT reltuples::int FROM pg_class WHERE relname = 'jobs'" 10
    sql "INSERT INTO jobs (uuid, pathname, owner)
         SELECT md5(i::text)::uuid, repeat('/elsewhere', 10),
                CASE WHEN i % 10 = 0 THEN $dead ELSE $late END
         FROM generate_series(1, 50000) AS i"
    sql "INSERT INTO priorityjobs (uuid) SELECT uuid FROM jobs WHERE id % 200 = 0"
    psql -qX -c 'VACUUM ANALYZE priorityjobs'

    # Those of the dead processor's jobs that are requested, then the others.
    reads_at_most 10000 priority
    sql_is "SELECT count(*) FROM jobs WHERE owner = $p AND priority = 1" 250
    reads_at_most 50000 scan --batch-size=100
    sql_is "SELECT count(*) FROM jobs WHERE owner = $p AND success IS NULL" 5010

    # Crashes that are queued already.
    collect --count 200 >"$BATS_TEST_TMPDIR/known"
    sql "INSERT INTO jobs (uuid, pathname, owner)
         SELECT u, '', $late FROM unnest('{$(paste -sd, "$BATS_TEST_TMPDIR/known")}'::text[]) AS u"
    reads_at_most 10000 scan
    log_has 'seen 200: already queued 200;'

    sql "UPDATE jobs SET success = true WHERE id % 20 = 0"
    reads_at_most 25000 cleanup_jobs --batch-size=500
    sql "ALTER TABLE jobs RESET (autovacuum_enabled)"
    sql_is "SELECT count(*) FROM jobs WHERE success AND missingdatetime IS NULL" 0
}

# Vacuums jobs, which the server would do now of its own accord, as soon as it has time for it.
vacuum_when_due() {
    sql "SELECT pg_stat_force_next_flush()"
    sql_true "SELECT n_dead_tup > sum(CASE option_name WHEN 'autovacuum_vacuum_threshold' THEN option_value::float
                  WHEN 'autovacuum_vacuum_scale_factor' THEN option_value::float * greatest(reltuples, 0) END)
              FROM pg_class, pg_options_to_table(reloptions), pg_stat_user_tables
              WHERE pg_class.oid = 'jobs'::regclass AND relid = 'jobs'::regclass GROUP BY n_dead_tup" ||
        fail "no vacuum is due" "$(sql "SELECT n_dead_tup, n_live_tup FROM pg_stat_user_tables WHERE relname = 'jobs'")"
    psql -qX -c 'VACUUM jobs'
}

# Half an hour of a day comes between two vacuums: 10,000 jobs come, are begun and finished, and are
# removed when 100,000 others have come.
@test "a day of 500,000 jobs leaves jobs and its indexes at most twice as large as need be" {
    p=$(processor p1)
    sql "ALTER TABLE jobs SET (autovacuum_enabled = off)"
    for ((last = 0; last < 500000; last += 10000)); do
        sql "INSERT INTO jobs (uuid, pathname, owner)
             SELECT md5(i::text)::uuid, repeat('/directory', 10), $p
             FROM generate_series($last + 1, $last + 10000) AS i"
        sql "UPDATE jobs SET starteddatetime = now() WHERE starteddatetime IS NULL"
        sql "UPDATE jobs SET completeddatetime = now(), success = true WHERE success IS NULL"
        sql "DELETE FROM jobs WHERE uuid IN (SELECT md5(i::text)::uuid::text
             FROM generate_series($last - 99999, $last - 90000) AS i)"
        vacuum_when_due
    done
    sql "ALTER TABLE jobs RESET (autovacuum_enabled)"
    sql_is "SELECT count(*) FROM jobs" 100000
    sql "CREATE TABLE least (LIKE jobs INCLUDING ALL); INSERT INTO least SELECT * FROM jobs"
    sizes=$(sql "SELECT pg_table_size('jobs') / 1024, pg_table_size('least') / 1024,
                        pg_indexes_size('jobs') / 1024, pg_indexes_size('least') / 1024")
    IFS='|' read -r table least indexes least_indexes <<<"$sizes"
    echo "KiB: table $table, at least $least; indexes $indexes, at least $least_indexes"
    ((table <= 2 * least && indexes <= 2 * least_indexes))
}
