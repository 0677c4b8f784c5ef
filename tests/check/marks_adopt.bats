#!/usr/bin/env bats
# marks_adopt.bats - what becomes of the marks when a spool is moved or a database restored, and when
# they cannot be read or made; and --adopt.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load marks

# --- moving, restoring, adopting

@test "a spool that is moved with its mark needs no --adopt, and the row says where it is" {
    used
    id=$(crash --without links)
    ended true "$id"
    cp -a "$SPOOL" "$BATS_TEST_TMPDIR/moved"
    rm -r "$SPOOL"
    sed -i "s|^storage-root.*|storage-root = $BATS_TEST_TMPDIR/moved|" "$CONF"
    cleans
    sql_is "SELECT path FROM crashmon.storages WHERE place = 'storage'" "$BATS_TEST_TMPDIR/moved"
    expect_status 0 scan
}

@test "a restored database without the rows accepts the marks; one with other rows waits (74)" {
    used
    mark=$(mark_of "$SPOOL")
    sql "DELETE FROM crashmon.storages"
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    equal "$(mark_of "$SPOOL")" "$mark"
    sql "UPDATE crashmon.storages SET identity = '11111111-1111-4111-8111-111111111111'
         WHERE place = 'storage'"
    for run in "${RUNS[@]}"; do refused 74 "$run" "another mark" --adopt; done
    expect_status 0 cleanup_jobs --adopt
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    equal "$(mark_of "$SPOOL")" "$mark"
}

@test "--adopt accepts a new disk: it prints and logs the old mark and the new, and does no more" {
    used
    id=$(crash) done=$(crash --without links)
    ended true "$done"
    before=$(mark_of "$SPOOL") archive=$(mark_of "$ARCHIVE") failed=$(mark_of "$FAILED")
    deferred=$(mark_of "$DEFERRED")
    rm "$SPOOL/.crashmon" "$ARCHIVE/.crashmon"
    mkdir "$ARCHIVE/lost+found"
    refused 74 scan "no mark"
    expect_status 0 cleanup_jobs --adopt --dry-run
    [[ $output == *"\"$SPOOL\" (main, storage): mark a new one, before $before"* ]] || fail "$output"
    [[ ! -e $SPOOL/.crashmon ]] || fail "a dry run has made a mark"
    runs=$(sql "SELECT count(*) FROM crashmon.runs")
    expect_status 0 cleanup_jobs --adopt --metrics-file="$BATS_TEST_TMPDIR/metrics"
    sql_is "SELECT count(*) FROM crashmon.runs" "$runs"
    [[ ! -e $BATS_TEST_TMPDIR/metrics ]] || fail "--adopt has written metrics"
    lines="storage root \"$SPOOL\" (main, storage): mark $(mark_of "$SPOOL"), before $before
deferred storage root \"$DEFERRED\" (main, deferred): mark $deferred, before $deferred
long-term storage \"$FAILED\" (main, failed): mark $failed, before $failed
long-term storage \"$ARCHIVE\" (main, successful): mark $(mark_of "$ARCHIVE"), before $archive"
    equal "$output" "$lines"
    while IFS= read -r line; do log_has "adopted: $line"; done <<<"$lines"
    jobs_are "$done"
    has_links "$id"
    expect_status 0 scan
    sql "UPDATE jobs SET success = true"
    cleans
}

@test "--adopt of scan and priority: the roots that they use, and the quarantine" {
    expect_status 0 scan --adopt --quarantine-to="$BATS_TEST_TMPDIR/quarantine"
    [[ $output == *"\"$SPOOL\""*"before none"*"\"$BATS_TEST_TMPDIR/quarantine\""* ]] || fail "$output"
    expect_status 0 priority --adopt
    [[ $output == *"\"$SPOOL\""*"\"$DEFERRED\""*"before none"* ]] || fail "$output"
    sql_is "SELECT count(*) FROM crashmon.storages" 3
}

