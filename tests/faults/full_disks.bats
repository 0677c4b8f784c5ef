#!/usr/bin/env bats
# full_disks.bats - disks that are full, have no inode left, or are read-only, and directories that
# vanish: rows and pairs stay, nothing half is left, and the next run finishes. What a full
# destination on another disk does is in cleanup_destinations.bats.
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets status and output; a case is a subshell
load ../helper

teardown() {
    [[ -z ${TABLESPACE:-} ]] || {
        sql "TRUNCATE jobs; ALTER TABLE jobs SET TABLESPACE pg_default"
        psql -qX -c "DROP TABLESPACE $TABLESPACE"
    }
    end_case
}

# Puts the spool, the deferred spool and both archives on one disk.
one_disk() {
    local dir=$BATS_TEST_TMPDIR/disk
    disk "$dir" "$1"
    SPOOL=$dir/spool DEFERRED=$dir/deferred ARCHIVE=$dir/archive FAILED=$dir/failed
    mkdir -p "$SPOOL" "$DEFERRED/20000101" "$ARCHIVE" "$FAILED"
    sed -i "s|= $BATS_TEST_TMPDIR/\([a-z]*\)$|= $dir/\1|" "$CONF"
    marked
}

# Leaves not a byte, or not an inode, on a disk; and gives them back.
fill() { ! dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null || fail "no limit"; }
use_inodes() {
    mkdir -p "$1/filler"
    perl -e 'my $n; 1 while open my $file, ">", "$ARGV[0]/" . $n++' "$1/filler"
}
make_room() { rm -r "$1/filler"; }

# Asserts that these pairs lie in the archive, and that nothing else is in it or in the spool.
put_away() {
    for id; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    files_are "$(printf '%s\n' "${@/%/.json}" "${@/%/.dump}")"
}

files_are() {
    equal "$(find "$ARCHIVE" "$SPOOL"/2* ! -type d -printf '%f\n' | sort)" "$(sort <<<"$1")"
}

# --- cleanup

@test "cleanup: a disk that is full to the last byte is no hindrance where moving is renaming" {
    one_disk size=400k
    moved=$(crash) deleted=$(crash)
    ended true "$moved"
    ended false "$deleted"
    fill "$SPOOL"
    cleans --save-failed-minidumps-to=
    rm "$SPOOL/filler"
    put_away "$moved"
}

@test "cleanup: spool and archive on a disk without an inode (74): what needs none goes on" {
    one_disk nr_inodes=200
    # A link that is removed is an inode that is free.
    mapfile -t ids < <(crash --count 3 --without links)
    moved=${ids[0]} also=${ids[1]} deleted=${ids[2]}
    ended true "$moved" "$also"
    ended false "$deleted"
    use_inodes "$SPOOL"
    expect_status 74 cleanup_jobs
    jobs_are "$moved" "$also" "$deleted"
    for id in "$moved" "$also" "$deleted"; do pair_is_whole "$SPOOL" 20081225 "$id"; done
    expect_status 74 cleanup_jobs --save-failed-minidumps-to=
    [[ ! -e $(place "$SPOOL" "$deleted").dump ]] || fail "not deleted"
    make_room "$SPOOL"
    cleans --save-failed-minidumps-to=
    put_away "$moved" "$also"
}

@test "cleanup: inodes that suffice for half a pair (74): row and pair stay, no half is left" {
    id=$(crash)
    disk "$ARCHIVE" nr_inodes=6
    ended true "$id"
    expect_status 74 cleanup_jobs
    jobs_are "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
    [[ -z $(find "$ARCHIVE" ! -type d) ]] || fail "$(find "$ARCHIVE")"
    mount -o remount,nr_inodes=100 "$ARCHIVE"
    cleans
    put_away "$id"
}

