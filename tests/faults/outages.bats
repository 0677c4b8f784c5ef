#!/usr/bin/env bats
# outages.bats - the database goes away in the middle of a run, keeps it waiting, or refuses. The
# server is this file's own, so that it can be stopped.
# shellcheck disable=SC2154,SC2030,SC2031 # a case is a subshell; background sets pid
load ../helper

# PostgreSQL does not run as root.
AS_SERVER=()
[[ $EUID != 0 ]] || AS_SERVER=(setpriv --reuid=postgres --regid=postgres --init-groups)

setup_file() {
    export SERVER PGHOST PGPORT PGDATABASE=crashmon
    SERVER=$(mktemp -d "$(realpath "$TMPDIR")/server.XXXXXX") # as the server sees it
    PGHOST=$SERVER
    PGPORT=$(perl -MIO::Socket::INET -e \
        'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
    [[ $EUID != 0 ]] || chown postgres "$SERVER"
    "${AS_SERVER[@]}" initdb -N -A trust -U "$PGUSER" --locale=C.UTF-8 -D "$SERVER/data" \
        >"$SERVER/log"
    printf '%s\n' >>"$SERVER/data/postgresql.conf" "unix_socket_directories = '$SERVER'" \
        "listen_addresses = '127.0.0.1'" "port = $PGPORT" 'shared_buffers = 16MB' 'jit = off' \
        'fsync = off'
    server_starts
    createdb crashmon
    psql -qX -v ON_ERROR_STOP=1 -f "$TESTS/../sql/schema.sql"
    set_stage
}

teardown_file() {
    server_stops immediate || true
    rm -rf "$SERVER"
}

# psql ends with the server: each case has its own.
setup() {
    pg_isready -q || server_starts
    BATS_FILE_TMPDIR=$BATS_TEST_TMPDIR sql_start
    begin_case
}

# What a failed case has done to the server is undone.
teardown() {
    end_case
    [[ ! ${BATS_TEST_COMPLETED:-} ]] || return 0
    kill -CONT "$(server_pid)" || true
    server_stops immediate || true
    rm -f "$SERVER/data/postgresql.auto.conf"
}

# --- the server

# In the process group of the tests, so that it ends with them when they are interrupted.
server_starts() {
    "$@" "${AS_SERVER[@]}" postgres -D "$SERVER/data" </dev/null >>"$SERVER/log" 2>&1 3>&- &
    await pg_isready -q
}

# From then on each statement of the case has a session of its own.
server_stops() {
    export SQL_AS=''
    "${AS_SERVER[@]}" pg_ctl stop -s -D "$SERVER/data" -m "$1" >>"$SERVER/log" 2>&1
}

server_pid() { head -n 1 "$SERVER/data/postmaster.pid"; }

# Ends the sessions of the three programs.
sessions_end() {
    sql_is "SELECT count(*) FROM (SELECT pg_terminate_backend(pid, 30000) AS gone
                FROM pg_stat_activity WHERE application_name LIKE 'crashmon-%') AS t WHERE gone" 3
}

# --- the stage: six crashes for each program, in three batches

# Made once, and copied for each case.
set_stage() {
    local at=$BATS_FILE_TMPDIR/stage six=(--day 20081225 --count 6)
    mkdir -p "$at/spool" "$at/deferred"
    collect --root "$at/spool" "${six[@]}" --web-heads 3 >"$at.new"
    collect --root "$at/deferred" "${six[@]}" | sort >"$at.wanted"
    collect --root "$at/spool" "${six[@]}" --without links >"$at.finished"
    sums "$at" >"$at.sums"
}

stage() {
    local at=$BATS_FILE_TMPDIR/stage
    cp -a "$at/." "$BATS_TEST_TMPDIR"
    mapfile -t new <"$at.new"
    mapfile -t wanted <"$at.wanted"
    mapfile -t finished <"$at.finished"
    processor p1
    requests 0 "${wanted[@]}"
    ended true "${finished[@]}"
    echo 'batch-size = 2' >>"$CONF"
}

# Starts the three programs.
runs_begin() {
    local program
    pids=()
    for program in "${PROGRAMS[@]}"; do
        background program "$program"
        pids+=("$pid")
    done
}

# Waits for them; all must end with this exit code.
runs_end() { for pid in "${pids[@]}"; do background_ends "$1" "$pid"; done; }

