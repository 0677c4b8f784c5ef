#!/usr/bin/env bats
# --status and --check with more crashes than can be counted in time, and of a standby.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

AS_SERVER=()
[[ $EUID != 0 ]] || AS_SERVER=(setpriv --reuid=postgres --regid=postgres --init-groups)

teardown() {
    [[ ! ${STANDBY:-} ]] || "${AS_SERVER[@]}" pg_ctl stop -s -D "$STANDBY" -m immediate
    [[ ! ${STANDBY:-} ]] || rm -r "$STANDBY"
    end_case
}

# Asserts that an answer has lines that begin so: has LINE...
has() {
    local line
    for line; do grep -qE -- "^$line" <<<"$answer" || fail "no line: $line" "$answer"; done
}

@test "an answer takes a second, whatever there is; what was not counted is told" {
    sql "INSERT INTO processors (name) SELECT 'p' || i FROM generate_series(1, 50) AS i"
    psql -qX -c "INSERT INTO crashmon.jobs (pathname, uuid, owner, queueddatetime)
        SELECT '/srv/crashes/spool/20081225/name/22/ad/22adfb61-f75b-11dc-b6be-001322081225.json', gen_random_uuid(),
               1 + i % 50, now() - (400000 - i) * interval '1 s' FROM generate_series(1, 400000) AS i"
    # Behind all these, by their ids:
    sql "INSERT INTO jobs (pathname, uuid, owner, queueddatetime) VALUES ('/x', 'waits', 7, now() - interval '121 h');
         INSERT INTO jobs (pathname, uuid, owner, starteddatetime) VALUES ('/x', 'begun', 8, now() - interval '30 h');
         INSERT INTO jobs (pathname, uuid, success, completeddatetime) VALUES ('/x', 'done', true, now() - interval '7 h')"
    # The newest case in quarantine is that of an old crash.
    mkdir -p "$SPOOL/quarantine/20081225/new"
    perl -e 'my ($day) = @ARGV; mkdir $day; mkdir "$day/$_" for 1 .. 60000; utime 1, 1, glob "$day/*"; utime 1, 1, $day;' "$SPOOL/quarantine/20081226"
    # Links alone, as of a collector that makes them first.
    mkdir -p "$SPOOL"/20081225/date/{00..23}/{00..55}
    perl -e 'my ($spool) = @ARGV;
        for my $slot (glob "$spool/20081225/date/*/*") {
            symlink "nowhere", sprintf("%s/%08x-f75b-11dc-b6be-001322081225", $slot, ++$count) or die $! for 1 .. 100;
        }' "$SPOOL"
    began=$EPOCHREALTIME
    answer=$(scan --status)
    took=$((${EPOCHREALTIME/./} - ${began/./}))
    # On a machine that is busy with other things as well.
    ((took < 3000000)) || fail "took $took µs" "$answer"
    has 'New         more than [0-9]+,[0-9]{3}' 'Waiting     more than [0-9]+,000 +oldest 5 d 1 h' 'Started     more than 1 +oldest 1 d 6 h, by "p8"' \
        'Finished    1 +oldest 7 h [0-9] min' 'Failed      0$' '  "p1" +alive .* >[0-9,]+ +>0$'
    run scan --check
    [[ $output == *'CRITICAL: the oldest job has waited for 5 d 1 h'* &&
        $output == *'CRITICAL: the oldest started job has been with "p8" for 1 d 6 h'* &&
        $output == *'UNKNOWN: the oldest new pair has not been queued for an unknown time: more than '* ]] || fail "$output"
    grep -q 'WARNING: more than [0-9,]* in quarantine, the latest came [0-9]* s ago' <<<"$output" || fail "$output"
    run cleanup_jobs --check
    [[ $output == *'WARNING: the oldest successful job has not been put away for 7 h '* && $output != *unknown* ]] ||
        fail "$output"
    sql "DELETE FROM jobs WHERE uuid = 'begun'"
    answer=$(scan --status)
    has 'Started     0$'
}

@test "those that have ended are counted behind any number that wait" {
    psql -qX -c "INSERT INTO crashmon.jobs (pathname, uuid) SELECT '/x', 'w' || i FROM generate_series(1, 600000) AS i;
        INSERT INTO crashmon.jobs (pathname, uuid, success, completeddatetime, missingdatetime)
        SELECT '/x', 'e' || i, i % 3 > 0, now() - interval '70 s' + i * interval '1 ms', CASE WHEN i % 3 = 2 THEN now() - interval '1 min' END
        FROM generate_series(1, 6300) AS i"
    answer=$(scan --status)
    has 'Waiting     more than ' 'Finished    2,100 +oldest 1 min 1[0-9] s' 'Failed      2,100 +oldest 1 min 1[0-9] s'
    expect_status 1 cleanup_jobs --check
    [[ $output == *'|finished=2100 finished_age='*' failed=2100 failed_age='* && $output != *UNKNOWN* ]] ||
        fail "$output"
}

