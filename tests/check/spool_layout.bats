#!/usr/bin/env bats
# spool_layout.bats - the spool in all its shapes, and what does not belong there.
load ../helper
load sweep

# Scans, and asserts that these crashes are queued from this day's directory.
scan_queues() {
    local id day=$1
    shift
    [[ $(sql "SELECT count(*) FROM processors") != 0 ]] || processor p1
    expect_status 0 scan
    for id; do
        sql_is "SELECT pathname FROM jobs WHERE uuid = '$id'" \
            "$SPOOL/$day/name/$(name_dir "$id")/$id.json"
        no_links "$id"
        pair_is_whole "$SPOOL" "$day" "$id"
    done
}

# Serves a request, and asserts that the pair was found there.
request_finds() {
    [[ $(sql "SELECT count(*) FROM processors") != 0 ]] || processor p1
    expect_status 0 priority "$2"
    sql_is "SELECT pathname, priority > 0 FROM jobs WHERE uuid = '$2'" \
        "$1/name/$(name_dir "$2")/$2.json|t"
    no_links "$2"
}

@test "the depth in the id is the depth of the name tree: 1 to 4, and 0 means 4" {
    for depth in 0 1 2 3 4; do
        id=$(collect --day 20081225 --depth $depth)
        local dirs=${depth/0/4}
        [[ $(name_dir "$id") == $(printf '??%.0s/' $(seq "$dirs") | sed 's|/$||') ]]
        scan_queues 20081225 "$id"
    done
}

@test "a pair that does not lie as deep as its id says keeps its links, and is told (1)" {
    processor p1
    for dir in name name/22/ad/5f/07; do
        id=22ad5f07-0000-4000-8000-000002081225
        collect --id "$id" --age 200000 >/dev/null
        mkdir -p "$SPOOL/20081225/$dir"
        mv "$(place "$SPOOL" "$id")".* "$SPOOL/20081225/$dir"
        link=$SPOOL/20081225/date/12/05/web01_0/$id
        ln -sfn "../../../../$dir" "$link"
        touch -hd '3 days ago' "$link"
        expect_status 1 scan
        log_has "cannot examine \"$id\": its files are in \"20081225/$dir\", which is not as deep as its id says; it stays"
        run priority --explain "$id"
        [[ $output == *"leaves it: its files are in \"20081225/$dir\""* ]] || fail "$output"
        [[ -L $link && ! -e $SPOOL/quarantine ]] || fail "$(find "$SPOOL")"
        rm -r "$SPOOL/20081225"
    done
}

@test "so does one whose id is queued from another day, or that has just come" {
    processor p1
    id=22ad5f07-0000-4000-8000-000002081225
    for queued in yes no; do
        [[ $queued == no ]] || scan_queues 20081225 "$(crash --id "$id")"
        collect --day 20081226 --id "$id" >/dev/null
        mkdir -p "$SPOOL/20081226/name/22/ad/5f/07"
        mv "$SPOOL/20081226/name/$(name_dir "$id")/$id".* "$SPOOL/20081226/name/22/ad/5f/07"
        link=$SPOOL/20081226/date/12/05/web01_0/$id
        ln -sfn "../../../../name/22/ad/5f/07" "$link"
        touch -hd '1 hour ago' "$link"
        expect_status 1 scan
        log_has "\"$id\": left: its files are in \"20081226/name/22/ad/5f/07\", which is not as deep as its id says"
        run priority --explain "$id"
        [[ $output == *"leaves it: its files are in "* && $output != *"quarantines it"* ]] || fail "$output"
        [[ -L $link && ! -e $SPOOL/quarantine ]] || fail "$(find "$SPOOL")"
        rm -r "$SPOOL/20081226"
        sql "DELETE FROM jobs"
    done
}

