#!/usr/bin/env bats
# endings.bats - every wait for the server has an end: by a second signal, by --run-time-limit.
# shellcheck disable=SC2154 # bats sets status and output, background sets pid
load ../helper
load stalling

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
        background program "$program" --json --database-host=127.0.0.1 --database-port="$port"
        await eval "grep -q '0100007F:' /proc/$pid/net/tcp && [[ \$(</proc/$pid/wchan) == *poll* ]]"
        first_signal
        kill -TERM "$pid"
        background_ends 143
        equal "$(perl -MJSON::PP -e 'my $o = decode_json($ARGV[0]);
            print join " ", map { $_ // "null" } @$o{qw(program exit_code seen outcomes duration error)}' "$output")" \
            "$program 143 null null null null"
    done
    kill "$deaf"
}

@test "a question ends in seconds, and says why, when the server stands still after connecting" {
    id=$(crash)
    processor p1
    places=('schema_version' 'from crashmon . processors' 'last_runs' 'from crashmon . storages' 'where uuid')
    questions=('scan --check' 'priority --check' 'scan --status' 'cleanup --check' "priority --explain $id")
    for i in "${!places[@]}"; do
        background stall_at "$BATS_TEST_TMPDIR/$i" "${places[i]}"
        await test -S "$BATS_TEST_TMPDIR/$i/.s.PGSQL.$PGPORT"
        # shellcheck disable=SC2086 # several words
        background timeout 9 "$BUILD"/crashmon-${questions[i]} --config="$CONF" \
            --database-host="$BATS_TEST_TMPDIR/$i"
        asked[i]=$pid answers[i]=$BACKGROUND
    done
    for i in "${!asked[@]}"; do
        BACKGROUND=${answers[i]}
        case ${questions[i]} in
        *check) background_ends 2 "${asked[i]}" ;;
        *) background_ends 0 "${asked[i]}" ;;
        esac
        [[ $output == *": the database has not answered for 5 s"* ]] || fail "${questions[i]}" "$output"
        [[ $(grep -c 'cannot' <<<"$output") == $((1 + (i == 0 || i == 1 || i == 3))) ]] || fail "$output"
    done
}

@test "no statement is sent without an end" {
    strace -qq true 2>/dev/null || skip "no strace here"
    setup_work
    for command in "priority --explain ${new[0]} ${requested[0]} ${finished[0]}" scan priority cleanup \
        "scan --share-waiting" "scan --repair" "cleanup --repair" "scan --status" "scan --check" "cleanup --check"; do
        # shellcheck disable=SC2086 # several words
        strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=setitimer,sendto "$BUILD"/crashmon-$command \
            --config="$CONF" --metrics-file="$BATS_TEST_TMPDIR/metrics" >/dev/null 2>&1 || [[ $? == 1 ]]
        equal "$(awk '/setitimer/ { ends = !/it_value=\{tv_sec=0, tv_usec=0/ }
                      /sendto\(.*"[PQ]/ { sent++; if (!ends) print }
                      END { if (!sent) print "nothing" }' "$BATS_TEST_TMPDIR/trace")" ''
    done
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
    log_has "the database has not answered since the run-time-limit"
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
