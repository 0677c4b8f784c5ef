#!/usr/bin/env bats
# pgbouncer.bats - through a connection pooler: all works where it pools sessions, and nothing is
# begun where it pools transactions.
# shellcheck disable=SC2154,SC2030,SC2031 # a case is a subshell; background sets pid
load ../helper

setup_file() {
    PATH+=:/usr/sbin
    type -P pgbouncer >/dev/null || skip "pgbouncer is not installed"
    begin_file
    BOUNCER=$(mktemp -d "$TMPDIR/bouncer.XXXXXX")
    local server="host=$PGHOST port=$PGPORT dbname=$PGDATABASE user=$PGUSER password=$PGPASSWORD"
    # What our programs send at the start needs no ignore_startup_parameters.
    cat >"$BOUNCER/ini" <<END
[databases]
session = $server pool_mode=session pool_size=4
session_of_one = $server pool_mode=session pool_size=1
transaction = $server pool_mode=transaction pool_size=4
transaction_of_one = $server pool_mode=transaction pool_size=1
[pgbouncer]
unix_socket_dir = $BOUNCER
auth_type = any
ignore_startup_parameters = options
admin_users = $PGUSER
END
    # pgbouncer does not run as root.
    local as=()
    if [[ $EUID == 0 ]]; then
        chown -R postgres "$BOUNCER"
        as=(setpriv --reuid=postgres --regid=postgres --init-groups)
    fi
    "${as[@]}" pgbouncer "$BOUNCER/ini" </dev/null >"$BOUNCER/log" 2>&1 3>&- &
    export BOUNCER BOUNCER_PID=$!
    await pg_isready -q -h "$BOUNCER" -p 6432
}

teardown_file() {
    [[ ${BOUNCER_PID:-} ]] || return 0
    kill "$BOUNCER_PID"
    wait "$BOUNCER_PID" || true
    rm -rf "$BOUNCER"
    end_file
}

# Runs a command with a pool in the server's place: through POOL COMMAND...
through() { PGHOST=$BOUNCER PGPORT=6432 PGDATABASE=$1 "${@:2}"; }

# Work for each program.
work_for_each() {
    processor p1
    mapfile -t new < <(collect --count 3)
    wanted=$(collect --root "$DEFERRED")
    request "$wanted"
    finished=$(collect --day 20081225 --without links)
    ended true "$finished"
}

# Asserts that no session of the server holds an advisory lock.
no_lock_is_held() {
    sql_is "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
            (SELECT oid FROM pg_database WHERE datname = current_database())" 0
}

# --- sessions are pooled

@test "where sessions are pooled each program does its work, and leaves no lock behind" {
    work_for_each
    for program in "${PROGRAMS[@]}"; do
        expect_status 0 through session program "$program"
        [[ -z $output ]] || fail "$program printed: $output"
        no_lock_is_held
    done
    equal "$(sql "SELECT uuid FROM jobs" | sort)" "$(printf '%s\n' "${new[@]}" "$wanted" | sort)"
    sql_is "SELECT priority >= 1 FROM jobs WHERE uuid = '$wanted'" t
    [[ -z $(new_links) ]] || fail "$(new_links)"
    pair_is_whole "$ARCHIVE" 20081225 "$finished"
}

@test "where one session is pooled a program does its work" {
    work_for_each
    expect_status 0 through session_of_one scan
    [[ -z $output && -z $(new_links) ]] || fail "$output" "$(new_links)"
}

@test "where sessions are pooled a run holds its lock to its end, or until it is killed" {
    work_for_each
    hold
    background through session scan
    await_blocked crashmon-scan
    expect_status 75 scan
    expect_status 75 through session scan
    grep -F WARNING "$LOG" | grep -qF "$pid" || fail "does not say who"
    session COMMIT
    background_ends 0
    hold
    background through session cleanup_jobs
    await_blocked crashmon-cleanup
    kill -KILL "$pid"
    background_ends 137
    session COMMIT
    expect_status 0 cleanup_jobs --lock-wait=00:00:30
}

@test "where sessions are pooled a dry run changes nothing, and its session serves others again" {
    work_for_each
    before=$(everything)
    for program in "${PROGRAMS[@]}"; do
        expect_status 0 through session program "$program" --dry-run
    done
    [[ $output == *"$finished"* ]] || fail "$output"
    equal "$(everything)" "$before"
    expect_status 0 through session scan
}

# --- transactions are pooled

# Asserts that each program refuses this pool, also with these options, in a sentence that helps,
# and that nothing is left of the attempt: pool_is_refused POOL OPTION...
pool_is_refused() {
    local program option before
    before=$(everything)
    for program in "${PROGRAMS[@]}"; do
        for option in "${@:2}"; do
            expect_status 78 through "$1" program "$program" "$option"
            [[ $output == *"transaction mode"*"session mode"* ]] ||
                fail "$program does not help: $output"
            no_lock_is_held
        done
    done
    expect_status 78 through "$1" priority "${new[@]}"
    equal "$(everything)" "$before"
}

@test "where transactions are pooled each program refuses to begin (78)" {
    work_for_each
    pool_is_refused transaction --batch-size=1 --lock-wait=00:01:00
}

@test "where transactions are pooled, and others are at work, each program refuses to begin (78)" {
    work_for_each
    through transaction session "BEGIN"
    pool_is_refused transaction --batch-size=1
}

@test "where transactions are pooled in sessions that take turns each program refuses (78)" {
    work_for_each
    psql -qX -h "$BOUNCER" -p 6432 -d pgbouncer -c "SET server_round_robin = 1"
    # As many sessions as the pool takes.
    session "BEGIN; LOCK TABLE jobs"
    for _ in 1 2 3 4; do
        through transaction background psql -qAtX -c "SELECT count(*) FROM crashmon.jobs"
    done
    await sql_true "SELECT count(*) = 4 FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'"
    session ROLLBACK
    for pid in "${background_pids[@]}"; do background_ends 0 "$pid"; done
    pool_is_refused transaction --batch-size=1 --dry-run
    psql -qX -h "$BOUNCER" -p 6432 -d pgbouncer -c "SET server_round_robin = 0"
}

@test "where transactions are pooled in one session each program refuses, and has set nothing there" {
    work_for_each
    settings() {
        through transaction_of_one psql -qAtX -c "SELECT name, setting FROM pg_settings
                                                  WHERE source = 'session'"
    }
    before=$(settings)
    pool_is_refused transaction_of_one --batch-size=1 --dry-run
    equal "$(settings)" "$before"
}