@test "cleanup: room for a pair but not for its further dump (74): row and pair stay as they are" {
    id=$(crash --extra browser --extra flash)
    head -c 100k /dev/zero >"$(place "$SPOOL" "$id").browser.dump"
    before=$(find "$SPOOL" -type f -printf '%f %s %i\n' | sort)
    disk "$ARCHIVE" size=60k
    ended true "$id"
    expect_status 74 cleanup_jobs
    jobs_are "$id"
    equal "$(find "$SPOOL" -type f -printf '%f %s %i\n' | sort)" "$before"
    [[ -z $(find "$ARCHIVE" ! -type d) ]] || fail "$(find "$ARCHIVE")"
    mount -o remount,size=1m "$ARCHIVE"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    files_are "$(printf "$id%s\n" .json .dump .browser.dump .flash.dump)"
}

@test "cleanup: dumps of a terabyte of holes are archived like any others, and compared as quickly" {
    mapfile -t huge < <(crash --count 12)
    mapfile -t ids < <(crash --count 3)
    for id in "${huge[@]}"; do truncate -s 1T "$(place "$SPOOL" "$id").dump"; done
    disk "$ARCHIVE" size=4m
    # One has been copied by a run that was killed.
    mkdir -p "$(dirname "$(place "$ARCHIVE" "${huge[0]}")")"
    cp --sparse=always "$(place "$SPOOL" "${huge[0]}")".dump "$(place "$ARCHIVE" "${huge[0]}").dump" &&
        chmod 660 "$(place "$ARCHIVE" "${huge[0]}").dump"
    ended true "${huge[@]}" "${ids[@]}"
    EXEC='timeout 60' expect_status 0 cleanup_jobs
    for id in "${ids[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    for id in "${huge[@]}"; do
        [[ $(stat -c %s "$(place "$ARCHIVE" "$id").dump") == 1099511627776 ]]
    done
    files_are "$(printf '%s\n' "${huge[@]/%/.json}" "${huge[@]/%/.dump}" "${ids[@]/%/.json}" "${ids[@]/%/.dump}")"
}

@test "cleanup: dumps that are larger than what is free stay (74) and use none of it, all others go" {
    mapfile -t huge < <(crash --count 12 --size 5000000)
    mapfile -t ids < <(crash --count 5)
    disk "$ARCHIVE" size=4m
    ended true "${huge[@]}" "${ids[@]}"
    EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=sendfile" expect_status 74 cleanup_jobs
    log_has "${huge[0]}"
    jobs_are "${huge[@]}"
    for id in "${huge[@]}"; do pair_is_whole "$SPOOL" 20081225 "$id"; done
    for id in "${ids[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    # Each file of the others once.
    [[ $(grep -c '= [0-9]*$' "$BATS_TEST_TMPDIR/trace") == 10 ]] || fail "$(<"$BATS_TEST_TMPDIR/trace")"
}

