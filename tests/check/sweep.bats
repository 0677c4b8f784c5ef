#!/usr/bin/env bats
# sweep.bats - cleanup removes the empty directories of days that are over, once a day, and never
# under a collector.
# shellcheck disable=SC2154,SC2034 # bats sets status and output, background sets pid
load ../helper
load sweep

# --- what goes

@test "once the crashes of a day are archived, its directories go" {
    mapfile -t ids < <(crash --count 20)
    processor p1
    expect_status 0 scan
    for id in "${ids[@]}"; do finish "$id" true; done
    cleans
    age '23 hours' "$SPOOL/20081225"
    due
    cleans
    [[ -d $SPOOL/20081225/name ]] || fail "it is too early"
    age '25 hours' "$SPOOL/20081225"
    due
    cleans
    [[ ! -e $SPOOL/20081225 ]] || fail "$(find "$SPOOL")"
    log_has "empty directories of past days removed from \"$SPOOL\""
    pair_is_whole "$ARCHIVE" 20081225 "${ids[0]}"
}

@test "notes that killed runs have left go with their directory, when that has nothing else" {
    id=22adfb61-f75b-11dc-b6be-001322081225
    path=$SPOOL/20081225/name/22/ad
    mkdir -p "$path"
    ln -s "quarantine $id 7: why" "$path/.quarantined.$id"
    ln -s 'failed 7' "$path/.moving.$id"
    ln -s 'failed 7' "$path/.moving.$id.tmp"
    touch "$path/$id.json"
    age '25 hours' "$SPOOL/20081225"
    cleans
    [[ -L $path/.quarantined.$id ]]
    rm "$path/$id.json"
    due
    cleans
    [[ -L $path/.quarantined.$id ]] || fail "it is too early"
    age '25 hours' "$SPOOL/20081225"
    due
    expect_status 0 cleanup_jobs --dry-run
    [[ -L $path/.quarantined.$id ]]
    cleans
    [[ ! -e $SPOOL/20081225 ]] || fail "$(find "$SPOOL")"
}

