#!/usr/bin/env bats
# options_log.bats - options seen at work: the logs, the metrics, the database, the silence.
# shellcheck disable=SC2154 # pid is set by background
load ../helper


# A run that logs at DEBUG (the crash), INFO (the summary) and ERROR (a row that is rejected).
eventful() {
    lost='no crash'
    ended true "$(collect --without links)" "$lost"
    expect_status 1 cleanup_jobs "$@"
}

# The levels that occur in the log.
levels() {
    grep -oE ' (DEBUG|INFO|WARNING|ERROR|CRITICAL) - ' "$LOG" | sort -u | tr -d ' -' | xargs
}

@test "a good run prints nothing: all three programs, with work and without" {
    for work in none some; do
        if [[ $work == some ]]; then
            processor p1
            id=$(collect)
            throttled=$(collect --root "$DEFERRED")
            request "$throttled"
        fi
        for program in "${PROGRAMS[@]}"; do
            [[ $work == some || $program != crashmon-scan ]] || continue
            [[ $program != crashmon-cleanup || $work == none ]] || finish "$id" true
            run --separate-stderr program "$program"
            [[ $status == 0 && -z $output && -z $stderr ]] || fail "$status" "$output" "$stderr"
        done
    done
    pair_is_whole "$ARCHIVE" "$(date +%Y%m%d)" "$id"
    run --separate-stderr scan
    [[ $status == 0 && -z $output && -z $stderr ]] || fail "$status" "$output" "$stderr"
}

# --- levels

# LEVEL:WHAT-IS-LOGGED...
levels_log() {
    local case
    for case; do
        rm -f "$LOG"
        sql "TRUNCATE jobs, priorityjobs, processors RESTART IDENTITY CASCADE"
        eventful --log-file-error-logging-level="${case%%:*}"
        touch "$LOG"
        [[ $(levels) == "${case#*:}" ]] || fail "${case%%:*}: $(levels)"
    done
}

@test "--log-file-error-logging-level says what is logged: 10 all, 20 no DEBUG, 40 errors alone" {
    eventful
    [[ $(levels) == "DEBUG ERROR INFO" ]] || fail "10: $(levels)"
    levels_log 20:'ERROR INFO' 15:'ERROR INFO' 30:ERROR 40:ERROR 50:
}

@test "levels have names, too" {
    levels_log DEBUG:'DEBUG ERROR INFO' INFO:'ERROR INFO' WARNING:ERROR ERROR:ERROR CRITICAL:
}

@test "--stderr-error-logging-level says what is printed: 40 errors, 20 the summary as well" {
    eventful
    [[ $output == *ERROR*"$lost"* && $output != *INFO* ]] || fail "40: $output"
    for case in 50: 20:seen INFO:seen 10:DEBUG; do
        sql "TRUNCATE jobs, priorityjobs, processors RESTART IDENTITY CASCADE"
        eventful --stderr-error-logging-level="${case%%:*}"
        [[ $output == *"${case#*:}"* && ( -n $output || $case == 50: ) ]] || fail "$case $output"
    done
    run --separate-stderr cleanup_jobs --stderr-error-logging-level=20
    [[ -z $output && $stderr == *seen* ]] || fail "not on stderr" "$output" "$stderr"
}

# --- formats

@test "the format of a line is Python's, with width and flags, in the file and on stderr" {
    format='%(levelno)s|%(levelname)-8s|%(levelname)8s|%(name)s|%(process)d|%%|%(message)s'
    printf '%s\n' "log-file-line-format-string = $format" "stderr-line-format-string = <$format" \
        'stderr-error-logging-level = 20' >>"$CONF"
    background cleanup_jobs
    background_ends 0
    line=$(grep seen "$LOG")
    [[ $line == "20|INFO    |    INFO|crashmon-cleanup|$pid|%|seen 0"* ]] || fail "$line"
    equal "$(grep seen <<<"$output")" "<$line"
}

@test "asctime has milliseconds after a comma, and the default line is Python's" {
    expect_status 0 cleanup_jobs
    ! grep -qvE '^2[0-9]{3}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2},[0-9]{3} [A-Z]+ - .' "$LOG" ||
        fail "another line"
    [[ $(grep seen "$LOG") == "$(date +%Y-%m-%d)"* ]] || fail "not today, here"
}

@test "a format that is bad is reported with the position (78), and never a crash" {
    for bad in '%(nothing)s' '%(message' '%' 'abc%' '%s' '%(message)' '%(message)q' '%()s' '%n' \
        '%(asctime)s %(levelname)s - %(mesage)s' '%(levelname)s %(message)n' '%(message)%'; do
        for name in log-file-line-format-string stderr-line-format-string; do
            expect_status 78 scan "--$name=$bad"
            [[ $output == *"$name"* ]] || fail "does not name it: $output"
            grep -qE '(position|column|character|byte|at) [0-9]+' <<<"$output" ||
                fail "no position: $output"
        done
    done
}

