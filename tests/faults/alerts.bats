#!/usr/bin/env bats
# alerts.bats - metrics and alerts as Prometheus takes them: each alert is fired by a bad day that it is
# meant for, and no other; a good day and an honest backlog fire none.
# shellcheck disable=SC2154 # bats sets status and output; background sets pid
load ../helper
load alerts

# --- what Prometheus says of the files

@test "promtool has nothing to say against the metrics, nor against the rules" {
    crash --count 3 >/dev/null
    for run in "${RUNS[@]}"; do "$run"; done
    for file in "$METRICS"/*; do
        run promtool check metrics <"$file"
        equal "$status $output" '0 '
    done
    expect_status 0 promtool check rules "$RULES"
}

@test "node_exporter reads the files of all programs and storages, as another user" {
    (umask 077 && for run in "${RUNS[@]}"; do "$run"; done)
    sed "s|^storage-root.*|storage-root = $BATS_TEST_TMPDIR/two|; /^deferred/d" "$CONF" >"$CONF.two"
    mkdir "$BATS_TEST_TMPDIR/two"
    CONF=$CONF.two cleanup_jobs --storage-name=two
    exporter
    await eval 'scraped=$(perl -MHTTP::Tiny -e "print HTTP::Tiny->new->get(q(http://localhost:$EXPORTER/metrics))->{content}") && [[ $scraped == *crashmon_build_info* ]]'
    grep -qx 'node_textfile_scrape_error 0' <<<"$scraped" || fail "$(grep textfile <<<"$scraped")"
    equal "$(grep '^crashmon_build_info' <<<"$scraped" | sort)" \
        'crashmon_build_info{program="crashmon-cleanup",storage="main",version="2.0"} 1
crashmon_build_info{program="crashmon-cleanup",storage="two",version="2.0"} 1
crashmon_build_info{program="crashmon-priority",storage="main",version="2.0"} 1
crashmon_build_info{program="crashmon-scan",storage="main",version="2.0"} 1'
}

# --- quiet

@test "a good day: crashes come, are queued, processed and archived" {
    for _ in {1..6}; do
        crash --count 3 >/dev/null
        cron 5
        sql "UPDATE jobs SET success = true, starteddatetime = now(), completeddatetime = now()"
        cron 5
    done
    fire
}

@test "an honest backlog: one run works for hours, others find its lock taken; jobs and requests wait" {
    interval 30
    crash --count 60 >/dev/null
    cron 60
    crash --count 500 >/dev/null
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_catalog.pg_sleep(0.2); RETURN NEW; END';
         CREATE TRIGGER slow BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()"
    background scan --batch-size=1
    await grep -q '^crashmon_run_active{program="crashmon-scan".* 1$' "$METRICS/crashmon-scan-main.prom"
    for _ in {1..14}; do
        # The run tells every second that it is at work.
        progress=$(grep '^crashmon_run_progress' "$METRICS/crashmon-scan-main.prom")
        await eval '[[ $(grep "^crashmon_run_progress" "$METRICS/crashmon-scan-main.prom") != "$progress" ]]'
        expect_status 75 scan
        sql "UPDATE jobs SET success = true, starteddatetime = now(), completeddatetime = now()
             WHERE id = (SELECT min(id) FROM jobs)"
        priority
        cleanup_jobs
        pass
    done
    kill "$pid"
    background_ends 143
    ((MINUTE > 7 * 60))
    fire
}

@test "an honest backlog whose runs are ended by their time limit (142), and runs that it lets do nothing" {
    crash --count 500 >/dev/null
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_catalog.pg_sleep(0.1); RETURN NEW; END';
         CREATE TRIGGER slow BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()"
    for _ in {1..8}; do
        expect_status 142 scan --batch-size=1 --run-time-limit=00:00:01
        priority
        cleanup_jobs
        pass
    done
    fire
    sql "DELETE FROM jobs; DROP FUNCTION refuse() CASCADE"
    interval 30
    rm -r "${SPOOL:?}"/20081225
    cron 90
    crash --age 100 >/dev/null
    RUNS=(priority cleanup_jobs)
    for _ in 1 2; do
        hold
        expect_status 142 scan --run-time-limit=00:00:01
        session COMMIT
        sql "DROP FUNCTION hold CASCADE"
        cron 30
    done
    fire Fails
}

# --- does it run?

@test "a program that cron has never started" {
    RUNS=(scan priority)
    cron 20
    fire Absent
}

@test "the metrics of one of two storages are gone, as with its host" {
    cron 10
    sed 's/storage="main"/storage="b"/' "$METRICS/crashmon-scan-main.prom" >"$METRICS/crashmon-scan-b.prom"
    cron 10
    fire
    rm "$METRICS/crashmon-scan-b.prom"
    cron 25
    fire Absent
}

@test "cron no longer starts one of them" {
    cron 10
    RUNS=(priority cleanup_jobs)
    cron 25
    fire Overdue
}

@test "a configuration that no run can read (78)" {
    cron 10
    for ((i = 0; i < 5; i++)); do
        expect_status 78 scan --batch-size=0
        priority && cleanup_jobs
        pass
    done
    fire Overdue
}

@test "a run that has stopped moving" {
    cron 10
    crash >/dev/null
    held scan
    kill -STOP "$pid"
    session COMMIT
    cron 40
    fire Hangs
    kill -CONT "$pid"
    background_ends 0
}

@test "a run that was killed, after which none has begun" {
    cron 10
    crash >/dev/null
    held scan
    kill -KILL "$pid"
    background_ends 137
    session COMMIT
    RUNS=(priority cleanup_jobs)
    cron 40
    fire Hangs
}

@test "each run is killed at its work, while crashes wait" {
    for program in scan priority; do
        for ((i = 0; i < 4; i++)); do
            request "$(crash --age 100)"
            held "$program"
            kill -KILL "$pid"
            background_ends 137
            session COMMIT
            cleanup_jobs
            [[ $program == priority ]] || priority
            [[ $program == scan ]] || scan
            pass
        done
        fire Fails Killed
        sql "DELETE FROM jobs"
        rm "$METRICS"/*
        pass 400
    done
}

# --- does it do its work?

@test "no database (69)" {
    cron 10
    for ((i = 0; i < 5; i++)); do
        for run in "${RUNS[@]}"; do expect_status 69 "$run" --database-port=1; done
        pass
    done
    fire Fails
}

@test "each run works for long, and fails; those between find its lock taken (75)" {
    interval 30
    cron 60
    for ((i = 0; i < 3; i++)); do
        crash --age 100 >/dev/null
        at_work 60 scan
        pass 2
        expect_status 75 scan
        ((i < 2)) || fire Fails
        pass 10
        expect_status 75 scan
        sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'crashmon-scan'"
        background_ends 69
        priority && cleanup_jobs
        pass 3
    done
    sql "DROP FUNCTION slow CASCADE"
    scan
    fire
}

@test "a storage that is paused: requests and new crashes wait, processors are away; after a day somebody is told" {
    interval 30
    cron 60
    request "$(crash)"
    sql "SELECT crashmon.pause('main', 'new disk'); UPDATE processors SET name = 'silent'"
    cron 600
    fire
    cron 1500
    fire Paused
}

@test "a log that cannot be written (73)" {
    cron 10
    mkdir "$BATS_TEST_TMPDIR/log"
    sed -i "s|^log-file-pathname.*|log-file-pathname = $BATS_TEST_TMPDIR/log|" "$CONF"
    cron 25
    fire HasNoLog
}

@test "a spool that is not mounted (74)" {
    crash >/dev/null
    cron 10
    mv "$SPOOL" "$SPOOL.away"
    mkdir "$SPOOL"
    cron 25
    fire Fails
}

@test "long-term storage that nobody can write to (77, 74)" {
    rm -r "$ARCHIVE"
    touch "$ARCHIVE"
    ended true "$(crash --without links)"
    cron 25 cleanup_jobs --save-successful-minidumps-to="$ARCHIVE"
    fire Fails
}

@test "jobs that were finished, and are not put away for hours" {
    interval 30
    ended true "$(crash --without links)"
    rm -r "$ARCHIVE"
    touch "$ARCHIVE"
    cron 450
    fire Fails NotPutAway
    throttled_deleted
    fire Fails NotPutAway
}

@test "no processor is alive (68)" {
    crash >/dev/null
    cron 10
    sql "UPDATE processors SET name = 'silent'"
    crash --age 100 >/dev/null
    cron 45
    fire Fails NoProcessor ProcessorGone
}

@test "processors come back, and one scan works for hours: it counts them again at its end" {
    crash >/dev/null
    cron 10
    sql "UPDATE processors SET name = 'silent'"
    cron 45
    crash --count 500 --age 100 >/dev/null
    sql "UPDATE processors SET name = 'alive', lastseendatetime = now()"
    at_work 0.2 scan --batch-size=1
    hours_go_by scan priority cleanup_jobs
    fire
    kill "$pid"
    background_ends 143
}

@test "one of two processors dies, and its jobs go to the other" {
    sql "INSERT INTO processors (name) VALUES ('second')"
    cron 10
    sql "UPDATE processors SET name = 'silent' WHERE name = 'second'"
    cron 60
    fire ProcessorGone
    sql_is "SELECT count(*) FROM processors" 1
}

# In the last run cleanup deletes throttled crashes that nobody has asked for.
throttled_deleted() {
    collect --root "$DEFERRED" --day 20081225 --count 500 --age 9000000 >/dev/null
    sql "UPDATE crashmon.storages SET swept = NULL"
    cron "$STEP" cleanup_jobs --keep-deferred-days=30
    equal "$(find "$DEFERRED" -name '*.json' | wc -l)" 0
}

# Crashes come, are processed, and this one in so many fails: processed_for MINUTES N.
processed_for() {
    local end=$((MINUTE + $1))
    while ((MINUTE < end)); do
        crash --count 24 >/dev/null
        cron 5
        sql "UPDATE jobs SET success = id % $2 <> 0, starteddatetime = now(), completeddatetime = now()"
    done
}

@test "a release of the processors that fails most crashes; one crash in three is no news" {
    processed_for 25 3
    fire
    processed_for 25 1
    fire JobsFail
    throttled_deleted
    fire JobsFail
}

@test "somebody holds the lock of a program for hours, and is no run of this host" {
    interval 30
    cron 30
    lock crashmon-cleanup
    cron 420
    fire Locked
}

@test "half a pair goes to quarantine" {
    cron 10
    crash --without dump --age 100000 >/dev/null
    cron 10
    fire NeedsAttention
    cron 55
    fire
}

@test "the first run of all quarantines" {
    interval 10
    crash --without dump --age 100000 >/dev/null
    cron 10
    fire NeedsAttention
    cron 60
    fire
}

@test "a Prometheus that is new, or was away for days, where crashes went to quarantine long before" {
    crash --without dump --age 100000 >/dev/null
    cron 150
    rm "$SCRAPED"/*
    cron 10
    fire
    crash --without dump --age 100000 >/dev/null
    cron 30
    fire NeedsAttention
}

@test "a pair that was lost is missing; its row stays for a day, and nothing else is put away" {
    cron 10
    ended true "$(nowhere)"
    cron 10
    fire NeedsAttention
    interval 30
    cron 480
    fire
}

@test "a crash that no processor survives fails" {
    cron 10
    crash >/dev/null
    cron 5
    sql "UPDATE jobs SET attempts = 5"
    cron 10
    fire NeedsAttention
}

@test "a request for a crash that never comes is given up" {
    cron 10
    request "$(nowhere)"
    cron 15
    fire NeedsAttention
}

@test "a web application that requests what is no crash id, by the hundred" {
    cron 10
    for i in {1..150}; do request "nonsense $i"; done
    cron 10
    fire RejectsRequests
}

@test "a crash that cannot be moved, in each run" {
    interval 30
    id=$(crash --without links)
    ended true "$id"
    rm "$(place "$SPOOL" "$id").dump"
    mkdir "$(place "$SPOOL" "$id").dump"
    cron 240
    fire KeepsLeaving
}

# --- is it keeping up?

@test "a crash that the server refuses stays new" {
    refuse "$(crash --age 7200)"
    new_crashes_age
    cron 50
    fire Fails NewCrashesWait
}

@test "processors are alive, and do not work" {
    interval 30
    crash --count 3 >/dev/null
    cron 480
    fire QueueStands
    throttled_deleted
    fire QueueStands
}

@test "a processor that is alive takes nothing, and another one works" {
    interval 30
    sql "INSERT INTO processors (name) VALUES ('hangs')"
    cron 30
    for ((i = 0; i < 26; i++)); do
        crash --count 2 >/dev/null
        cron 30
        sql "UPDATE jobs SET starteddatetime = now(), completeddatetime = now(), success = true
             WHERE owner <> (SELECT id FROM processors WHERE name = 'hangs')"
    done
    fire JobWaits
}

@test "a backlog of a day is worked off by a processor that takes its jobs by the hundred" {
    interval 30
    crash --count 60 >/dev/null
    cron 30
    for ((i = 0; i < 26; i++)); do
        crash --count 2 >/dev/null
        cron 30
        sql "UPDATE jobs SET starteddatetime = now(), completeddatetime = now(), success = true
             WHERE id IN (SELECT id FROM jobs WHERE success IS NULL ORDER BY priority DESC, id LIMIT 2)"
    done
    fire
}

@test "a crash that each run leaves, though it queues the others" {
    cron 10
    new_crashes_age
    refuse "$(crash --age 10000)"
    for ((i = 0; i < 10; i++)); do
        crash --age 100 >/dev/null
        at_work 0.2 scan
        pass 1
        background_ends 1
        priority && cleanup_jobs
        pass 4
    done
    fire NewCrashesWait
}

@test "a job that was begun yesterday, is not finished, and is not taken away, either" {
    crash >/dev/null
    cron 5
    sql "UPDATE jobs SET starteddatetime = now() - interval '27 hours'"
    cron 30 scan --job-timeout=99:00:00
    fire JobStuck
}

@test "requests that nobody serves" {
    cron 10
    request "$(nowhere)" 1860
    cron 25 priority --give-up-after=100:00:00
    fire RequestsWait
}

# --- is there room?

@test "a disk that is full" {
    disk "$ARCHIVE" size=1m
    cron 5
    head -c 1020000 /dev/zero >"$ARCHIVE/filler"
    cron 15
    fire DiskFull
}

@test "room is made, and one cleanup works for hours: it measures again at its end" {
    disk "$ARCHIVE" size=4m
    cleanup_jobs --adopt >/dev/null
    mapfile -t ids < <(crash --without links --count 120)
    ended true "${ids[@]}"
    head -c 4100000 /dev/zero >"$ARCHIVE/filler" || true
    cron 15
    rm "$ARCHIVE/filler"
    at_work 0.2 cleanup --batch-size=1
    hours_go_by cleanup scan priority
    fire
    kill "$pid"
    background_ends 143
}