@test "but not while pairs of that day have rows: cleanup still knows that a crash is in quarantine" {
    marked
    id=$(crash --without links)
    ended true "$id"
    cleans
    crash --id "$id" --size 200 --without links >/dev/null
    ended true "$id"
    sql "SET LOCAL session_replication_role = replica; UPDATE jobs SET queueddatetime = now() + interval '1 hour'"
    session "BEGIN; SELECT FROM jobs FOR UPDATE" >/dev/null
    expect_status 0 cleanup_jobs
    note=$(find "$SPOOL" -name '.quarantined.*')
    age '25 hours' "$SPOOL/20081225"
    due
    run cleanup_jobs --dry-run
    [[ $output != *"empty directories"* ]] || fail "$output"
    expect_status 0 cleanup_jobs
    [[ -L $note ]] || fail "$(find "$SPOOL")"
    session ROLLBACK
    expect_status 1 cleanup_jobs
    log_has "quarantined"
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "something else that is called like a note is in use" {
    id=22adfb61-f75b-11dc-b6be-001322081225
    path=$SPOOL/20081225/name/22/ad
    for other in "mkdir $path/.moving.$id" "touch $path/.moving.$id" "ln -s to $path/.moving.$id.dump" "ln -s to $path/.moving.x"; do
        mkdir -p "$path"
        $other
        age '25 hours' "$SPOOL/20081225"
        due
        expect_status 0 cleanup_jobs --dry-run
        equal "$output" ""
        cleans
        [[ $(ls -A "$path") == .moving.* ]] || fail "it is gone: $other"
        rm -r "$SPOOL/20081225"
    done
}

@test "--keep-empty-days: directories stay so long after their day, by the clock of UTC-12" {
    for days in 0 1 2 3; do empty "$SPOOL/$(over "$days")"; done
    empty "$SPOOL/$(over -1)"
    cleans
    equal "$(days)" "$(over 1)"$'\n'"$(over 0)"$'\n'"$(over -1)"
    due
    cleans --keep-empty-days=1
    equal "$(days)" "$(over 0)"$'\n'"$(over -1)"
    due
    cleans --keep-empty-days=0
    equal "$(days)" "$(over -1)"
}

@test "both roots are swept, each by its own row" {
    empty "$SPOOL/20081225"
    empty "$DEFERRED/20081225"
    marked
    sql "UPDATE crashmon.storages SET swept = $TODAY WHERE place = 'deferred'"
    cleans
    [[ ! -e $SPOOL/20081225 && -e $DEFERRED/20081225 ]] || fail "$(find "$SPOOL" "$DEFERRED")"
    sql_is "SELECT place FROM crashmon.storages WHERE swept = $TODAY ORDER BY 1" $'deferred\nstorage'
    sql "UPDATE crashmon.storages SET swept = NULL WHERE place = 'deferred'"
    cleans
    [[ ! -e $DEFERRED/20081225 ]] || fail "$(find "$DEFERRED")"
}

@test "once a day: an idle run on a root that is swept does not look, and sends no more statements" {
    empty "$SPOOL/20081225"
    cleans
    empty "$SPOOL/20081225"
    trace=$BATS_TEST_TMPDIR/trace
    EXEC="strace -f -o $trace -s 1000 -e trace=openat,openat2,unlinkat,sendto" cleans
    [[ -d $SPOOL/20081225/name ]] || fail "swept twice"
    ! grep -E '"(name|date)"|unlinkat\(.*20081225' "$trace" || fail "it looks"
    ! grep -iE 'sendto.*update crashmon.storages' "$trace" || fail "it writes"
    sql "UPDATE crashmon.storages SET swept = $TODAY - 1"
    cleans
    [[ ! -e $SPOOL/20081225 ]] || fail "$(find "$SPOOL")"
}

@test "while quarantine is away the roots are swept all the same, once a day; it is looked at again until it is back" {
    echo "quarantine-to = $BATS_TEST_TMPDIR/quarantine" >>"$CONF"
    mkdir "$BATS_TEST_TMPDIR/quarantine"
    processor p1 >/dev/null
    crash --without dump --age 90000 >/dev/null
    expect_status 1 scan
    mv "$BATS_TEST_TMPDIR/quarantine" "$BATS_TEST_TMPDIR/away"
    for day in 20081223 20081224; do
        empty "$SPOOL/$day"
        expect_status 74 cleanup_jobs --keep-quarantine-days=30
        [[ $output == *"cannot open quarantine"* ]] || fail "$output"
    done
    [[ ! -e $SPOOL/20081223 && -e $SPOOL/20081224 ]] || fail "$(days)"
    mv "$BATS_TEST_TMPDIR/away" "$BATS_TEST_TMPDIR/quarantine"
    expect_status 0 cleanup_jobs --keep-quarantine-days=30
    sql_is "SELECT count(*) FROM crashmon.storages WHERE swept IS NULL AND place IN ('storage', 'quarantine')" 0
}

@test "a spool without a day is no reason for an alarm: what comes next is queued and archived" {
    processor p1
    empty "$SPOOL/20081225"
    rmdir "$SPOOL/20000101"
    cleans
    equal "$(days)" ""
    id=$(crash)
    expect_status 0 scan
    finish "$id" true
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

# --- what stays

@test "what is in use stays: files, links, other directories, links in place of directories" {
    id=$(crash)
    mkdir -p "$BATS_TEST_TMPDIR/outside/22/ad" "$SPOOL/20081224/notes" "$SPOOL/20081223/date/12"
    ln -s "$BATS_TEST_TMPDIR/outside" "$SPOOL/20081222"
    ln -s "$BATS_TEST_TMPDIR/outside" "$SPOOL/20081223/name"
    touch "$SPOOL/20081224/notes/mine"
    age '3 days' "$SPOOL" "$BATS_TEST_TMPDIR/outside"
    cleans
    has_links "$id"
    [[ -d $BATS_TEST_TMPDIR/outside/22/ad && -L $SPOOL/20081222 && -L $SPOOL/20081223/name ]]
    [[ -e $SPOOL/20081224/notes/mine && ! -e $SPOOL/20081223/date ]] || fail "$(find "$SPOOL")"
}

@test "a disk that is mounted at a day, or inside one, stays, and what is on it" {
    empty "$SPOOL/20081225"
    disk "$SPOOL/20081225/name/22" size=64k
    disk "$SPOOL/20081224" size=64k
    empty "$SPOOL/20081224"
    mkdir -p "$SPOOL/20081225/name/22/ad"
    age '3 days' "$SPOOL"
    cleans
    [[ -d $SPOOL/20081225/name/22/ad && -d $SPOOL/20081224/name ]] || fail "$(find "$SPOOL")"
    [[ ! -e $SPOOL/20081225/date ]] || fail "$(find "$SPOOL")"
}

@test "a day, or a part of one, that is a bind mount stays, and what is below it" {
    empty "$BATS_TEST_TMPDIR/outside/day"
    empty "$SPOOL/20081225"
    bind "$BATS_TEST_TMPDIR/outside/day" "$SPOOL/20081224"
    bind "$BATS_TEST_TMPDIR/outside/day/name" "$SPOOL/20081225/name"
    age '3 days' "$SPOOL"
    cleans
    [[ -d $BATS_TEST_TMPDIR/outside/day/name/22 && -d $BATS_TEST_TMPDIR/outside/day/date/12/05 ]] ||
        fail "$(find "$BATS_TEST_TMPDIR/outside")"
    [[ ! -e $SPOOL/20081225/date ]] || fail "$(find "$SPOOL")"
}

@test "a mount point that is not mounted, and of no use, goes like any other empty directory, unless there is a file in it" {
    mkdir -p "$SPOOL/20081224" "$SPOOL/20081223/name"
    touch "$SPOOL/20081224/.keep" "$SPOOL/20081223/name/.keep"
    empty "$SPOOL/20081225"
    age '3 days' "$SPOOL"
    cleans
    [[ -f $SPOOL/20081224/.keep && -f $SPOOL/20081223/name/.keep ]] || fail "$(find "$SPOOL")"
    [[ ! -e $SPOOL/20081225 ]] || fail "$(find "$SPOOL")"
}

@test "nor goes that of a name tree to which links lead: when its disk is back its crashes are queued" {
    local tree=$SPOOL/20081225/name
    mkdir "$BATS_TEST_TMPDIR/its_disk"
    processor p1
    bind "$BATS_TEST_TMPDIR/its_disk" "$tree"
    crash --count 2 >/dev/null
    umount "$tree"
    age '3 days' "$SPOOL"
    cleans
    expect_status 1 scan --settle-time=00:00:00 --incomplete-age=00:00:01
    log_has "its day has an empty name tree (is it mounted?)"
    mount --bind "$BATS_TEST_TMPDIR/its_disk" "$tree"
    expect_status 0 scan
    log_has "seen 2: queued 2"
    disks=()
    umount "$tree"
}

@test "nor that of a day, or of a name tree, whose pairs have rows: when its disk is back its jobs go on" {
    processor p1
    id=$(crash) other=$(crash --day 20081224) blank=$(crash --id 33adfb61-f75b-11dc-b6be-001322081223 --day 20081223)
    expect_status 0 scan --settle-time=00:00:00
    sql "UPDATE jobs SET queueddatetime = now() - interval '3 days';
         UPDATE jobs SET pathname = '' WHERE uuid = '$blank'"
    mv "$SPOOL" "$BATS_TEST_TMPDIR/its_disk"
    mkdir -p "$SPOOL"/{20000101,20081225,20081224/name,20081223,20081222/name}
    cp "$BATS_TEST_TMPDIR/its_disk/.crashmon" "$SPOOL"
    age '3 days' "$SPOOL"
    marked
    for dry in --dry-run ''; do
        # shellcheck disable=SC2086 # nothing, or an option
        expect_status 0 cleanup_jobs $dry
    done
    equal "$(days)" $'20081223
20081224
20081225'
    [[ -d $SPOOL/20081224/name ]] || fail "$(find "$SPOOL")"
    expect_status 1 cleanup_jobs --repair
    log_has "\"$id\": missing: its pair was not found, and its day is empty (is it mounted?)"
    log_has "\"$other\": missing: its pair was not found, and its day has an empty name tree (is it mounted?)"
    for day in 20081223 20081224 20081225; do bind "$BATS_TEST_TMPDIR/its_disk/$day" "$SPOOL/$day"; done
    for id in "$id" "$other" "$blank"; do finish "$id" true; done
    cleans
    for day in 20081223 20081224 20081225; do umount "$SPOOL/$day"; done
    disks=()
    age '3 days' "$SPOOL"
    due
    cleans
    equal "$(days)" ""
}

@test "what cannot be removed is told once (77), and keeps no job from being put away" {
    [[ $(id -u) == 0 ]] || skip "only root can give files away"
    id=$(crash --without links --depth 1)
    empty "$SPOOL/20081224"
    empty "$SPOOL/20081223"
    marked
    as_a_user
    ended true "$id"
    chown -R 0:0 "$SPOOL/20081224"
    run cleanup_jobs
    equal "$status" 77
    [[ $output == *"cannot remove directory \"20081224/"*"in \"$SPOOL\": Permission denied"* ]] ||
        fail "$output"
    equal "$(grep -c . <<<"$output")" 1
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    sql_is "SELECT count(*) FROM jobs" 0
    [[ ! -e $SPOOL/20081223 ]] || fail "$(find "$SPOOL")"
    cleans
}

@test "a root that is mounted read-only is told once (74)" {
    disk "$DEFERRED" size=64k
    mkdir "$DEFERRED/20000101"
    empty "$DEFERRED/20081225"
    marked
    mount -o remount,ro "$DEFERRED"
    run cleanup_jobs
    equal "$status" 74
    [[ $output == *"\"$DEFERRED\": Read-only file system"* ]] || fail "$output"
    equal "$(grep -c . <<<"$output")" 1
    cleans
}

@test "--dry-run tells how many directories a run would remove, and removes none" {
    empty "$SPOOL/20081225"
    everything >"$BATS_TEST_TMPDIR/before"
    expect_status 0 cleanup_jobs --dry-run
    equal "$output" "empty directories of past days to be removed from \"$SPOOL\": 6"
    equal "$(everything)" "$(<"$BATS_TEST_TMPDIR/before")"
    cleans
    log_has "empty directories of past days removed from \"$SPOOL\": 6"
    expect_status 0 cleanup_jobs --dry-run
    equal "$output" ""
}

@test "one directory is one directory" {
    mkdir "$SPOOL/20081225"
    age '3 days' "$SPOOL/20081225"
    expect_status 0 cleanup_jobs --dry-run
    equal "$output" "empty directories of past days to be removed from \"$SPOOL\": 1"
    cleans
    log_has "empty directories of past days removed from \"$SPOOL\": 1"
}

# --- kills and signals

@test "a sweep that is killed or ended is repeated by the next run" {
    for signal in KILL TERM; do
        empty "$SPOOL/20081225"
        due
        EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=unlinkat
              -e inject=unlinkat:signal=$signal:when=4" run cleanup_jobs
        ((status == 137 || status == 143)) || fail "exit code $status" "$output"
        [[ -e $SPOOL/20081225 ]] || fail "too late"
        sql_is "SELECT count(*) FROM crashmon.storages WHERE swept = $TODAY AND place = 'storage'" 0
        age '3 days' "$SPOOL" # what it has emptied would go a day later
        cleans
        [[ ! -e $SPOOL/20081225 ]] || fail "$(find "$SPOOL")"
    done
}

# --- beside collectors

# Starts collectors with both orders of steps, in two time zones: start_collectors COMMAND...
start_collectors() {
    local order day
    collectors=() outputs=()
    for order in links files; do
        for day in "$(over -1)" "$(date -u +%Y%m%d)"; do
            background "$@" --order "$order" --age 0 --day "$day"
            collectors+=("$pid")
            outputs+=("$BACKGROUND")
        done
    done
}

# One crash at a time; or each when a scan has removed all that was below `date`.
collect_slowly() { for _ in {1..20}; do EXEC='' collect "$@"; done; }
collect_into_nothing() {
    for _ in {1..6}; do
        EXEC='' collect "$@"
        await is_empty "$SPOOL"/2*/date
    done
}
is_empty() { [[ -z $(find "$@" -mindepth 1 2>/dev/null) ]]; }

# None of them was refused a crash, and all that they have written is queued.
collectors_end() {
    local i
    for i in "${!collectors[@]}"; do
        wait "${collectors[i]}" || fail "refused:" "$(<"${outputs[i]}")"
    done
    await scan --settle-time=00:00:00
    equal "$(sql "SELECT uuid FROM jobs" | sort)" "$(cat "${outputs[@]}" | sort)"
}

@test "a collector at work is not disturbed by a sweep, whatever the order of its steps, hours apart" {
    processor p1
    for day in "$(over -1)" "$(date -u +%Y%m%d)"; do mkdir -p "$SPOOL/$day"/{name/xx,date/unused}; done
    start_collectors collect_slowly --strict
    while kill -0 "${collectors[@]}" 2>/dev/null; do
        age '3 days' "$SPOOL"/2*
        due
        run cleanup_jobs --keep-empty-days=0
        equal "$status" 0
    done
    for day in "$(over -1)" "$(date -u +%Y%m%d)"; do
        [[ -d $SPOOL/$day/name/xx && -d $SPOOL/$day/date/unused ]] || fail "$day is swept"
    done
    collectors_end
}

@test "nor by a scan that removes directories: that of a day that is not over stays" {
    processor p1
    start_collectors collect_into_nothing
    await test -d "$SPOOL/$(over -1)/date" -a -d "$SPOOL/$(date -u +%Y%m%d)/date"
    inodes=$(stat -c %i "$SPOOL"/2*/date)
    while kill -0 "${collectors[@]}" 2>/dev/null; do
        age '2 hours' "$SPOOL"/2*/date
        run scan --settle-time=00:00:00
        [[ $status -le 1 ]] || fail "exit code $status" "$output"
    done
    collectors_end
    equal "$(stat -c %i "$SPOOL"/2*/date)" "$inodes"
}