@test "so does a second one of a crash that is queued, and lies beside it" {
    processor p1
    id=22ad5f07-0000-4000-8000-000002081225
    scan_queues 20081225 "$(crash --id "$id")"
    mkdir -p "$SPOOL/20081225/name/22/ad/5f/07" "$SPOOL/20081225/date/13/05"
    cp "$(place "$SPOOL" "$id")".* "$SPOOL/20081225/name/22/ad/5f/07"
    link=$SPOOL/20081225/date/13/05/$id
    ln -s "../../../name/22/ad/5f/07" "$link"
    touch -hd '1 hour ago' "$link"
    expect_status 1 scan
    [[ $output == *"cannot remove the links of \"$id\": its files are in \"20081225/name/22/ad/5f/07\", "* ]] || fail "$output"
    [[ -L $link ]] || fail "$(find "$SPOOL")"
}

@test "an id whose last six characters are no date is an id: depth 4, under any day" {
    scan_queues 20081225 "$(collect --day 20081225 --id-day none)"
    scan_queues 20090101 "$(collect --day 20090101 --id-day 091399)"
    scan_queues 20090228 "$(collect --day 20090228 --id-day 090229)"
}

@test "a pair may lie under another day than its id's" {
    scan_queues 20081226 "$(collect --day 20081226 --id-day 081225)"
}

@test "with and without a web head" {
    scan_queues 20081225 "$(collect --day 20081225)"
    scan_queues 20081225 "$(collect --day 20081225 --web-heads 0)"
    mapfile -t ids < <(collect --day 20081225 --web-heads 3 --count 5)
    scan_queues 20081225 "${ids[@]}"
    id=$(collect --day 20081225 --web-heads 0)
    mv "$SPOOL/20081225/date/12/05_0" "$SPOOL/20081225/date/12/05_07"
    ln -sfn ../../../date/12/05_07 "$SPOOL/20081225/name/$(name_dir "$id")/$id"
    scan_queues 20081225 "$id"
}

@test "one to four directories under date are read" {
    for levels in 1 2 3 4; do
        scan_queues 20081225 "$(collect --day 20081225 --levels $levels)"
    done
}

@test "more dumps beside a pair are not required, and travel with it to long-term storage" {
    id=$(collect --day 20081225 --extra browser --extra flash)
    scan_queues 20081225 "$id"
    finish "$id" true
    expect_status 0 cleanup_jobs
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    dir=$ARCHIVE/20081225/name/$(name_dir "$id")
    [[ $(cat "$dir/$id.browser.dump" "$dir/$id.flash.dump" | wc -c) == 128 ]]
    [[ -z $(find "$SPOOL" ! -type d) ]] || fail "$(find "$SPOOL")"
}

@test "long-term storage has the name tree alone, no links, under the day of the id" {
    scan_queues 20081226 "$(collect --day 20081226 --id-day 081225)"
    id=$(sql "SELECT uuid FROM jobs")
    finish "$id" false
    expect_status 0 cleanup_jobs
    pair_is_whole "$FAILED" 20081225 "$id"
    [[ $(ls "$FAILED") == 20081225 && $(ls "$FAILED/20081225") == name ]] ||
        fail "$(find "$FAILED")"
    [[ -z $(find "$FAILED" -type l) ]] || fail "$(find "$FAILED")"
}

@test "a request finds a pair under the day of its id, under another day, and without a date" {
    request_finds "$SPOOL/20081225" "$(collect --day 20081225)"
    collect --day 20081224
    request_finds "$SPOOL/20081226" "$(collect --day 20081226 --id-day 081225)"
    request_finds "$SPOOL/20081227" "$(collect --day 20081227 --id-day none)"
}

@test "a request finds a pair without links in deferred storage, under any day" {
    for day in 081225 081224 none; do
        id=$(collect --root "$DEFERRED" --day 20081225 --id-day $day --without links)
        request_finds "$DEFERRED/20081225" "$id"
    done
}

