#!/usr/bin/env bats
# strays.bats - any number of old entries in the date trees that are not crashes: they cost the crashes
# nothing, go to quarantine many at a time, and those that cannot stay and are told once.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

setup() {
    begin_case
    processor p1 >/dev/null
    slot=$SPOOL/20081225/date/01/00/web01_0
}

# Makes so many links that look old, in a slot before all crashes: strays COUNT [PREFIX].
strays() {
    mkdir -p "$slot"
    perl -e 'my ($slot, $count, $prefix) = @ARGV;
             symlink "x", "$slot/$prefix$_" or die $! for 1 .. $count' "$slot" "$1" "${2:-stray}"
    age "$slot" "$slot"/*
}

# FIFOs, which cannot be copied.
fifos() {
    mkdir -p "$slot"
    for ((i = 1; i <= $1; i++)); do mkfifo "$slot/fifo$i"; done
    age "$slot"/*
}

age() { touch -hd '3 days ago' "$@"; }

# How many lines of the log there are with a text.
told() { grep -c -- "$1" "$LOG" || true; }

@test "crashes come first, however old the strays look" {
    strays 30
    mapfile -t ids < <(crash --count 5)
    half=$(crash --without json --age 200000)
    expect_status 1 scan
    jobs_are "${ids[@]}"
    log_has "seen 36: queued 5, quarantined 31; exit code 1"
    equal "$(grep -oE '(queued|quarantined): ' "$LOG" | uniq)" $'queued: \nquarantined: '
    quarantined "$half" json
    equal "$(find "$SPOOL/quarantine/20081225/strays" -type l | wc -l)" 30
    [[ $(wc -l <"$SPOOL/quarantine/20081225/strays/reason") == 30 ]]
    [[ ! -e $slot ]] || fail "not removed: $slot"
}

@test "they share a transaction, and where they are renamed nothing is flushed" {
    strace -f -qq -o /dev/null true 2>/dev/null || skip "no strace here"
    expect_status 0 scan
    for count in 1 100; do
        strays "$count" "of$count."
        EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/$count -e trace=sendto,fsync,fdatasync,syncfs" \
            expect_status 1 scan
        [[ -z $(ls "$slot" 2>/dev/null) ]] || fail "left"
    done
    equal "$(grep -c sendto "$BATS_TEST_TMPDIR/100")" "$(grep -c sendto "$BATS_TEST_TMPDIR/1")"
    ! grep sync "$BATS_TEST_TMPDIR/100" || fail "flushed"
}

@test "what is in the way in quarantine is named: its day, or the directory of one" {
    half=$(crash --without json --age 200000)
    mkdir "$SPOOL/quarantine"
    for way in 20081225 "20081225/$half"; do
        touch "$SPOOL/quarantine/$way"
        expect_status 74 scan
        log_has "cannot quarantine \"$half\": cannot create directory \"$SPOOL/quarantine/$way\": Not a directory"
        rm "$SPOOL/quarantine/$way"
        mkdir -p "$SPOOL/quarantine/20081225"
    done
    expect_status 1 scan
    quarantined "$half" json
}

@test "--limit counts those that were moved" {
    strays 30
    expect_status 1 scan --limit=10
    equal "$(find "$slot" -type l | wc -l)" 20
    expect_status 1 scan --limit=10 --batch-size=3
    equal "$(find "$slot" -type l | wc -l)" 10
}

@test "those that cannot be moved do not count, and crashes are queued all the same" {
    elsewhere
    fifos 12
    mapfile -t ids < <(crash --count 3)
    strays 5
    expect_status 1 scan --limit=10 --quarantine-to="$ELSEWHERE"
    jobs_are "${ids[@]}"
    equal "$(find "$slot" -type l)" ""
    equal "$(find "$slot" -type p | wc -l)" 12
}

@test "what cannot be copied to another file system stays, told once a run (1), and adds nothing" {
    elsewhere
    fifos 2
    perl -MIO::Socket::UNIX -e 'chdir shift; IO::Socket::UNIX->new(Local => "socket", Listen => 1) or die' "$slot"
    mkdir -p "$slot/0/deep/deeper"
    echo file >"$slot/file"
    ln "$slot/file" "$slot/twice"
    echo other >"$slot/single"
    half=$(crash --without dump) good=$(crash)
    mkfifo "$(place "$SPOOL" "$half").dump"
    age "$slot"/* "$slot/0/deep" "$(place "$SPOOL" "$half")".*
    for run in 1 2 3; do
        expect_status 1 scan --quarantine-to="$ELSEWHERE" --incomplete-age=00:30:00
        [[ -z $output ]] || fail "printed: $output"
        equal "$(told 'WARNING - cannot quarantine what is.*it stays: 7$')" "$run"
        equal "$(wc -l <"$ELSEWHERE/20081225/strays/reason")" 1
    done
    expect_status 1 scan --dry-run --quarantine-to="$ELSEWHERE" --incomplete-age=00:30:00
    [[ $output == *"cannot quarantine what is"*"it stays: 7"* && $output != *": quarantined: "* ]] || fail "$output"
    jobs_are "$good"
    equal "$(find "$slot" ! -type d -printf '%f\n' | sort)" "$(printf '%s\n' fifo1 fifo2 file socket twice)"
    [[ -p $(place "$SPOOL" "$half").dump && -d $slot/0/deep/deeper ]]
    has_links "$half"
    equal "$(find "$ELSEWHERE" -name "$half*")" ""
    equal "$(told ERROR)" 0
}

@test "a file that is called like a day is none: nothing is told of it, and nothing may hide in it" {
    id=$(crash) gone=$(nowhere) wanted=$(nowhere)
    request "$wanted" 100000
    sql "INSERT INTO jobs (pathname, uuid, success, starteddatetime, completeddatetime)
         VALUES ('x', '$gone', true, now(), now())"
    for root in "$SPOOL" "$DEFERRED" "$ARCHIVE"; do
        : >"$root/20090101"
        mkfifo "$root/20090102"
        touch "$root/20${gone:30}" "$root/20${wanted:30}"
    done
    expect_status 0 scan
    [[ -z $output ]] || fail "printed: $output"
    expect_status 1 priority
    [[ -z $(requested) ]]
    log_has "given up"
    expect_status 1 cleanup_jobs
    sql_is "SELECT count(*) FROM jobs WHERE missingdatetime IS NOT NULL" 1
    [[ $(<"$LOG") != *"Not a directory"* ]] || fail "told"
    # A link may lead to where a pair is.
    ln -s "$BATS_TEST_TMPDIR" "$DEFERRED/20090103"
    request "$wanted" 100000
    expect_status 1 priority
    equal "$(requested)" "$wanted"
}

@test "of links that are called like days the first ten are named, and the others counted" {
    id=$(crash)
    for ((i = 0; i < 25; i++)); do ln -s . "$SPOOL/200901$(printf %02d $((i + 1)))"; done
    expect_status 1 scan
    [[ -z $output ]] || fail "printed: $output"
    jobs_are "$id"
    equal "$(told 'WARNING - cannot read directory')" 10
    equal "$(told 'cannot read others, too; they stay for the next run: 15$')" 1
    equal "$(told 200901)" 10
}

@test "a directory that can be read no more when the strays' turn has come is told (74), and none twice" {
    strays 1
    for ((i = 0; i < 12; i++)); do ln -s . "$SPOOL/200901$(printf %02d $((i + 1)))"; done
    EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -P 20081225/date/01 -e trace=openat2 -e inject=openat2:error=EIO:when=2"
    $EXEC true 2>/dev/null || skip "no strace here"
    expect_status 74 scan
    equal "$(grep -c INJECTED "$BATS_TEST_TMPDIR/trace")" 1
    equal "$(told 'WARNING - cannot read directory')" 10
    equal "$(told 'cannot read others, too; they stay for the next run: 2$')" 1
    equal "$(told 'ERROR - cannot read directory "20081225/date/01" in .*: Input/output error; it stays')" 1
}

@test "a quarantine that cannot be used is told once, and all stays (74)" {
    strays 20
    id=$(crash)
    : >"$SPOOL/quarantine"
    expect_status 74 scan --batch-size=5
    jobs_are "$id"
    equal "$(find "$slot" -type l | wc -l)" 20
    equal "$(told ERROR)" 1
}

@test "a dry run moves none, and prints a line for each" {
    strays 20
    id=$(crash)
    before=$(spool_state "$SPOOL")
    expect_status 1 scan --dry-run
    [[ ${#lines[@]} == 21 && ${lines[0]} == "\"$id\": queued"* ]] || fail "$output"
    equal "$(spool_state "$SPOOL")" "$before"
}
