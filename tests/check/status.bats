#!/usr/bin/env bats
# crashmon-scan --status: what is new, queued and running, on one screen and as JSON.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load jobs

# Prints values of the answer as JSON, by their paths: ask jobs.waiting.count runs.0.state
value() {
    scan --status --json | perl -MJSON::PP -e '
        my $all = decode_json(join "", <STDIN>);
        for my $path (@ARGV) {
            my $value = $all;
            $value = ref $value eq "ARRAY" ? $value->[$_] : $value->{$_} for split /[.]/, $path;
            print !defined $value ? "null" : ref $value && !JSON::PP::is_bool($value)
                ? JSON::PP->new->canonical->encode($value) : $value, "\n";
        }' "$@"
}

# Asserts values of the answer: value_is PATH VALUE [PATH VALUE]...
value_is() {
    local paths=() values=()
    while (($#)); do
        paths+=("$1") values+=("$2")
        shift 2
    done
    equal "$(value "${paths[@]}")" "$(printf '%s\n' "${values[@]}")"
}

# Asserts that the answer has a line that begins so.
says() {
    local line
    [[ ${answer:-} ]] || answer=$(scan --status)
    for line; do
        grep -q -- "^$line" <<<"$answer" || fail "no line: $line" "$answer"
    done
}

@test "new pairs, and how old the oldest is that is ready" {
    crash --count 2 >/dev/null
    crash --without dump >/dev/null
    find "$SPOOL" -name '*.*' -exec touch -h -d '1 day ago' {} +
    find "$SPOOL" -type l -exec touch -h -d '10 minutes ago' {} +
    says 'New         3                     oldest 10 min'
    find "$SPOOL" -name '*.dump' -size +0 -delete
    value_is new.count 3 new.complete 1 new.oldest null
}

@test "the queue by state with the oldest of each, and who started the oldest" {
    alpha=$(processor alpha) beta=$(processor beta)
    job 1 "$alpha" "queueddatetime=now() - interval '65 s'"
    job 2 "$beta" priority=1 attempts=2 "queueddatetime=now() - interval '5 s'"
    job 3 "$alpha" "starteddatetime=now() - interval '90 min'"
    job 4 "$beta" "starteddatetime=now() - interval '3 days 2 hours 10 s'"
    job 5 "$beta" success=true "completeddatetime=now() - interval '20 s'"
    job 6 "$beta" success=false
    job 7 "$beta" "storage='west'"
    says ' *1 *begun before; most attempts: 2$' 'Waiting     2 *oldest 1 min [56] s, 1 requested$' 'Started     2 *oldest 3 d 2 h, by "beta"$' \
        'Finished    1 *oldest 2[0-9] s$' 'Failed      1$'
    value_is jobs.waiting.count 2 jobs.requested.count 1 jobs.started.count 2 \
        jobs.oldest_started_by beta jobs.finished.count 1 jobs.failed.count 1 jobs.failed.oldest null \
        jobs.waiting.complete 1 \
        jobs.tried.count 1 jobs.most_attempts 2
}

@test "the processors: alive, late and dead, since when, and their jobs of all storages" {
    alpha=$(processor alpha)
    processor beta 400
    processor gamma 700
    sql "UPDATE processors SET storages = '{main,west}' WHERE name = 'beta'"
    job 1 "$alpha"
    job 2 "$alpha" "starteddatetime=now()"
    job 3 "$alpha" "storage='west'"
    says 'Processors  1 alive, 1 late, 1 dead$' '  "alpha" *alive [0-9] s ago .*  2 *1$' \
        '  "beta" *late  6 min 4. s ago' '  "gamma" *dead  11 min 4. s ago .*0 *0$'
    value_is processors.alive 1 processors.late 1 processors.dead 1 processors.list.0.waiting 2 \
        processors.list.0.started 1 processors.list.2.state dead \
        processors.list.0.storages null processors.list.1.storages.0 main processors.list.1.storages.1 west
    answer='' says '  "alpha" *alive .* 2 *1$'
    sql "UPDATE processors SET storages = '{NULL}' WHERE name = 'gamma'"
    answer='' says 'Processors  1 alive, 1 late, 0 dead, 1 for other storages alone$' '    serves no storage$'
}

@test "of many processors ten are shown: the dead, the late, and those with most to do" {
    sql "INSERT INTO processors (name) SELECT 'p' || n FROM generate_series(1, 3000) AS n"
    processor late 400
    processor dead 700
    busy=$(sql "SELECT id FROM processors WHERE name = 'p2999'") one=$(sql "SELECT id FROM processors WHERE name = 'p7'")
    for number in 1 2 3; do job $number "$busy"; done
    job 4 "$one" "starteddatetime=now()"
    sql "INSERT INTO jobs (pathname, uuid, owner) SELECT '/x', 'x' || id, id FROM processors WHERE name ~ '^p1...$'"
    answer=$(scan --status)
    equal "$(sed -n '/^Processors/,/^$/s/^  \("[a-z0-9]*"\).*/\1/p' <<<"$answer" | head -5 | xargs)" "dead late p2999 p1000 p1001"
    says 'Processors  3000 alive, 1 late, 1 dead$' '  2,992 others  *993  *1$'
    (($(wc -l <<<"$answer") < 50)) || fail "$answer"
    value_is processors.list.3001.state alive
}

@test "a processor that was silent while no run came is alive, and it is told why" {
    processor alpha 1800
    sql "INSERT INTO crashmon.runs (program, storage, host, pid, started, ended, next_due)
         SELECT 'crashmon-scan', 'main', 'x', 1, t, t, t + interval '5 min'
         FROM unnest(ARRAY[now() - interval '35 min', now()]) AS t"
    says '  "alpha" *alive 30 min . s ago ' '    not late, as the server or all runs were away meanwhile$'
}

@test "requests, throttled crashes, and quarantine by reason with the newest" {
    requests 40 "$(nowhere)" "$(nowhere)"
    collect --root "$DEFERRED" --count 2 >/dev/null
    collect --root "$DEFERRED" --without links >/dev/null
    processor alpha
    crash --without dump --count 2 >/dev/null
    ln -s nowhere "$(find "$SPOOL" -path '*/date/*' -type d | tail -n 1)/stray"
    find "$SPOOL" -exec touch -h -d '2 days ago' {} +
    expect_status 1 scan
    says 'Requests    2 *oldest 4. s$' 'Deferred    3$' 'Quarantine  3 *newest [0-9] s$' \
        '         2  .dump is missing$' '         1  its name is not a crash id$'
    value_is requests.count 2 deferred.count 3 quarantine.count 3 quarantine.complete 1
    equal "$(value quarantine_reasons.0.reason quarantine_reasons.1.reason | sort)" \
        $'.dump is missing\nits name is not a crash id'
    for dir in "$SPOOL/quarantine/20081225"/*-*; do break; done
    for reason in {1..12}; do
        cp -r "$dir" "$dir.$reason"
        sed -i "s/: .dump is missing/: $reason/" "$dir.$reason/reason"
    done
    value_is quarantine.count 15 quarantine_reasons.10.reason 'other reasons'
    equal "$(scan --status --json | perl -MJSON::PP -e 'my $sum; $sum += $_->{count} for @{decode_json(<STDIN>)->{quarantine_reasons}}; print $sum')" 15
}

@test "a day of the quarantine that is a link is told, and not counted; all others are" {
    processor alpha
    crash --count 2 --without dump >/dev/null
    crash --day 20081224 --without dump >/dev/null
    find "$SPOOL" -exec touch -h -d '2 days ago' {} +
    expect_status 1 scan
    mv "$SPOOL/quarantine/20081224" "$BATS_TEST_TMPDIR"
    ln -s "$BATS_TEST_TMPDIR/20081224" "$SPOOL/quarantine/20081224"
    says 'Quarantine  more than 2 ' "  cannot read directory \"$SPOOL/quarantine/20081224\": Not a directory (a symbolic link is not followed)$"
    value_is quarantine.count 2 quarantine.complete 0
    run cleanup_jobs --check
    [[ $output == *"cannot read directory \"$SPOOL/quarantine/20081224\""* ]] || fail "$output"
}

@test "the last run of each program on each storage: how it ended, at work, killed, the next" {
    expect_status 0 cleanup_jobs
    mkdir -p "$BATS_TEST_TMPDIR/west"
    expect_status 0 priority --storage-name=west --storage-root="$BATS_TEST_TMPDIR/west" \
        --deferred-storage-root=
    processor alpha
    crash >/dev/null
    held scan
    says 'Runs  *begun  *exit code  *took  *next one' '  crashmon-cleanup *[0-9] s ago *0  *0\.[0-9]* s *in [45] min' \
        '  crashmon-priority "west" *[0-9] s ago *0 ' '  crashmon-scan *[0-9] s ago *at work'
    psql -qX -c "UPDATE crashmon.runs SET next_due = started WHERE ended IS NULL" # one that works is not late
    answer='' says '  crashmon-scan *[0-9] s ago *at work *$'
    kill -KILL "$pid"
    background_ends 137
    answer='' says '  crashmon-scan *[0-9] s ago *killed' '    its lock is taken: process [0-9]* on .*, database session [0-9]*,'
    value_is runs.1.state killed runs.1.held_up null
    session COMMIT
    await sql_true "SELECT count(*) = 0 FROM crashmon.locks"
    answer='' says '  crashmon-scan *[0-9] s ago *killed'
    expect_status 0 scan
    answer='' says '  crashmon-scan *[0-9] s ago *0 ' '    seen 1: queued 1$'
    sql "UPDATE crashmon.runs SET exit_code = 68, host = 'web2' WHERE program = 'crashmon-scan' AND ended IS NOT NULL"
    answer='' says '  crashmon-scan *[0-9] s ago *68 ' '    no processor on "web2"$'
    sql "UPDATE crashmon.runs SET exit_code = 0 WHERE exit_code = 68"
    value_is runs.1.program crashmon-scan runs.1.outcomes '{"queued":1}' runs.1.exit_code 0
    sql "UPDATE crashmon.runs SET started = started - interval '75 s'"
    [[ $(value runs.1.duration) =~ ^75\.[0-9]+$ ]] || fail "$(value runs.1.duration)"
    answer='' says '  crashmon-scan *1 min 1[5-9] s ago *0  *1 min 15 s '
}

@test "a repair or release that ended more than a day ago is no news; the run of a program is" {
    processor alpha
    expect_status 1 priority --release "$(nowhere)"
    answer=''
    says '  crashmon-priority-release *[0-9]* s ago *1 '
    sql "UPDATE crashmon.runs SET started = started - interval '24 hours', ended = ended - interval '24 hours'"
    answer=''
    says '  crashmon-priority-release *1 d 0 h ago *1 '
    expect_status 0 cleanup_jobs
    sql "UPDATE crashmon.runs SET started = started - interval '26 hours', ended = ended - interval '26 hours'"
    answer=''
    says '  crashmon-cleanup *1 d 2 h ago *0 '
    [[ $answer != *crashmon-priority-release* ]] || fail "$answer"
    value_is runs.1.program crashmon-priority-release runs.1.exit_code 1
    expect_status 1 priority --release "$(nowhere)"
    answer=''
    says '  crashmon-priority-release *[0-9]* s ago *1 '
}

@test "of many storages the runs that have failed are shown, and the others counted" {
    processor alpha
    expect_status 0 scan
    sql "INSERT INTO crashmon.runs (program, storage, host, pid, started, ended, exit_code, next_due)
         SELECT 'crashmon-' || p, 's' || i, 'h', 1, now(), now(), CASE WHEN i = 17 THEN 74 ELSE 0 END,
                now() + CASE WHEN i = 18 THEN interval '-1 s' ELSE interval '5 min' END
         FROM unnest('{scan,cleanup}'::text[]) AS p, generate_series(1, 20) AS i"
    sql "UPDATE crashmon.runs SET started = started - interval '5 min', ended = ended - interval '5 min' WHERE storage = 's18'"
    says '  crashmon-scan  *[0-9] s ago *0 ' '  crashmon-scan "s17" .* 74 ' '  crashmon-cleanup "s18" .* late$' \
        '  30 others; failed or killed: 0, late: 0$'
    equal "$(grep -c '^  crashmon-' <<<"$answer")" 13 # with two that have never run
}

@test "a processor that has left is told from one that has died, and a program that has never run from one that is fine" {
    processor alpha 2000
    sql "SELECT crashmon.leave($(processor beta))"
    says '  none yet$' '  "alpha" *dead  33 min [0-9]* s ago' '  "beta" *dead  has left '
    [[ $answer != *"no run yet"* ]] || fail "$answer"
    processor gamma
    expect_status 0 scan
    answer='' says '  crashmon-scan *[0-9] s ago *0 ' '  crashmon-priority *no run yet$' '  crashmon-cleanup *no run yet$'
}

@test "each place with its free space and its mark; the one that is not the right one is not read" {
    processor alpha
    expect_status 0 scan
    marked
    mark=$(sed 's/.* //' "$SPOOL/.crashmon")
    says "  storage *[0-9.]* [kMGT]B, [0-9]*% .* ${mark:0:8} *$SPOOL$" "  deferred .* $DEFERRED$" \
        "  successful .* $ARCHIVE$" "  failed .* $FAILED$"
    value_is places.0.place storage places.0.mark "$mark" places.0.usable 1 troubles '[]'
    crash >/dev/null
    rm "$SPOOL/.crashmon"
    answer='' says 'New         unknown$' '  storage root .* has no mark: .*is the disk mounted'
    value_is new null places.0.usable 0
}

@test "of each place each member is told, null where it is not known" {
    rmdir "$ARCHIVE"
    shapes=$(scan --status --json | perl -MJSON::PP -e 'print join(" ", sort keys %$_), "\n" for @{decode_json(<STDIN>)->{places}}' | sort | uniq -c)
    [[ $shapes =~ ^\ *5\ bytes\ free_bytes\ free_inodes\ inodes\ mark\ path\ place\ usable$ ]] || fail "$shapes"
    value_is places.2.bytes null places.2.free_inodes null
}

@test "without a database it tells what the disk does, without a disk what the database does" {
    crash --count 2 >/dev/null
    job 1 NULL
    answer=$(PGPORT=1 scan --status)
    says 'New         2' 'Waiting     unknown$' '  cannot connect to the database'
    PGPORT=1 value_is jobs.most_attempts null processors.alive null processors.complete 0
    value_is jobs.most_attempts 0 processors.complete 1
    rm -r "$SPOOL"
    answer=$(scan --status)
    says 'New         unknown$' 'Waiting     1' "  cannot open storage root \"$SPOOL\": No such file"
    value_is new null jobs.waiting.count 1
}

@test "without a database a root without mark that holds no day is not read as if it were empty" {
    QUARANTINE=$BATS_TEST_TMPDIR/quarantine
    mkdir "$QUARANTINE"
    echo "quarantine-to = $QUARANTINE" >>"$CONF"
    rm -r "$SPOOL/20000101" "$DEFERRED/20000101"
    answer=$(PGPORT=1 scan --status)
    says 'New         unknown$' 'Deferred    unknown$' "  storage root \"$SPOOL\" has no mark and holds no day: .* (is the disk mounted?)" \
        "  deferred storage root \"$DEFERRED\" has no mark and holds no day: "
    PGPORT=1 value_is new null deferred null
    PGPORT=1 expect_status 2 scan --check
    [[ $output == *"CRITICAL: storage root \"$SPOOL\" has no mark and holds no day: "* && $output != *' new='* ]] || fail "$output"
    PGPORT=1 expect_status 69 priority --explain "$(nowhere)"
    [[ $output == *"storage root \"$SPOOL\": not all of it could be read"* ]] || fail "$output"
    mkdir "$SPOOL/20081225" # a day is proof that it is no mount point
    answer=$(PGPORT=1 scan --status)
    says 'New         0$' "  quarantine \"$QUARANTINE\" has no mark and holds no day: " 'Quarantine  unknown$'
}

@test "without the schema, or one that is locked, it tells so and what else there is" {
    session "BEGIN; LOCK TABLE priorityjobs"
    says 'Requests    unknown$' 'Waiting     0$' '  cannot count the requests: .*lock timeout'
    session "ROLLBACK; ALTER SCHEMA crashmon RENAME TO other"
    answer=$(scan --status)
    session "ALTER SCHEMA other RENAME TO crashmon"
    says 'Waiting     unknown$' 'New         0$' '  cannot read the version of the schema'
}

@test "while the jobs are locked the last runs are told all the same" {
    expect_status 0 priority
    session "BEGIN; LOCK TABLE jobs" >/dev/null
    says '  crashmon-priority *[0-9] s ago *0 '
    session COMMIT
}

@test "with all tables locked the questions are answered in time, and each sentence is one" {
    job 1 NULL
    session "BEGIN; LOCK TABLE jobs, processors, priorityjobs, crashmon.runs, crashmon.storages, crashmon.pauses"
    for question in 'scan --status' 'cleanup_jobs --check' "priority --explain $(nowhere) $(nowhere)"; do
        # shellcheck disable=SC2086 # several words
        within 3 run $question
        [[ $output == *'lock timeout'* && $output != *LINE* && $output != *'   ^'* ]] || fail "$output"
    done
    session ROLLBACK
}

@test "what is said to have begun before all time is the oldest, and no threshold passes over it" {
    alpha=$(processor alpha)
    job 1 "$alpha" "queueddatetime='-infinity'"
    job 2 "$alpha" "starteddatetime='-infinity'"
    job 3 "$alpha" success=true "completeddatetime='-infinity'"
    sql "INSERT INTO priorityjobs VALUES ('x', '-infinity')"
    says 'Waiting     1 *oldest 2[0-9]* d' 'Started     1 *oldest 2[0-9]* d .* by "alpha"' \
        'Finished    1 *oldest 2[0-9]* d' 'Requests    1 *oldest 2[0-9]* d'
    expect_status 2 scan --check
    [[ $output == *'CRITICAL: the oldest started job has been with "alpha" for 2'* ]] || fail "$output"
}

@test "it changes nothing anywhere, writes no log, makes no mark, and takes no lock" {
    processor alpha
    crash --count 2 >/dev/null
    expect_status 0 scan --limit=1
    touch -d '1 day ago' "$SPOOL" "$DEFERRED" "$ARCHIVE" "$FAILED"
    rm -f "$LOG" "$SPOOL/.crashmon"
    lock crashmon-scan
    before=$(everything; stat -c '%n %y %z' "$BATS_TEST_TMPDIR"/*)
    scan --status >/dev/null
    scan --status --json >/dev/null
    equal "$(everything; stat -c '%n %y %z' "$BATS_TEST_TMPDIR"/*)" "$before"
    [[ ! -e $SPOOL/.crashmon && ! -e $LOG ]]
}

@test "names from outside stand in quotes and cannot begin a line; a screen has 80 columns" {
    alpha=$(processor $'alpha\nProcessors  0 alive')
    processor "$(printf 'long%.0s' {1..60})"
    job 1 "$alpha" "starteddatetime=now() - interval '1 day'"
    answer=$(scan --status)
    says '  "alpha\\nProcessors' 'Started     1 *oldest 1 d 0 h, by "alpha\\nProcessors'
    [[ $(grep -c '^Processors' <<<"$answer") == 1 ]] || fail "$answer"
    ! sed "s|$BATS_TEST_TMPDIR||" <<<"$answer" | grep -E '.{81}' || fail "too wide: $answer"
    value_is jobs.oldest_started_by $'alpha\nProcessors  0 alive'
}