@test "--adopt on a new host ends the dispute, and takes the lock like a run" {
    used
    mkdir -p "$BATS_TEST_TMPDIR/new/lost+found"
    on_host b.example
    sed -i "s|^storage-root.*|storage-root = $BATS_TEST_TMPDIR/new|" "$CONF"
    refused 78 scan "b.example"
    lock crashmon-scan
    expect_status 75 scan --adopt
    [[ $output == *"is taken: "* ]] || fail "a person is told nothing: $output"
    unlock crashmon-scan
    expect_status 1 scan --adopt
    [[ $output == *"storage root \"$BATS_TEST_TMPDIR/new\" takes the place of \"$SPOOL\" on host \"$(hostname)\"; if storage main is still in use there, use another --storage-name here"* ]] ||
        fail "$output"
    sql_is "SELECT host FROM crashmon.storages WHERE place = 'storage'" b.example
    expect_status 0 scan --adopt
    expect_status 0 scan
}

@test "--adopt of a root that holds no day, while there are jobs from it, is done, and warned of (1)" {
    used
    waiting=$(crash)
    expect_status 0 scan
    rm -r "$SPOOL"/{.crashmon,2*} "$DEFERRED"/{.crashmon,2*}
    refused 74 scan "no mark"
    warning="storage root \"$SPOOL\" holds no day; jobs that may come from it: 1; it is accepted all the same (if its disk is not mounted: mount it, and use --adopt again)"
    for dry in --dry-run ''; do
        expect_status 1 cleanup_jobs --adopt $dry
        [[ $(grep -cxF "$warning" <<<"$output") == 1 && $output != *"deferred storage root \"$DEFERRED\" holds"* ]] ||
            fail "$output"
    done
    grep -F " WARNING - $warning" "$LOG"
    sql_is "SELECT identity FROM crashmon.storages WHERE place = 'storage'" "$(mark_of "$SPOOL")"
    jobs_are "$waiting"
}

@test "--adopt of an empty directory in the place of one with a mark is done, and warned of (1)" {
    expect_status 0 cleanup_jobs --adopt
    [[ $output != *empty* ]] || fail "$output"
    rm "$ARCHIVE/.crashmon"
    for dry in --dry-run ''; do
        expect_status 1 cleanup_jobs --adopt $dry
        equal "$(grep empty <<<"$output")" "long-term storage \"$ARCHIVE\" was empty; it is accepted all the same (if its disk is not mounted: mount it, and use --adopt again)"
    done
    log_has " WARNING - long-term storage \"$ARCHIVE\" was empty"
    expect_status 0 cleanup_jobs --adopt
}

@test "a spool that was moved to another path: unfinished jobs that have the old one are told once (1)" {
    used
    crash --count 3 >/dev/null
    expect_status 0 scan
    finish "$(sql "SELECT min(uuid) FROM jobs")" true
    mv "$SPOOL" "$BATS_TEST_TMPDIR/moved"
    old=$SPOOL SPOOL=$BATS_TEST_TMPDIR/moved
    sed -i "s|^storage-root.*|storage-root = $SPOOL|" "$CONF"
    expect_status 1 scan --dry-run
    for run in scan cleanup_jobs; do
        sql "UPDATE crashmon.storages SET path = '$old' WHERE place = 'storage'"
        expect_status 1 "$run"
        log_has "WARNING - storage root \"$SPOOL\" was at \"$old\" before; unfinished jobs that still have the old path, at which processors look for their pairs: 2 (see"
        expect_status 0 "$run"
    done
    sql "UPDATE jobs SET pathname = '$SPOOL' || substr(pathname, length('$old') + 1);
         UPDATE crashmon.storages SET path = '$old' WHERE place = 'storage'"
    expect_status 0 scan
}