# Brings each program to where it waits, in its second batch, before the row of a crash.
# session ROLLBACK lets them go on.
runs_wait() {
    local program
    hold
    sql "DROP TRIGGER hold ON jobs;
         CREATE TRIGGER hold BEFORE INSERT ON jobs FOR EACH ROW
             WHEN (NEW.uuid IN ('${new[1]}', '${wanted[2]}')) EXECUTE FUNCTION hold();
         CREATE TRIGGER hold_too BEFORE DELETE ON jobs FOR EACH ROW
             WHEN (OLD.uuid = '${finished[2]}') EXECUTE FUNCTION hold()"
    runs_begin
    for program in "${PROGRAMS[@]}"; do await_blocked "$program"; done
    await first_batch_is_retired # by scan, while its second one waits
}

first_batch_is_retired() { [[ $(new_links | wc -l) == 4 ]]; }

# Runs a program under strace with these options: traced 'OPTION...' COMMAND...
traced() { EXEC="${EXEC:-} strace -D -f -q $1" "${@:2}"; }

# Asserts that both files of each pair are in one place, and what has no row is new or put away.
consistent() {
    local type where name id rows
    local -A places=() links=()
    while read -r type where name; do
        if [[ $type == l ]]; then links[$name]+=x; else places[$name]+=$where; fi
    done < <(find "$SPOOL" "$DEFERRED" "$ARCHIVE" ! -type d -printf '%y %H %f\n')
    rows=$(sql "SELECT uuid FROM jobs")
    for id in "${new[@]}" "${wanted[@]}" "${finished[@]}"; do
        where=${places[$id.json]}
        [[ -d $where && $where == "${places[$id.dump]}" ]] || fail "no pair: $id in $where"
        [[ $rows == *$id* || ${links[$id]:-} == xx || $where == "$ARCHIVE" ]] ||
            fail "no row, not new, not put away: $id"
    done
}

# Asserts that no program did more than its first batch.
one_batch_at_most() {
    sql_is "SELECT count(*) FILTER (WHERE priority = 0 AND success IS NULL) <= 2,
                count(*) FILTER (WHERE priority > 0) <= 2, count(success) >= 4 FROM jobs" 't|t|t'
}

# Asserts that everything is done: what was new or wanted is queued, what was finished put away,
# and no link is left in these roots.
all_is_done() {
    consistent
    equal "$(sql "SELECT uuid FROM jobs WHERE success IS NULL ORDER BY 1")" \
        "$(printf '%s\n' "${new[@]}" "${wanted[@]}" | sort)"
    sql_is "SELECT (SELECT count(*) FROM priorityjobs), (SELECT count(success) FROM jobs)" "0|0"
    [[ -z $(find "$@" -type l) ]] || fail "links are left:" "$(find "$@" -type l)"
    equal "$(sums "$SPOOL" "$DEFERRED" "$ARCHIVE")" "$(<"$BATS_FILE_TMPDIR/stage.sums")"
}

# The next run of each program is a good one, and then all is done.
next_runs_finish() {
    local program
    for program in "${PROGRAMS[@]}"; do
        expect_status 0 program "$program"
        [[ -z $output ]] || fail "$program printed: $output"
    done
    all_is_done "${@:-$BATS_TEST_TMPDIR}"
}

# --- the connection is lost

@test "a session that is ended in a transaction: 69, all consistent, the next run finishes" {
    stage
    runs_wait
    sessions_end
    runs_end 69
    consistent
    one_batch_at_most
    session ROLLBACK
    next_runs_finish
}

