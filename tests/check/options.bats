#!/usr/bin/env bats
# options.bats - options on the command line: which there are, which values they take, what wins.
load ../helper

# Every option with its default, and with another value that is good; | stands between.
# shellcheck disable=SC2034 # three of the lists are used by name
{
COMMON='
database-host||localhost
database-port||1
database-name||nobody_has_this
database-user-name||nobody
storage-root||SPOOL
deferred-storage-root||DEFERRED
storage-name|main|two
json-file-suffix|.json|.meta
dump-file-suffix|.dump|.mdmp
quarantine-to||SPOOL/dustbin
log-file-pathname|./monitor.log|LOG
log-file-maximum-size|1000000|2000000
log-file-maximum-backup-history|50|5
log-file-line-format-string|%(asctime)s %(levelname)s - %(message)s|%(name)s %(message)s
log-file-error-logging-level|10|20
stderr-line-format-string|%(asctime)s %(levelname)s - %(message)s|%(process)d %(message)s
stderr-error-logging-level|40|50
stderr-repeat-delay|01:00:00|00:30:00
batch-size|1000|7
run-time-limit|00:00:00|00:10:00
lock-wait|00:00:00|00:00:07
limit|0|70
metrics-file||SPOOL.prom
check-overdue|00:05:00,00:30:00|00:06:00
check-running|06:00:00,24:00:00|,48:00:00
check-exit-code|1,64|64
check-space|10,5|100,0
check-inodes|10,5|7'
SCAN='
processor-check-in-time|00:05:00|00:04:00
standard-loop-delay|00:05:00|00:07:00
settle-time|00:00:05|00:00:06
incomplete-age|24:00:00|120:00:00
job-timeout|24:00:00|25:00:00
maximum-attempts|5|6
check-new|00:15:00,01:00:00|00:16:00,01:01:00
check-waiting|01:00:00,06:00:00|01:00:01,06:00:00
check-started|06:00:00,24:00:00|05:00:00,24:00:00
check-processors|1,1|3,2
check-quarantine|24:00:00|24:00:00,01:00:00'
PRIORITY='
processor-check-in-time|00:05:00|00:04:00
priority-loop-delay|00:01:00|00:02:00
settle-time|00:00:05|00:00:06
give-up-after|00:10:00|00:20:00
check-requests|00:15:00,00:30:00|00:15:01,00:30:00'
CLEANUP='
incomplete-age|24:00:00|120:00:00
keep-empty-days|2|3
keep-deferred-days||60
keep-quarantine-days||90
cleanup-jobs-loop-delay|00:05:00|00:06:00
save-successful-minidumps-to|/tmp/socorro-sucessful|ARCHIVE
save-failed-minidumps-to|/tmp/socorro-failed|FAILED
dump-permissions|0660|0640
dir-permissions|0770|0750
dump-gid||4242
check-finished|06:00:00,48:00:00|07:00:00,48:00:00
check-quarantine|24:00:00|24:00:00,01:00:00'
}