@test "a host on which the root is mounted elsewhere, where only cleanup runs, is no new place of it" {
    used
    crash >/dev/null
    expect_status 0 scan
    bind "$SPOOL" "$BATS_TEST_TMPDIR/elsewhere"
    sed "s|^storage-root.*|storage-root = $BATS_TEST_TMPDIR/elsewhere|" "$CONF" >"$CONF.b"
    on_host b.example
    CONF=$CONF.b expect_status 0 cleanup_jobs
    sql_is "SELECT path, host FROM crashmon.storages WHERE place = 'storage'" "$SPOOL|$(hostname)"
    EXEC= expect_status 0 scan
    CONF=$CONF.b expect_status 1 scan
    sql_is "SELECT path, host FROM crashmon.storages WHERE place = 'storage'" \
        "$BATS_TEST_TMPDIR/elsewhere|b.example"
}

# --- marks that cannot be read or made

@test "what is there under the name of the mark, but is none (74), is not replaced" {
    used
    for make in "ln -s $CONF" "mkfifo" "mkdir" "touch" "cp $CONF"; do
        rm -rf "$SPOOL/.crashmon"
        $make "$SPOOL/.crashmon"
        for run in "${RUNS[@]}"; do
            refused 74 "$run" "mark \"$SPOOL/.crashmon\"" "restore it, or remove it and use --adopt"
        done
        expect_status 74 scan --adopt
    done
    rm "$SPOOL/.crashmon"
    expect_status 0 scan --adopt
}

@test "a read-only root with a mark works; without one (74) it is not used" {
    on_disks "$DEFERRED"
    expect_status 0 scan
    mount -o remount,ro "$BATS_TEST_TMPDIR/disks/deferred"
    refused 74 priority "cannot make the mark \"$DEFERRED/.crashmon\"" "Read-only"
    sql "DELETE FROM crashmon.storages"
    mount -o remount,rw "$BATS_TEST_TMPDIR/disks/deferred"
    expect_status 0 priority --adopt
    mount -o remount,ro "$BATS_TEST_TMPDIR/disks/deferred"
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    # Without a row, too: as after a restore.
    sql "DELETE FROM crashmon.storages"
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
}

@test "on a disk as well: ext4 that is read-only, with a mark and without a row" {
    [[ $(id -u) == 0 ]] && type -P mkfs.ext4 >/dev/null || skip "no disk"
    truncate -s 8m "$BATS_TEST_TMPDIR/image"
    mkfs.ext4 -q "$BATS_TEST_TMPDIR/image"
    mount -o loop "$BATS_TEST_TMPDIR/image" "$DEFERRED" || skip "no mount here"
    disks+=("$DEFERRED")
    expect_status 0 priority
    sql "DELETE FROM crashmon.storages"
    mount -o remount,ro "$DEFERRED"
    expect_status 0 priority
    sql_is "SELECT identity FROM crashmon.storages WHERE place = 'deferred'" "$(mark_of "$DEFERRED")"
}

@test "who may not write into the root (77) can use it once it has its mark" {
    [[ $(id -u) == 0 ]] || skip "only root has another user"
    mkdir -m 777 "$SPOOL/20081225"
    as_a_user
    chown root "$SPOOL" "$DEFERRED"
    expect_status 77 scan
    [[ $output == *"cannot make the mark"*"Permission denied"* ]] || fail "$output"
    EXEC='' expect_status 0 priority --adopt
    expect_status 0 scan
    expect_status 0 priority
}

@test "a dry run makes neither mark nor row, but checks" {
    before=$(everything)
    for run in "${RUNS[@]}"; do expect_status 0 "$run" --dry-run; done
    equal "$(everything)" "$before"
    [[ ! -e $SPOOL/.crashmon && ! -e $DEFERRED/.crashmon ]]
    used
    rm "$SPOOL/.crashmon"
    for run in "${RUNS[@]}"; do
        expect_status 74 "$run" --dry-run
        [[ $output == *"has no mark"* ]] || fail "$output"
    done
}
