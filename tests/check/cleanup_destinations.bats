#!/usr/bin/env bats
# cleanup_destinations.bats - crashmon-cleanup when a destination is missing, full, read-only,
# forbidden, or not safe to use.
load ../helper

# What is mounted goes before the rest, and what lies directly in /tmp.
teardown() {
    local place
    for place in "$ARCHIVE" "$FAILED" "$SPOOL"; do
        ! mountpoint -q "$place" || umount "$place"
    done
    [[ -z ${UNDER_TMP:-} ]] || rm -rf "$UNDER_TMP" "$UNDER_TMP.target"
    end_case
}

# Asserts that exactly these rows are left, and their pairs whole in the spool.
stay() {
    local id
    jobs_are "$@"
    for id; do pair_is_whole "$SPOOL" 20081225 "$id"; done
}

# Cleans up; that must be a good run, after which these pairs are in their archive and nowhere else.
finishes() {
    local id left
    expect_status 0 cleanup_jobs "${@:2}"
    sql_is "SELECT count(*) FROM jobs" 0
    for id in $1; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    left=$(find "$SPOOL" ! -type d)
    [[ -z $left ]] || fail "left:" "$left"
    left=$(find "$ARCHIVE" ! -type d ! -name '*.json' ! -name '*.dump')
    [[ -z $left ]] || fail "left:" "$left"
}

@test "a destination that is missing (74): its jobs stay, the other destination's go on" {
    good=$(crash) bad=$(crash) also=$(crash)
    ended true "$good"
    ended false "$bad"
    ended true "$also"
    rmdir "$ARCHIVE"
    expect_status 74 cleanup_jobs --batch-size=1
    [[ $output == *"$ARCHIVE\""*"; nothing was read or changed there; its jobs stay for the next run"* ]] || fail "$output"
    log_has "$ARCHIVE"
    stay "$good" "$also"
    pair_is_whole "$FAILED" 20081225 "$bad"
    mkdir "$ARCHIVE"
    finishes "$good $also"
}

@test "a destination for failed jobs that is missing (74): those that succeeded go on" {
    bad=$(crash) good=$(crash)
    ended false "$bad"
    ended true "$good"
    rmdir "$FAILED"
    expect_status 74 cleanup_jobs
    stay "$bad"
    pair_is_whole "$ARCHIVE" 20081225 "$good"
}

@test "a destination that is a file (74): its jobs stay" {
    id=$(crash)
    ended true "$id"
    rmdir "$ARCHIVE"
    echo precious >"$ARCHIVE"
    expect_status 74 cleanup_jobs
    [[ $output == *"$ARCHIVE"* ]] || fail "does not name it: $output"
    stay "$id"
    [[ $(<"$ARCHIVE") == precious ]]
}

@test "a file in the place of one directory of the archive: that pair stays, the others go on" {
    for first in 11 22 33 44; do ids+=("$(crash --id "${first}adfb61-f75b-11dc-b6be-001322081225")"); done
    ended true "${ids[@]}"
    mkdir -p "$ARCHIVE/20081225/name"
    touch "$ARCHIVE/20081225/name/${ids[1]:0:2}"
    run cleanup_jobs
    [[ $status == 1 || $status == 74 ]] || fail "exit code $status" "$output"
    log_has "${ids[1]}"
    stay "${ids[1]}"
    rm "$ARCHIVE/20081225/name/${ids[1]:0:2}"
    finishes "${ids[*]}"
}

@test "what is in the way in the archive is named: a file, a FIFO, a link, a directory that may not be entered" {
    as_a_user
    id=$(crash)
    chown -R 65534:65534 "$SPOOL"
    ended true "$id"
    way=$ARCHIVE/20081225
    for make in touch mkfifo "ln -s /nowhere" "mkdir -m 0"; do
        $make "$way"
        run cleanup_jobs
        [[ $output == *": cannot create directory \"$way\": "* || $make == mkdir* ]] || fail "$make" "$output"
        [[ $output == *"\"$way"* ]] || fail "$make" "$output"
        stay "$id"
        rm -rf "$way"
    done
    finishes "$id"
}

@test "what has the name of an archived file but is none keeps that crash alone (1)" {
    id=$(crash) other=$(crash)
    ended true "$id" "$other"
    way=$ARCHIVE/20081225/name/$(name_dir "$id")
    mkdir -p "$way"
    for make in mkdir mkfifo "ln -s /nowhere"; do
        for name in "$id.json" "$id.dump"; do
            $make "$way/$name"
            for dry in --dry-run ''; do
                expect_status 1 cleanup_jobs $dry
                [[ $output == *"\"$name\" in \"$ARCHIVE\" is not a regular file"* ]] || fail "$make" "$output"
            done
            stay "$id"
            rm -r "${way:?}/$name"
        done
    done
    pair_is_whole "$ARCHIVE" 20081225 "$other"
    finishes "$id"
}