@test "cleanup finds a pair under another day than its id's" {
    id=$(collect --day 20081226 --id-day 081225)
    scan_queues 20081226 "$id"
    finish "$id" true
    expect_status 0 cleanup_jobs
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "--json-file-suffix and --dump-file-suffix name the files" {
    processor p1
    id=$(collect --day 20081225)
    pair=$SPOOL/20081225/name/$(name_dir "$id")/$id
    mv "$pair.json" "$pair.meta"
    mv "$pair.dump" "$pair.mdmp"
    expect_status 0 scan --json-file-suffix=.meta --dump-file-suffix=.mdmp
    sql_is "SELECT pathname FROM jobs" "$pair.meta"
}

@test "what is no day in the storage root is no business of a scan" {
    mkdir -p "$SPOOL"/{lost+found,backup/date/12/05/web01_0,200812,quarantine/20081225/date/12}
    echo note >"$SPOOL/README"
    before=$(spool_state "$SPOOL")
    processor p1
    expect_status 0 scan
    equal "$(spool_state "$SPOOL")" "$before"
}

# --- half pairs and strays

@test "a half pair stays until --incomplete-age (0), and the rest goes on" {
    processor p1
    a=$(collect --without dump) b=$(collect --without json)
    c=$(collect --without json --without dump) good=$(collect)
    expect_status 0 scan
    sql_is "SELECT uuid FROM jobs" "$good"
    for id in "$a" "$b" "$c"; do
        has_links "$id"
        log_has "$id"
    done
    [[ ! -e $SPOOL/quarantine ]] || fail "$(find "$SPOOL/quarantine")"
}

@test "after --incomplete-age a half pair goes to quarantine with the reason (1), once" {
    processor p1
    a=$(collect --without dump) b=$(collect --without json)
    c=$(collect --without json --without dump)
    expect_status 1 scan --incomplete-age=00:30:00
    quarantined "$a" dump
    quarantined "$b" json
    quarantined "$c" 'json|dump|file'
    [[ -z $(new_links) ]] || fail "$(new_links)"
    [[ -z $(find "$SPOOL"/2*/name ! -type d) ]] || fail "$(find "$SPOOL")"
    expect_status 0 scan --incomplete-age=00:30:00
    sql_is "SELECT seen FROM crashmon.runs ORDER BY id DESC LIMIT 1" 0
}

@test "while the disk of its day is away, in a root or in long-term storage, nobody can say that a crash is unknown" {
    marked
    id=$(crash --without links)
    mv "$SPOOL/20081225" "$BATS_TEST_TMPDIR/away"
    for place in "$SPOOL" "$DEFERRED" "$ARCHIVE" "$FAILED"; do
        expect_status 1 priority --explain "$id"
        [[ $output == *"Nobody knows it."* ]] || fail "$output"
        mkdir "$place/20081225"
        expect_status 74 priority --explain "$id"
        [[ $output == *"it may be in \"$place/20081225\", which is empty (is it mounted?)"* && $output != *"Nobody knows it."* ]] ||
            fail "$output"
        rmdir "$place/20081225"
    done
}

@test "a name tree that is empty may be a disk that is not mounted: no pair of its day is missing" {
    processor p1
    disk "$SPOOL/20081225/name" size=1m
    id=$(crash --age 200000)
    cp -a "$SPOOL/20081225/name" "$BATS_TEST_TMPDIR/away"
    umount "$SPOOL/20081225/name"
    touch "$SPOOL/20081225/name/.keep"
    expect_status 1 scan
    log_has "WARNING - cannot examine \"$id\": its day has an empty name tree (is it mounted?): \"$SPOOL/20081225\""
    expect_status 2 scan --check
    [[ $output == *"CRITICAL: the oldest new pair has not been queued for 2 d "* ]] || fail "$output"
    expect_status 0 scan --status
    [[ $output == *$'\n'"New  "*" 1  "*"oldest 2 d "* ]] || fail "$output"
    [[ $output == *"day \"$SPOOL/20081225\" has an empty name tree (is it mounted?), although date links lead there"* ]] || fail "$output"
    # The disk of a day of throttled crashes is away, too: all three programs' checks tell.
    crash --root "$DEFERRED" --age 200000 >/dev/null
    mv "$DEFERRED/20081225/name" "$BATS_TEST_TMPDIR/throttled"
    mkdir "$DEFERRED/20081225/name"
    for run in priority cleanup_jobs; do
        expect_status 1 "$run" --check
        [[ $output == *"WARNING: day \"$DEFERRED/20081225\" has an empty name tree (is it mounted?), although date links lead there"* ]] ||
            fail "$output"
    done
    rm -r "$DEFERRED/20081225"
    expect_status 1 scan --metrics-file="$BATS_TEST_TMPDIR/prom"
    grep -qE '^crashmon_new_crashes_oldest.* [1-9]' "$BATS_TEST_TMPDIR/prom" || fail "$(cat "$BATS_TEST_TMPDIR/prom")"
    for dry_run in --dry-run ''; do
        # shellcheck disable=SC2086 # it may be empty
        expect_status 1 scan --repair $dry_run
        [[ $output == *"day \"$SPOOL/20081225\" has an empty name tree (is it mounted?), although date links lead there"* ]] || fail "$output"
    done
    expect_status 0 scan --repair --incomplete-age=100:00:00
    expect_status 0 priority --explain "$id"
    [[ $output == *"leaves it: its day has an empty name tree (is it mounted?): \"$SPOOL/20081225\""$'\n'* ]] || fail "$output"
    mount -t tmpfs tmpfs "$SPOOL/20081225/name"
    cp -a "$BATS_TEST_TMPDIR/away/." "$SPOOL/20081225/name"
    expect_status 0 scan
    jobs_are "$id"
    no_links "$id"
}

@test "nor is one while the name tree of its day is elsewhere, or has another name" {
    processor p1
    for root in "$SPOOL" "$DEFERRED"; do
        id=$(crash --root "$root" --age 200000)
        waiting=$(crash --root "$root" --without links)
        sql "INSERT INTO jobs (pathname, uuid, queueddatetime)
             VALUES ('$(place "$root" "$waiting").json', '$waiting', now() - interval '3 days');
             INSERT INTO priorityjobs (uuid, requesteddatetime) VALUES ('$id', now() - interval '20 min')"
        age '4 days' "$root/20081225"
        mv "$root/20081225/name" "$root/20081225/names"
        before=$(spool_state "$root/20081225")
        due
        run scan
        run priority
        run scan --repair
        run cleanup_jobs --keep-deferred-days=1
        expect_status 1 cleanup_jobs --repair
        log_has "\"$waiting\": missing: its pair was not found, and its day has no name tree (was it moved?); its job stays for 24 hours"
        equal "$(spool_state "$root/20081225")" "$before"
        equal "$(find "$SPOOL/quarantine" -name reason 2>/dev/null)" ""
        sql_is "SELECT uuid FROM priorityjobs" "$id"
        mv "$root/20081225/names" "$root/20081225/name"
        expect_status 0 scan
        expect_status 0 priority
        sql_is "SELECT count(*) FROM jobs WHERE success IS NULL" 2
        sql "DELETE FROM jobs"
        rm -r "$root/20081225"
    done
}

@test "a day that holds but what a disk has by itself proves that: its pair is in long-term storage" {
    processor p1
    id=$(crash --without links)
    ended true "$id"
    mkdir -p "$ARCHIVE/20081225"
    marked
    mv "$SPOOL/20081225/name" "$ARCHIVE/20081225"
    rm -r "$SPOOL/20081225/date" 2>/dev/null || true
    mkdir "$SPOOL/20081225/lost+found"
    touch "$SPOOL/20081225/.keep"
    cleans
    log_has "\"$id\": archived: it was in \"$ARCHIVE\" already"
}

@test "a half pair is quarantined with all its bytes: nothing is deleted that was not queued" {
    processor p1
    collect --without dump --extra browser
    collect --without json
    before=$(find "$SPOOL" -type f -exec sha256sum {} + | cut -c-64 | sort)
    expect_status 1 scan --incomplete-age=00:30:00
    after=$(find "$SPOOL" -type f -exec sha256sum {} + | cut -c-64 | sort)
    [[ -z $(comm -23 <(echo "$before") <(echo "$after")) ]] || fail "$(find "$SPOOL")"
}

@test "an empty file and one that is no regular file end in quarantine" {
    processor p1
    for what in empty directory fifo link; do
        id=$(collect --without dump --extra browser)
        dump=$(echo "$SPOOL"/2*/name/*/*/"$id").dump
        case $what in
        empty) : >"$dump" ;;
        directory) mkdir "$dump" && echo keep >"$dump/inside" ;;
        fifo) mkfifo "$dump" ;;
        link) ln -s "$id.browser.dump" "$dump" ;;
        esac
        touch -hd '1 hour ago' "$dump"
        expect_status 1 scan --incomplete-age=00:30:00
        quarantined "$id" dump
    done
    sql_is "SELECT count(*) FROM jobs" 0
    grep -rqx keep "$SPOOL/quarantine"
}

