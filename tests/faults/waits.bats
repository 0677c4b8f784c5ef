#!/usr/bin/env bats
# waits.bats - what a run waits for, and for how long.
# shellcheck disable=SC2154 # bats sets status and output, background sets pid
load ../helper
load ../check/refused

@test "a program that stands still while it writes to the log holds others up for a second in all" {
    processor p1
    expect_status 0 scan
    collect --count 5
    exec {held}>"$BATS_TEST_TMPDIR/.crashmon.log.lock"
    flock "$held"
    expect_status 0 timeout 10 "$BUILD/crashmon-scan" --config="$CONF" --batch-size=1
    equal "$output" ""
    log_has "seen 5"
    exec {held}<&-
}

@test "where a trigger sleeps for every other crash a run ends before long (69), and does some of the others" {
    processor p1
    mapfile -t ids < <(collect --count 100 --day 20081225)
    mapfile -t done < <(crash --count 100 --without links)
    ended true "${done[@]}"
    slow=()
    for ((i = 0; i < 100; i += 2)); do slow+=("${ids[i]}" "${done[i]}"); done
    at 'INSERT OR UPDATE' jobs "PERFORM pg_sleep(30)" "${slow[@]}"
    for run in scan priority; do
        before=$(sql "SELECT count(*) FROM jobs")
        within 40 expect_status 69 "$run"
        sql_is "SELECT count(*) > $before FROM jobs" t
        [[ $output == *"what was refused has taken more than 10 s; the run "* ]] || fail "$output"
        requests 0 "${ids[@]}"
    done
    accept
    at DELETE jobs "PERFORM pg_sleep(30)" "${slow[@]}"
    within 40 expect_status 69 cleanup_jobs
    sql_is "SELECT count(*) < 100 FROM jobs WHERE success" t
    accept
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    jobs_are "${ids[@]}"
}

# Has what happens to a table take half a minute: sleeps EVENT TABLE
sleeps() {
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_sleep(30); RETURN coalesce(NEW, OLD); END';
         CREATE TRIGGER refuse BEFORE $1 ON $2 FOR EACH ROW EXECUTE FUNCTION refuse()"
}

@test "triggers that sleep on crashmon.runs or crashmon.storages delay a run for seconds, and not its work" {
    processor p1
    for run in "${RUNS[@]}"; do
        sleeps INSERT crashmon.storages
        within 10 expect_status 69 "$run"
        accept
        sleeps INSERT crashmon.runs
        id=$(crash)
        request "$id"
        within 10 expect_status 0 "$run"
        accept
        sql "INSERT INTO crashmon.runs (program, storage, host, pid, started, next_due)
             SELECT 'crashmon-scan', 'main', 'host1', 1, now() - n * interval '20 days', now() FROM generate_series(1, 2) AS n"
        sleeps 'UPDATE OR DELETE' crashmon.runs
        within 15 expect_status 0 "$run"
        accept
        sql "DELETE FROM storages; DELETE FROM runs; UPDATE jobs SET success = true, completeddatetime = now()"
    done
    equal "$(find "$ARCHIVE" -name '*.dump' | wc -l)" 2
}

@test "a trigger that lets nothing cancel it ends with the second signal, or the run's time, and its session soon after" {
    processor p1
    id=$(crash) done=$(crash --without links) wanted=$(collect --root "$DEFERRED")
    ended true "$done"
    request "$wanted"
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END';
         CREATE TRIGGER refuse BEFORE INSERT OR DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()"
    sleeping() {
        sql_true "SELECT count(*) = $1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    }
    for run in "${RUNS[@]}"; do
        background "$run"
        await sleeping 1
        sleep 1.5 # until the statement's time is over
        sleeping 1
        second_signal_ends TERM
        await sleeping 0
    done
    within 20 expect_status 142 scan --run-time-limit=00:00:01
    await sleeping 0
    accept
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    jobs_are "$id" "$wanted"
}
