#!/usr/bin/env bats
# places.bats - no two of the directories that are given are the same, and none lies in a day of
# another, by whatever spelling, link or mount: 78, before anything is changed. What lies below a root
# beside its days is fine.
# shellcheck disable=SC2154,SC2034 # bats sets status and output
load ../helper
load marks

# Asserts that each of these programs refuses the configuration and changes nothing: refuses WORDS
# PROGRAM[,PROGRAM...] OPTION...
refuses() {
    local run before
    before=$(everything | grep -v "^runs|")
    for run in ${2//,/ }; do
        expect_status 78 "$run" "${@:3}"
        [[ $(grep -c . <<<"$output") == 1 ]] || fail "not one line:" "$output"
        [[ $output == *"$1"* ]] || fail "does not say: $1" "$output"
    done
    equal "$(everything | grep -v "^runs|")" "$before"
}

# A link to a place, which lies beside the spool.
link() {
    ln -sfn "$1" "$BATS_TEST_TMPDIR/$2"
    echo "$BATS_TEST_TMPDIR/$2"
}

three_crashes() {
    good=$(crash --without links) bad=$(crash --without links) new=$(crash)
    ended true "$good"
    ended false "$bad"
}

still_there() {
    local id
    for id in "$good" "$bad" "$new"; do pair_is_whole "$SPOOL" 20081225 "$id"; done
    has_links "$new"
    jobs_are "$good" "$bad"
}

# --- the same directory

@test "long-term storage that is the storage root (78), however it is spelt" {
    three_crashes
    for same in "$SPOOL" "$SPOOL/." "$SPOOL/../spool" "${SPOOL%/*}//spool" "$(link "$SPOOL" a)"; do
        refuses "is the same directory as storage root" cleanup_jobs --save-successful-minidumps-to="$same"
        refuses "is the same directory as storage root" cleanup_jobs --save-failed-minidumps-to="$same"
    done
    still_there
}

@test "long-term storage that is a bind mount of the spool (78): no pair is lost" {
    three_crashes
    bind "$SPOOL" "$ARCHIVE"
    for option in --limit=0 --dry-run --adopt; do
        refuses "is the same directory as storage root" cleanup_jobs $option
    done
    still_there
}

@test "long-term storage that is the spool, with files of another owner (78): no pair is lost" {
    three_crashes
    as_a_user
    chown -R 65533 "$SPOOL/20081225"
    chmod -R 777 "$SPOOL/20081225"
    refuses "is the same directory as storage root" cleanup_jobs --save-successful-minidumps-to="$SPOOL"
    still_there
}

@test "a day of long-term storage that is that of the spool (78): told once, nothing is touched" {
    three_crashes
    more=$(crash --count 3)
    # shellcheck disable=SC2086 # one word an id
    ended true $more
    bind "$SPOOL/20081225" "$ARCHIVE/20081225"
    before=$(spool_state "$SPOOL")
    expect_status 78 cleanup_jobs --limit=0
    [[ $(grep -c "is the same as in" <<<"$output") == 1 ]] || fail "$output"
    [[ $output == *"\"$ARCHIVE\" is the same as in \"$SPOOL\""* ]] || fail "$output"
    for id in "$good" $more; do pair_is_whole "$SPOOL" 20081225 "$id"; done
    for id in $more; do has_links "$id"; done
    # shellcheck disable=SC2086 # one word an id
    jobs_are "$good" $more
    pair_is_whole "$FAILED" 20081225 "$bad"
    umount "$ARCHIVE/20081225"
    disks=()
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$good"
}

# Mounts the overlay of a day of the spool on that of long-term storage: overlay LAYERS.
overlay() {
    mkdir -p "$ARCHIVE/20081225" "$SPOOL/w" "$SPOOL/other"
    (cd "$SPOOL" && mount -t overlay -o "$1,workdir=w" overlay "$ARCHIVE/20081225") || skip "no overlay here"
    disks=("$ARCHIVE/20081225" "$SPOOL")
}
overlays=(lowerdir=20081225,upperdir=other lowerdir=other,upperdir=20081225)

@test "an overlay shows the spool's files under other numbers: cleanup sees its own note there (78)" {
    disk "$SPOOL" size=4m
    id=$(crash --without links)
    marked
    ended true "$id"
    sandbox='strace -f -qq -o /dev/null -e trace=faccessat2 -e inject=faccessat2:error=EPERM'
    $sandbox true 2>/dev/null || sandbox=''
    for layers in "${overlays[@]}"; do
        overlay "$layers"
        for EXEC in '' '' "$sandbox"; do
            expect_status 78 cleanup_jobs
            [[ $output == *"its directory in \"$ARCHIVE\" is the same as in \"$SPOOL\""* ]] || fail "$output"
        done
        EXEC=''
        umount "$ARCHIVE/20081225"
        disks=("$SPOOL")
        jobs_are "$id"
        pair_is_whole "$SPOOL" 20081225 "$id"
        [[ -z $(find "$SPOOL/20081225" -name '.moving*') ]] || fail "$(find "$SPOOL")"
    done
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "where the spool has no room for the note, nothing tells that: the pair stays (1)" {
    disk "$SPOOL" size=4m,nr_inodes=100
    id=$(crash --without links)
    marked
    ended true "$id"
    for layers in "${overlays[@]}"; do
        overlay "$layers"
        mkdir "$SPOOL/full"
        for ((i = 0; i < 100; i++)); do { : >"$SPOOL/full/$i"; } 2>/dev/null || break; done
        expect_status 1 cleanup_jobs
        [[ $output == *"\"$SPOOL\" has no room for a note, and \"$ARCHIVE\" has files of its id"* ]] || fail "$output"
        rm -r "$SPOOL/full"
        umount "$ARCHIVE/20081225"
        disks=("$SPOOL")
        jobs_are "$id"
        pair_is_whole "$SPOOL" 20081225 "$id"
    done
    cleans
}

@test "a note that was copied to long-term storage by hand is no sign of that" {
    elsewhere
    ARCHIVE=$ELSEWHERE
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ARCHIVE|" "$CONF"
    marked
    for at in syncfs:1 unlinkat:1; do
        id=$(crash --without links)
        ended true "$id"
        killed_at $at cleanup_jobs
        cp -an "$SPOOL/20081225" "$ARCHIVE"
        cleans --lock-wait=00:00:10
        pair_is_whole "$ARCHIVE" 20081225 "$id"
        [[ -z $(find "$SPOOL/20081225" -type f -o -name '.*') ]] || fail "$(find "$SPOOL")"
    done
}

@test "the quarantine that is a root or long-term storage (78)" {
    three_crashes
    for same in "$SPOOL" "$SPOOL/."; do
        refuses "quarantine \"$same\" is the same directory as storage root" scan,cleanup_jobs \
            --quarantine-to="$same"
    done
    refuses "is the same directory as long-term storage" cleanup_jobs --quarantine-to="$(link "$FAILED" q)"
    bind "$DEFERRED" "$BATS_TEST_TMPDIR/q2"
    refuses "is the same directory as deferred storage root" cleanup_jobs --quarantine-to="$BATS_TEST_TMPDIR/q2"
    still_there
}

@test "a directory in the quarantine that is the crash's own: its files go to the next one" {
    half=$(crash --without json)
    place=$(place "$SPOOL" "$half")
    bind "${place%/*}" "$SPOOL/quarantine/20081225/$half"
    expect_status 1 scan --incomplete-age=00:30:00
    [[ -f $SPOOL/quarantine/20081225/$half.1/$half.dump ]] || fail "$(find "$SPOOL")"
    no_links "$half"
}

@test "a deferred root that is the storage root (78), by link and mount" {
    three_crashes
    refuses "is the same directory as storage root" scan,priority,cleanup_jobs \
        --deferred-storage-root="$(link "$SPOOL" d)"
    bind "$SPOOL" "$BATS_TEST_TMPDIR/bound"
    refuses "is the same directory as storage root" scan,priority,cleanup_jobs \
        --deferred-storage-root="$BATS_TEST_TMPDIR/bound"
    still_there
}

@test "both kinds of finished jobs may go to one directory" {
    three_crashes
    cleans --save-failed-minidumps-to="$(link "$ARCHIVE" same)"
    pair_is_whole "$ARCHIVE" 20081225 "$good"
    pair_is_whole "$ARCHIVE" 20081225 "$bad"
}

# --- below a day

@test "what lies in a day of the storage root (78): quarantine, long-term storage, deferred root" {
    three_crashes
    for inside in 20081225 20081225/date/12 20000101/deep/down; do
        mkdir -p "$SPOOL/$inside"
        for there in "$SPOOL/$inside" "$(link "$SPOOL/$inside" l)"; do
            refuses "lies in a day of storage root" scan,cleanup_jobs --quarantine-to="$there"
            refuses "lies in a day of storage root" cleanup_jobs --save-failed-minidumps-to="$there"
            refuses "lies in a day of storage root" scan,priority,cleanup_jobs --deferred-storage-root="$there"
            for option in quarantine-to deferred-storage-root; do
                for run in scan cleanup_jobs; do
                    expect_status 2 "$run" --check --$option="$there"
                    [[ $output == *"lies in a day of storage root"* ]] || fail "$output"
                done
            done
        done
    done
    # One that is still to be made, too.
    refuses "lies in a day of storage root" scan,cleanup_jobs --quarantine-to="$SPOOL/20081225/date/new"
    still_there
}

@test "a day of the storage root, or a part of it, that is mounted elsewhere (78)" {
    three_crashes
    for inside in 20081225 20081225/date 20081225/date/12/05; do
        bind "$SPOOL/$inside" "$BATS_TEST_TMPDIR/${inside//\//-}"
        there=$BATS_TEST_TMPDIR/${inside//\//-}
        mkdir -p "$there/below"
        refuses "lies in a day of storage root" scan,cleanup_jobs --quarantine-to="$there/below"
        refuses "lies in a day of storage root" cleanup_jobs --save-failed-minidumps-to="$there"
        rmdir "$there/below"
    done
    still_there
}

@test "a day that is a disk of its own: what lies on it is in a day all the same (78)" {
    disk "$SPOOL/20090101" size=1m
    three_crashes
    mkdir "$SPOOL/20090101/q"
    refuses "lies in a day of storage root" scan,cleanup_jobs --quarantine-to="$SPOOL/20090101/q"
    still_there
}

@test "a storage root in a day of long-term storage or of the deferred root (78)" {
    mkdir -p "$ARCHIVE/20081225/spool" "$DEFERRED/20081225/spool"
    refuses "storage root \"$ARCHIVE/20081225/spool\"" cleanup_jobs --storage-root="$ARCHIVE/20081225/spool"
    refuses "storage root \"$DEFERRED/20081225/spool\"" scan,priority,cleanup_jobs \
        --storage-root="$DEFERRED/20081225/spool"
}

# --- below a root, but in none of its days

@test "deferred root, long-term storage and quarantine below the storage root: all of it works" {
    mkdir "$SPOOL"/{archive,failed,deferred}
    sed -i "s|^deferred-.*|deferred-storage-root = $SPOOL/deferred|
            s|^save-successful-.*|save-successful-minidumps-to = $SPOOL/archive|
            s|^save-failed-.*|save-failed-minidumps-to = $SPOOL/failed|" "$CONF"
    good=$(crash --without links) bad=$(crash --without links) new=$(crash) half=$(crash --without json)
    throttled=$(crash --root "$SPOOL/deferred")
    ended true "$good"
    ended false "$bad"
    expect_status 1 scan --incomplete-age=00:30:00
    quarantined "$half" json
    expect_status 0 priority "$throttled"
    jobs_are "$good" "$bad" "$new" "$throttled"
    finish "$new" true
    finish "$throttled" true
    cleans
    for id in "$good" "$new" "$throttled"; do pair_is_whole "$SPOOL/archive" 20081225 "$id"; done
    pair_is_whole "$SPOOL/failed" 20081225 "$bad"
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
}

@test "new roots that hold nothing but other places are told nothing" {
    rmdir "$SPOOL/20000101" "$DEFERRED/20000101"
    mkdir "$SPOOL"/{archive,mine,deferred,lost+found,quarantine}
    sed -i "s|^deferred-.*|deferred-storage-root = $SPOOL/deferred|
            s|^save-successful-.*|save-successful-minidumps-to = $SPOOL//archive|
            \$aquarantine-to = $SPOOL/mine" "$CONF"
    for run in "${RUNS[@]}"; do
        expect_status 0 "$run"
        [[ -z $output ]] || fail "$output"
    done
}

@test "a quarantine-to below the storage root is never reached through a link in it" {
    half=$(crash --without json)
    mkdir "$BATS_TEST_TMPDIR/outside"
    ln -s "$BATS_TEST_TMPDIR/outside" "$SPOOL/q"
    root=$(link "$SPOOL" by-link)
    for there in "$SPOOL/q" "$SPOOL/q/deep" "$SPOOL//q" "$SPOOL/../spool/q" "$root/q"; do
        expect_status 74 scan --incomplete-age=00:30:00 --quarantine-to="$there"
        [[ $output == *"cannot open quarantine \"$there\": Not a directory"* ]] || fail "$output"
    done
    [[ -z $(command find "$BATS_TEST_TMPDIR/outside" -mindepth 1) ]] || fail "something went there"
    has_links "$half"
    rm "$SPOOL/q"
    expect_status 1 scan --incomplete-age=00:30:00 --quarantine-to="$root/q"
    quarantined "$half" json "$SPOOL/q"
    [[ ! -e $SPOOL/q/.crashmon ]] || fail "a mark below the root"
}

# --- where anybody may write

@test "a destination under /tmp is that of its user, however /tmp is spelt (77)" {
    [[ $(id -u) == 0 ]] && unshare -m true || skip "only root can have a /tmp of its own"
    id=$(crash --without links)
    ended true "$id"
    sed -i "s|= $BATS_TEST_TMPDIR|= /mnt|" "$CONF"
    cp "$BUILD/crashmon-cleanup" "$BATS_TEST_TMPDIR"
    mkdir -m 777 "$BATS_TEST_TMPDIR"/{tmp,sticky.other}
    chown 65534 "$BATS_TEST_TMPDIR/sticky.other"
    mkdir -m 1777 "$BATS_TEST_TMPDIR/sticky"
    ln -s . "$BATS_TEST_TMPDIR/sticky/link"
    mv "$BATS_TEST_TMPDIR/sticky.other" "$BATS_TEST_TMPDIR/sticky/other"
    ln -s sticky/other "$BATS_TEST_TMPDIR/outside"
    for path in /tmp/x /tmp//x /tmp/../tmp/x /var/../tmp/x /tmp/x/. /mnt/tmp/x /mnt/sticky/x \
        /mnt/sticky/link/x /mnt/outside; do
        case $path in *sticky*) dir=sticky ;; *) dir=tmp ;; esac
        ln -s /mnt/archive "$BATS_TEST_TMPDIR/$dir/x"
        run unshare -m bash -c "mount --bind '$BATS_TEST_TMPDIR' /mnt && mount --bind /mnt/tmp /tmp &&
            /mnt/crashmon-cleanup --config=/mnt/${CONF##*/} --save-successful-minidumps-to=$path"
        [[ $status == 77 && $output == *"is not safe to use"* ]] || fail "$path: $status" "$output"
        rm "$BATS_TEST_TMPDIR/$dir/x"
    done
    pair_is_whole "$SPOOL" 20081225 "$id"
    [[ -z $(find "$ARCHIVE" -type f) ]]
}

@test "a destination or a quarantine that may not be entered keeps back only what is for it (77)" {
    marked
    new=$(collect) good=$(crash --without links) bad=$(crash --without links)
    half=$(crash --without dump --age 200000)
    ended true "$good"
    ended false "$bad"
    mkdir "$SPOOL/quarantine"
    as_a_user
    chmod 700 "$SPOOL/quarantine" "$FAILED"
    if [[ $(id -u) == 0 ]]; then chown 0:0 "$SPOOL/quarantine" "$FAILED"; else chmod 000 "$SPOOL/quarantine" "$FAILED"; fi
    expect_status 77 scan
    [[ $output == *"cannot quarantine \"$half\": cannot "*" \"$SPOOL/quarantine"*": Permission denied; it stays"* ]] || fail "$output"
    expect_status 77 cleanup_jobs
    [[ $output == *"cannot open long-term storage \"$FAILED\": Permission denied"*"its jobs stay"* ]] || fail "$output"
    jobs_are "$new" "$bad"
    pair_is_whole "$ARCHIVE" 20081225 "$good"
}

@test "scan, which does not use the other places, makes no quarantine of one, nor in a day of it (78)" {
    half=$(crash --without json)
    before=$(spool_state "$SPOOL/20081225")
    for other in "deferred storage root \"$DEFERRED" "long-term storage \"$ARCHIVE" "long-term storage \"$FAILED"; do
        mkdir -p "${other#*\"}/20081225/q"
        for place in "" /20081225/q; do
            expect_status 78 scan --incomplete-age=00:30:00 --quarantine-to="${other#*\"}$place"
            [[ $output == *"$other\""*": each needs a directory of its own"* ]] || fail "$output"
        done
    done
    equal "$(spool_state "$SPOOL/20081225")" "$before"
    has_links "$half"
}
