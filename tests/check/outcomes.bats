#!/usr/bin/env bats
# outcomes.bats - the line of each crash in the log: what became of it in one word, which is the
# same in the summary, in the table of runs and in the metrics; and before it a name, which nobody
# can have read like words of ours.
# shellcheck disable=SC2154 # bats sets status and output; background sets pid
load ../helper

WORDS='queued|already queued|raised|finished|archived|deleted|left|quarantined'
WORDS+='|given up|rejected|missing'

# The lines of crashes, as scripts find them: the outcome, and the name as it is between its quotes.
crash_lines() {
    perl -ne 'print "$2\t$1\n" if /^[^"]* - "((?:[^"\\]|\\.)*)": ('"$WORDS"'): ./' "$LOG"
}

# How many crashes had which outcome: after the lines of the log,
outcomes_in_lines() {
    crash_lines | cut -f 1 | sort | uniq -c | sed -E 's/^ *([0-9]+) (.*)/\2 \1/'
}

# the summary,
outcomes_in_summary() {
    sed -nE 's/.* INFO - seen [0-9]+: (.*); exit code .*/\1/p' "$LOG" | sed 's/, /\n/g' | sort
}

# the table of runs,
outcomes_in_table() {
    sql "SELECT replace(key, '_', ' '), value FROM crashmon.runs, jsonb_each(outcomes)
         ORDER BY 1" | tr '|' ' ' | sort
}

# and the metrics.
outcomes_in_metrics() {
    sed -nE 's/^crashmon_crashes_total\{.*outcome="([a-z_]+)"\} ([1-9][0-9]*)$/\1 \2/p' \
        "$BATS_TEST_TMPDIR/metrics" | tr _ ' ' | sort
}