@test "the oldest of a flood of requests is found; where there may be older ones, that is said" {
    sql "INSERT INTO priorityjobs (uuid) SELECT gen_random_uuid() FROM generate_series(1, 300000)"
    sql "INSERT INTO priorityjobs (uuid) VALUES ('waits');
         UPDATE priorityjobs SET requesteddatetime = now() - interval '5 h' WHERE uuid = 'waits'"
    expect_status 2 priority --check
    [[ $output == *'CRITICAL: the oldest request has waited for 5 h 0 min'* && $output == *'|requests=300001 requests_age=18'* ]] ||
        fail "$output"
    sql "DELETE FROM priorityjobs WHERE uuid = 'waits'"
    sql "INSERT INTO priorityjobs (uuid) SELECT gen_random_uuid() FROM generate_series(1, 700001)"
    expect_status 3 priority --check
    [[ $output == *'UNKNOWN: the oldest request has waited for at least '*': there may be older ones'* &&
        $output == *'|requests=U '* && $output != *requests_age* ]] || fail "$output"
}

# Whether so many locks on jobs shut everybody else out, on the server that psql finds.
standby_has() {
    [[ $(psql -qAtXc "SELECT count(*) FROM pg_locks WHERE relation = 'crashmon.jobs'::regclass AND mode = 'AccessExclusiveLock'") == "$1" ]]
}

@test "a standby is asked like any other server, and tells that it is one" {
    id=$(crash)
    processor p1
    expect_status 0 scan
    sql "INSERT INTO crashmon.runs (program, storage, host, pid, next_due)
         VALUES ('crashmon-cleanup', 'main', 'elsewhere', 1, now() + interval '5 min')"
    STANDBY=$("${AS_SERVER[@]}" mktemp -d /tmp/crashmon-standby.XXXXXX)
    pg_basebackup -D - -Ft -R -X fetch -c fast | "${AS_SERVER[@]}" tar -C "$STANDBY" -xf -
    port=$(perl -MIO::Socket::INET -e \
        'print IO::Socket::INET->new(Listen => 1, LocalAddr => "localhost")->sockport')
    # shellcheck disable=SC2016 # for the other shell
    "${AS_SERVER[@]}" sh -c 'cd "$1" && echo "local all all trust" >pg_hba.conf &&
        echo "port = $2
              listen_addresses = '\'\''
              unix_socket_directories = '\''$1'\''
              max_prepared_transactions = $3
              hot_standby = on" >postgresql.conf && chmod 700 .' sh "$STANDBY" "$port" "$(sql "SHOW max_prepared_transactions")"
    "${AS_SERVER[@]}" pg_ctl start -s -w -D "$STANDBY" -l "$STANDBY/log" 3>&- || fail "$(cat "$STANDBY/log")"
    chmod 711 "$STANDBY"
    session "BEGIN" >/dev/null # on the primary
    export PGHOST=$STANDBY PGPORT=$port
    expect_status 69 scan
    answer=$(scan --status)
    has 'The server only reads' 'Waiting     1 ' '  crashmon-scan .* ago +0 '
    [[ $answer != *Troubles* ]] || fail "$answer"
    has '  crashmon-cleanup .* ago +not ended'
    equal "$(psql -qAtXc 'SELECT running, killed FROM crashmon.last_runs WHERE ended IS NULL')" 'f|f'
    for run in "${RUNS[@]}"; do
        expect_status 2 "$run" --check
        equal "$(grep '^[A-Z]*:' <<<"$output")" "CRITICAL: the server only reads (a standby): a run with this login would end with 69"
    done
    session "LOCK TABLE jobs" >/dev/null
    sql "SELECT pg_switch_wal()" >/dev/null # what has not been flushed, as a lock is not, is not sent
    await standby_has 1
    run scan --check
    [[ $output == *'"jobs" is locked by a session of the primary server'* ]] || fail "$output"
    session ROLLBACK >/dev/null
    await standby_has 0
    expect_status 0 priority --explain "$id"
    [[ $output == *"Job         "*"while the database only reads"* && $output != *Troubles* ]] || fail "$output"
}
