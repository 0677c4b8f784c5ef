#!/usr/bin/env bats
# endings.bats - every wait for the server has an end: by a second signal, by --run-time-limit.
# shellcheck disable=SC2154 # bats sets status and output, background sets pid
load ../helper

# The session of the program that is held stands still.
stop_session() {
    backend=$(sql "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
                   AND application_name = 'crashmon-${1%_jobs}'")
    kill -STOP "$backend" 2>/dev/null || skip "the server is another user's"
}

setup_work() {
    processor p1
    mapfile -t new < <(collect --count 12 --day 20081225)
    mapfile -t requested < <(collect --count 6 --day 20081225 --root "$DEFERRED")
    mapfile -t finished < <(crash --count 6 --without links)
    ended true "${finished[@]}"
    requests 0 "${requested[@]}"
}

# Whatever was done, the next runs finish.
next_runs_finish() {
    local run
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    jobs_are "${new[@]}" "${requested[@]}"
    for id in "${finished[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    roots_are_done
}
roots_are_done() { [[ -z $(new_links) ]] || fail "$(new_links)"; }

@test "a second signal ends the wait for a server whose process stands still, within a second" {
    setup_work
    for run in "${RUNS[@]}"; do
        held "$run" --batch-size=4
        stop_session "$run"
        second_signal_ends INT
        equal "$output$(grep -E ' (WARNING|ERROR) ' "$LOG")" ''
        log_has "a second signal has closed the connection"
        kill -CONT "$backend"
        session COMMIT
        await sql_true "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $backend)"
        sql "DROP FUNCTION hold CASCADE"
    done
    next_runs_finish
}

@test "a second signal ends a program that is connecting at once" {
    # Somebody listens, and never says anything.
    # shellcheck disable=SC2016 # for perl
    listen() {
        exec perl -MIO::Socket::INET -e '$| = 1; my $one = IO::Socket::INET->new(
            Listen => 5, LocalAddr => "127.0.0.1"); print $one->sockport, "\n"; sleep 60'
    }
    background listen
    deaf=$pid
    await test -s "$BACKGROUND"
    port=$(<"$BACKGROUND")
    for program in "${PROGRAMS[@]}"; do
        background program "$program" --database-host=127.0.0.1 --database-port="$port"
        await eval "grep -q '0100007F:' /proc/$pid/net/tcp && [[ \$(</proc/$pid/wchan) == *poll* ]]"
        kill -TERM "$pid"
        sleep 0.3
        kill -TERM "$pid"
        background_ends 143
    done
    kill "$deaf"
}

@test "--run-time-limit ends a run at the batch boundary (142), and the wait for the server later" {
    setup_work
    held scan --batch-size=2 --run-time-limit=00:00:01
    sleep 1.1
    session COMMIT
    background_ends 142
    [[ -n $(new_links) ]] || fail "it went on"
    sql_is "SELECT exit_code FROM crashmon.runs" 142
    held cleanup_jobs --batch-size=4 --run-time-limit=00:00:01
    stop_session cleanup
    background_ends 142
    kill -CONT "$backend"
    session COMMIT
    sql "DROP FUNCTION hold CASCADE"
    await sql_true "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $backend)"
    next_runs_finish
}

@test "a lock that is waited for is no longer waited for after --run-time-limit (142)" {
    lock crashmon-scan >/dev/null
    expect_status 142 timeout 20 "$BUILD/crashmon-scan" --config="$CONF" --lock-wait=00:10:00 \
        --run-time-limit=00:00:01
}