@test "widths that are absurd do no harm" {
    for format in '%(message)99999999999s' '%(message)-2000000000s' '%(levelno)*d' '%(message).3s' \
        '%(levelno)010d %(message)s' '%(process)#x %(message)s'; do
        run cleanup_jobs --log-file-line-format-string="$format"
        [[ $status == 0 || $status == 78 ]] || fail "$format: exit code $status" "$output"
    done
}

# --- the log file

@test "the default log file is ./monitor.log" {
    mkdir "$BATS_TEST_TMPDIR/here"
    cd "$BATS_TEST_TMPDIR/here"
    sed -i '/^log-file/d' "$CONF"
    expect_status 0 cleanup_jobs
    grep -q seen monitor.log
    cd /
}

@test "the three programs share one log file" {
    processor p1
    for program in "${PROGRAMS[@]}"; do
        expect_status 0 program "$program" --log-file-line-format-string='%(name)s %(message)s'
    done
    for program in "${PROGRAMS[@]}"; do
        [[ $(grep -c "^$program seen" "$LOG") == 1 ]] || fail "not once: $program"
    done
}

@test "the three programs, several at a time, rotate one log and lose, tear and double no line" {
    local pids=() one
    processor p1
    mapfile -t queued < <(collect --count 12)
    mapfile -t ended < <(collect --without links --count 12)
    mapfile -t wanted < <(collect --root "$DEFERRED" --count 12)
    ended true "${ended[@]}"
    for id in "${wanted[@]}"; do request "$id"; done
    for program in "${PROGRAMS[@]}" "${PROGRAMS[@]}"; do
        background program "$program" --lock-wait=00:01:00 --batch-size=5 \
            --log-file-maximum-size=1000 --log-file-maximum-backup-history=100 \
            --log-file-line-format-string='%(name)s[%(process)d] %(message)s.'
        pids+=("$pid")
    done
    for one in "${pids[@]}"; do background_ends 0 "$one"; done
    for file in "$LOG".*; do (($(stat -c %s "$file") < 1000)) || fail "$(ls -l "$LOG"*)"; done
    [[ -z $(cat "$LOG"* | grep -vE '^crashmon-[a-z]+\[[0-9]+\] .*\.$') ]] || fail "$(cat "$LOG"*)"
    for id in "${queued[@]}" "${ended[@]}" "${wanted[@]}"; do
        [[ $(cat "$LOG"* | grep -c " \"$id\": ") == 1 ]] || fail "not once: $id"
    done
    for one in "${pids[@]}"; do
        [[ $(cat "$LOG"* | grep -c "\[$one\] seen ") == 1 ]] || fail "not once: $one"
    done
}

@test "DEBUG has one line for each crash that says what was decided, and INFO two for a run" {
    processor p1
    new=$(collect) half=$(collect --without dump) unsettled=$(collect --age 0)
    queued=$(collect)
    sql "INSERT INTO jobs (uuid, pathname) SELECT '$queued', '$(find "$SPOOL" -name "$queued.json")'"
    expect_status 0 scan
    for id in "$half" "$unsettled"; do
        [[ $(grep -c " DEBUG - \"$id\": left: " "$LOG") == 1 ]] || fail "$(cat "$LOG")"
    done
    [[ $(grep -c " DEBUG - \"$new\": queued: for processor \"p1\"" "$LOG") == 1 ]] ||
        fail "$(cat "$LOG")"
    [[ $(grep -c " DEBUG - \"$queued\": already queued: its links are removed" "$LOG") == 1 ]] ||
        fail "$(cat "$LOG")"
    [[ $(grep -c ' DEBUG - ' "$LOG") == 4 ]] || fail "$(cat "$LOG")"
    rm -r "${SPOOL:?}"/2*
    for program in "${PROGRAMS[@]}"; do
        rm "$LOG"
        expect_status 0 program "$program"
        [[ $(grep -c ' INFO - ' "$LOG") == 2 && $(wc -l <"$LOG") == 2 ]] || fail "$(cat "$LOG")"
    done
}

@test "the log is rotated at its maximum size, and so many old ones are kept" {
    processor p1
    collect --count 40
    expect_status 0 scan --log-file-maximum-size=1000 --log-file-maximum-backup-history=2
    equal "$(cd "${LOG%/*}" && echo "${LOG##*/}"*)" "crashmon.log crashmon.log.1 crashmon.log.2"
    for file in "$LOG"*; do (($(stat -c %s "$file") <= 1000)) || fail "$(ls -l "$LOG"*)"; done
}

@test "a maximum size of 0 never rotates" {
    processor p1
    collect --count 20
    printf 'log-file-line-format-string = %%(message)s %s\n' "$(printf 'x%.0s' {1..3000})" >>"$CONF"
    for _ in {1..20}; do cat "$CONF" "$CONF"; done >"$LOG"
    expect_status 0 scan --log-file-maximum-size=0
    equal "$(echo "$LOG"*)" "$LOG"
}

