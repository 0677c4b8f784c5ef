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
        within 40 69 "$run"
        sql_is "SELECT count(*) > $before FROM jobs" t
        [[ $output == *"what was refused has taken more than 10 s; the run "* ]] || fail "$output"
        requests 0 "${ids[@]}"
    done
    accept
    at DELETE jobs "PERFORM pg_sleep(30)" "${slow[@]}"
    within 40 69 cleanup_jobs
    sql_is "SELECT count(*) < 100 FROM jobs WHERE success" t
    accept
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    jobs_are "${ids[@]}"
}
