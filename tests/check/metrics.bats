#!/usr/bin/env bats
# metrics.bats - what runs tell Prometheus; tests/faults/alerts.bats has the alerts on it.
# shellcheck disable=SC2154,SC2046 # bats sets status and output; background sets pid; ids are words
load ../helper

setup() {
    begin_case
    METRICS=$BATS_TEST_TMPDIR/metrics
    mkdir "$METRICS"
    echo "metrics-file = $METRICS" >>"$CONF"
    processor p1 >/dev/null
}

# The value of a series: of NAME [LABEL=VALUE], of crashmon-scan or another program.
value() {
    local labels="program=\"${OF:-crashmon-scan}\",storage=\"main\"${2:+,${2%%=*}=\"${2#*=}\"}"
    sed -n "s/^crashmon_$1{$labels} //p" "$METRICS/${OF:-crashmon-scan}-main.prom"
}

# Asserts values: metrics 'NAME [LABEL=VALUE] VALUE'...
metrics() {
    local one words
    for one; do
        read -ra words <<<"$one"
        equal "${words[*]::${#words[@]}-1} $(value "${words[@]::${#words[@]}-1}")" "$one"
    done
}

# Asserts that a time is one of the last minute, or lies so many seconds ahead: is_now NAME [AHEAD].
is_now() {
    local age=$((EPOCHSECONDS + ${2:-0} - $(value "$1")))
    ((age >= 0 && age < 60)) || fail "$1 is $age seconds old" "$(cat "$METRICS"/*)"
}

@test "a run tells how it ended, when, how long it took, what became of the crashes, and what is next" {
    crash --count 3 >/dev/null
    crash --without dump >/dev/null
    expect_status 0 scan
    metrics 'build_info version=2.0 1' 'run_interval_seconds 300' 'run_active 0' \
        'last_run_exit_code 0' 'runs_total exit_code=0 1' 'runs_total exit_code=1 0' \
        'crashes_seen_total 4' 'crashes_total outcome=queued 3' 'crashes_total outcome=left 1' \
        'crashes_total outcome=quarantined 0'
    is_now last_run_timestamp_seconds
    is_now last_success_timestamp_seconds
    is_now run_start_timestamp_seconds
    is_now next_run_timestamp_seconds 300
    [[ $(value last_run_duration_seconds) == 0.* ]]
    equal "$(value run_seconds_total)" "$(value last_run_duration_seconds)"
}

@test "cleanup counts the failed jobs among those that it puts away" {
    ended false $(crash --count 3 --without links)
    ended true $(crash --count 2 --without links)
    expect_status 0 cleanup_jobs --batch-size=2
    OF=crashmon-cleanup metrics 'crashes_total outcome=archived 5' 'jobs_put_away_total 5' 'job_failures_total 3'
    ended false "$(crash --without links)"
    ended false "$(nowhere)"
    sed -i 's/^save-failed.*/save-failed-minidumps-to =/' "$CONF"
    collect --root "$DEFERRED" --day 20081225 --count 3 --age 9000000 >/dev/null
    sql "UPDATE crashmon.storages SET swept = NULL"
    expect_status 1 cleanup_jobs --keep-deferred-days=30
    OF=crashmon-cleanup metrics 'crashes_total outcome=deleted 4' 'jobs_put_away_total 6' 'job_failures_total 4'
}

@test "counters go on from run to run, and from 0 when the file is gone" {
    for i in 1 2 3; do
        crash --count 2 >/dev/null
        expect_status 0 scan
        metrics "crashes_total outcome=queued $((2 * i))" "runs_total exit_code=0 $i"
    done
    rm "$METRICS"/*
    expect_status 0 scan
    metrics "crashes_total outcome=queued 0" "runs_total exit_code=0 1"
}

@test "a file that is damaged anywhere counts as gone" {
    for damage in 's/^(crashmon_run_seconds_total\{.*")\}/\1x}/' 's/(storage="main)"/\1/' \
        's/^(crashmon_run_seconds_total.*) .*/\1 NaN/' 's/^(crashmon_runs_total.*) 0$/\1 +Inf/' \
        's/^(crashmon_crashes_seen_total.*) .*/\1 -5/' 's/^crashmon_runs_total.*/&\n&/' '1s/^/x\n/'; do
        expect_status 0 scan
        expect_status 0 scan
        sed -Ei "$damage" "$METRICS"/*
        expect_status 0 scan
        metrics "runs_total exit_code=0 1"
        [[ $(grep -c '^crashmon_run_seconds_total' "$METRICS"/*) == 1 ]] || fail "$damage"
        ! grep -iE 'nan|inf$|-5' "$METRICS"/* || fail "$damage"
    done
}

@test "all three programs write, each a file of its own; or all into one" {
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    equal "$(ls -A "$METRICS")" $'crashmon-cleanup-main.prom\ncrashmon-priority-main.prom\ncrashmon-scan-main.prom'
    OF=crashmon-cleanup metrics 'run_interval_seconds 300' 'runs_total exit_code=0 1'
    OF=crashmon-priority metrics 'run_interval_seconds 60' 'runs_total exit_code=0 1'
    for _ in 1 2; do
        for run in "${RUNS[@]}"; do
            expect_status 0 "$run" --metrics-file="$METRICS/all.prom"
        done
    done
    equal "$(grep -c '^crashmon_runs_total.*exit_code="0"} 2$' "$METRICS/all.prom")" 3
}

@test "a run that has no database, no root or no processor tells, and when the last good one was" {
    expect_status 0 scan
    good=$(value last_success_timestamp_seconds)
    await eval '((EPOCHSECONDS > good))'
    expect_status 69 scan --database-port=1
    metrics 'last_run_exit_code 69' 'runs_total exit_code=69 1' 'runs_total exit_code=0 1' \
        'run_active 0' "last_success_timestamp_seconds $good"
    ((good < $(value last_run_timestamp_seconds)))
    sql "DELETE FROM processors"
    expect_status 68 scan
    mv "$SPOOL" "$SPOOL.away"
    expect_status 74 scan
    metrics 'last_run_exit_code 74' 'runs_total exit_code=68 1' 'runs_total exit_code=69 1' \
        'runs_total exit_code=74 1' 'runs_total exit_code=0 1'
}

@test "a run that was killed is counted by the next one, as a failure" {
    crash >/dev/null
    held scan
    kill -KILL "$pid"
    background_ends 137
    session COMMIT
    metrics 'run_active 1' 'runs_total exit_code=killed 0'
    equal "$(value last_failure_timestamp_seconds)" ''
    progress=$(value run_progress_timestamp_seconds)
    expect_status 0 scan
    metrics 'run_active 0' 'runs_total exit_code=killed 1' "last_failure_timestamp_seconds $progress"
    expect_status 0 scan
    metrics 'runs_total exit_code=killed 1'
}

@test "whoever holds the lock of the directory slows a run down by a moment, not each batch" {
    crash --count 40 >/dev/null
    sql "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_catalog.pg_sleep(0.05); RETURN NEW; END';
         CREATE TRIGGER slow BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION slow()"
    exec {held}<"$METRICS"
    flock -s "$held"
    within 6 expect_status 0 scan --batch-size=1 # it sleeps for 2 s, and would wait for 10
    exec {held}<&-
    sql "DROP FUNCTION slow CASCADE"
    equal "$(grep -c 'cannot write metrics' "$LOG")" 1
}

@test "a run at work tells so, and how far it is; one that finds the lock taken changes nothing in that" {
    crash --count 30 >/dev/null
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_catalog.pg_sleep(0.2); RETURN NEW; END';
         CREATE TRIGGER slow BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()"
    background scan --batch-size=1
    is_moving() { [[ -e $METRICS/crashmon-scan-main.prom && $(value crashes_total outcome=queued) -gt 0 ]]; }
    await is_moving
    adds_up() {
        sql_is "SELECT seen = (SELECT sum(n::int) FROM jsonb_each_text(outcomes) AS o (w, n))
                FROM crashmon.runs" t
        awk '/^crashmon_crashes_seen_total/ { seen = $NF } /^crashmon_crashes_total/ { sum += $NF }
             END { exit seen != sum }' "$METRICS/crashmon-scan-main.prom" || fail "$(cat "$METRICS"/*)"
    }
    adds_up
    metrics 'run_active 1'
    is_now run_start_timestamp_seconds
    is_now run_progress_timestamp_seconds
    started=$(value run_start_timestamp_seconds)
    expect_status 75 scan
    metrics 'run_active 1' "run_start_timestamp_seconds $started" 'last_run_exit_code 75' \
        'runs_total exit_code=75 1'
    figures() { grep -E '^crashmon_(last_success|new_crashes|jobs|processors|quarantined|file_system)' "$METRICS/crashmon-scan-main.prom"; }
    before=$(figures || true)
    collect --count 3 --age 90 >/dev/null
    sql "SELECT crashmon.pause('main', 'the spool is moved')"
    expect_status 0 scan
    equal "$(figures || true)" "$before"
    metrics 'run_active 1' 'last_run_exit_code 0'
    sql "SELECT crashmon.resume('main')"
    kill "$pid"
    background_ends 143
    metrics 'run_active 0' 'last_run_exit_code 143' 'runs_total exit_code=143 1' \
        "crashes_seen_total $(sql "SELECT seen FROM crashmon.last_runs")" \
        "crashes_total outcome=queued $(sql "SELECT count(*) FROM jobs")"
}

# Asserts that a series is not there: unknown NAME [LABEL=VALUE].
unknown() { [[ ! $(value "$@") ]] || fail "known: $*"; }

# Asserts that the oldest of something is as old, or a little older: is_old NAME [LABEL=VALUE] AGE.
is_old() {
    local age=$((EPOCHSECONDS - $(value "${@:1:$#-1}"))) want=${*: -1}
    ((age >= want - 1 && age < want + 60)) || fail "$* is $age seconds old"
}

@test "scan tells how much there is to do, and since when" {
    sql "INSERT INTO processors (name, lastseendatetime) VALUES
             ('late', now() - interval '6 min'), ('late too', now() - interval '9 min')"
    collect --without links --count 6 >/dev/null
    mapfile -t ids < <(find "$SPOOL" -name '*.json' -printf '%f\n' | sed 's/\.json//')
    sql "INSERT INTO jobs (pathname, uuid, owner, queueddatetime, starteddatetime, completeddatetime, success)
         SELECT '/x', uuid, 1, now() - interval '5 h',
                CASE WHEN n > 2 THEN now() - interval '4 h' END,
                CASE WHEN n > 3 THEN now() - interval '3 h' END,
                CASE WHEN n > 3 THEN n > 4 END
         FROM unnest('{$(IFS=,; echo "${ids[*]}")}'::text[]) WITH ORDINALITY AS t (uuid, n)"
    crash --age 0 >/dev/null
    crash --without dump --age 100000 >/dev/null
    expect_status 1 scan
    metrics 'jobs state=waiting 2' 'jobs state=started 1' 'jobs state=failed 1' 'jobs state=succeeded 2' \
        'processors state=alive 1' 'processors state=late 2' 'processors state=dead 0' \
        'new_crashes 1' 'quarantined_crashes 1'
    unknown new_crashes_oldest_timestamp_seconds
    is_old jobs_oldest_timestamp_seconds state=waiting 18000
    is_old jobs_oldest_timestamp_seconds state=started 14400
    is_old jobs_oldest_timestamp_seconds state=succeeded 10800
    is_now quarantined_crashes_newest_timestamp_seconds
    for place in storage quarantine; do
        size=$(value file_system_size_bytes place=$place)
        read -r block blocks < <(stat -f -c '%S %b' "$SPOOL")
        equal "$size" $((block * blocks))
    done
}

@test "priority tells how many requests there are, and since when" {
    request "$(nowhere)" 500
    request "$(nowhere)" 60
    run priority
    OF=crashmon-priority metrics 'requests 2'
    OF=crashmon-priority is_old requests_oldest_timestamp_seconds 500
}

@test "cleanup and priority tell how much room there is where they write" {
    expect_status 0 cleanup_jobs
    expect_status 0 priority
    OF=crashmon-cleanup
    for place in storage deferred successful failed; do
        [[ $(value file_system_free_bytes place=$place) == [1-9]* ]] || fail "$(cat "$METRICS"/*)"
    done
    OF=crashmon-priority
    [[ $(value file_system_free_bytes place=deferred) == [1-9]* ]] || fail "$(cat "$METRICS"/*)"
    ! grep -q '^crashmon_jobs{' "$METRICS"/* || fail "not by scan"
}

@test "what cannot be known has no figure: the queue without a database, the spool without its disk" {
    crash --age 0 >/dev/null
    run scan
    metrics 'new_crashes 1' 'jobs state=waiting 0'
    expect_status 69 scan --database-port=1
    metrics 'new_crashes 1'
    unknown jobs state=waiting
    unknown processors state=alive
    mv "$SPOOL" "$SPOOL.away"
    mkdir "$SPOOL"
    expect_status 74 scan
    metrics 'jobs state=waiting 0' 'processors state=alive 1'
    unknown new_crashes
    [[ ! -e $SPOOL/.crashmon ]] || fail "a mark was made"
    expect_status 69 scan --database-port=1
    unknown new_crashes
}

@test "whoever reads the metrics may, whatever the umask" {
    as_a_user
    (umask 077 && scan)
    equal "$(stat -c '%a' "$METRICS"/*)" 644
}

@test "a dry run, a repair and a question leave the metrics as they are" {
    expect_status 0 scan
    before=$(cat "$METRICS"/*)
    for option in --dry-run --repair --show-config --version --help; do
        expect_status 0 scan "$option"
    done
    expect_status 64 scan --no-such-option
    equal "$(cat "$METRICS"/*)" "$before"
    equal "$(ls -A "$METRICS")" crashmon-scan-main.prom
}

@test "a device, a FIFO or a link in the place of the metrics stays what it is, which is a warning" {
    disk "$BATS_TEST_TMPDIR/dev" size=64k
    cd "$BATS_TEST_TMPDIR/dev"
    mknod null c 1 3
    mkfifo fifo
    ln -s null link
    for program in "${PROGRAMS[@]}"; do
        for name in null fifo link; do
            before=$(stat -c '%i %F' "$name")
            expect_status 0 program "$program" --metrics-file="$PWD/$name"
            equal "$(stat -c '%i %F' "$name")" "$before"
            equal "$(grep -c "WARNING - cannot replace \"$PWD/$name\": not a regular file" "$LOG")" 1
        done
        rm "$LOG"
    done
    equal "$(ls -A)" $'fifo\nlink\nnull'
    cd /
}

@test "metrics that cannot be written are a warning, and no run ends for them" {
    crash >/dev/null
    expect_status 0 scan --metrics-file="$BATS_TEST_TMPDIR/nowhere/file"
    equal "$(grep -c 'WARNING - cannot write metrics to ".*/nowhere/file": No such file' "$LOG")" 1
    expect_status 0 scan --metrics-file="$BATS_TEST_TMPDIR/nowhere/"
    equal "$(grep -c 'WARNING - cannot write metrics file ".*/nowhere/": No such file' "$LOG")" 1
    expect_status 1 scan --metrics-file="$BATS_TEST_TMPDIR/nowhere/" --check
    [[ $output == *'cannot write to directory "'*'/nowhere": No such file'* ]] || fail "$output"
    [[ ! -e $BATS_TEST_TMPDIR/nowhere ]] || fail "a directory was asked for"
    sql_is "SELECT count(*) FROM jobs" 1
}