# --- metrics

# Asserts that a file is what Prometheus reads, and tells of this program's good run.
is_metrics() {
    [[ -s $1 ]] || fail "no metrics: $1"
    ! grep -qvE '^(# (HELP|TYPE) .+|[a-z_]+(\{([a-z_]+="[^"]*",?)*\})? [0-9.eE+-]+)$' "$1" ||
        fail "$(cat "$1")"
    grep -q "${2#crashmon-}" "$1" || fail "$(cat "$1")"
}

@test "--metrics-file names a file, or a directory for PROGRAM-STORAGE.prom, whole and alone" {
    processor p1
    collect --count 3
    mkdir "$BATS_TEST_TMPDIR/metrics" "$BATS_TEST_TMPDIR/two"
    sed "s|^storage-root.*|storage-root = $BATS_TEST_TMPDIR/two|; /^deferred/d" "$CONF" >"$CONF.two"
    cp "$CONF" "$CONF.main"
    for program in "${PROGRAMS[@]}"; do
        expect_status 0 program "$program" --metrics-file="$BATS_TEST_TMPDIR/$program.prom"
        is_metrics "$BATS_TEST_TMPDIR/$program.prom" "$program"
        for storage in main two; do
            CONF=$CONF.$storage expect_status 0 program "$program" --metrics-file="$BATS_TEST_TMPDIR/metrics" \
                --storage-name=$storage
            is_metrics "$BATS_TEST_TMPDIR/metrics/$program-$storage.prom" "$program"
        done
    done
    [[ $(find "$BATS_TEST_TMPDIR/metrics" -mindepth 1 | wc -l) == 6 ]] ||
        fail "$(ls -A "$BATS_TEST_TMPDIR/metrics")"
}

# --- the database

@test "the database options reach libpq and win over its variables" {
    printf '%s\n' "database-host = $PGHOST" "database-port = $PGPORT" \
        "database-name = $PGDATABASE" "database-user-name = ${PGUSER:-$(id -un)}" >>"$CONF"
    for program in crashmon-priority crashmon-cleanup; do
        PGHOST=/nowhere PGPORT=1 PGDATABASE=none PGUSER=nobody expect_status 0 program "$program"
    done
    sql_is "SELECT count(*) FROM crashmon.runs" 2
}

@test "without the database options libpq's service file and password file count" {
    dir=$BATS_TEST_TMPDIR
    printf '%s\n' '[crashes]' "host=$PGHOST" "port=$PGPORT" "dbname=$PGDATABASE" \
        "user=${PGUSER:-$(id -un)}" >"$dir/services"
    echo "*:*:*:*:$PGPASSWORD" >"$dir/passwords"
    chmod 600 "$dir/passwords"
    expect_status 0 env -u PGHOST -u PGPORT -u PGDATABASE -u PGUSER -u PGPASSWORD \
        PGSERVICEFILE="$dir/services" PGSERVICE=crashes PGPASSFILE="$dir/passwords" \
        "$BUILD/crashmon-cleanup" --config="$CONF"
}

@test "the database options win over libpq's service file" {
    dir=$BATS_TEST_TMPDIR
    printf '[crashes]\nhost=/nowhere\nport=1\ndbname=none\nuser=nobody\n' >"$dir/services"
    printf '%s\n' "database-host = $PGHOST" "database-port = $PGPORT" \
        "database-name = $PGDATABASE" "database-user-name = ${PGUSER:-$(id -un)}" >>"$CONF"
    processor p1
    for program in crashmon-scan crashmon-priority crashmon-cleanup; do
        PGSERVICEFILE=$dir/services PGSERVICE=crashes expect_status 0 program "$program"
    done
}

@test "a database that is not there, a wrong port, a wrong host: 69 with the reason" {
    for program in "${PROGRAMS[@]}"; do
        for bad in database-port=1:1 database-name=no_such_database:no_such_database \
            database-host=/no/such/place:/no/such/place; do
            expect_status 69 program "$program" "--${bad%%:*}"
            [[ $output == *"${bad#*:}"* ]] || fail "no reason: $output"
            log_has "${bad#*:}"
        done
    done
}

@test "the suffix options name the files in a scan, and no others" {
    processor p1
    id=$(collect --day 20081225) other=$(collect --day 20081225)
    pair=$SPOOL/20081225/name/$(name_dir "$id")/$id
    mv "$pair.json" "$pair.meta"
    mv "$pair.dump" "$pair.mdmp"
    expect_status 0 scan --json-file-suffix=.meta --dump-file-suffix=.mdmp
    sql_is "SELECT pathname FROM jobs" "$pair.meta"
    has_links "$other"
}
