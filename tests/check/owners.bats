#!/usr/bin/env bats
# owners.bats - what a run by hand makes as root is not in the way of the user whose directories
# they are.
load ../helper

@test "what root makes belongs to whoever owns the directory around it" {
    [[ $(id -u) == 0 ]] || skip "only root can give files away"
    elsewhere
    ARCHIVE=$ELSEWHERE/archive
    mkdir -p "$ARCHIVE"
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ARCHIVE|" "$CONF"
    processor p1
    finished=$(collect --day 20081225) failed=$(collect --day 20081225)
    ended true "$finished"
    ended false "$failed"
    half=$(crash --day 20081224 --without dump --age 200000)
    chown -R 65534:65534 "$SPOOL" "$DEFERRED" "$ARCHIVE" "$FAILED"
    by_root=$BATS_TEST_TMPDIR/before
    touch "$by_root"
    expect_status 1 scan
    quarantined "$half" dump
    expect_status 0 cleanup_jobs
    cp -p "$(place "$FAILED" "$failed").dump" "$SPOOL/quarantine/20081224/$half/$half.dump"
    rm -r "$SPOOL/20081224"
    expect_status 0 priority --release "$half"
    equal "$(find "$SPOOL" "$DEFERRED" "$ARCHIVE" "$FAILED" ! -type l \( ! -uid 65534 -o ! -gid 65534 \))" ""
    # So that user goes on.
    rm "$LOG"*
    as_a_user
    chmod 711 "$ELSEWHERE" "$OTHER_DISK" "${OTHER_DISK%/*}"
    expect_status 0 scan --settle-time=00:00:00
    sql "UPDATE jobs SET starteddatetime = now(), completeddatetime = now(), success = true"
    cleans
    pair_is_whole "$ARCHIVE" 20081224 "$half"
}

# When these directories were read for the last time.
last_read() { stat --format=%X "$@"; }

# A file system may note it never (noatime): then there is nothing to see.
notes_reads() {
    mkdir "$BATS_TEST_TMPDIR/read"
    touch -a --date=@1 "$BATS_TEST_TMPDIR/read"
    ls "$BATS_TEST_TMPDIR/read"
    [[ $(last_read "$BATS_TEST_TMPDIR/read") != 1 ]] || skip "this file system does not note who reads"
}

@test "whoever owns a directory reads it without a trace, which the disk would have to write down" {
    notes_reads
    processor p1
    crash=$(collect --day 20081225)
    leaf=$(dirname "$(place "$SPOOL" "$crash")")
    touch -a --date=@1 "$leaf" "$SPOOL/20081225"
    expect_status 0 scan
    sql "UPDATE jobs SET starteddatetime = now(), completeddatetime = now(), success = true"
    expect_status 0 cleanup_jobs
    equal "$(last_read "$leaf" "$SPOOL/20081225")" $'1\n1'
}

@test "what another login owns is read all the same" {
    [[ $(id -u) == 0 ]] || skip "only root can give files away"
    notes_reads
    processor p1
    crash=$(collect --day 20081225)
    as_a_user
    chown -R 65533:65534 "$SPOOL/20081225"
    chmod -R g+rwX "$SPOOL/20081225"
    touch -a --date=@1 "$SPOOL/20081225"
    expect_status 0 scan
    jobs_are "$crash"
    [[ $(last_read "$SPOOL/20081225") != 1 ]]
}