@test "cleanup: a disk that becomes read-only between two batches (74): the rest stays" {
    mapfile -t ids < <(crash --count 3)
    disk "$ARCHIVE" size=1m
    ended true "${ids[@]}"
    held cleanup_jobs --batch-size=1
    mount -o remount,ro "$ARCHIVE"
    session COMMIT
    background_ends 74
    # shellcheck disable=SC2046 # one word an id
    set -- $(sql "SELECT uuid FROM jobs")
    (($# >= 2)) || fail "$# rows"
    for id; do pair_is_whole "$SPOOL" 20081225 "$id"; done
    mount -o remount,rw "$ARCHIVE"
    cleans
    put_away "${ids[@]}"
}

# How many pairs were put away before the archive was taken to $1: the first one, whose row is being
# deleted, and perhaps the next two.
put_away_before() {
    local count=0 id
    for id in "${@:2}"; do
        [[ ! -e $(place "$1" "$id").json ]] || count=$((count + 1))
    done
    echo "$count"
}

@test "cleanup: an archive that vanishes between two batches: each pair is whole, here or there" {
    mapfile -t ids < <(crash --count 5)
    ended true "${ids[@]}"
    held cleanup_jobs --batch-size=1
    mkdir "$BATS_TEST_TMPDIR/kept"
    mv "$ARCHIVE"/* "$BATS_TEST_TMPDIR/kept"
    rm -r "$ARCHIVE"
    session COMMIT
    background_ends 74
    away=$(put_away_before "$BATS_TEST_TMPDIR/kept" "${ids[@]}")
    jobs_are "${ids[@]:away}"
    for id in "${ids[@]:0:away}"; do pair_is_whole "$BATS_TEST_TMPDIR/kept" 20081225 "$id"; done
    for id in "${ids[@]:away}"; do pair_is_whole "$SPOOL" 20081225 "$id"; done
    [[ ! -e $ARCHIVE ]] || fail "made again: $(find "$ARCHIVE")"
    mkdir "$ARCHIVE"
    expect_status 1 cleanup_jobs --adopt # which warns of an empty directory
    cleans
    put_away "${ids[@]:away}"
}

@test "cleanup: a day of the archive that vanishes between two batches is made again" {
    mapfile -t ids < <(crash --count 5)
    ended true "${ids[@]}"
    held cleanup_jobs --batch-size=1
    mv "$ARCHIVE/20081225" "$BATS_TEST_TMPDIR"
    session COMMIT
    background_ends 0
    sql_is "SELECT count(*) FROM jobs" 0
    away=$(put_away_before "$BATS_TEST_TMPDIR" "${ids[@]}")
    for id in "${ids[@]:0:away}"; do pair_is_whole "$BATS_TEST_TMPDIR" 20081225 "$id"; done
    put_away "${ids[@]:away}"
}

# --- scan and priority

@test "scan and priority: a spool without a byte or an inode left is no hindrance" {
    one_disk nr_inodes=200,size=400k
    processor p1
    asked=$(crash) throttled=$(crash --root "$DEFERRED") new=$(crash)
    use_inodes "$SPOOL"
    expect_status 0 priority "$asked" "$throttled"
    expect_status 0 scan
    jobs_are "$asked" "$throttled" "$new"
    make_room "$SPOOL"
    also=$(crash)
    fill "$SPOOL"
    expect_status 0 scan
    jobs_are "$asked" "$throttled" "$new" "$also"
    # Without a clock links of the last minute may be those of another crash, and stay until later.
    make_room "$SPOOL"
    expect_status 0 scan
    [[ -z $(new_links | grep -v "$throttled") ]] || fail "$(new_links)"
}

@test "a spool that is read-only (74): what is queued keeps its links, and is not queued twice" {
    one_disk size=1m
    processor p1
    asked=$(crash) throttled=$(crash --root "$DEFERRED") new=$(crash) half=$(crash --without json)
    before=$(spool_state "$SPOOL")
    mount -o remount,ro "$BATS_TEST_TMPDIR/disk"
    request "$asked"
    request "$throttled"
    expect_status 74 priority
    for _ in 1 2; do
        expect_status 74 scan --incomplete-age=00:30:00
        jobs_are "$asked" "$throttled" "$new"
    done
    log_has "$half"
    equal "$(spool_state "$SPOOL")" "$before"
    mount -o remount,rw "$BATS_TEST_TMPDIR/disk"
    expect_status 1 scan --incomplete-age=00:30:00
    jobs_are "$asked" "$throttled" "$new"
    [[ -z $(new_links) ]] || fail "$(new_links)"
    quarantined "$half" json
}

# Half a pair with a further dump, and a whole one, in $half and $good.
half_and_good() {
    processor p1
    half=$(crash --without json --extra browser --size 20000) good=$(crash)
    before=$(find "$SPOOL" -name "$half*" -type f -exec sha256sum {} + | cut -c-64 | sort)
}

# Asserts that of the half pair nothing has been lost, and nothing lies half under its name.
half_is_whole() {
    local now
    now=$(find "$SPOOL" "$@" -name "$half*" -type f -exec sha256sum {} + | cut -c-64)
    equal "$(sort -u <<<"$now")" "$(sort -u <<<"$before")"
}

# Scans with a quarantine that cannot take all now, then runs a command that makes room and scans
# again: quarantines_with_room WHERE COMMAND OPTION...
quarantines_with_room() {
    local there=$1
    expect_status 74 scan --incomplete-age=00:30:00 "${@:3}"
    jobs_are "$good"
    log_has "$half"
    has_links "$half"
    half_is_whole "$there"
    $2
    expect_status 1 scan --incomplete-age=00:30:00 "${@:3}"
    quarantined "$half" json "$there"
    half_is_whole "$there"
    [[ -z $(new_links) ]] || fail "$(new_links)"
    [[ -z $(find "$SPOOL"/2* -name "$half*") ]] || fail "$(find "$SPOOL")"
    equal "$(find "$there" ! -type d -printf '%f\n' | sort)" \
        "$(printf '%s\n' "$half.browser.dump" "$half.dump" reason | sort)"
}

@test "scan: a quarantine on another disk that is full (74): half a pair stays" {
    there=$BATS_TEST_TMPDIR/there
    half_and_good
    disk "$there" size=40k
    quarantines_with_room "$there" "mount -o remount,size=1m $there" --quarantine-to="$there"
}

@test "scan: a quarantine in the spool whose disk is full (74): half a pair stays" {
    one_disk size=400k
    half_and_good
    fill "$DEFERRED"
    quarantines_with_room "$SPOOL/quarantine" "make_room $DEFERRED"
}

@test "scan: of what a full quarantine could not take nothing is there, also when the crash has become whole" {
    processor p1
    there=$BATS_TEST_TMPDIR/there
    disk "$there" size=64k
    id=$(crash --size 200000)
    pair=$(place "$SPOOL" "$id") stray=$SPOOL/20081225/date/12/05/web01_0/stray
    mv "$pair.json" "$BATS_TEST_TMPDIR/late"
    head -c 100000 /dev/zero >"$stray"
    find "$SPOOL/20081225" -exec touch -hd '3 days ago' {} +
    for _ in 1 2; do
        expect_status 74 scan --quarantine-to="$there"
        [[ $output == *"cannot quarantine \"$id\""*"cannot quarantine \"stray\""* ]] || fail "$output"
        equal "$(find "$there" -mindepth 1)" ""
    done
    mv "$BATS_TEST_TMPDIR/late" "$pair.json"
    expect_status 74 scan --quarantine-to="$there"
    jobs_are "$id"
    mount -o remount,size=1m "$there"
    touch -d '3 days ago' "${stray%/*}"
    expect_status 1 scan --quarantine-to="$there"
    equal "$(find "$there" ! -type d -printf '%P\n' | sort)" 20081225/strays/reason$'\n'20081225/strays/stray
}

# --- the log and the metrics

@test "a log whose disk is full: said once, and the work is done (73)" {
    disk "$BATS_TEST_TMPDIR/logs" size=64k
    LOG=$BATS_TEST_TMPDIR/logs/crashmon.log
    sed -i "s|^log-file-pathname.*|log-file-pathname = $LOG|" "$CONF"
    processor p1
    expect_status 0 scan
    # The last page is filled all but for a few bytes: half a line would fit.
    size=$(stat -c %s "$LOG")
    printf "%$((4096 - size % 4096 - 30))s\n" '#' >>"$LOG"
    size=$(stat -c %s "$LOG")
    fill "$BATS_TEST_TMPDIR/logs"
    mapfile -t ids < <(crash --count 20)
    half=$(crash --without json)
    told() {
        [[ $(grep -c . <<<"$output") == 1 && $output == *"$LOG"* ]] || fail "not once:" "$output"
    }
    expect_status 73 scan
    told
    jobs_are "${ids[@]}"
    expect_status 73 priority "$half"
    told
    for id in "${ids[@]}"; do finish "$id" true; done
    expect_status 73 cleanup_jobs
    told
    sql_is "SELECT string_agg(exit_code::text, ' ' ORDER BY id) FROM crashmon.runs" "0 73 73 73"
    [[ $(stat -c %s "$LOG") == "$size" ]] || fail "half a line:" "$(tail -n 2 "$LOG")"
    # And mailed once an hour, though what was mailed is remembered beside it.
    cp "$CONF" "$BATS_TEST_TMPDIR/conf"
    sed -i /^stderr-repeat/d "$CONF"
    TMPDIR=$BATS_TEST_TMPDIR EXEC='setsid -w' expect_status 73 scan
    told
    TMPDIR=$BATS_TEST_TMPDIR EXEC='setsid -w' expect_status 73 scan
    [[ -z $output ]] || fail "printed: $output"
    cp "$BATS_TEST_TMPDIR/conf" "$CONF"
    make_room "$BATS_TEST_TMPDIR/logs"
    expect_status 0 cleanup_jobs
    [[ -z $output ]] || fail "printed: $output"
    ! grep -vE '^(20[0-9-]{8} | *#$)' "$LOG" || fail "half a line"
    log_has "seen 0"
}

@test "a log that cannot be rotated for want of an inode is said once, and the work is done (73)" {
    disk "$BATS_TEST_TMPDIR/logs" nr_inodes=4
    LOG=$BATS_TEST_TMPDIR/logs/crashmon.log
    sed -i "s|^log-file-pathname.*|log-file-pathname = $LOG|" "$CONF"
    processor p1
    expect_status 0 scan
    : >"$BATS_TEST_TMPDIR/logs/filler"
    mapfile -t ids < <(crash --count 20)
    expect_status 73 scan --log-file-maximum-size=500
    jobs_are "${ids[@]}"
    [[ $(grep -c . <<<"$output") == 1 && $output == *"$LOG"* ]] || fail "not once:" "$output"
}

@test "metrics whose disk is full: the old ones stay whole, the work is done and its code counts" {
    disk "$BATS_TEST_TMPDIR/metrics" size=16k
    processor p1
    metrics=$BATS_TEST_TMPDIR/metrics/scan.prom
    expect_status 0 scan --metrics-file="$metrics"
    before=$(<"$metrics")
    fill "$BATS_TEST_TMPDIR/metrics"
    id=$(crash)
    expect_status 0 scan --metrics-file="$metrics"
    jobs_are "$id"
    equal "$(<"$metrics")" "$before"
    log_has "$metrics"
    equal "$(ls -A "$BATS_TEST_TMPDIR/metrics")" "filler"$'\n'"scan.prom"
    make_room "$BATS_TEST_TMPDIR/metrics"
    expect_status 0 scan --metrics-file="$metrics"
    [[ $(<"$metrics") != "$before" ]]
}

# --- the server's own disk

@test "a server whose disk is full (74): all links and requests stay, and the next runs finish" {
    disk "$BATS_TEST_TMPDIR/server" size=2m
    [[ $(ps -o user= -p "$(sql "SELECT pg_backend_pid()")") == postgres ]] || skip "not our server"
    processor p1
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    mkdir "$BATS_TEST_TMPDIR/server/data"
    chown postgres "$BATS_TEST_TMPDIR/server/data"
    psql -qX -c "CREATE TABLESPACE crashmon_full LOCATION '$BATS_TEST_TMPDIR/server/data'"
    TABLESPACE=crashmon_full
    # Without room for a row: a table that was emptied keeps its pages.
    sql "TRUNCATE jobs; ALTER TABLE jobs SET TABLESPACE $TABLESPACE"
    mapfile -t ids < <(crash --count 20)
    fill "$BATS_TEST_TMPDIR/server"
    before=$(spool_state "$SPOOL")
    expect_status 74 scan
    expect_status 74 priority "${ids[@]:0:5}"
    sql_is "SELECT count(*), (SELECT count(*) FROM priorityjobs) FROM jobs" "0|5"
    equal "$(spool_state "$SPOOL")" "$before"
    make_room "$BATS_TEST_TMPDIR/server"
    expect_status 0 priority
    expect_status 0 scan
    jobs_are "${ids[@]}"
    [[ -z $(new_links) ]] || fail "$(new_links)"
}