@test "a link that is no id goes to quarantine after --incomplete-age, not before" {
    processor p1
    collect
    slot=$(echo "$SPOOL"/2*/date/12/05/web01_0)
    ln -s ../../../../name/22/ad "$slot/stray'; DROP TABLE jobs; --"
    touch -hd '1 hour ago' "$slot"/stray*
    expect_status 0 scan
    [[ -L "$slot/stray'; DROP TABLE jobs; --" ]]
    expect_status 1 scan --incomplete-age=00:30:00
    quarantined stray id
    [[ -z $(new_links) ]] || fail "$(new_links)"
    sql_is "SELECT count(*) FROM jobs" 1
}

@test "--quarantine-to names the place" {
    processor p1
    id=$(collect --without dump)
    expect_status 1 scan --incomplete-age=00:30:00 --quarantine-to="$BATS_TEST_TMPDIR/q"
    quarantined "$id" dump "$BATS_TEST_TMPDIR/q"
    [[ ! -e $SPOOL/quarantine ]]
}

@test "quarantine keeps what it has when the same id comes again" {
    processor p1
    id=$(collect --without dump --size 100 --extra first)
    expect_status 1 scan --incomplete-age=00:30:00
    collect --id "$id" --day "$(date +%Y%m%d)" --without dump --size 200 --extra first
    before=$(find "$SPOOL" -type f -exec sha256sum {} + | cut -c-64 | sort)
    expect_status 1 scan --incomplete-age=00:30:00
    after=$(find "$SPOOL" -type f -exec sha256sum {} + | cut -c-64 | sort)
    [[ -z $(comm -23 <(echo "$before") <(echo "$after")) ]] || fail "$(find "$SPOOL")"
    [[ -z $(new_links) ]] || fail "$(new_links)"
}

