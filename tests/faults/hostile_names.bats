#!/usr/bin/env bats
# hostile_names.bats - names that nobody expects, a quarantine in which somebody was first, and
# directories with very many names.
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets status and output; a case is a subshell
load ../helper
load hostile

# --- names

# shellcheck disable=SC2016 # that nothing expands is the point
names=($'two\nlines' $'x\n2008-12-25 12:00:00,000 ERROR - forged' $'esc\e[2J\a\b' $'\r' -rf --help
    '*' ' ' '$(touch pwned)' '`reboot`' 'a b' a_b 'a?b' ... .hidden
    _reason "'; DROP TABLE jobs; --"
    '"' "back\\slash" '%s%n%*d' $'\xff\xfe' $'caf\xe9' $'\xc2\x9b2J' $'\xe2\x80\xa8' 'é' '~' '#'
    "$(printf 'x%.0s' {1..255})" "$(printf 'x%.0s' {1..254})y" $'\x7f' CON .copy.tmp
    "22adfb61-f75b-11dc-b6be-001322081225 " $'22adfb61-f75b-11dc-b6be-001322081225\n'
    22adfb61-f75b-11dc-b6be-001322081225.json 22adfb61_f75b_11dc_b6be_001322081225)

# Something of each of these names in a slot: half of them links, half of them files.
plant_names() {
    mkdir -p "$1"
    perl -e 'my $slot = shift;
             for my $i (0 .. $#ARGV) {
                 my $place = "$slot/$ARGV[$i]";
                 ($i % 2 ? symlink $ARGV[$i], $place : open my $file, ">", $place) or die $!;
             }' -- "$1" "${names[@]}"
    age "${names[@]/#/$1/}"
}

@test "whatever its name, what is no pair is quarantined under it, with one line of reason" {
    processor p1
    good=$(crash)
    plant_names "$SPOOL/20081225/date/12/05/web01_0"
    expect_status 1 scan --incomplete-age=00:30:00
    [[ -z $output ]] || fail "printed: $output"
    sql_is "SELECT uuid FROM jobs" "$good"
    cmp <(find "$SPOOL/quarantine" ! -type d ! -name reason -printf '%f\0' | sort -z) \
        <(printf '%s\0' "${names[@]/#.copy.tmp/_copy}" | sort -z)
    [[ $(cat "$SPOOL"/quarantine/*/*/reason | wc -l) == "${#names[@]}" ]]
    ! cat "$SPOOL"/quarantine/*/*/reason | grep -avE '^20[0-9-]{8}T[0-9:]{8}Z .*: its? .*$' ||
        fail "no line of ours"
    log_is_honest
    [[ ! -e pwned ]]
}

