#!/usr/bin/env bats
# --check: what is wrong, as a plugin of Nagios tells it, each state made for real.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load jobs
load check

@test "a site at work is OK, and tells its figures" {
    used
    fresh
    answers 0 scan --
    [[ $output == *'|overdue=0s;300;1800 exit_code=0;1;64 new=1 new_age='*'s;900;3600 waiting=0 '*' processors=1;1:;1: quarantined=0 storage_space='*'%;10:;5:'* ]] ||
        fail "$output"
    answers 0 priority --
    [[ $output == *'|overdue=0s;300;1800 exit_code=0;1;64 requests=0 deferred_'* ||
        $output == *'|overdue=0s;300;1800 exit_code=0;1;64 requests=0 storage_'* ]] || fail "$output"
    answers 0 cleanup_jobs --
}

@test "a new site: nothing has run, and nothing is wrong; nothing is made" {
    before=$(everything)
    for run in "${RUNS[@]}"; do answers 0 "$run" --; done
    equal "$(everything)" "$before"
    [[ ! -e $LOG && ! -e $SPOOL/.crashmon ]]
}

@test "all that is wrong is said at once: roots, destinations, log, metrics file, database" {
    rmdir "$DEFERRED/20000101" "$DEFERRED" "$ARCHIVE"
    expect_status 2 env PGPORT=1 "$BUILD/crashmon-cleanup" --config="$CONF" --check \
        --log-file-pathname="$BATS_TEST_TMPDIR/nowhere/log" --metrics-file="$BATS_TEST_TMPDIR/nowhere/m"
    [[ ${lines[0]} == 'CRASHMON CLEANUP CRITICAL - 5 problems: '* && ${#lines[@]} == 6 ]] || fail "$output"
    for what in 'CRITICAL: cannot connect to the database' \
        "CRITICAL: cannot open deferred storage root \"$DEFERRED\": No such file" \
        "CRITICAL: cannot open long-term storage \"$ARCHIVE\": No such file" \
        "WARNING: log: cannot write to directory \"$BATS_TEST_TMPDIR/nowhere\"" \
        "WARNING: metrics: cannot write to directory"; do
        grep -q "^$what" <<<"$output" || fail "not said: $what" "$output"
    done
}

@test "the age of what is new, waits, or is started" {
    used
    alpha=$(processor beta)
    crash >/dev/null
    answers 1 scan --check-new=00:10:00, -- 'WARNING: the oldest new pair has not been queued for 1 h 0 min'
    answers 2 scan --check-new=00:10:00,00:59:00 -- 'CRITICAL: the oldest new pair'
    rm -r "$SPOOL/20081225"
    job 1 "$alpha" "queueddatetime=now() - interval '2 hours'"
    answers 1 scan -- 'WARNING: the oldest job has waited for 2 h 0 min$'
    sql "UPDATE jobs SET starteddatetime = now() - interval '25 hours'"
    answers 2 scan -- 'CRITICAL: the oldest started job has been with "beta" for 1 d 1 h$'
    answers 0 scan --check-started=, --
}

@test "the link that a killed run has left is a warning until the next run is due" {
    strace -o /dev/null true 2>/dev/null || skip "no strace here"
    used
    crash --age 5000 >/dev/null
    EXEC="strace -f -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:signal=KILL" run scan
    [[ $status == 137 ]] || fail "$status: $output"
    answers 1 scan -- 'WARNING: the last run of crashmon-scan was killed' \
        'WARNING: the oldest new pair, or another crash of its id, is queued, but its link .* is still there after 1 h 23 min; it was queued [0-9]* s ago$'
    sql "UPDATE jobs SET queueddatetime = queueddatetime - interval '5 minutes'"
    answers 2 scan -- 'WARNING: the last run of crashmon-scan was killed' \
        'CRITICAL: the oldest new pair, or another crash of its id, is queued, but its link .* is still there after 1 h 23 min$'
    expect_status 0 scan
    answers 0 scan --check-waiting=, --
}

@test "a crash that came again after a processor had taken its job is no news; what is behind it is" {
    used
    id=$(crash)
    expect_status 0 scan
    sql "UPDATE jobs SET starteddatetime = now() - interval '2 h', queueddatetime = now() - interval '3 h'"
    crash --id "$id" --age 4000 >/dev/null
    expect_status 0 scan
    log_has "\"$id\": left: it came after a processor had taken the job with its id"
    answers 0 scan --
    [[ $output != *new_age* && $(scan --status --json | tr -d ' \n') == *'"new":{"count":1,'*'"oldest":null'* ]] || fail "$output" "$(scan --status --json)"
    expect_status 0 scan --metrics-file="$BATS_TEST_TMPDIR/metrics"
    grep -q '^crashmon_new_crashes{.* 1$' "$BATS_TEST_TMPDIR/metrics"
    ! grep '^crashmon_new_crashes_oldest' "$BATS_TEST_TMPDIR/metrics" || fail "it has an age"
    crash --age 3800 >/dev/null
    answers 2 scan -- 'CRITICAL: the oldest new pair has not been queued for 1 h 3 min$'
    find "$SPOOL/20081225" ! -name "$id*" ! -type d -delete
    answers 0 scan --
    sql "UPDATE jobs SET starteddatetime = now() - interval '1 h'"
    answers 2 scan -- 'CRITICAL: the oldest new pair, or another crash of its id, is queued, but its link .* is still there after 1 h 6 min$'
    sql "UPDATE jobs SET starteddatetime = now() - interval '2 h', success = true, completeddatetime = now()"
    answers 0 scan --
    sql "UPDATE jobs SET starteddatetime = NULL, success = NULL"
    answers 2 scan --check-waiting=, -- 'CRITICAL: the oldest new pair, or another crash of its id, is queued'
}

@test "a processor's name cannot look like more than a name" {
    used
    job 1 "$(processor 'x" for 1 s; OK "')" "starteddatetime=now() - interval '25 hours'"
    answers 2 scan -- 'CRITICAL: the oldest started job has been with "x\\" for 1 s; OK \\"" for 1 d 1 h$'
    name=y$(printf 'é%.0s' {1..200})
    sql "UPDATE processors SET name = '$name' WHERE name LIKE 'x%'"
    for which in 1 2; do
        scan --check | iconv -f UTF-8 -t UTF-8 >/dev/null || fail "no UTF-8"
        expect_status 0 scan --status
        [[ $output != *'\x'* ]] || fail "$output"
        sql "UPDATE processors SET name = 'y' || name WHERE name LIKE 'y%'"
    done
}

@test "a pair that is queued, and whose links cannot be removed, is not told as one that waits for a processor" {
    used
    crash --age 5000 >/dev/null
    unset -f id # that of jobs.bash
    as_a_user
    link=$(find "$SPOOL" -path '*/date/*' -type l)
    chmod 555 "${link%/*}"
    expect_status 77 scan
    sql_is "SELECT count(*) FROM jobs" 1
    sql "UPDATE jobs SET queueddatetime = queueddatetime - interval '5 minutes'"
    answers 1 scan --check-exit-code=, --check-new=01:00:00, -- "WARNING: the oldest new pair, or another crash of its id, is queued, but its link \"$link\" is still there after 1 h 23 min$"
    answers 2 scan --check-exit-code=, -- 'CRITICAL: the oldest new pair, or another crash of its id, is queued'
    sql "DELETE FROM jobs"
    answers 1 scan --check-exit-code=, --check-new=01:00:00, -- 'WARNING: the oldest new pair has not been queued for 1 h 23 min$'
    sql "INSERT INTO jobs (uuid, pathname, queueddatetime)
         VALUES ('${link##*/}', '$(place "$SPOOL" "${link##*/}").json', now() - interval '5 minutes')"
    held scan # as root, who may
    answers 1 scan --check-exit-code=, -- "WARNING: the oldest new pair, or another crash of its id, is queued, but its link .* after 1 h 23 min; a run is at work$"
    session COMMIT >/dev/null
    background_ends 0
}

@test "that nothing was found in time is not told of a pair" {
    local slowly="strace -qq -o $BATS_TEST_TMPDIR/trace -e trace=getdents64 -e inject=getdents64:delay_exit=250000"
    $slowly true 2>/dev/null || skip "no strace here"
    used
    mkdir -p "$SPOOL/20081225/date/00"/{05,10}/web
    touch "$SPOOL/20081225/date/00"/{05,10}/web/stray
    EXEC=$slowly answers 3 scan -- 'UNKNOWN: new is not known: nothing was found before the time was over$'
}

@test "the oldest new pair is found behind any number of half pairs" {
    used
    crash --count 1050 --without dump --time 00:05 --age 5000 >/dev/null
    crash --time 23:00 --age 3000 >/dev/null
    answers 1 scan -- 'WARNING: the oldest new pair has not been queued for \(at least \)\?50 min [0-9]* s'
}

@test "the age of requests, and of what is finished and not put away" {
    used
    request "$(nowhere)" 1000
    answers 1 priority -- 'WARNING: the oldest request has waited for 16 min 4. s$'
    answers 2 priority --check-requests=,00:15:00 -- 'CRITICAL: the oldest request'
    job 1 NULL success=true "completeddatetime=now() - interval '7 hours'"
    job 2 NULL success=false "completeddatetime=now() - interval '50 hours'"
    answers 2 cleanup_jobs -- 'CRITICAL: the oldest failed job has not been put away for 2 d 2 h$' \
        'WARNING: the oldest successful job has not been put away for 7 h 0 min$'
}

@test "processors that are alive" {
    used
    answers 1 scan --check-processors=2, -- 'WARNING: too few processors are alive: 1'
    sql "UPDATE processors SET storages = '{}'"
    processor other >/dev/null
    sql "UPDATE processors SET storages = '{west}' WHERE name = 'other'"
    answers 2 scan -- 'CRITICAL: no processor that serves this storage is alive$'
    expect_status 68 scan
    answer=$(scan --status)
    [[ $answer == *'Processors  0 alive, 0 late, 0 dead, 2 for other storages alone'*'serves no storage'*'serves "west"'* ]] || fail "$answer"
    [[ $(scan --status --json) == *'"others": 2,'*'"storages": []}'*'"storages": ["west"]}'* ]] || fail "$answer"
    sql "UPDATE processors SET storages = NULL, lastseendatetime = now() - interval '6 minutes'"
    answers 2 scan --check-exit-code=, -- 'CRITICAL: no processor is alive$'
}

@test "a run that is overdue, a program that has never run, and one that is at work for too long" {
    used
    sql "UPDATE crashmon.runs SET started = now() - interval '15 min', ended = now() - interval '15 min', next_due = now() - interval '10 min'"
    answers 1 scan -- 'WARNING: crashmon-scan should have run again, but is late by 10 min'
    sql "UPDATE crashmon.runs SET started = now() - interval '40 min', ended = now() - interval '40 min', next_due = now() - interval '31 min'"
    answers 2 cleanup_jobs -- 'CRITICAL: crashmon-cleanup should have run again'
    sql "DELETE FROM crashmon.runs WHERE program = 'crashmon-priority'"
    answers 2 priority -- 'CRITICAL: crashmon-priority has never run on this storage, where others run for 40 min'
    fresh
    crash --age 9000 >/dev/null
    answers 2 scan --check-overdue=, -- 'CRITICAL: the oldest new pair has not been queued for 2 h 30 min$'
    held scan
    answers 1 scan -- 'WARNING: the oldest new pair has not been queued for 2 h 30 min; a run is at work$'
    rm -r "$SPOOL/20081225"
    answers 0 scan --
    sql "UPDATE crashmon.runs SET started = started - interval '7 hours'"
    answers 1 scan -- "WARNING: process $pid of crashmon-scan on .* has been at work for 7 h"
    kill -KILL "$pid"
    background_ends 137
    answers 1 scan -- 'WARNING: the last run of crashmon-scan was killed' # its session waits on
    session COMMIT
    await sql_true "SELECT count(*) = 0 FROM crashmon.locks"
    answers 1 scan -- 'WARNING: the last run of crashmon-scan was killed, or could not record its end (see its log): process [0-9]* on .*, begun .* ago$'
}

@test "a repair that was killed or has failed, until one has ended well, or for a day" {
    used
    crash --count 2 --without links >/dev/null
    find "$SPOOL" -exec touch -h -d '2 days ago' {} +
    hold
    background scan --repair
    await_blocked crashmon-scan-repair
    answers 0 scan --
    sql "UPDATE crashmon.runs SET started = now() - interval '7 hours' WHERE program = 'crashmon-scan-repair'"
    answers 1 scan -- "WARNING: process $pid of crashmon-scan-repair on .* has been at work for 7 h"
    kill -KILL "$pid"
    background_ends 137
    answers 1 scan -- "WARNING: the last run of crashmon-scan-repair was killed, or could not record its end (see its log): process $pid on "
    session COMMIT
    sql "SELECT crashmon.pause('main', 'the disk')"
    expect_status 0 scan --repair
    [[ $output == *"nothing is done"*"seen 0; exit code 0" ]] || fail "$output"
    sql "SELECT crashmon.resume('main')"
    answers 1 scan -- 'WARNING: the last run of crashmon-scan-repair was killed'
    expect_status 1 scan --repair --limit=1 --batch-size=1
    answers 1 scan -- 'WARNING: the last run of crashmon-scan-repair ended with exit code 1, which the next repair clears, .* ago: it ended at --limit'
    find "$SPOOL" -exec touch -h -d '2 days ago' {} +
    sql "DELETE FROM processors"
    expect_status 68 scan --repair
    answers 2 scan --check-processors=, -- 'CRITICAL: the last run of crashmon-scan-repair ended with exit code 68 (no processor), which the next repair clears, '
    sql "UPDATE crashmon.runs SET exit_code = 142 WHERE program = 'crashmon-scan-repair'"
    answers 1 scan --check-processors=, -- 'WARNING: the last run of crashmon-scan-repair ended with exit code 142'
    sql "UPDATE crashmon.runs SET ended = started - interval '26 hours', started = started - interval '26 hours'
         WHERE program = 'crashmon-scan-repair'"
    answers 0 scan --check-processors=, --
    answers 0 cleanup_jobs --
    processor alpha
    expect_status 1 scan --repair
    answers 0 scan --
}

@test "a repair of rows that was killed, until one has ended well" {
    used
    id=$(nowhere)
    sql "INSERT INTO jobs (pathname, uuid, owner, queueddatetime)
         VALUES ('$(place "$SPOOL" "$id").json', '$id', 1, '2008-12-25')"
    hold
    background cleanup_jobs --repair
    await_blocked crashmon-cleanup-repair
    kill -KILL "$pid"
    background_ends 137
    answers 1 cleanup_jobs -- 'WARNING: the last run of crashmon-cleanup-repair was killed'
    answers 0 scan --check-waiting=, --
    session COMMIT
    sql "INSERT INTO jobs (pathname, uuid, owner, queueddatetime)
         SELECT '', translate(left(uuid, 1), '0123456789abcdef', 'f0123456789abcde') || substr(uuid, 2), 1, '2008-12-25' FROM jobs"
    expect_status 1 cleanup_jobs --repair --limit=1 --batch-size=1
    answers 1 cleanup_jobs -- 'WARNING: the last run of crashmon-cleanup-repair ended with exit code 1, which the next repair clears, .* ago: it ended at --limit'
    sql "UPDATE jobs SET success = NULL, completeddatetime = NULL"
    expect_status 1 cleanup_jobs --repair
    answers 0 cleanup_jobs --
}

@test "the exit code of the last run, and what was quarantined lately" {
    used
    crash --without dump >/dev/null
    find "$SPOOL" -exec touch -h -d '2 days ago' {} +
    expect_status 1 scan
    answers 1 scan -- 'WARNING: the last run of crashmon-scan ended with exit code 1, [0-9] s ago: "[-0-9a-f]*": quarantined: .dump is missing$' \
        'WARNING: 1 in quarantine, the latest came [0-9] s ago'
    find "$SPOOL/quarantine" -mindepth 2 -exec touch -h -d '2 days ago' {} +
    expect_status 0 scan
    answers 0 scan --
    sql "UPDATE processors SET lastseendatetime = now() - interval '6 minutes'"
    expect_status 68 scan
    answers 2 scan --check-processors=, -- 'CRITICAL: the last run of crashmon-scan ended with exit code 68 (no processor), [0-9] s ago: no processor is alive'
    sql "UPDATE crashmon.runs SET exit_code = 73"
    answers 1 scan --check-processors=, -- 'WARNING: the last run of crashmon-scan ended with exit code 73'
}

@test "what the exit code of the last run comes from is told by --check, --status and last_runs, as in the log" {
    used
    disk "$ARCHIVE" size=16k
    marked
    ended true $(crash --count 2 --size 40000)
    expect_status 74 cleanup_jobs
    full="cannot put \"[-0-9a-f]*\" away: .*\"$ARCHIVE[^\"]*\": No space left on device.*"
    answers 2 cleanup_jobs --check-space=, --check-inodes=, -- \
        "CRITICAL: the last run of crashmon-cleanup ended with exit code 74 (a directory or a disk), [0-9] s ago: $full"
    [[ $(scan --status) =~ $'\n'"    "$full ]] || fail "$(scan --status)"
    [[ $(scan --status --json) =~ '"exit_code": 74, "duration": '[0-9.]*', "error": "cannot put \"' ]] || fail "$(scan --status --json)"
    sql_is "SELECT exit_code, error ~ '^cannot put .*No space' FROM crashmon.last_runs WHERE program = 'crashmon-cleanup'" '74|t'
    crash --count 3 >/dev/null
    touch "$SPOOL"/20081225/date/12/05/web01_0/$'a\n\xff|b' "$SPOOL"/20081225/date/12/05/web01_0/b
    find "$SPOOL" -exec touch -h -d '2 days ago' {} +
    expect_status 1 scan
    sql_is "SELECT error FROM crashmon.runs WHERE seen = 5" '"a\n\xff|b": quarantined: in the date tree, but not a link'
    answers 1 scan --check-space=, --check-inodes=, -- 'WARNING: the last run of crashmon-scan ended with exit code 1, [0-9] s ago: "a\\n\\xff!b": quarantined: ' 'WARNING: 2 in quarantine'
    expect_status 0 scan
    sql_is "SELECT error IS NULL FROM crashmon.last_runs WHERE program = 'crashmon-scan'" t
}

@test "a server that refuses to note it, or whose schema was loaded earlier, has the end of the run all the same" {
    used
    sql "ALTER TABLE crashmon.runs ADD CONSTRAINT mine CHECK (error IS NULL)"
    crash --without dump >/dev/null
    find "$SPOOL" -exec touch -h -d '2 days ago' {} +
    run scan
    sql "ALTER TABLE crashmon.runs DROP CONSTRAINT mine"
    equal "$status $output" "1 "
    sql_is "SELECT exit_code, seen, error IS NULL FROM crashmon.last_runs WHERE program = 'crashmon-scan'" '1|1|t'
    [[ $(grep -c 'cannot record the error of the run: ' "$LOG") == 1 ]] || fail "not told"
    answers 1 scan --check-quarantine=, -- 'WARNING: the last run of crashmon-scan ended with exit code 1, [0-9] s ago$'
}

@test "whose run it was that ended badly, and who has the lock of one that is late" {
    used
    sql "UPDATE crashmon.runs SET host = 'web2', exit_code = 78 WHERE program = 'crashmon-scan'"
    answers 2 scan -- 'CRITICAL: the last run of crashmon-scan ended with exit code 78 (the configuration) on "web2", '
    sql "UPDATE crashmon.runs SET started = now() - interval '15 min', ended = now() - interval '15 min', exit_code = 0, next_due = now() - interval '10 min'"
    lock crashmon-scan >/dev/null
    answers 1 scan -- 'WARNING: crashmon-scan should have run again, but is late by 10 min . s; its lock is taken: database session [0-9]*, application "psql"$'
    [[ $(scan --status) == *'  its lock is taken: database session '* ]] || fail "$(scan --status)"
    [[ $(scan --status --json) == *'"lock": "database session '* ]] || fail "$(scan --status --json)"
    expect_status 75 scan
    unlock crashmon-scan
    answers 1 scan -- 'WARNING: crashmon-scan should have run again, but is late by 10 min . s$'
}

@test "a run that its time limit or a signal has ended at its work is no failure, one that has done nothing a warning" {
    used
    crash --count 20 --age 9000 >/dev/null
    held scan --batch-size=2 --run-time-limit=00:00:01
    sleep 1.1
    session COMMIT
    background_ends 142
    answers 1 scan -- 'WARNING: the oldest new pair has not been queued for 2 h 30 min; the next run goes on$'
    answers 0 scan --check-new=, --
    sql "UPDATE crashmon.runs SET seen = 0, outcomes = '{}', exit_code = 143 WHERE exit_code = 142"
    answers 1 scan --check-new=, -- 'WARNING: the last run of crashmon-scan ended with exit code 143 (ended by a signal), '
    answers 2 scan -- 'CRITICAL: the oldest new pair' 'WARNING: the last run'
}

@test "a pair that is missing is told for as long as its row stays" {
    used
    id=$(nowhere)
    ended true "$id"
    expect_status 1 cleanup_jobs
    expect_status 0 cleanup_jobs
    answers 1 cleanup_jobs -- 'WARNING: finished jobs whose pair is missing: 1, the oldest for [0-9] s; each row stays until it has been missing for 24 hours$'
    [[ $output == *' missing=1'* && $(scan --status) == *$'\nMissing     1  '*'oldest '* ]] || fail "$output" "$(scan --status)"
    [[ $(scan --status --json) =~ '"missing": {"count": 1, "complete": true, "oldest": '[0-9]+'}' ]] || fail "$(scan --status --json)"
    answers 1 cleanup_jobs --check-finished=,00:00:00 -- 'WARNING: finished jobs whose pair'
    sql "DELETE FROM jobs"
    answers 0 cleanup_jobs --
}

@test "free space and free inodes, of each file system once" {
    used
    answers 1 scan --check-space=100, -- "WARNING: only [0-9]*% of the bytes are free in \"$SPOOL\"$"
    answers 2 priority --check-inodes=,100 -- "CRITICAL: only [0-9]*% of the inodes are free in \"$SPOOL\"$"
}

@test "a disk that is not mounted, and a place that another storage has" {
    used
    rm "$SPOOL/.crashmon" "$ARCHIVE/.crashmon"
    answers 2 cleanup_jobs -- "CRITICAL: storage root \"$SPOOL\" has no mark" \
        "CRITICAL: long-term storage \"$ARCHIVE\" has no mark"
    cp "$DEFERRED/.crashmon" "$SPOOL"
    answers 2 scan -- "CRITICAL: storage root \"$SPOOL\" has another mark"
    answers 2 scan --storage-name=two --deferred-storage-root= --storage-root="$DEFERRED" -- \
        "CRITICAL: storage root \"$DEFERRED\" of storage two has the mark of" || true
}

@test "what its user may not write to, and what he may not see (3)" {
    used
    fresh
    unset -f id # that of jobs.bash
    as_a_user
    answers 0 scan --
    chmod 555 "$SPOOL/20081225/name"
    answers 2 scan -- "CRITICAL: cannot write to storage root \"$SPOOL/20081225/name\": Permission denied$"
    chmod 755 "$SPOOL/20081225/name"
    chmod 0 "$SPOOL"
    answers 3 scan -- 'UNKNOWN: cannot open storage root .*Permission denied$'
    expect_status 77 scan
    chmod 755 "$SPOOL"
    answers 0 cleanup_jobs --
    mkdir -p "$ARCHIVE/20081225/name"
    for place in "$ARCHIVE" "$ARCHIVE/20081225/name"; do
        chmod 555 "$place"
        answers 2 cleanup_jobs -- "CRITICAL: cannot write to long-term storage \"$place\": Permission denied$"
        chmod 755 "$place"
    done
}

@test "a root that only reads, for its user, for all but root, or as it is mounted" {
    used
    fresh
    [[ $(command id -u) == 0 ]] || skip "as root"
    for place in "$SPOOL" "$DEFERRED" "$ARCHIVE"; do
        chmod 500 "$place"
        answers 1 cleanup_jobs -- "WARNING: nobody but root can write to .* \"$place\": its mode is 0500$"
        chmod 755 "$place"
    done
    answers 0 cleanup_jobs --
    bind "$SPOOL" "$SPOOL"
    mount -o remount,bind,ro "$SPOOL"
    answers 2 scan -- "CRITICAL: cannot write to storage root \"$SPOOL.*\": Read-only file system$"
    rm -rf "$DEFERRED"/2*
    bind "$DEFERRED" "$DEFERRED"
    mount -o remount,bind,ro "$DEFERRED"
    answers 2 priority -- "CRITICAL: cannot write to storage root \"$SPOOL.*\": Read-only file system$" \
        "CRITICAL: cannot write to deferred storage root \"$DEFERRED\": Read-only file system$"
    mount -o remount,bind,rw "$SPOOL"
    mount -o remount,bind,rw "$DEFERRED"
    unset -f id # that of jobs.bash
    as_a_user
    chmod 555 "$SPOOL"
    answers 1 scan -- "WARNING: cannot write to storage root \"$SPOOL\": Permission denied: so runs measure ages by this machine's clock, and nothing is old enough there to be quarantined, repaired or deleted$"
    chmod 755 "$SPOOL"
}

@test "of new pairs nothing is known where their day cannot be read, and time is not the reason (3)" {
    unset -f id # that of jobs.bash
    as_a_user
    crash >/dev/null
    chmod 000 "$SPOOL"/2*
    expect_status 3 scan --check
    [[ $output == *'UNKNOWN: cannot '*': Permission denied'* && $output != *"the time was over"* ]] || fail "$output"
    [[ $(scan --status) == *"New         unknown"* ]] || fail "$(scan --status)"
    chmod 755 "$SPOOL"/2*
}

@test "what a first run would make and its user cannot: marks, a quarantine; a dry run ends as the run would" {
    unset -f id # that of jobs.bash
    as_a_user
    local hint='(let the user of the runs write there, or make it by hand: "First day" in doc/operations.md)'
    local mark="cannot make the mark \"$SPOOL/.crashmon\" of the storage root: Permission denied $hint"
    chmod 555 "$SPOOL" "$DEFERRED"
    local quarantine="CRITICAL: cannot make quarantine \"$SPOOL/quarantine\": cannot write to directory \"$SPOOL\": Permission denied$"
    answers 2 scan -- "CRITICAL: $mark$" "$quarantine"
    answers 2 cleanup_jobs -- "CRITICAL: $mark$" "$quarantine" "CRITICAL: cannot make the mark \"$DEFERRED/.crashmon\""
    for run in "${RUNS[@]}"; do
        expect_status 77 "$run" --dry-run
        [[ $output == *"$mark; nothing was read or changed" ]] || fail "$output"
        expect_status 77 "$run"
        [[ $output == *"$mark; nothing was read or changed" ]] || fail "$output"
    done
    chmod 755 "$SPOOL"
    answers 2 priority --check-exit-code=, -- "CRITICAL: cannot make the mark \"$DEFERRED/.crashmon\" of the deferred storage root: Permission denied"
    expect_status 0 scan --status
    [[ $output != *Troubles* ]] || fail "$output"
    answers 0 scan --check-exit-code=, --
    chmod 755 "$DEFERRED"
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    for run in "${RUNS[@]}"; do answers 0 "$run" --; done
    mkdir -m 555 "$BATS_TEST_TMPDIR/there"
    answers 2 scan --quarantine-to="$BATS_TEST_TMPDIR/there/q" -- \
        "CRITICAL: cannot make quarantine \"$BATS_TEST_TMPDIR/there/q\": cannot write to directory \"$BATS_TEST_TMPDIR/there\": Permission denied$"
    answers 2 scan --quarantine-to="$BATS_TEST_TMPDIR/nowhere/q" -- 'CRITICAL: cannot make quarantine .*/nowhere": No such file'
    answers 2 scan --quarantine-to="$BATS_TEST_TMPDIR/there" -- 'CRITICAL: cannot write to quarantine .*/there": Permission denied$'
}

@test "usage and configuration are UNKNOWN (3), on stdout, in one line" {
    expect_status 3 scan --check --no-such-option
    equal "$output" $'CRASHMON SCAN UNKNOWN - 1 problem: unrecognized option "--no-such-option" (see --help)\nUNKNOWN: unrecognized option "--no-such-option" (see --help)'
    echo 'batch-size = many' >>"$CONF"
    expect_status 3 cleanup_jobs --check
    [[ $output == "CRASHMON CLEANUP UNKNOWN - 1 problem: $CONF:"*": batch-size = many: "* ]] || fail "$output"
}

@test "WARNING and CRITICAL the wrong way round, and an answer that cannot be printed, are UNKNOWN" {
    for wrong in new=00:00:05,00:00:01 space=1,64 processors=1,2 quarantine=01:00:00,02:00:00 exit-code=64,1; do
        expect_status 3 scan --check --check-"$wrong"
        [[ $output == *UNKNOWN*"--check-${wrong/=/ = }: CRITICAL would come before WARNING"* ]] || fail "$output"
    done
    for right in new=00:00:05,00:00:05 new=,00:00:01 space=64,1 processors=2,1 quarantine=02:00:00,01:00:00; do
        run scan --check --check-"$right"
        [[ $status != 3 ]] || fail "$output"
    done
    [[ -e /dev/full ]] || skip "no /dev/full"
    status=0
    output=$(scan --check 2>&1 >/dev/full) || status=$?
    equal "$status $output" "3 cannot write to the standard output: No space left on device"
}

@test "what is written beside the work: the log of errors, the metrics file, a group for what is archived" {
    used
    mkdir "$LOG.errors"
    answers 1 scan -- "WARNING: log: cannot write to file \"$LOG.errors\": not a regular file"
    rmdir "$LOG.errors"
    ln -s elsewhere "$LOG.errors"
    answers 1 scan -- "WARNING: log: cannot write to file \"$LOG.errors\": not a regular file"
    rm "$LOG.errors"
    mkdir -p "$BATS_TEST_TMPDIR/m/crashmon-scan-main.prom"
    answers 1 scan --metrics-file="$BATS_TEST_TMPDIR/m" -- \
        "WARNING: metrics: cannot replace \"$BATS_TEST_TMPDIR/m/crashmon-scan-main.prom\": not a regular file"
    rmdir "$BATS_TEST_TMPDIR/m/crashmon-scan-main.prom"
    answers 0 scan --metrics-file="$BATS_TEST_TMPDIR/m" --
    touch -d '10 minutes ago' "$BATS_TEST_TMPDIR/m/crashmon-scan-main.prom"
    answers 1 scan --metrics-file="$BATS_TEST_TMPDIR/m" -- \
        "WARNING: metrics: \"$BATS_TEST_TMPDIR/m\" was last written 10 min . s ago, and not by the run that ended since (is its file system full?)"
    expect_status 0 scan --metrics-file="$BATS_TEST_TMPDIR/m"
    answers 0 scan --metrics-file="$BATS_TEST_TMPDIR/m" --
    mkdir -p "$BATS_TEST_TMPDIR/m/crashmon-scan-main.prom.tmp"
    answers 1 scan --metrics-file="$BATS_TEST_TMPDIR/m" -- 'WARNING: metrics: cannot replace .*\.tmp": not a regular file'
    unset -f id # that of jobs.bash
    as_a_user
    group=$(comm -23 <(getent group | cut -d: -f3 | sort) <(id -G | tr ' ' '\n'; echo 65534) | head -1)
    answers 2 cleanup_jobs --dump-gid="${group:-0}" -- "CRITICAL: cannot give files in \"$ARCHIVE\" to group ${group:-0}: Operation not permitted" \
        "CRITICAL: cannot give files in \"$FAILED\""
    [[ $(command id -u) != 0 ]] || chgrp "${group:-0}" "$ARCHIVE" "$FAILED"
    [[ $(command id -u) != 0 ]] || chmod g+s "$ARCHIVE" "$FAILED"
    [[ $(command id -u) != 0 ]] || answers 0 cleanup_jobs --dump-gid="${group:-0}" --
}

@test "it changes nothing anywhere, takes no lock, and asks whoever works" {
    used
    fresh --count 2
    touch -d '1 day ago' "$SPOOL" "$DEFERRED" "$ARCHIVE" "$FAILED" "$LOG"
    for program in "${PROGRAMS[@]}"; do lock "$program"; done
    before=$(everything; stat -c '%n %y %z' "$BATS_TEST_TMPDIR"/*)
    for run in "${RUNS[@]}"; do
        expect_status 0 "$run" --check
    done
    equal "$(everything; stat -c '%n %y %z' "$BATS_TEST_TMPDIR"/*)" "$before"
}

@test "a reader who has gone away gets no error, and the code is still that of a plugin" {
    # shellcheck disable=SC2016 # for perl
    for run in "${PROGRAMS[@]}"; do
        PGOPTIONS='' run --separate-stderr perl -e 'pipe my $reader, my $writer; close $reader;
            open STDOUT, ">&", $writer; exec @ARGV' "$BUILD/$run" --config="$CONF" --check
        [[ ($status == 3 || $status == 141) && -z $stderr ]] || fail "$run: $status: $stderr"
    done
}