@test "a destination that may not be written to (77): its jobs stay, the other's go on" {
    good=$(crash) bad=$(crash)
    as_a_user
    ended true "$good"
    ended false "$bad"
    chmod 555 "$ARCHIVE"
    expect_status 77 cleanup_jobs
    [[ $output == *"$ARCHIVE"* || $output == *"$good"* ]] || fail "names nothing: $output"
    stay "$good"
    pair_is_whole "$FAILED" 20081225 "$bad"
    chmod 755 "$ARCHIVE"
    finishes "$good"
}

@test "a dry run ends as a run would where a destination may not be written to (77)" {
    id=$(crash)
    as_a_user
    ended true "$id"
    marked
    chmod 555 "$ARCHIVE"
    for dry in --dry-run ''; do
        expect_status 77 cleanup_jobs $dry
    done
    expect_status 77 cleanup_jobs --dry-run
    [[ $output == *"cannot write to long-term storage \"$ARCHIVE\": Permission denied; its jobs stay for the next run"* &&
        $output == *left:* ]] || fail "$output"
}

@test "a spool that may not be written to (77): the job and its pair stay" {
    id=$(crash)
    as_a_user
    ended true "$id"
    dir=$(dirname "$SPOOL/20081225/name/$(name_dir "$id")/x")
    chmod 555 "$dir"
    expect_status 77 cleanup_jobs
    stay "$id"
    chmod 755 "$dir"
    finishes "$id"
}

@test "a group that the user is not in (77): the job stays, nothing is lost" {
    id=$(crash)
    as_a_user
    ended true "$id"
    gid=$(id -G | tr ' ' '\n' | sort -n | tail -1)
    expect_status 77 cleanup_jobs --dump-gid=$((gid + 4242))
    equal "$(sql "SELECT uuid FROM jobs")" "$id"
    for half in json dump; do
        find "$SPOOL" "$ARCHIVE" -name "$id.$half" -size +0 | grep -q . || fail "lost: $half"
    done
    finishes "$id"
}

@test "a full disk (74): row and pair stay, no half file is left; with room the next run finishes" {
    big=$(crash --size 300000)
    disk "$ARCHIVE" size=64k
    ended true "$big"
    expect_status 74 cleanup_jobs
    stay "$big"
    log_has "$big"
    [[ -z $(find "$ARCHIVE" -type f ! -name "$big.json") ]] || fail "$(ls -lR "$ARCHIVE")"
    expect_status 74 cleanup_jobs
    stay "$big"
    mount -o remount,size=4m "$ARCHIVE"
    finishes "$big"
}

@test "a full disk: after ten pairs it is told how many more stay, and all of it in ten lines and one" {
    mapfile -t ids < <(crash --count 40 --without links)
    disk "$ARCHIVE" size=64k
    marked
    head -c 1M /dev/zero >"$ARCHIVE/filler" 2>/dev/null || true
    ended true "${ids[@]}"
    expect_status 74 cleanup_jobs --batch-size=15
    equal "${#lines[@]}" 11
    [[ ${lines[10]} == *"long-term storage \"$ARCHIVE\" is not used any more in this run; further pairs that stay for the next run: 30" ]] ||
        fail "$output"
    log_has 'batch of 10 done, left: 10'
    mount -o remount,size=4m "$ARCHIVE"
    cleans
}

@test "a disk that is full for one pair: each other pair is whole, here or there (74)" {
    mapfile -t ids < <(crash
        crash --size 300000
        crash --count 2)
    bad=$(crash)
    disk "$ARCHIVE" size=64k
    ended true "${ids[@]}"
    ended false "$bad"
    expect_status 74 cleanup_jobs
    # shellcheck disable=SC2046 # one word an id
    stay $(sql "SELECT uuid FROM jobs ORDER BY id")
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '${ids[1]}'" 1
    pair_is_whole "$FAILED" 20081225 "$bad"
    mount -o remount,size=4m "$ARCHIVE"
    finishes "${ids[*]}"
}

@test "a disk without room for another directory (74): row and pair stay" {
    id=$(crash)
    disk "$ARCHIVE" nr_inodes=4
    ended true "$id"
    expect_status 74 cleanup_jobs
    stay "$id"
    mount -o remount,nr_inodes=100 "$ARCHIVE"
    finishes "$id"
}

@test "a destination on a read-only file system (74): row and pair stay, the other's go on" {
    good=$(crash) bad=$(crash)
    disk "$ARCHIVE" size=1m,ro
    ended true "$good"
    ended false "$bad"
    expect_status 74 cleanup_jobs
    stay "$good"
    pair_is_whole "$FAILED" 20081225 "$bad"
    mount -o remount,rw "$ARCHIVE"
    finishes "$good"
}