@test "a session that is ended during work on disk: 69, all consistent, the next run finishes" {
    stage
    marked # which unlinks and renames, too
    trace=$BATS_TEST_TMPDIR/trace
    pids=()
    for call in scan:unlinkat priority:unlinkat cleanup:renameat2; do
        background traced "-o $trace.${#pids[@]} -e trace=${call#*:}
                           -e inject=${call#*:}:signal=STOP:when=1" program "crashmon-${call%:*}"
        pids+=("$pid")
    done
    for i in 0 1 2; do await grep -qs 'stopped by SIGSTOP' "$trace.$i"; done
    sessions_end
    for one in "${pids[@]}"; do await gone_on "$one"; done
    runs_end 69
    consistent
    # scan may have committed more batches meanwhile.
    sql_is "SELECT count(*) FILTER (WHERE priority > 0), count(success) FROM jobs" "2|6"
    next_runs_finish
}

@test "a commit that took place and was not answered: 69, the links stay, the next run finishes" {
    stage
    runs_wait
    # A standby that does not exist is to have each commit before it is answered. The setting is
    # in force when a commit of ours waits.
    standby nobody
    echo "SELECT pg_logical_emit_message(true, '', '') \watch 0.05" >"$BATS_TEST_TMPDIR/commits"
    background exec psql -qAtX -f "$BATS_TEST_TMPDIR/commits"
    committing=$pid
    await sql_true "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    session ROLLBACK
    await sql_true "SELECT count(*) = 4 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    sessions_end
    runs_end 69
    standby ''
    kill "$committing"
    consistent
    for id in "${new[1]}" "${new[4]}" "${wanted[2]}" "${wanted[3]}"; do
        sql_is "SELECT count(*) FROM jobs WHERE uuid = '$id'" 1
        [[ $(find "$SPOOL" "$DEFERRED" -name "$id" -type l | wc -l) == 2 ]] || fail "no links: $id"
    done
    sql_is "SELECT count(success) FROM jobs" 2
    # Nobody looks for links in the deferred root: there they go when the crash is put away.
    next_runs_finish "$SPOOL"
}

# Ends the waits of our commits for the standby; true when there was one of each of these programs.
waits_end() {
    await sql_true "SELECT count(*) = $1 FROM pg_stat_activity
                    WHERE wait_event = 'SyncRep' AND application_name LIKE 'crashmon-%'"
    sql_is "SELECT count(*) FROM pg_stat_activity
            WHERE wait_event = 'SyncRep' AND application_name LIKE 'crashmon-%'
                AND pg_cancel_backend(pid)" "$1"
}

@test "a commit that was not confirmed by the standby: 69, the links stay until one is" {
    stage
    marked
    before=$(disk_state)
    standby nobody
    for program in scan priority; do
        background "$program"
        waits_end 1
        background_ends 69
        [[ $output == *"not confirmed by the synchronous standby"* ]] || fail "$output"
    done
    sql_is "SELECT count(*) FROM jobs WHERE success IS NULL" 4
    equal "$(disk_state)" "$before"
    # They find the rows, which the standby has not got yet.
    for attempt in 1 2; do
        background scan
        waits_end 1
        background_ends 69
    done
    equal "$(disk_state)" "$before"
    standby ''
    next_runs_finish "$SPOOL"
}

@test "nor is a pair deleted by a verdict that the standby has not got" {
    sed -i 's/^save-\(successful\|failed\)-minidumps-to.*/save-\1-minidumps-to =/' "$CONF"
    marked
    ended true "$(crash --without links)"
    ended false "$(crash --without links)"
    before=$(disk_state)
    standby nobody
    background cleanup_jobs
    waits_end 1
    background_ends 69
    [[ $output == *"not confirmed by the synchronous standby"* ]] || fail "$output"
    equal "$(disk_state)" "$before"
    standby ''
    expect_status 0 cleanup_jobs
    [[ -z $(find "$SPOOL" -type f -name '*.dump') ]]
}

@test "nor does a trigger keep that from being noticed, whatever it sets" {
    processor p1
    crash >/dev/null
    marked
    for setting in 'client_min_messages = error' 'synchronous_commit = off' 'synchronous_commit = local'; do
        sql "DROP FUNCTION IF EXISTS refuse() CASCADE; DELETE FROM jobs;
             CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN SET LOCAL $setting; RETURN NULL; END';
             CREATE TRIGGER sets AFTER INSERT ON jobs EXECUTE FUNCTION refuse()"
        before=$(disk_state)
        standby nobody
        background scan
        waits_end 1
        background_ends 69
        [[ $output == *"not confirmed by the synchronous standby"* ]] || fail "$output"
        equal "$(disk_state)" "$before"
        standby ''
    done
}

@test "a second signal ends the wait of a commit for the standby within a second; the next runs finish" {
    stage
    marked
    links=$(find "$SPOOL" "$DEFERRED" -type l | sort)
    standby nobody
    for program in "${PROGRAMS[@]}"; do
        background program "$program"
        await sql_true "SELECT count(*) = 1 FROM pg_stat_activity
                        WHERE wait_event = 'SyncRep' AND application_name = '$program'"
        second_signal_ends TERM
        [[ -z $output ]] || fail "$output"
        log_has "a second signal has closed the connection"
        rm "$LOG"
    done
    # Those of crashes that are finished go before their pairs are moved.
    for id in "${new[@]}" "${wanted[@]}"; do
        equal "$(find "$SPOOL" "$DEFERRED" -name "$id" -type l | wc -l)" "$(grep -c "/$id$" <<<"$links")"
    done
    # The sessions wait on until there is no standby to wait for.
    standby ''
    await sql_true "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'crashmon-%'"
    next_runs_finish "$SPOOL"
}

@test "a run that finds nothing to do waits for no standby: not for its row, that of an old run, the day of the sweep, or a missing pair" {
    marked
    processor p1
    sql "INSERT INTO crashmon.runs (program, storage, host, pid, started, ended, next_due)
         SELECT 'crashmon-' || p, 'main', 'h', 1, now() - interval '40 days', now(), now()
         FROM unnest('{scan,priority,cleanup}'::text[]) AS p"
    missing=$(nowhere)
    ended true "$missing"
    standby nobody
    for program in "${PROGRAMS[@]}"; do
        PGOPTIONS='' run timeout -k 2 20 "$BUILD/$program" --config="$CONF"
        equal "$status" "$([[ $program != *cleanup ]]; echo $?)"
        [[ -z $output || $output == *'"'$missing'": missing: '* ]] || fail "$output"
    done
    sql_is "SELECT missingdatetime IS NOT NULL FROM jobs WHERE uuid = '$missing'" t
    sql_is "SELECT count(*) FILTER (WHERE ended IS NULL OR started < now() - interval '1 day'), count(*) FROM crashmon.runs" '0|3'
    sql_is "SELECT count(*) FROM crashmon.storages WHERE swept IS NOT NULL" 2
    standby ''
}

@test "a session that waits for a standby is no run at work that excuses what waits, also once its process is gone" {
    processor p1
    expect_status 0 scan
    crash --age 90000 >/dev/null
    standby nobody
    background scan
    for seconds in 10 31; do
        await sql_true "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'
            AND application_name = 'crashmon-scan' AND query_start < now() - interval '$seconds s'"
    done
    expect_status 2 scan --check
    [[ $output == *"CRITICAL: the oldest new pair has not been queued for"*"WARNING: the session of process $pid of "*" waited for a synchronous standby for 3"* ]] ||
        fail "$output"
    expect_status 0 scan --status
    [[ $output == *"its session waits for a synchronous standby, for 3"* ]] || fail "$output"
    kill -KILL "$pid"
    background_ends 137
    expect_status 2 scan --check
    [[ $output == *"the last run of crashmon-scan was killed"* ]] || fail "$output"
    standby ''
    await sql_true "SELECT count(*) = 0 FROM crashmon.locks"
    expect_status 0 scan
    sql_is "SELECT count(*) FROM jobs" 1
}

standby() {
    psql -qAtX -o /dev/null -c "ALTER SYSTEM SET synchronous_standby_names = '$1'" \
        -c "SELECT pg_reload_conf()"
}

# --- the server is stopped

# The server is stopped while all three wait; then it is there again.
stopped() {
    stage
    runs_wait
    before=$(disk_state)
    server_stops "$1"
    runs_end 69
    equal "$(disk_state)" "$before"
    server_starts
    consistent
    one_batch_at_most
    next_runs_finish
}

@test "a server that is stopped: 69, all consistent, the next run finishes" { stopped fast; }

@test "a server that ends at once, and recovers: 69, the next run finishes" { stopped immediate; }

@test "a server that is not running: 69, and the spool is untouched" {
    stage
    before=$(disk_state)
    server_stops fast
    for program in "${PROGRAMS[@]}"; do
        expect_status 69 program "$program"
        [[ $output == *"cannot connect"*"$SERVER"* ]] || fail "$program: $output"
    done
    equal "$(disk_state)" "$before"
}

# --- the server does not answer

@test "a server that does not answer a new connection is given up after PGCONNECT_TIMEOUT (69)" {
    stage
    before=$(disk_state)
    kill -STOP "$(server_pid)"
    PGCONNECT_TIMEOUT=2 runs_begin
    runs_end 69
    equal "$(disk_state)" "$before"
    kill -CONT "$(server_pid)"
}

@test "a connection is tried for half a minute, and given up after a minute of silence" {
    trace=$BATS_TEST_TMPDIR/trace
    for program in "${PROGRAMS[@]}"; do
        traced "-o $trace -e trace=setsockopt,poll,ppoll" run program "$program" \
            --database-host=127.0.0.1
        await grep -q 'exited with' "$trace"
        [[ $(grep -m 1 poll "$trace") =~ 1,\ ([0-9]+)\) && ${BASH_REMATCH[1]} -le 30000 ]] ||
            fail "no limit to connect" "$(<"$trace")"
        for option in SO_KEEPALIVE:1 TCP_KEEPIDLE:60 TCP_KEEPINTVL:20 TCP_USER_TIMEOUT:60000; do
            value=$(sed -n "s/.*, ${option%:*}, \[\([0-9]*\)\].*/\1/p" "$trace" | tail -1)
            ((${value:-0} > 0 && value <= ${option#*:})) || fail "$option: $value" "$(<"$trace")"
        done
    done
}

# Each run leaves the settings of its session where its host belongs.
@test "the server ends what takes too long: a statement, a wait, an idle transaction, a silence" {
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN NEW.host = (SELECT jsonb_object_agg(name, setting) FROM pg_settings);
                    RETURN NEW; END';
         CREATE TRIGGER refuse BEFORE INSERT ON crashmon.runs FOR EACH ROW
             EXECUTE FUNCTION refuse()"
    for program in "${PROGRAMS[@]}"; do run program "$program" --database-host=127.0.0.1; done
    sql_is "SELECT count(*) FROM crashmon.runs" 3
    sql_is "SELECT program, name, host::jsonb->>name FROM crashmon.runs, (VALUES
                ('statement_timeout', 600000), ('lock_timeout', 60000),
                ('idle_in_transaction_session_timeout', 600000),
                ('tcp_keepalives_idle', 600), ('tcp_keepalives_interval', 60),
                ('tcp_keepalives_count', 10)) AS t (name, most)
            WHERE (host::jsonb->>name)::int NOT BETWEEN 1 AND most ORDER BY 1, 2" ''
}

# --- the server refuses

@test "a crash that somebody else is at for long is passed over, and done by the next run" {
    stage
    session "BEGIN;
             INSERT INTO jobs (uuid, pathname) VALUES ('${new[1]}', '/x'), ('${wanted[2]}', '/x');
             SELECT 1 FROM jobs WHERE uuid = '${finished[2]}' FOR UPDATE" >/dev/null
    runs_begin
    runs_end 0
    consistent
    session ROLLBACK
    next_runs_finish
}

# Has the server refuse what changes jobs: refuse_jobs WHEN SQLSTATE, where WHEN is a condition on
# how many attempts there were. The commit is one, too.
refuse_jobs() {
    sql "CREATE SEQUENCE IF NOT EXISTS public.attempts;
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$
             DECLARE attempt bigint := nextval('public.attempts');
             BEGIN
                 IF $1 THEN RAISE EXCEPTION 'attempt %', attempt USING ERRCODE = $2; END IF;
                 RETURN NULL;
             END \$\$;
         CREATE TRIGGER refuse BEFORE INSERT OR DELETE ON jobs EXECUTE FUNCTION refuse();
         CREATE CONSTRAINT TRIGGER refuse_commit AFTER INSERT OR DELETE ON jobs
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
}

@test "a deadlock, and a serialization failure, also at the commit, is tried again" {
    stage
    # The third attempt passes the statement, and fails at the commit.
    refuse_jobs 'attempt IN (1, 2, 4)' "(ARRAY['40P01', '40001', '', '40001'])[attempt]"
    for program in "${PROGRAMS[@]}"; do
        sql "ALTER SEQUENCE attempts RESTART"
        expect_status 0 program "$program"
        sql_true "SELECT last_value > 6 FROM attempts"
    done
    all_is_done "$BATS_TEST_TMPDIR"
}

@test "what fails again and again, or for want of room, ends the run (69, 74); the next finishes" {
    stage
    for state in 40001:69 53100:74; do
        refuse_jobs true "'${state%:*}'"
        for program in "${PROGRAMS[@]}"; do expect_status "${state#*:}" program "$program"; done
        accept
        consistent
        sql_is "SELECT count(*), count(success) FROM jobs" "6|6"
    done
    next_runs_finish
}

# --- the server's disk is full (the last case: the table of jobs stays there)

# shellcheck disable=SC2016 # for the shell of the server
@test "a table on a disk that is full: 74, all consistent, the run after space was made finishes" {
    [[ $EUID == 0 ]] || skip "only root can mount"
    unshare --mount true 2>/dev/null || skip "mounts are not permitted"
    server_stops fast
    mkdir "$SERVER/disk"
    # The server alone sees the disk, which goes when it ends.
    server_starts unshare --mount sh -c 'mount -t tmpfs -o size=1m,uid=postgres disk "$0" &&
                                         exec "$@"' "$SERVER/disk"
    disk=/proc/$(server_pid)/root$SERVER/disk
    sql "CREATE TABLESPACE disk LOCATION '$SERVER/disk'"
    # A page of the table takes few rows, so that more are soon needed.
    sql "ALTER TABLE jobs SET (fillfactor = 10); ALTER TABLE jobs SET TABLESPACE disk"
    stage
    ! head -c 2M /dev/zero >"$disk/filler" 2>/dev/null || fail "the disk does not fill up"
    for run in scan priority; do
        expect_status 74 "$run"
        [[ $output == *"No space left on device"* ]] || fail "$output"
    done
    consistent
    # Only who needs room is refused.
    expect_status 0 cleanup_jobs
    consistent
    rm "$disk/filler"
    next_runs_finish
}