@test "quarantine may be on another file system" {
    processor p1
    elsewhere
    a=$(collect --without dump) b=$(collect --without json)
    before=$(find "$SPOOL" -type f -exec sha256sum {} + | cut -c-64 | sort)
    expect_status 1 scan --incomplete-age=00:30:00 --quarantine-to="$ELSEWHERE"
    quarantined "$a" dump "$ELSEWHERE"
    quarantined "$b" json "$ELSEWHERE"
    after=$(find "$ELSEWHERE" -type f -exec sha256sum {} + | cut -c-64 | sort)
    [[ -z $(comm -23 <(echo "$before") <(echo "$after")) ]] || fail "not whole"
    [[ -z $(new_links) ]] || fail "$(new_links)"
}

@test "no link is followed out of the root" {
    processor p1
    mkdir "$BATS_TEST_TMPDIR/outside"
    id=$(collect --root "$BATS_TEST_TMPDIR/outside" --day 20081225)
    outside=$BATS_TEST_TMPDIR/outside/20081225
    before=$(spool_state "$outside")
    mkdir -p "$SPOOL"/2008122{5,6}/{date/12/05/web01_0,name}
    ln -s "$outside/name/${id:0:2}" "$SPOOL/20081225/name/"
    ln -s "$outside/name/${id:0:2}/${id:2:2}" "$SPOOL/20081225/date/12/05/web01_0/$id"
    ln -s "$outside/date/12" "$SPOOL/20081226/date/13"
    touch -hd '1 hour ago' "$SPOOL"/2008122{5/date/12/05/web01_0/"$id",6/date/13}
    expect_status 1 scan --incomplete-age=00:30:00
    sql_is "SELECT count(*) FROM jobs" 0
    equal "$(spool_state "$outside")" "$before"
}