# The options of a program that have a value, one a line.
options_of() {
    local its=${1#crashmon-}
    its=${its^^}
    echo "$COMMON${!its}" | sed "s|ARCHIVE|$ARCHIVE|; s|FAILED|$FAILED|; s|DEFERRED|$DEFERRED|
        s|SPOOL|$SPOOL|; s|LOG|$LOG|; /^$/d"
}

# Runs a program that must end with this code and say this, and must not even come to the log.
not_begun() {
    local want=$1 says=$2
    expect_status "$want" "${@:3}"
    [[ $output == *"$says"* ]] || fail "does not say $says: $output"
    [[ ! -e $LOG ]] || fail "has begun: ${*:3}"
}

# Asserts that $output of --show-config has an option's other value, from this source.
takes() {
    local name=${2%%|*} value=${2##*|}
    [[ $'\n'$output$'\n' == *$'\n'"# $3"$'\n'"$name = $value"$'\n'* ]] ||
        fail "$1 does not take $name = $value from $3:" "$output"
}

@test "the lists have every option with a value of each program" {
    for program in "${PROGRAMS[@]}"; do
        equal "$("$BUILD/$program" --help | grep -oP -- '--\K[a-z-]+(?==)' | grep -vx config | sort)" \
            "$(options_of "$program" | cut -d '|' -f 1 | sort)"
    done
}

@test "every option is taken from the command line" {
    for program in "${PROGRAMS[@]}"; do
        mapfile -t options < <(options_of "$program")
        arguments=()
        for option in "${options[@]}"; do arguments+=("--${option%%|*}=${option##*|}"); done
        arguments+=(--dry-run --show-config)
        expect_status 0 "$BUILD/$program" --config=/dev/null "${arguments[@]}"
        for option in "${options[@]}" 'dry-run||on'; do
            takes "$program" "$option" 'command line'
        done
    done
}

@test "every option of every program is taken from one file, by all three" {
    mapfile -t options < <(for program in "${PROGRAMS[@]}"; do
        options_of "$program"
    done | sort -u; echo 'dry-run||on')
    printf '%s\n' "${options[@]}" | sed 's/|.*|/ = /' >"$CONF"
    for program in "${PROGRAMS[@]}"; do
        expect_status 0 program "$program" --show-config
        for n in "${!options[@]}"; do
            takes "$program" "${options[n]}" "$CONF:$((n + 1))"
        done
    done
}

@test "without a file and options there are the defaults" {
    for program in "${PROGRAMS[@]}"; do
        expect_status 0 "$BUILD/$program" --config=/dev/null --storage-root="$SPOOL" --show-config
        while IFS='|' read -r name default _; do
            [[ $name != storage-root ]] || continue
            [[ $'\n'$output$'\n' == *$'\n# default\n'"$name = $default"$'\n'* ]] || fail "$name" "$output"
        done < <(options_of "$program")
    done
}

@test "the command line wins over the file, the file over the default" {
    printf '%s\n' 'limit = 5' 'batch-size = 6' >>"$CONF"
    expect_status 0 scan --show-config --limit=4
    grep -qxF 'limit = 4' <<<"$output"
    grep -qxF 'batch-size = 6' <<<"$output"
    grep -qxF 'lock-wait = 00:00:00' <<<"$output"
    processor p1
    collect --count 6
    expect_status 0 scan --limit=4
    sql_is "SELECT count(*) FROM jobs" 4
}

@test "a blank on the command line wins over the file" {
    id=$(collect)
    ended true "$id"
    expect_status 0 cleanup_jobs --save-successful-minidumps-to=
    [[ -z $(find "$SPOOL" "$ARCHIVE" ! -type d) ]] || fail "$(find "$SPOOL" "$ARCHIVE")"
}

@test "--config FILE is as good as --config=FILE, and so it is with other options" {
    processor p1
    collect --count 3
    expect_status 0 "$BUILD/crashmon-scan" --config "$CONF" --limit 2
    sql_is "SELECT count(*) FROM jobs" 2
}

@test "short options are the long ones: -n, -c, -l, and -v once and twice" {
    mapfile -t shown < <(program crashmon-cleanup --dry-run --limit=3 --stderr-error-logging-level=INFO --show-config)
    expect_status 0 "$BUILD/crashmon-cleanup" -c "$CONF" -nvl3 --show-config
    equal "$output" "$(printf '%s\n' "${shown[@]}")"
    for debug in -vv '-v --verbose' '--stderr-error-logging-level=ERROR -vvv'; do
        # shellcheck disable=SC2086 # several words
        expect_status 0 scan $debug --show-config
        takes scan 'stderr-error-logging-level||10' 'command line'
    done
    expect_status 0 scan -v --stderr-error-logging-level=ERROR --show-config
    takes scan 'stderr-error-logging-level||40' 'command line'
    processor p1
    id=$(collect)
    expect_status 0 scan -v
    [[ $output == *" INFO - "* && $output != *"$id"* ]] || fail "$output"
    id=$(collect)
    expect_status 0 scan -vv
    [[ $output == *" DEBUG - \"$id\": queued"* ]] || fail "$output"
}

@test "without --config a file that is not there is no error" {
    file=$("$BUILD/crashmon-scan" --help | tr -s ' \n' ' ' | grep -oE '\(/[^ ]*/crashmon\.conf\)')
    [[ ! -e ${file:1:-1} ]] || skip "there is a file ${file:1:-1}"
    expect_status 0 "$BUILD/crashmon-cleanup" --storage-root="$SPOOL" --log-file-pathname="$LOG"
}

@test "what --show-config prints is read again as a configuration file, to the same effect" {
    sed -i 's/^save-failed.*/save-failed-minidumps-to =/' "$CONF"
    cat >>"$CONF" <<'END'
log-file-line-format-string = # "%(message)s" 'quoted' = \n # $HOME
stderr-line-format-string = "%(message)s
limit = 77
dry-run = on
END
    for program in "${PROGRAMS[@]}"; do
        program "$program" --show-config --batch-size=9 >"$BATS_TEST_TMPDIR/shown"
        run --separate-stderr "$BUILD/$program" --config="$BATS_TEST_TMPDIR/shown" --show-config
        [[ $status == 0 ]] || fail "exit code $status" "$stderr"
        equal "$(grep -v '^#' <<<"$output")" "$(grep -v '^#' "$BATS_TEST_TMPDIR/shown")"
    done
}

@test "--show-config prints nothing else, does nothing, and needs no database" {
    processor p1
    collect
    request "$(collect --without links)"
    before=$(db_state; spool_state "$SPOOL")
    for program in "${PROGRAMS[@]}"; do
        PGPORT=1 run --separate-stderr program "$program" --show-config --dry-run
        [[ $status == 0 && -z $stderr ]] || fail "exit code $status" "$stderr"
        ! grep -qvE '^(#.*|[a-z-]+ =.*)$' <<<"$output" || fail "$output"
    done
    equal "$(db_state; spool_state "$SPOOL")" "$before"
}

# --- what is not accepted

@test "an option of another program is bad usage (64), which says of which" {
    for option in --status --status=on --share-waiting; do
        expect_status 64 priority "$option"
        equal "$output" "crashmon-priority: ${option%=*} is an option of crashmon-scan (see --help)"
    done
    expect_status 64 cleanup_jobs --check-processors=1
    [[ $output == *'--check-processors is an option of crashmon-scan (see --help)' ]] || fail "$output"
    expect_status 64 scan --explain
    [[ $output == *'--explain is an option of crashmon-priority (see --help)' ]] || fail "$output"
    expect_status 64 cleanup_jobs --settle-time=00:00:01
    [[ $output == *'--settle-time is an option of crashmon-scan and crashmon-priority (see --help)' ]] || fail "$output"
}

@test "an unknown option is bad usage (64)" {
    for program in "${PROGRAMS[@]}"; do
        not_begun 64 --no-such-option program "$program" --no-such-option
        not_begun 64 --limits program "$program" --limits=5
        not_begun 64 -x program "$program" -x
    done
}

@test "the password is not taken from the command line (64)" {
    for program in "${PROGRAMS[@]}"; do
        expect_status 64 program "$program" --database-password=secret
    done
}

@test "a stray argument is bad usage (64)" {
    for program in crashmon-scan crashmon-cleanup; do
        not_begun 64 stray program "$program" stray
        not_begun 64 stray program "$program" --limit=5 -- stray
        expect_status 64 program "$program" ''
    done
}

@test "an option without its value is bad usage (64)" {
    expect_status 64 scan --batch-size
}

@test "a number that is none, or out of range, is an invalid configuration (78)" {
    for bad in x -1 5x '' 1e3 99999999999999999999 0x 1.5 '5 5'; do
        not_begun 78 batch-size scan "--batch-size=$bad"
    done
    for name in limit log-file-maximum-size log-file-maximum-backup-history; do
        not_begun 78 "$name" scan "--$name=x"
    done
    not_begun 78 batch-size scan --batch-size=0
    for bad in x -1 5x 99999999999999999999 4294967296; do
        not_begun 78 dump-gid cleanup_jobs "--dump-gid=$bad"
    done
}

@test "a duration that is none is an invalid configuration (78)" {
    for bad in 5 0:5:0 00:60:00 00:00:60 00:05 1:2:3:4 aa:bb:cc -00:01:00 '' 00:05:00x 00:05:00.5 \
        99999999999:00:00 00:-1:00 '00: 5:00'; do
        not_begun 78 lock-wait scan "--lock-wait=$bad"
    done
    for name in settle-time incomplete-age standard-loop-delay processor-check-in-time; do
        not_begun 78 "$name" scan "--$name=5"
    done
    for name in give-up-after priority-loop-delay; do
        not_begun 78 "$name" priority "--$name=5"
    done
    not_begun 78 cleanup-jobs-loop-delay cleanup_jobs --cleanup-jobs-loop-delay=5
}

@test "permissions that are no octal mode are an invalid configuration (78)" {
    for bad in 8 0668 -1 10000 0777777777777777777777777 '' rw-rw---- 0o660 0x1ff 660x; do
        for name in dump-permissions dir-permissions; do
            not_begun 78 "$name" cleanup_jobs "--$name=$bad"
        done
    done
}

@test "permissions as Socorro has them, in decimal, are an invalid configuration (78), and told" {
    for number in 432:0660 416:0640 420:0644 436:0664; do
        not_begun 78 "as a decimal number it would be ${number#*:}" cleanup_jobs \
            --dump-permissions="${number%:*}"
    done
    for number in 504:0770 488:0750 493:0755; do
        not_begun 78 "as a decimal number it would be ${number#*:}" cleanup_jobs \
            --dir-permissions="${number%:*}"
    done
}

@test "a level that is none is an invalid configuration (78)" {
    for bad in LOUD -1 '' 10x 99999999999999999999; do
        for name in log-file-error-logging-level stderr-error-logging-level; do
            not_begun 78 "$name" scan "--$name=$bad"
        done
    done
}

@test "a suffix that leads out of the directory, or is that of the other file, is invalid (78)" {
    for bad in '' / /../x.json a/b; do
        for name in json-file-suffix dump-file-suffix; do
            not_begun 78 "$name" scan "--$name=$bad"
        done
    done
    not_begun 78 file-suffix scan --json-file-suffix=.dump
}

@test "a storage name that is empty is invalid (78)" {
    for program in "${PROGRAMS[@]}"; do
        not_begun 78 storage-name program "$program" --storage-name=
    done
}

@test "what would leave undone what was asked for is wrong usage (64): two tasks, or ids for one that takes none" {
    for run in "${RUNS[@]}"; do
        mapfile -t tasks < <("$run" --help | grep -oE -- '--(adopt|repair|release|status|explain|check) ' | tr -d ' ')
        ((${#tasks[@]} > 2)) || fail "${tasks[*]}"
        for ((i = 0; i < ${#tasks[@]}; i++)); do
            for task in "${tasks[@]:i+1}"; do
                not_begun $([[ ${tasks[i]}$task == *--check* ]] && echo 3 || echo 64) \
                    "${tasks[i]} and $task cannot be used together" "$run" "$task" "${tasks[i]}" --limit=1
            done
        done
    done
    not_begun 64 "--adopt cannot be used with crash ids" priority --adopt "$(nowhere)"
    not_begun 3 "--check cannot be used with crash ids" priority --check "$(nowhere)"
    not_begun 64 "--release needs the id of a crash" priority --release
    echo "adopt = on" >>"$CONF"
    not_begun 64 "--adopt and --repair" scan --repair --dry-run
}

@test "a path that is relative, or too long for any, is a mistake of the configuration (78)" {
    for option in storage-root deferred-storage-root quarantine-to save-failed-minidumps-to; do
        not_begun 78 "must begin with a slash" cleanup_jobs "--$option=spool"
        not_begun 78 "too long" cleanup_jobs "--$option=/$(printf 'x%.0s' {1..256})"
    done
}

@test "a switch in the file that a program does not have is nothing to it: repair and status" {
    printf '%s = on\n' repair status >>"$CONF"
    id=$(nowhere)
    expect_status 0 priority "$id"
    equal "$(requested)" "$id"
    sql_is "SELECT program FROM crashmon.runs" crashmon-priority
    expect_status 0 priority --adopt
}

@test "a bad value on the command line is reported, whatever the file says, and nothing is done" {
    processor p1
    collect
    request "$(collect --without links)"
    before=$(db_state; spool_state "$SPOOL")
    for program in "${PROGRAMS[@]}"; do
        for bad in --limit=x --lock-wait=1 --batch-size=; do
            run program "$program" "$bad"
            [[ $status == 78 ]] || fail "exit code $status" "$output"
        done
    done
    equal "$(db_state; spool_state "$SPOOL")" "$before"
}

# --- the storage roots

@test "no storage root, or a blank one, is an invalid configuration (78)" {
    for program in "${PROGRAMS[@]}"; do
        not_begun 78 storage-root program "$program" --storage-root=
        not_begun 78 storage-root "$BUILD/$program" --config=/dev/null --log-file-pathname="$LOG"
    done
}

@test "a storage root that is missing, or is a file (74)" {
    touch "$BATS_TEST_TMPDIR/file"
    for program in "${PROGRAMS[@]}"; do
        for root in none file; do
            expect_status 74 program "$program" --storage-root="$BATS_TEST_TMPDIR/$root"
            [[ $output == *"$BATS_TEST_TMPDIR/$root"* ]] || fail "does not name it: $output"
        done
    done
    [[ ! -e $BATS_TEST_TMPDIR/none ]]
}

@test "a deferred storage root that is missing, or is a file (74)" {
    touch "$BATS_TEST_TMPDIR/file"
    for program in crashmon-priority crashmon-cleanup; do
        for root in none file; do
            expect_status 74 program "$program" --deferred-storage-root="$BATS_TEST_TMPDIR/$root"
            [[ $output == *"$BATS_TEST_TMPDIR/$root"* ]] || fail "does not name it: $output"
        done
    done
}

# --- help

@test "--help lists every option with its default, and needs no file and no database" {
    for program in "${PROGRAMS[@]}"; do
        PGPORT=1 run --separate-stderr "$BUILD/$program" --config=/nowhere --help
        [[ $status == 0 && -z $stderr ]] || fail "exit code $status" "$stderr"
        flat=$(tr -s ' \n' ' ' <<<"$output")
        while IFS='|' read -r name default _; do
            [[ $flat == *" --$name="* ]] || fail "$program: $name is missing" "$output"
            its=${flat#*" --$name="}
            [[ ${its%%' --'*} == *"$default"* ]] || fail "$program: $name: no $default" "$output"
        done < <(options_of "$program")
        for name in dry-run config version usage help; do
            [[ $flat == *"--$name"* ]] || fail "$program: $name is missing" "$output"
        done
    done
}

@test "--usage and --version print what they should, and nothing is done" {
    for program in "${PROGRAMS[@]}"; do
        expect_status 0 program "$program" --usage
        [[ $output == *"$program"*--storage-root* ]] || fail "$output"
        expect_status 0 program "$program" --version
        [[ $output =~ ^$program\ [0-9]+\.[0-9]+ ]] || fail "$output"
        [[ ! -e $LOG ]] || fail "has begun"
    done
}