# Asserts that a run that is over had these outcomes, wherever one looks: outcomes 'WORD NUMBER'...
outcomes() {
    local expected seen=0 outcome
    expected=$(printf '%s\n' "$@" | sort)
    for outcome; do seen=$((seen + ${outcome##* })); done
    equal "$(outcomes_in_lines)" "$expected"
    equal "$(outcomes_in_summary)" "$expected"
    equal "$(outcomes_in_table)" "$expected"
    equal "$(outcomes_in_metrics)" "$expected"
    log_has " INFO - seen $seen: "
    sql_is "SELECT seen FROM crashmon.runs" "$seen"
    grep -q "^crashmon_crashes_seen_total{.*} $seen$" "$BATS_TEST_TMPDIR/metrics" ||
        fail "not seen $seen in the metrics"
}

with_metrics() { "$@" --metrics-file="$BATS_TEST_TMPDIR/metrics"; }

# --- one word for one outcome

@test "scan: each word of the summary stands in the lines that it counts" {
    local at="'$SPOOL/20081225/name'"
    processor p1
    mapfile -t ids < <(collect --day 20081225 --count 8)
    sql "INSERT INTO jobs (uuid, pathname, storage) VALUES
         ('${ids[0]}', $at || '/$(name_dir "${ids[0]}")/${ids[0]}.json', 'main'),
         ('${ids[1]}', $at || '/$(name_dir "${ids[1]}")/${ids[1]}.json', 'main'),
         ('${ids[2]}', '/elsewhere/${ids[2]}.json', 'other')"
    refuse "${ids[3]}"
    collect --day 20081225 --age 0 --count 2 >/dev/null                     # are left
    collect --day 20081225 --without dump >/dev/null                        # is left
    collect --day 20081225 --without dump --age 100000 --count 3 >/dev/null # to quarantine
    slot=$SPOOL/20081225/date/12/05/web01_0
    touch "$slot/young"
    ln -s nowhere "$slot/old"
    touch -hd '3 days ago' "$slot/old"
    ln -s 20081225 "$SPOOL/20081224" # is not entered
    expect_status 1 with_metrics scan
    outcomes 'queued 4' 'already queued 2' 'left 5' 'quarantined 5'
}

@test "priority: each word of the summary stands in the lines that it counts" {
    processor p1
    mapfile -t ids < <(collect --day 20081225 --count 4)
    mapfile -t jobs < <(collect --day 20081225 --without links --count 5)
    for id in "${jobs[@]}"; do
        sql "INSERT INTO jobs (uuid, pathname) VALUES ('$id', '/somewhere/$id.json')"
    done
    finish "${jobs[0]}" true
    finish "${jobs[1]}" false
    for id in "${ids[@]}" "${jobs[@]}"; do request "$id"; done
    request 00000000-0000-0000-0000-000002081225 # may still come
    for i in 1 2 3; do request "$i$i$i$i$i$i$i$i-0000-0000-0000-000002081225" 100000; done
    request nonsense
    request ''
    # One gets into the queue after its pair was found, and before it is queued.
    hold
    background with_metrics priority
    await_blocked crashmon-priority
    id=${ids[0]}
    session "INSERT INTO jobs (uuid, pathname)
             VALUES ('$id', '$SPOOL/20081225/name/$(name_dir "$id")/$id.json'); COMMIT"
    background_ends 1
    outcomes 'queued 3' 'raised 4' 'finished 2' 'left 1' 'given up 3' 'rejected 2'
}

@test "cleanup: each word of the summary stands in the lines that it counts" {
    mapfile -t ids < <(collect --day 20081225 --without links --count 9)
    ended true "${ids[@]:0:6}" nonsense 11111111-1111-1111-1111-111112081225 "'' OR true"
    ended false "${ids[@]:6}"
    for id in "${ids[@]:0:2}"; do
        rm "$SPOOL/20081225/name/$(name_dir "$id")/$id.dump"
        mkdir "$SPOOL/20081225/name/$(name_dir "$id")/$id.dump" # cannot be put away
    done
    expect_status 1 with_metrics cleanup_jobs --save-failed-minidumps-to=
    outcomes 'archived 4' 'deleted 3' 'left 2' 'rejected 2' 'missing 1'
}

@test "what a dry run prints are the lines that its summary counts" {
    processor p1
    collect --count 3 >/dev/null
    collect --without dump >/dev/null
    collect --without dump --age 100000 --count 2 >/dev/null
    run --separate-stderr scan --dry-run --stderr-error-logging-level=INFO
    [[ $stderr == *"dry run, seen 6: queued 3, left 1, quarantined 2; exit code 1"* ]] || fail "$stderr"
    printf 'stdout - %s\n' "${lines[@]}" >"$LOG"
    equal "$(outcomes_in_lines)" $'left 1\nquarantined 2\nqueued 3'
}

# --- a name that reads like a line of ours

# Reads a name back: the log escapes control characters and what is not UTF-8, and before that each
# quote and each backslash gets a backslash.
read_back() {
    perl -pe 'my %is = (n => "\n", r => "\r", t => "\t");
        chomp; s/\\(?:x([0-9a-f]{2})|(.))/defined $1 ? chr hex $1 : $is{$2} \/\/ $2/ge; $_ .= "\0"'
}

ID=22adfb61-f75b-11dc-b6be-001322081225
names=("$ID: queued for p1" "$ID: queued: for processor \"p1\""
    "$ID\": queued: for processor \"p1\"" "\"$ID\": queued: for processor \"p1\""
    "$ID\\\": queued: for processor \\\"p1\\\"" "$ID\\" "\\\"$ID\": queued: x" "\\"
    " - \"$ID\": queued: x" "x - \\\"$ID\": already queued: x" "\": queued: " '"' '""' '\n' '\x1b'
    $'\n2008-12-25 12:00:00,000 DEBUG - "'"$ID"'": queued: for processor "p1"'
    $'x\r2008-12-25 12:00:00,000 DEBUG - "'"$ID"'": quarantined: x'
    $'\e[2K\e[1G2008-12-25 12:00:00,000 INFO - "'"$ID"'": queued: x' $'\e]0;"\a' $'\xe2\x80\xa8"'
    $'\xc2\x9b"\\' 'bäd": queued: ' '%s%n": queued: ')

# Asserts that of the lines of crashes those with this outcome are about these names, which can be
# read back; that a name comes first in every line that has one; and that no line does harm:
# names_are_told OUTCOME NAME...
names_are_told() {
    cmp <(crash_lines | sed -n "s/^$1\t//p" | read_back | sort -z) \
        <(printf '%s\0' "${@:2}" | sort -z) || fail "$(crash_lines)"
    ! grep -vE '^20[0-9-]{8} [0-9:]{8},[0-9]{3} [A-Z]+ - ("|[^"]*$)' "$LOG" ||
        fail "not a line of ours"
    ! grep '[[:cntrl:]]' "$LOG" || fail "control characters" "$(cat -A "$LOG")"
}

# For each name a link in a slot of the date tree, and a directory that lies too deep.
plant_names() {
    names+=($'\xff": queued: ')
    mkdir -p "$SPOOL/20081225/date/12/05/web01_0/deep"
    perl -e 'for my $name (@ARGV[1 .. $#ARGV]) {
                 symlink "nowhere", "$ARGV[0]/$name" or die $!;
                 mkdir "$ARGV[0]/deep/$name" or die $!;
             }' -- "$SPOOL/20081225/date/12/05/web01_0" "${names[@]}"
}

make_names_old() {
    find "$SPOOL/20081225/date" -mindepth 4 ! -name deep -exec touch -hd '3 days ago' {} +
}

@test "whatever a link in the spool is called, its line begins with its name, and is no other's" {
    processor p1
    id=$(collect --day 20081225)
    plant_names
    expect_status 0 scan
    names_are_told left "${names[@]}" "${names[@]}"
    names_are_told queued "$id"
    rm "$LOG"
    make_names_old
    expect_status 1 scan --dry-run
    printf '2008-12-25 12:00:00,000 DEBUG - %s\n' "${lines[@]}" >"$LOG"
    names_are_told quarantined "${names[@]}" "${names[@]}"
    rm "$LOG"
    expect_status 1 scan
    names_are_told quarantined "${names[@]}" "${names[@]}"
    equal "$(crash_lines | cut -f 1 | sort -u)" quarantined
}

@test "what cannot be quarantined has no line that is another's, either" {
    processor p1
    plant_names
    make_names_old
    mkdir "$SPOOL/quarantine"
    touch "$SPOOL/quarantine/20081225"
    expect_status 74 scan
    equal "$(outcomes_in_lines)" "left $((2 * ${#names[@]}))"
    equal "$(grep -c ' ERROR - cannot quarantine "' "$LOG")" 10
    log_has "ERROR - cannot quarantine others, too; they stay for the next run: $((2 * ${#names[@]} - 10))"
    sed -i '/ ERROR - cannot quarantine "/d' "$LOG"
    names_are_told left "${names[@]}" "${names[@]}"
}

@test "whatever a request says, its line begins with it, and is no other's" {
    local name
    processor p1
    for name in "${names[@]}"; do request "$name"; done
    expect_status 1 priority
    names_are_told rejected "${names[@]}"
}

@test "whatever stands in a row for an id, its line begins with it, and is no other's" {
    local name short=()
    for name in "${names[@]}"; do
        ((${#name} > 50)) || short+=("$name")
    done
    ended true "${short[@]}"
    expect_status 1 cleanup_jobs
    names_are_told rejected "${short[@]}"
}

# --- the object at the end

# What --json has printed last, as a row: json_is QUERY WANTED, with the object as `o`.
json_is() {
    local object=${output##*$'\n'}
    sql_is "SELECT $1 FROM (SELECT '${object//\'/\'\'}'::json AS o) AS printed" "$2"
}

@test "--json prints an object at the end: who ran, how it ended, what became of the crashes" {
    processor p1
    crash --count 3 >/dev/null
    crash --without dump >/dev/null
    expect_status 0 scan --json --storage-name=two
    [[ $output != *$'\n'* ]] || fail "more than a line: $output"
    json_is "o->>'program', o->>'storage', (o->>'pid')::int > 1, (o->>'duration')::float > 0,
             now() - (o->>'started')::timestamptz BETWEEN '0' AND '1 min', o->>'exit_code',
             o->>'seen', o->'outcomes', o->>'dry_run'" \
        'crashmon-scan|two|t|t|t|0|4|{"queued": 3, "left": 1}|false'
    json_is "(SELECT host FROM crashmon.runs) = o->>'host'" t
    sql_is "SELECT count(*) FROM json_object_keys('$output')" 13
}

@test "--json tells how a run ended that had no lock, no database or no root" {
    processor p1
    lock crashmon-scan main
    expect_status 75 scan --json
    json_is "o->>'exit_code', o->>'seen', o->'outcomes', o->>'error' ~ 'lock of crashmon-scan .* is taken'" '75|0|{}|t'
    unlock crashmon-scan main
    expect_status 69 scan --json --database-port=1
    json_is "o->>'exit_code', o->>'error' ~ '^cannot connect to the database: .*; nothing was done$'" '69|t'
    mv "$SPOOL" "$SPOOL.away"
    for run in "${RUNS[@]}"; do
        expect_status 74 "$run" --json
        json_is "o->>'exit_code'" 74
    done
}

# It is one object that comes to stdout: one_object CODE COMMAND...
one_object() {
    local want=$1
    shift
    run --separate-stderr "$@"
    [[ $status -eq $want ]] || fail "exit code $status instead of $want: $*" "$output" "$stderr"
    [[ $output == "{"*"}" && $output != *$'\n'* ]] || fail "not an object: $output"
    json_is "o->>'exit_code'" "$want"
}

@test "--json: the object is all that stdout gets, whatever else there is to say" {
    processor p1
    id=$(crash)
    one_object 0 scan --json --dry-run
    [[ $stderr == *"$id"*queued* ]] || fail "$stderr"
    json_is "o->>'dry_run', o->'outcomes', o->>'error', o->>'paused'" 'true|{"queued": 1}||'
    one_object 0 scan --json --adopt
    [[ $stderr == "storage root "* ]] || fail "$stderr"
    one_object 0 scan --json --repair --dry-run
    sql "SELECT crashmon.pause('main', 'why not')"
    for run in "scan" "scan --dry-run" "scan --repair" "cleanup_jobs"; do
        # shellcheck disable=SC2086 # several words
        one_object 0 $run --json
        json_is "o->>'paused' LIKE 'storage main has been paused since % by %: \"why not\"'" t
    done
}

@test "--json: where the options are wrong the object says so, too" {
    one_object 64 scan --json --bogus
    json_is "o->>'error', o->>'program', o->>'storage'" \
        'crashmon-scan: unrecognized option "--bogus" (see --help)|crashmon-scan|main'
    one_object 78 cleanup_jobs --limit=x --json
    one_object 64 priority --explain --json xyz
    one_object 64 priority --explain --json
    echo 'batch-size = many' >>"$CONF"
    one_object 78 scan --status --json
    run scan --json --version
    [[ $output == "crashmon-scan "* && ${#lines[@]} == 1 ]] || fail "$output"
}

@test "--check has an answer of its own, and is not asked for --json" {
    expect_status 3 scan --check --json
    [[ ${lines[0]} == "CRASHMON SCAN UNKNOWN - 1 problem: --check and --json cannot be used together" ]] || fail "$output"
    echo 'json = on' >>"$CONF"
    processor p1
    expect_status 0 scan --check
    [[ $output == "CRASHMON SCAN OK - "* ]] || fail "$output"
}
