#!/usr/bin/env bats
# marks.bats - a root is known by its mark: what is not mounted, was replaced, or belongs to another
# host is never read as if it were empty, and nothing is put into it. On real mounts.
# shellcheck disable=SC2154,SC2034 # bats sets status and output
load ../helper
load marks

# --- the first run

@test "the first run of a site makes a mark and a row for each place that it uses" {
    id=$(crash)
    expect_status 0 scan
    equal "$(known)" "storage|$SPOOL"
    [[ $(<"$SPOOL/.crashmon") =~ ^crashmon\ 1\ [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]]
    equal "$(stat -c %a "$SPOOL/.crashmon")" 644
    expect_status 0 priority
    equal "$(known)" "deferred|$DEFERRED"$'\n'"storage|$SPOOL"
    finish "$id" true
    cleans
    # Nothing has been put there yet.
    equal "$(known)" "successful|$ARCHIVE"$'\n'"deferred|$DEFERRED"$'\n'"failed|$FAILED"$'\n'"storage|$SPOOL"
    for place in storage="$SPOOL" deferred="$DEFERRED" successful="$ARCHIVE" failed="$FAILED"; do
        sql_is "SELECT host, identity FROM crashmon.storages WHERE place = '${place%%=*}'" \
            "$(hostname)|$(mark_of "${place#*=}")"
    done
    equal "$(command find "$SPOOL" "$ARCHIVE" -name '.crashmon.*')" ""
}

@test "--show-config tells the mark of each directory that is there" {
    expect_status 0 scan --show-config
    [[ $output == *$'\n# no mark\n# '*$'\nstorage-root = '"$SPOOL"$'\n'* ]] || fail "$output"
    expect_status 0 scan
    expect_status 0 scan --show-config
    [[ $output == *$'\n# mark '"$(mark_of "$SPOOL")"$'\n# '*$'\nstorage-root = '"$SPOOL"$'\n'* ]] || fail "$output"
}

@test "a run that is killed while it makes a mark leaves nothing behind" {
    for call in fsync linkat; do
        EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=$call -e inject=$call:signal=KILL:when=1"
        $EXEC true 2>/dev/null || skip "no strace here"
        expect_status 137 scan --lock-wait=00:00:10
        equal "$(command find "$SPOOL" -name '.crashmon*')" ""
    done
    EXEC=
    expect_status 0 scan --lock-wait=00:00:10
}

@test "where there are no files without a name, a mark is made all the same" {
    EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=linkat -e inject=linkat:error=EOPNOTSUPP"
    $EXEC true 2>/dev/null || skip "no strace here"
    expect_status 0 scan
    equal "$(known)" "storage|$SPOOL"
    equal "$(command find "$SPOOL" -name '.crashmon*')" "$SPOOL/.crashmon"
}

@test "the first runs of all three at once get the same marks, ten times" {
    for _ in {1..10}; do
        sql "TRUNCATE crashmon.storages"
        rm -f "$SPOOL/.crashmon" "$DEFERRED/.crashmon"
        processes=()
        for run in scan priority cleanup_jobs cleanup_jobs; do
            background "$run" --lock-wait=00:00:30
            processes+=("$pid")
        done
        for pid in "${processes[@]}"; do background_ends 0 "$pid"; done
        sql_is "SELECT identity FROM crashmon.storages WHERE place IN ('deferred', 'storage') ORDER BY place" \
            "$(mark_of "$DEFERRED")"$'\n'"$(mark_of "$SPOOL")"
    done
}

@test "a mark that a killed run has made, without a row, is accepted" {
    expect_status 0 scan
    mark=$(mark_of "$SPOOL")
    sql "DELETE FROM crashmon.storages"
    expect_status 0 scan
    equal "$(mark_of "$SPOOL")" "$mark"
    sql_is "SELECT identity FROM crashmon.storages" "$mark"
}

@test "an upgrade from before the marks: roots that hold days get them, whatever is queued" {
    ids=$(crash --count 3 --without links) throttled=$(crash --root "$DEFERRED" --without links)
    # shellcheck disable=SC2086 # one word an id
    ended true $ids "$throttled"
    sql "UPDATE jobs SET pathname = '$DEFERRED/x.json' WHERE uuid = '$throttled'"
    cleans
    [[ -e $SPOOL/.crashmon && -e $DEFERRED/.crashmon ]]
}

@test "an upgrade while a root is not mounted (74): it gets no mark, and all waits until it is back" {
    for root in "$SPOOL" "$DEFERRED"; do
        sql "DELETE FROM jobs; DELETE FROM crashmon.storages"
        rm -f "$SPOOL/.crashmon" "$DEFERRED/.crashmon"
        id=$(crash --root "$root" --without links)
        ended true "$id"
        sql "UPDATE jobs SET pathname = '$root/20081225/$id.json'"
        mv "$root" "$BATS_TEST_TMPDIR/elsewhere"
        mkdir "$root"
        expect_status 74 cleanup_jobs
        [[ $output == *"\"$root\" holds no day"*"mounted"*--adopt* ]] || fail "$output"
        [[ ! -e $root/.crashmon ]] || fail "a mark"
        jobs_are "$id"
        rmdir "$root"
        mv "$BATS_TEST_TMPDIR/elsewhere" "$root"
        cleans
    done
}

@test "a deferred root that is new and empty is accepted, though the storage has jobs" {
    id=$(crash)
    expect_status 0 scan
    rmdir "$DEFERRED/20000101"
    expect_status 0 priority
    [[ -e $DEFERRED/.crashmon ]]
    # Where the collector's Monitor left no pathname nobody knows where the pair is.
    sql "UPDATE jobs SET pathname = ' '; DELETE FROM crashmon.storages WHERE place = 'deferred'"
    rm "$DEFERRED/.crashmon"
    refused 74 priority "\"$DEFERRED\" holds no day" "mounted"
}

# --- disks that are not mounted

@test "the deferred root is not mounted (74): cleanup concludes nothing, and goes on when it is back" {
    on_disks "$DEFERRED"
    used
    throttled=$(crash --root "$DEFERRED") here=$(crash)
    expect_status 0 priority "$throttled" "$here"
    finish "$throttled" true
    finish "$here" true
    away "$DEFERRED"
    for run in cleanup_jobs priority; do
        refused 74 "$run" "\"$DEFERRED\" has no mark" "is the disk mounted?" "nothing was read"
    done
    jobs_are "$throttled" "$here"
    pair_is_whole "$SPOOL" 20081225 "$here"
    expect_status 0 scan
    back "$DEFERRED"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$throttled"
    pair_is_whole "$ARCHIVE" 20081225 "$here"
}

@test "the storage root is not mounted (74), and one crash lies on the bare mount point" {
    on_disks "$SPOOL"
    used
    done=$(crash --count 3 --without links) new=$(crash)
    # shellcheck disable=SC2086 # one word an id
    ended true $done
    away "$SPOOL"
    bare=$(crash)
    for run in cleanup_jobs scan priority; do
        refused 74 "$run" "\"$SPOOL\" has no mark" "is the disk mounted?"
    done
    has_links "$bare"
    back "$SPOOL"
    cleans
    for id in $done; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    expect_status 0 scan
    jobs_are "$new"
}

@test "an unmounted storage root at scan (74), each time, until it is back" {
    on_disks "$SPOOL"
    expect_status 0 scan
    id=$(crash)
    away "$SPOOL"
    for _ in 1 2 3; do refused 74 scan "has no mark"; done
    back "$SPOOL"
    expect_status 0 scan
    jobs_are "$id"
}

@test "another disk at the place of the root (74) is not read" {
    on_disks "$SPOOL" "$BATS_TEST_TMPDIR/other"
    used
    id=$(crash)
    SPOOL=$BATS_TEST_TMPDIR/other crash >/dev/null
    sed "s|^storage-root.*|storage-root = $BATS_TEST_TMPDIR/other|; s|^deferred.*||" "$CONF" >"$CONF.b"
    CONF=$CONF.b expect_status 0 scan --storage-name=b --limit=1
    away "$SPOOL"
    mount --bind "$BATS_TEST_TMPDIR/other" "$SPOOL"
    refused 74 scan "\"$SPOOL\" has another mark"
    away "$SPOOL"
    back "$SPOOL"
    expect_status 0 scan
    sql_true "SELECT count(*) = 1 FROM jobs WHERE uuid = '$id'"
}

@test "a root that is unmounted in the middle of a run is still the one that was opened" {
    on_disks "$SPOOL"
    used
    ids=$(crash --count 6 --without links)
    # shellcheck disable=SC2086 # one word an id
    ended true $ids
    held cleanup_jobs --batch-size=2
    umount -l "$SPOOL"
    session COMMIT
    background_ends 0
    sql_is "SELECT count(*) FROM jobs" 0
    for id in $ids; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    back "$SPOOL"
}

@test "long-term storage is not mounted (74): its jobs stay, the other destination goes on" {
    on_disks "$ARCHIVE"
    used
    good=$(crash --without links) bad=$(crash --without links)
    ended true "$good"
    ended false "$bad"
    away "$ARCHIVE"
    for _ in 1 2; do
        expect_status 74 cleanup_jobs
        [[ $output == *"long-term storage \"$ARCHIVE\" has no mark"*mounted*"; nothing was read or changed there; its jobs"* ]] ||
            fail "$output"
        jobs_are "$good"
        pair_is_whole "$SPOOL" 20081225 "$good"
        pair_is_whole "$FAILED" 20081225 "$bad"
        equal "$(command find "$ARCHIVE" -mindepth 1)" ""
    done
    back "$ARCHIVE"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$good"
}

@test "nor where everybody may write beside it, as on a new tmpfs (74)" {
    disk "$BATS_TEST_TMPDIR/disk" mode=1777
    ARCHIVE=$BATS_TEST_TMPDIR/disk/archive
    mkdir "$ARCHIVE"
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ARCHIVE|" "$CONF"
    id=$(crash --without links)
    ended true "$id"
    expect_status 0 cleanup_jobs
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    umount "$BATS_TEST_TMPDIR/disk"
    id=$(crash --without links)
    ended true "$id"
    for mode in 1777 755; do
        chmod $mode "$BATS_TEST_TMPDIR/disk"
        expect_status 74 cleanup_jobs
        [[ ! -e $ARCHIVE ]] || fail "it is on the bare mount point"
    done
    mkdir "$ARCHIVE"
    chmod 1777 "$BATS_TEST_TMPDIR/disk"
    refused 74 cleanup_jobs "no mark"
    jobs_are "$id"
}

@test "nor is it taken for another before the first pair was put there (74)" {
    on_disks "$FAILED"
    cleans
    away "$FAILED"
    id=$(crash --without links)
    ended false "$id"
    expect_status 74 cleanup_jobs
    equal "$(command find "$FAILED" -mindepth 1)" ""
    back "$FAILED"
    cleans
    pair_is_whole "$FAILED" 20081225 "$id"
}

@test "a destination that cannot be used is told when a pair has to go there (74), not before" {
    rm -r "$FAILED"
    cleans
    [[ ! -e $FAILED ]]
    ended false "$(crash --without links)"
    expect_status 74 cleanup_jobs
}

@test "the quarantine is not mounted (74): what has to go there stays, the rest is queued" {
    there=$BATS_TEST_TMPDIR/there
    on_disks "$there"
    first=$(crash --without json)
    options=(--incomplete-age=00:30:00 --quarantine-to="$there")
    expect_status 1 scan "${options[@]}"
    quarantined "$first" json "$there"
    [[ -e $there/.crashmon ]]
    away "$there"
    half=$(crash --without json) good=$(crash)
    expect_status 74 scan "${options[@]}"
    [[ $output == *"quarantine \"$there\" has no mark"* ]] || fail "$output"
    jobs_are "$good"
    has_links "$half"
    equal "$(command find "$there" -mindepth 1)" ""
    for dry in '' --dry-run; do
        # shellcheck disable=SC2086 # nothing, or an option
        expect_status 74 priority --quarantine-to="$there" $dry --release "$first"
        [[ $output == *"cannot release \"$first\": quarantine \"$there\" has no mark"*"nothing was read or changed there"* ]] || fail "$output"
    done
    expect_status 74 cleanup_jobs --quarantine-to="$there" --keep-quarantine-days=1
    expect_status 74 priority --quarantine-to="$there" --explain "$first"
    rmdir "$there"
    expect_status 74 priority --quarantine-to="$there" --release "$first"
    [[ $output == *"cannot release \"$first\": cannot open quarantine \"$there\""* ]] || fail "$output"
    back "$there"
    expect_status 1 scan "${options[@]}"
    quarantined "$half" json "$there"
}

@test "a quarantine below the storage root has no mark, by whatever option" {
    crash --without json >/dev/null
    expect_status 1 scan --incomplete-age=00:30:00
    crash --without json >/dev/null
    expect_status 1 scan --incomplete-age=00:30:00 --quarantine-to="$SPOOL/mine"
    equal "$(command find "$SPOOL" -name .crashmon)" "$SPOOL/.crashmon"
}

# --- other hosts and other storages

@test "a second host that forgets --storage-name (78): the sentence tells both hosts" {
    used
    id=$(crash --without links)
    ended true "$id"
    mine=$BATS_TEST_TMPDIR/mine
    mkdir "$mine"
    sed "s|^storage-root.*|storage-root = $mine|" "$CONF" >"$CONF.b"
    on_host b.example
    for run in cleanup_jobs scan priority; do
        CONF=$CONF.b refused 78 "$run" "\"$mine\" on host b.example has no mark" \
            "storage main is on host $(hostname)" --storage-name
    done
    [[ ! -e $mine/.crashmon ]]
    sed -i "/^deferred/d" "$CONF.b"
    CONF=$CONF.b expect_status 0 scan --storage-name=b
    # Also when it has had a name, and forgets it now.
    CONF=$CONF.b refused 78 cleanup_jobs "has another mark" --storage-name
    EXEC=
    cleans
}

@test "a second spool on this host that forgets it (74): the sentence asks for the option, not for a disk" {
    used
    mkdir "$BATS_TEST_TMPDIR/second"
    sed "s|^storage-root.*|storage-root = $BATS_TEST_TMPDIR/second|" "$CONF" >"$CONF.second"
    for run in cleanup_jobs scan priority; do
        CONF=$CONF.second refused 74 "$run" "had at \"$SPOOL\" (does a second spool need another --storage-name?"
    done
    [[ ! -e $BATS_TEST_TMPDIR/second/.crashmon ]]
}

@test "the same root on several hosts, as by NFS, is fine" {
    used
    on_host b.example
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
}

@test "two storages cannot have the same root (78), by whatever path: the sentence names both" {
    on_disks "$SPOOL"
    expect_status 0 scan
    other=$BATS_TEST_TMPDIR/other
    mkdir "$other"
    for root in "$SPOOL" "$other"; do
        [[ $root == "$SPOOL" ]] || { mount --bind "$SPOOL" "$other" && disks+=("$other"); }
        for adopt in '' --adopt; do
            # shellcheck disable=SC2086 # nothing, or the option
            expect_status 78 scan --storage-name=two --storage-root="$root" $adopt
            [[ $output == *"\"$root\" of storage two"*"storage main (\"$SPOOL\" on host"* ]] ||
                fail "$output"
        done
    done
    expect_status 78 priority --deferred-storage-root="$other"
    [[ $output == *"deferred storage root \"$other\" is the same directory as storage root"* ]] ||
        fail "$output"
    equal "$(known)" "storage|$SPOOL"
}

@test "a root that is given by mistake (78): the sentence says whose it is, and no disk is to blame" {
    local two=$BATS_TEST_TMPDIR/two
    crash >/dev/null
    crash --root "$two" >/dev/null
    expect_status 0 priority
    expect_status 0 priority --storage-name=two --storage-root="$two" --deferred-storage-root=
    expect_status 78 scan --storage-root="$two"
    [[ $output == *"storage root \"$two\" of storage main has the mark of the storage root of storage two (\"$two\" on"* &&
        $output != *mounted* ]] || fail "$output"
    expect_status 78 priority --storage-root="$DEFERRED" --deferred-storage-root="$SPOOL"
    [[ $output == *"storage root \"$DEFERRED\" of storage main has the mark of the deferred storage root of storage main"* &&
        $output != *mounted* ]] || fail "$output"
}

@test "a root, or what else is given, in a day of another storage's root (78): the sentence names both" {
    used
    new=$(crash)
    mkdir "$SPOOL/20081225/inner"
    for inside in 20081225 20081225/name 20081225/inner; do
        for option in storage-root deferred-storage-root save-failed-minidumps-to; do
            root=$BATS_TEST_TMPDIR/two
            mkdir -p "$root"
            ended false "$(crash --root "$root" --without links)"
            sql "UPDATE jobs SET storage = 'two' WHERE storage = 'main'"
            sed "s|^storage-root.*|storage-root = $root|; /^deferred/d" "$CONF" >"$CONF.two"
            CONF=$CONF.two expect_status 78 cleanup_jobs --storage-name=two --$option="$SPOOL/$inside"
            [[ $output == *"\"$SPOOL/$inside\" of storage two lies in a day of the storage root of storage main (\"$SPOOL\" on host"*"nothing was read or changed"* ]] ||
                fail "$output"
            sql "DELETE FROM jobs WHERE storage = 'two'; DELETE FROM crashmon.storages WHERE storage = 'two'"
            rm -r "$root"
        done
    done
    [[ -z $(command find "$SPOOL/20081225" -name .crashmon) ]] || fail "a mark in a day"
    has_links "$new"
}

@test "a root of another storage below the storage root, but in none of its days, is fine" {
    used
    mkdir -p "$SPOOL/two"
    sed "s|^storage-root.*|storage-root = $SPOOL/two|; /^deferred/d" "$CONF" >"$CONF.two"
    CONF=$CONF.two expect_status 0 scan --storage-name=two
}

@test "a destination that is the storage root (78) takes nothing" {
    used
    id=$(crash --without links)
    ended true "$id"
    sql "DELETE FROM crashmon.storages WHERE place = 'successful'"
    expect_status 78 cleanup_jobs --save-successful-minidumps-to="$SPOOL"
    jobs_are "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
    cleans
}

@test "two storages share long-term storage" {
    used
    mkdir "$BATS_TEST_TMPDIR/two"
    mine=$(crash --without links) theirs=$(crash --root "$BATS_TEST_TMPDIR/two" --without links)
    ended true "$mine" "$theirs"
    sql "UPDATE jobs SET storage = 'two' WHERE uuid = '$theirs'"
    sed "s|^storage-root.*|storage-root = $BATS_TEST_TMPDIR/two|; /^deferred/d" "$CONF" >"$CONF.two"
    CONF=$CONF.two expect_status 0 cleanup_jobs --storage-name=two
    cleans
    for id in "$mine" "$theirs"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    sql_is "SELECT count(DISTINCT identity), count(*) FROM crashmon.storages
            WHERE place = 'successful'" "1|2"
}

@test "long-term storage or quarantine of one storage is no root of another (78)" {
    expect_status 0 cleanup_jobs
    crash >/dev/null
    ended true "$(sql "SELECT '22adfb61-f75b-11dc-b6be-001322081225'")"
    run cleanup_jobs
    sql "TRUNCATE jobs"
    run program crashmon-scan --storage-name=b --storage-root="$ARCHIVE"
    equal "$status" 78
    [[ $output == *"long-term storage of storage main"* ]] || fail "$output"
}