@test "whatever the names of the directories in the date tree, the crashes in them are queued" {
    processor p1
    mapfile -t ids < <(crash --count ${#names[@]})
    slots=() links=()
    for i in "${!ids[@]}"; do
        slots+=("$SPOOL/20081225/date/12/${names[i]}/${names[i]}")
        links+=(nowhere "${slots[i]}/${ids[i]}")
    done
    rm -r "$SPOOL/20081225/date/12/05"
    mkdir -p "${slots[@]}"
    links "${links[@]}"
    expect_status 0 scan
    jobs_are "${ids[@]}"
    [[ -z $(new_links) ]] || fail "$(new_links)"
    log_is_honest
}

@test "the name of a directory forges no line of a reason" {
    processor p1
    slot=$SPOOL/20081225/date/12/$'05\n2008-12-25T12:00:00Z 20081225: forged'
    mkdir -p "$slot"
    put fifo "$slot/stray"
    age "$slot/stray"
    expect_status 1 scan --incomplete-age=00:30:00
    quarantined stray link
    [[ $(cat "$SPOOL"/quarantine/*/*/reason | wc -l) == 1 ]] ||
        fail "more than a line:" "$(cat "$SPOOL"/quarantine/*/*/reason)"
    log_is_honest
}

@test "a dry run prints one line a crash, whatever the names" {
    processor p1
    plant_names "$SPOOL/20081225/date/12/05/web01_0"
    expect_status 1 scan --dry-run --incomplete-age=00:30:00
    [[ ${#lines[@]} == "${#names[@]}" && $(wc -l <<<"$output") == "${#names[@]}" ]] ||
        fail "${#lines[@]} lines" "$output"
    ! grep -qa '[[:cntrl:]]' <<<"$output" || fail "control characters"
}

# --- a quarantine in which somebody was first

@test "a quarantine that is a link is not followed: what was to go there stays, reported (74)" {
    processor p1
    half=$(crash --without dump) good=$(crash)
    ln -s "$OUTSIDE" "$SPOOL/quarantine"
    remember
    expect_status 74 scan --incomplete-age=00:30:00
    untouched
    jobs_are "$good"
    log_has "$half"
    has_links "$half"
    still_there "$half" "$good"
}

@test "whatever lies in the quarantine already, nothing leads out of it and nothing is lost" {
    processor p1
    traps=(case taken fifo socket hardlink link loop directory)
    mapfile -t ids < <(crash --count ${#traps[@]} --without dump)
    puts=()
    for i in "${!traps[@]}"; do
        case=$SPOOL/quarantine/20081225/${ids[i]}
        mkdir -p "$case"
        case ${traps[i]} in
        case) rmdir "$case" && ln -s "$OUTSIDE" "$case" ;;
        taken) ln -s "$OUTSIDE/file" "$case/${ids[i]}.json" ;;
        *) puts+=("${traps[i]}" "$case/reason") ;;
        esac
    done
    put "${puts[@]}"
    ids+=("$(collect --day 20081224 --without dump)")
    ln -s "$OUTSIDE" "$SPOOL/quarantine/20081224"
    ids+=("$(crash)")
    remember
    run scan --incomplete-age=00:30:00
    [[ $status == 1 || $status == 74 ]] || fail "exit code $status" "$output"
    untouched
    jobs_are "${ids[-1]}"
    for id in "${ids[@]}"; do log_has "$id"; done
    still_there "${ids[@]}"
}

# --- very many

MANY=20000
[[ ${FAULTS:-} != all ]] || MANY=1000000

# Makes so many links, or files, in a directory: many KIND DIRECTORY PREFIX SUFFIX.
many() {
    perl -e 'my ($kind, $dir, $prefix, $suffix, $count) = @ARGV;
             for (1 .. $count) {
                 my $name = "$dir/$prefix$_$suffix";
                 ($kind eq "link" ? symlink "x", $name : open my $file, ">", $name) or die $!;
             }' "$@" "$MANY"
}

@test "a great many strays in one directory keep no crash from being queued, in bounded time" {
    processor p1
    crash --time 01:00 >/dev/null
    many link "$SPOOL/20081225/date/01/00/web01_0" stray ''
    mapfile -t good < <(crash --count 5 --time 02:00)
    expect_status 0 scan --log-file-error-logging-level=20
    sql_is "SELECT count(*), (SELECT seen FROM crashmon.runs) FROM jobs" "6|$((MANY + 6))"
    equal "$(new_links | grep -cv stray)" 0
}

@test "strays are moved until the next run is due, some in each run, and the crashes first" {
    strace -f -qq -o /dev/null true 2>/dev/null || skip "no strace here"
    processor p1
    slot=$SPOOL/20081225/date/01/00/web01_0
    mkdir -p "$slot"
    ln -s nowhere "$slot/one"
    ln -s nowhere "$slot/two"
    ln -s nowhere "$slot/three"
    age "$slot"/*
    for left in 2 1 0; do
        id=$(crash)
        EXEC="strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:delay_enter=2100000" \
            expect_status 1 scan --batch-size=1 --standard-loop-delay=00:00:01 --incomplete-age=00:30:00
        no_links "$id"
        [[ $(find "$slot" -type l | wc -l) == "$left" ]] || fail "$(find "$slot")"
    done
}

@test "a great many files beside the pairs keep nothing from being served, in bounded time" {
    processor p1
    id=$(crash)
    dir=$(dirname "$(place "$SPOOL" "$id")")
    many file "$dir" junk .dump
    expect_status 0 priority "$id"
    jobs_are "$id"
    finish "$id" true
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    [[ $(find "$dir" -name 'junk*' -printf x | wc -c) == "$MANY" ]]
}