@test "a crash that came up in another storage is quarantined and not queued twice (1)" {
    processor p1
    id=$(collect --day 20081225)
    expect_status 0 scan
    collect --root "$BATS_TEST_TMPDIR/two" --id "$id"
    expect_status 1 scan --storage-name=two --storage-root="$BATS_TEST_TMPDIR/two"
    sql_is "SELECT storage, pathname LIKE '$SPOOL/%' FROM jobs" "main|t"
    quarantined "$id" 'storage|main' "$BATS_TEST_TMPDIR/two/quarantine"
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "a crash with two date links in one batch is queued once, and no link stays" {
    processor p1
    id=$(collect --day 20081225) other=$(collect --day 20081225)
    mkdir -p "$SPOOL/20081225/date/13/00"
    cp -P "$SPOOL/20081225/date/12/05/web01_0/$id" "$SPOOL/20081225/date/13/00/"
    expect_status 0 scan
    sql_is "SELECT count(*), count(*) FILTER (WHERE uuid IN ('$id', '$other')) FROM jobs" "2|2"
    no_links "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "half pairs with two date links each in one batch: each goes to quarantine once (1)" {
    processor p1
    mapfile -t ids < <(collect --day 20081225 --count 40 --age 200000 --without dump)
    for i in "${!ids[@]}"; do # one link beside the other in the order of the walk
        mkdir -p "$SPOOL/20081225/date/13/$((10 + i))"/{a,b}
        cp -P "$SPOOL/20081225/date/12/05/web01_0/${ids[i]}" "$SPOOL/20081225/date/13/$((10 + i))/a/"
        mv "$SPOOL/20081225/date/12/05/web01_0/${ids[i]}" "$SPOOL/20081225/date/13/$((10 + i))/b/"
    done
    touch -h -d '3 days ago' "$SPOOL/20081225/date/13"/*/*/*
    expect_status 1 scan
    no_links "*"
    [[ -z $(find "$SPOOL/quarantine" -name '*.1') ]] || fail "$(find "$SPOOL/quarantine")"
    [[ $(find "$SPOOL/quarantine" -name '*.json' | wc -l) == 40 ]] || fail "lost"
}

@test "a crash under two days in one batch is queued once, and the second pair quarantined (1)" {
    processor p1
    id=$(collect --day 20081225)
    collect --day 20081226 --id "$id" >/dev/null
    other=$(collect --day 20081225)
    expect_status 1 scan
    sql_is "SELECT count(*), count(*) FILTER (WHERE uuid IN ('$id', '$other')) FROM jobs" "2|2"
    no_links "$id"
    quarantined "$id" "already queued"
}

@test "a stray that is called reason is quarantined beside its reason" {
    processor p1
    collect >/dev/null
    slot=$(find "$SPOOL" -name web01_0)
    echo evidence >"$slot/reason"
    touch -d '3 days ago' "$slot/reason"
    expect_status 1 scan
    quarantined reason 'not a link'
    [[ $(cat "$SPOOL"/quarantine/*/strays/_reason) == evidence ]]
}

@test "a day that is a link is not entered: it is reported and left (1)" {
    processor p1
    outside=$BATS_TEST_TMPDIR/outside
    SPOOL=$outside collect --day 20081225 >/dev/null
    ln -s "$outside/20081225" "$SPOOL/20081225"
    collect --day 20081226 >/dev/null
    before=$(spool_state "$outside")
    expect_status 1 scan
    log_has "\"20081225/date\" in \"$SPOOL\""
    sql_is "SELECT count(*) FROM jobs" 1
    equal "$(spool_state "$outside")" "$before"
}

@test "a day that is mounted twice has each crash once: one row, nothing in quarantine" {
    processor p1
    mapfile -t ids < <(crash --count 5)
    bind "$SPOOL/20081225" "$SPOOL/20081226"
    for size in 1000 1; do
        expect_status 0 scan --batch-size=$size
        jobs_are "${ids[@]}"
        sql_is "SELECT bool_and(pathname LIKE '%/20081225/%') FROM jobs" t
        no_links '*-*-*-*-*'
        for id in "${ids[@]}"; do pair_is_whole "$SPOOL" 20081225 "$id"; done
        [[ ! -e $SPOOL/quarantine ]] || fail "$(find "$SPOOL/quarantine")"
        ids+=("$(crash)" "$(crash)")
    done
    expect_status 0 scan
    half=$(crash --without json)
    expect_status 1 scan --incomplete-age=00:30:00
    quarantined "$half" json
    for id in "${ids[@]}"; do finish "$id" true; done
    sql "UPDATE jobs SET pathname = '', root = NULL"
    cleans
    for id in "${ids[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
}

@test "a name tree that is younger than a link may be the mount point of a disk, on which a crash has come since" {
    local tree=$SPOOL/20081225/name
    processor p1
    mkdir "$BATS_TEST_TMPDIR/its_disk"
    [[ $(stat -c %W "$BATS_TEST_TMPDIR/its_disk") -gt 0 ]] || skip "no directory tells here when it was made"
    bind "$BATS_TEST_TMPDIR/its_disk" "$tree"
    mapfile -t ids < <(crash --count 3 --age 200000)
    gone=$(crash --age 200000)
    rm -r "${tree:?}/$(name_dir "$gone")"
    umount "$tree"
    new=$(crash)
    expect_status 1 scan
    jobs_are "$new"
    equal "$(new_links)" "$(printf '%s\n' "${ids[@]}" "$gone" | sort)"
    log_has "WARNING - cannot examine \"${ids[0]}\": the name tree of its day is younger than its link (is it mounted?): \"$SPOOL/20081225\""
    expect_status 2 scan --check
    [[ $output == *"CRITICAL: the oldest new pair has not been queued for 2 d "* ]] || fail "$output"
    expect_status 0 priority --explain "${ids[0]}"
    [[ $output == *"leaves it: the name tree of its day is younger than its link (is it mounted?): \"$SPOOL/20081225\""$'\n'* ]] || fail "$output"
    # What is done to the link meanwhile does not make it younger.
    chown -hR 65533 "$SPOOL/20081225/date"
    touch -hd '2 days ago' "$SPOOL"/20081225/date/*/*/*/*
    mkdir "$tree/.keep"
    expect_status 1 scan
    equal "$(new_links)" "$(printf '%s\n' "${ids[@]}" "$gone" | sort)"
    rmdir "$tree/.keep"
    mount --bind "$BATS_TEST_TMPDIR/its_disk" "$tree"
    expect_status 1 scan
    quarantined "$gone" 'directory is missing'
    jobs_are "$new" "${ids[@]}"
    equal "$(new_links)" ""
}