@test "a spool on a read-only file system (74): row and pair stay, the next run finishes" {
    disk "$SPOOL" size=1m
    moved=$(crash) deleted=$(crash)
    mount -o remount,ro "$SPOOL"
    ended true "$moved"
    ended false "$deleted"
    expect_status 74 cleanup_jobs --save-failed-minidumps-to=
    stay "$moved" "$deleted"
    mount -o remount,rw "$SPOOL"
    finishes "$moved" --save-failed-minidumps-to=
}

# --- directly under /tmp, where everybody may put things

under_tmp() {
    [[ -d /tmp && -w /tmp ]] || skip "/tmp is not writable"
    UNDER_TMP=$(mktemp -u /tmp/crashmon-tests-archive.XXXXXX)
    id=$(crash)
    ended true "$id"
}

@test "a destination under /tmp that is missing is made, for its user alone, with a warning" {
    under_tmp
    (umask 000; expect_status 0 cleanup_jobs --save-successful-minidumps-to="$UNDER_TMP"
        [[ -z $output ]] || fail "printed: $output")
    pair_is_whole "$UNDER_TMP" 20081225 "$id"
    [[ $(stat -c %u "$UNDER_TMP") == "$(id -u)" ]] || fail "$(ls -ld "$UNDER_TMP")"
    (((8#$(stat -c %a "$UNDER_TMP") & 2) == 0)) || fail "$(ls -ld "$UNDER_TMP")"
    grep WARNING "$LOG" | grep -qF "$UNDER_TMP" || fail "no warning names it"
}

@test "a destination under /tmp that is the user's own directory is used, with a warning" {
    under_tmp
    mkdir "$UNDER_TMP"
    expect_status 0 cleanup_jobs --save-successful-minidumps-to="$UNDER_TMP"
    pair_is_whole "$UNDER_TMP" 20081225 "$id"
    grep WARNING "$LOG" | grep -qF "$UNDER_TMP" || fail "no warning names it"
}

@test "a destination under /tmp that is a link is not used (77), wherever it leads" {
    under_tmp
    mkdir "$UNDER_TMP.target"
    ln -s "$UNDER_TMP.target" "$UNDER_TMP"
    for name in "$UNDER_TMP" "$UNDER_TMP/"; do
        expect_status 77 cleanup_jobs --save-successful-minidumps-to="$name"
        [[ $output == *"$UNDER_TMP"* ]] || fail "does not name it: $output"
        stay "$id"
    done
    rmdir "$UNDER_TMP.target"
    expect_status 77 cleanup_jobs --save-successful-minidumps-to="$UNDER_TMP"
    stay "$id"
    [[ ! -e $UNDER_TMP.target ]] || fail "made what the link leads to"
}

@test "a destination under /tmp that belongs to another user is not used (77)" {
    [[ $(id -u) == 0 ]] || skip "only root can give a directory away"
    under_tmp
    mkdir "$UNDER_TMP"
    chown 65534 "$UNDER_TMP"
    expect_status 77 cleanup_jobs --save-successful-minidumps-to="$UNDER_TMP"
    [[ $output == *"$UNDER_TMP"* ]] || fail "does not name it: $output"
    stay "$id"
    [[ -z $(ls "$UNDER_TMP") ]]
}

@test "a destination under /tmp that is a file is not used (77), and stays a file" {
    under_tmp
    echo precious >"$UNDER_TMP"
    expect_status 77 cleanup_jobs --save-successful-minidumps-to="$UNDER_TMP"
    stay "$id"
    [[ $(<"$UNDER_TMP") == precious ]]
}

@test "the defaults are /tmp/socorro-sucessful and /tmp/socorro-failed" {
    [[ $(id -u) == 0 ]] && unshare -m true || skip "only root can have a /tmp of its own"
    good=$(crash --without links) bad=$(crash --without links)
    ended true "$good"
    ended false "$bad"
    sed -i '/^save-/d; s|= /.*/|= /mnt/|' "$CONF"
    cp "$BUILD/crashmon-cleanup" "$BATS_TEST_TMPDIR"
    mkdir "$BATS_TEST_TMPDIR/tmp"
    expect_status 0 unshare -m bash -c "mount --bind '$BATS_TEST_TMPDIR' /mnt &&
        mount --bind /mnt/tmp /tmp && /mnt/crashmon-cleanup --config=/mnt/${CONF##*/}"
    [[ -z $output ]] || fail "printed: $output"
    pair_is_whole "$BATS_TEST_TMPDIR/tmp/socorro-sucessful" 20081225 "$good"
    pair_is_whole "$BATS_TEST_TMPDIR/tmp/socorro-failed" 20081225 "$bad"
    [[ $(grep -c WARNING "$LOG") == 2 ]] || fail "no warning for each"
}
