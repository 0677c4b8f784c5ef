#!/usr/bin/env bats
# deferred_retention.bats - --keep-deferred-days: cleanup removes throttled crashes that nobody has
# asked for, once a day.
# shellcheck disable=SC2154,SC2034 # bats sets status and output, background sets pid
load ../helper
load sweep

# That came two months ago, whatever its day says.
throttled() { collect --root "$DEFERRED" --day 20081225 --age 5200000 "$@"; }
retains() { cleanup_jobs --keep-deferred-days=30 "$@"; }

# Asserts that nothing of these crashes is left; or all of it, links too.
gone() {
    local id left
    for id; do
        left=$(find "$DEFERRED" -name "$id*")
        [[ -z $left ]] || fail "left:" "$left"
    done
}
stays() {
    local id
    for id; do
        pair_is_whole "$DEFERRED" "${day:-20081225}" "$id"
        equal "$(find "$DEFERRED" -name "$id" -type l | wc -l)" 2
    done
}

# --- what goes, and what stays

@test "those of a collector that makes no links go, too; but not what came lately, was requested or has a job" {
    mapfile -t ids < <(throttled --count 230 --without links --extra browser)
    half=$(throttled --without links --without dump)
    linked=$(throttled --day 20081226)
    young=$(throttled --without links) late=$(throttled --without links --extra plugin)
    touch "$DEFERRED/20081225/name/$(name_dir "$young")/$young.dump" "$DEFERRED/20081225/name/$(name_dir "$late")/$late.plugin.dump"
    wanted=$(throttled --without links) queued=$(throttled --without links) today=$(throttled --without links --day "$(over 5)")
    sql "INSERT INTO priorityjobs (uuid) VALUES (upper('$wanted'));
         INSERT INTO jobs (pathname, uuid) VALUES ('$(place "$DEFERRED" "$queued").json', '$queued')"
    expect_status 0 retains --dry-run
    equal "$(grep -c 'deleted: throttled' <<<"$output")" 232
    expect_status 0 retains --limit=120
    log_has "seen 120: deleted 120"
    expect_status 0 retains
    gone "${ids[@]}" "$half" "$linked"
    log_has "seen 112: deleted 112"
    for id in "$young" "$late" "$wanted" "$queued"; do pair_is_whole "$DEFERRED" 20081225 "$id"; done
    pair_is_whole "$DEFERRED" "$(over 5)" "$today"
    # A young date link keeps its crash, whether or not a name link leads back to it.
    id=$(throttled)
    rm "$DEFERRED/20081225/name/$(name_dir "$id")/$id"
    touch -h "$DEFERRED/20081225/date/12/05/web01_0/$id"
    due
    expect_status 0 retains
    pair_is_whole "$DEFERRED" 20081225 "$id"
}

@test "links that come while their crash is removed are those of the next one with its id" {
    slowly="strace -f -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:delay_exit=1500000:when=1"
    $slowly true 2>/dev/null || skip "no strace here"
    marked
    id=$(throttled)
    mapfile -t links < <(find "$DEFERRED" -name "$id" -type l)
    retains_slowly() { EXEC=$slowly retains; }
    background retains_slowly
    await test ! -e "$(place "$DEFERRED" "$id").dump"
    for link in "${links[@]}"; do ln -sfn "$(readlink "$link")" "$link"; done
    background_ends 0
    equal "$(find "$DEFERRED" -name "$id*" | sort)" "$(printf '%s\n' "${links[@]}" | sort)"
}

@test "without the option throttled crashes are kept for ever" {
    id=$(throttled)
    cleans
    stays "$id"
}

@test "throttled crashes go with all their files and links, and are counted as deleted" {
    processor p1
    mapfile -t ids < <(throttled --count 250 --extra browser)
    expect_status 0 retains
    equal "$output" ""
    gone "${ids[@]}"
    equal "$(find "$DEFERRED" ! -type d)" ""
    log_has "seen 250: deleted 250; exit code 0"
    log_has "\"${ids[0]}\": deleted: throttled, and not requested within 30 d"
    sql_is "SELECT seen, outcomes FROM crashmon.runs" '250|{"deleted": 250}'
    [[ ! -e $DEFERRED/20081225/date && -e $DEFERRED/20081225/name ]] || fail "$(find "$DEFERRED")"
    age '3 days' "$DEFERRED"
    due
    expect_status 0 retains
    [[ ! -e $DEFERRED/20081225 ]] || fail "$(find "$DEFERRED")"
}

@test "days that have been over for so long, by the clock of UTC-12" {
    for days in 28 29 30 31; do
        day=$(over "$days")
        ids[days]=$(throttled --day "$day")
    done
    expect_status 0 retains
    gone "${ids[30]}" "${ids[31]}"
    for days in 28 29; do day=$(over "$days") stays "${ids[days]}"; done
}

@test "a crash that came lately stays, whatever day is in its id: by its files or its links" {
    late=$(throttled --age 2500000) half=$(throttled --age 2500000 --without json)
    old=$(throttled --age 2700000) linked=$(throttled)
    touch -hd '1 day ago' "$DEFERRED/20081225/date/12/05/web01_0/$linked"
    ahead=$(throttled)
    touch -d '1 day' "$(place "$DEFERRED" "$ahead").dump" # its ctime counts
    expect_status 0 retains
    stays "$late" "$linked" "$ahead"
    gone "$old"
    [[ -f $(place "$DEFERRED" "$half").dump ]] || fail "$(find "$DEFERRED")"
    log_has "seen 1: deleted 1"
}

@test "a further dump that came lately keeps its crash" {
    late=$(throttled --extra browser) old=$(throttled --extra browser)
    touch -d '1 day ago' "$(place "$DEFERRED" "$late").browser.dump"
    expect_status 0 retains --dry-run
    equal "$output" "\"$old\": deleted: throttled, and not requested within 30 d"
    expect_status 0 retains
    stays "$late"
    [[ -f $(place "$DEFERRED" "$late").browser.dump ]] || fail "$(find "$DEFERRED")"
    gone "$old"
}

@test "what has been requested, or has a job in any storage, stays; so do crashes of the storage root" {
    mapfile -t ids < <(throttled --count 4)
    new=$(crash)
    request "${ids[0]}"
    sql "INSERT INTO jobs (uuid, pathname, storage)
         VALUES ('${ids[1]}', '', 'main'), ('${ids[2]}', '/elsewhere', 'other')"
    expect_status 0 retains
    stays "${ids[@]:0:3}"
    gone "${ids[3]}"
    has_links "$new"
    log_has "seen 1: deleted 1"
    processor p1
    expect_status 0 priority
    jobs_are "${ids[@]:0:3}"
}

@test "a request in capitals, or in part, is for the same crash" {
    mapfile -t ids < <(throttled --count 4)
    requests 0 "${ids[0]^^}" "${ids[1]^^[a-c]}"
    capitals=$(throttled --id "${ids[3]^^}")
    request "$capitals"
    expect_status 0 retains
    stays "${ids[0]}" "${ids[1]}" "${ids[3]}" "$capitals"
    gone "${ids[2]}"
}

@test "a crash that lies under two days goes only where its time has come" {
    id=$(throttled)
    day=$(over 3) throttled --id "$id" --day "$(over 3)"
    expect_status 0 retains
    day=$(over 3) stays "$id"
    [[ ! -e $(place "$DEFERRED" "$id").json ]] || fail "$(find "$DEFERRED")"
}

@test "half pairs and links that lead nowhere are removed, too; what is not a crash stays" {
    half=$(throttled --without json) hollow=$(throttled --without json --without dump)
    slot=$DEFERRED/20081225/date/12/05/web01_0
    touch "$slot/stray"
    ln -s nowhere "$slot/link"
    expect_status 0 retains
    gone "$half" "$hollow"
    log_has "seen 2: deleted 2"
    [[ -f $slot/stray && -L $slot/link ]] || fail "$(find "$DEFERRED")"
}

@test "a crash that does not lie as deep as its id says stays with its links, and is told (1)" {
    id=$(throttled) other=$(throttled)
    mkdir "$DEFERRED/20081225/name/deep"
    mv "$(place "$DEFERRED" "$id")".* "$DEFERRED/20081225/name/deep"
    link=$(find "$DEFERRED/20081225/date" -name "$id")
    ln -sfn ../../../../name/deep "$link"
    touch -hd '2 months ago' "$link"
    expect_status 1 retains --dry-run
    [[ $output == *"cannot remove throttled crash \"$id\": its files are in"* ]] || fail "$output"
    expect_status 1 retains
    log_has "cannot remove throttled crash \"$id\": its files are in \"20081225/name/deep\", which is not as deep as its id says"
    [[ -L $link && -e $DEFERRED/20081225/name/deep/$id.json ]] || fail "$(find "$DEFERRED")"
    gone "$other"
}

@test "one without links that does not lie as deep as its id says stays, and is not counted as deleted" {
    id=$(throttled --without links)
    mkdir "$DEFERRED/20081225/name/deep"
    mv "$(place "$DEFERRED" "$id")".* "$DEFERRED/20081225/name/deep"
    expect_status 0 retains --dry-run
    equal "$output" ""
    expect_status 0 retains
    log_has "seen 0"
    [[ -e $DEFERRED/20081225/name/deep/$id.json ]] || fail "$(find "$DEFERRED")"
}

@test "a file that is none is not followed or removed, and told once; the others go" {
    mapfile -t ids < <(throttled --count 3)
    pair=$(place "$DEFERRED" "${ids[1]}")
    echo mine >"$BATS_TEST_TMPDIR/mine"
    ln -sf "$BATS_TEST_TMPDIR/mine" "$pair.json"
    touch -hd '60 days ago' "$pair.json"
    expect_status 1 retains
    [[ $output == *"cannot remove throttled crash \"${ids[1]}\": "*"not a regular file"* ]] ||
        fail "$output"
    equal "$(grep -c . <<<"$output")" 1
    log_has "seen 3: deleted 2, left 1"
    equal "$(<"$BATS_TEST_TMPDIR/mine")" mine
    [[ -L $pair.json && -f $pair.dump ]] || fail "$(find "$DEFERRED")"
    gone "${ids[0]}" "${ids[2]}"
    expect_status 0 retains
}

@test "once a day" {
    expect_status 0 retains
    id=$(throttled)
    expect_status 0 retains
    stays "$id"
    sql "UPDATE crashmon.storages SET swept = swept - 1"
    expect_status 0 retains
    gone "$id"
}

@test "on a day on which more was kept, or all, they go at once; but not again for who keeps more, or all" {
    cleans
    id=$(throttled)
    expect_status 0 cleanup_jobs --keep-deferred-days=90
    stays "$id"
    expect_status 0 retains
    gone "$id"
    id=$(throttled)
    for days in --keep-deferred-days=90 --keep-deferred-days= --keep-deferred-days=30; do
        expect_status 0 cleanup_jobs $days
        stays "$id"
    done
}

@test "--limit counts them; the next run goes on, also where those that stay come first" {
    mapfile -t ids < <(throttled --count 30 | sort)
    # shellcheck disable=SC2046 # one word an id
    requests 0 $(find "$DEFERRED" -path '*/date/*' -type l -printf '%f\n' | head -n 20)
    for count in 4 4 2 0; do
        expect_status 0 retains --limit=4
        equal "$(grep -oE 'seen [0-9]+' "$LOG" | tail -n 1)" "seen $count"
    done
    equal "$(find "$DEFERRED" -path '*/date/*' -type l | wc -l)" 20
}

@test "--dry-run lists them, whether or not they were looked for today, and changes nothing" {
    mapfile -t ids < <(throttled --count 2)
    asked=$(throttled)
    request "$asked"
    cleans
    everything >"$BATS_TEST_TMPDIR/before"
    expect_status 0 retains --dry-run
    equal "$(sort <<<"$output")" "$(for id in "${ids[@]}"; do
        echo "\"$id\": deleted: throttled, and not requested within 30 d"
    done | sort)"
    equal "$(everything)" "$(<"$BATS_TEST_TMPDIR/before")"
}

# --- the right directory, and who else is at work

# Asserts that of one crash nothing was removed.
spared() {
    expect_status "$1" retains
    equal "$(spool_state "$BATS_TEST_TMPDIR/outside")" "$before"
    due
}

@test "what is mounted inside the root has no mark, and is left alone: a day, either tree, or a part" {
    mkdir "$BATS_TEST_TMPDIR/outside"
    id=$(collect --root "$BATS_TEST_TMPDIR/outside" --day 20081225 --age 5200000)
    before=$(spool_state "$BATS_TEST_TMPDIR/outside")
    bind "$BATS_TEST_TMPDIR/outside/20081225" "$DEFERRED/20081225"
    expect_status 0 retains --dry-run
    [[ $output == "what is mounted in \"$DEFERRED/20081225\" stays"* ]] || fail "$output"
    spared 0
    log_has "what is mounted in \"$DEFERRED/20081225\" stays"
    umount "$DEFERRED/20081225"
    disks=()
    cp -a "$BATS_TEST_TMPDIR/outside/20081225" "$DEFERRED"
    bind "$BATS_TEST_TMPDIR/outside/20081225/date/12" "$DEFERRED/20081225/date/12"
    spared 0
    umount "$DEFERRED/20081225/date/12"
    disks=()
    bind "$BATS_TEST_TMPDIR/outside/20081225/name/${id:0:2}" "$DEFERRED/20081225/name/${id:0:2}"
    spared 1
    [[ $output == *"cannot remove throttled crash \"$id\": it lies on what is mounted in"* ]] || fail "$output"
    umount "$DEFERRED/20081225/name/${id:0:2}"
    disks=()
    expect_status 0 retains
    gone "$id"
}

@test "a name tree whose disk is away is no reason to remove the links of its crashes" {
    disk "$DEFERRED/20081225/name" size=1m
    id=$(throttled)
    cp -a "$DEFERRED/20081225/name" "$BATS_TEST_TMPDIR/away"
    umount "$DEFERRED/20081225/name"
    disks=()
    expect_status 0 retains
    [[ -L $DEFERRED/20081225/date/12/05/web01_0/$id ]] || fail "$(find "$DEFERRED")"
    log_has "seen 0"
    mkdir -p "$DEFERRED/20081225/name"
    cp -a "$BATS_TEST_TMPDIR/away/." "$DEFERRED/20081225/name"
    due
    expect_status 0 retains
    gone "$id"
}

@test "nor where a crash has come to its mount point since" {
    local tree=$DEFERRED/20081225/name
    mkdir "$BATS_TEST_TMPDIR/its_disk"
    [[ $(stat -c %W "$BATS_TEST_TMPDIR/its_disk") -gt 0 ]] || skip "no directory tells here when it was made"
    bind "$BATS_TEST_TMPDIR/its_disk" "$tree"
    id=$(throttled)
    umount "$tree"
    new=$(throttled)
    expect_status 0 retains
    gone "$new"
    [[ -L $DEFERRED/20081225/date/12/05/web01_0/$id ]] || fail "$(find "$DEFERRED")"
    echo 'keep-deferred-days = 30' >>"$CONF"
    expect_status 0 priority --explain "$id"
    [[ $output == *"leaves it: the name tree of its day is younger than its link (is it mounted?): \"$DEFERRED/20081225\""* ]] || fail "$output"
    mount --bind "$BATS_TEST_TMPDIR/its_disk" "$tree"
    stays "$id"
}

@test "a day that is a link is not followed, and told (1)" {
    mkdir "$BATS_TEST_TMPDIR/outside"
    id=$(collect --root "$BATS_TEST_TMPDIR/outside" --day 20081225 --age 5200000)
    other=$(throttled --day 20081226)
    before=$(spool_state "$BATS_TEST_TMPDIR/outside")
    ln -s "$BATS_TEST_TMPDIR/outside/20081225" "$DEFERRED/20081225"
    spared 1
    [[ $output == *"cannot read directory \"20081225/date\" in \"$DEFERRED\": Not a directory"* ]] || fail "$output"
    gone "$other"
}

@test "a deferred root that is not the one it was is left alone (74)" {
    id=$(throttled)
    marked
    rm "$DEFERRED/.crashmon"
    expect_status 74 retains
    stays "$id"
}

@test "while somebody who queues crashes from there is at work nothing is removed; the next run does it" {
    for program in crashmon-priority crashmon-scan-repair; do
        mapfile -t ids < <(throttled --count 3)
        lock "$program"
        expect_status 0 retains
        stays "${ids[@]}"
        log_has "$program is at work"
        sql_is "SELECT count(*) FROM crashmon.storages WHERE place = 'deferred' AND swept IS NOT NULL" 0
        lock "$program" other
        unlock "$program"
        expect_status 0 retains
        gone "${ids[@]}"
        unlock "$program" other
        sql "UPDATE crashmon.storages SET swept = NULL"
    done
}

metadata() { find "$DEFERRED" -name '*.json' | wc -l; }

# Has a run begun with the removal of forty, which takes seconds.
remove_forty_slowly() {
    slowly="strace -f -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:delay_exit=50000"
    $slowly true 2>/dev/null || skip "no strace here"
    throttled --count 40 >/dev/null
    marked
    retain_slowly() { EXEC="exec $slowly" retains; }
    background retain_slowly
    begun() { (($(metadata) < 40)); }
    await begun
}

# Asserts that it ends like this at the next one, and that the next run removes the rest.
ends_at_once() {
    local left
    left=$(metadata)
    background_ends "$1"
    (($(metadata) >= left - 2)) || fail "$left were left: $output"
    expect_status 0 retains
    equal "$(metadata)" 0
}

@test "a signal ends the removal at the next one (143)" {
    remove_forty_slowly
    kill "$(pgrep -P "$pid")"
    ends_at_once 143
}

@test "once the connection is lost no more are removed, as they may be somebody else's by then (69)" {
    remove_forty_slowly
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'crashmon-cleanup' AND datname = current_database()" >/dev/null
    ends_at_once 69
}

@test "while some are removed crashmon-priority ends with 75, and says who holds its lock" {
    id=$(throttled)
    request "$(throttled)"
    session "BEGIN; LOCK TABLE priorityjobs IN ACCESS EXCLUSIVE MODE"
    background retains
    await_blocked crashmon-cleanup
    expect_status 75 priority
    tail -n 1 "$LOG" | grep -qF "is taken: process $pid on $(uname -n), " || fail "does not say who"
    ! grep -F pg_terminate_backend "$LOG" || fail "says that it is no run"
    session COMMIT
    background_ends 0
    gone "$id"
    processor p1
    expect_status 0 priority
    sql_is "SELECT count(*) FROM jobs" 1
}

@test "a deferred root that cannot be changed is told once (74)" {
    disk "$DEFERRED" size=1m
    mapfile -t ids < <(throttled --count 3)
    marked
    mount -o remount,ro "$DEFERRED"
    expect_status 74 retains
    equal "$(grep -c 'no crash is removed there' <<<"$output")" 1
    stays "${ids[@]}"
    log_has "seen 0"
    expect_status 0 retains
}

@test "throttled crashes that cannot be removed are told once (77)" {
    mapfile -t ids < <(throttled --count 3)
    as_a_user
    chmod -R a-w "$DEFERRED/20081225/name"
    expect_status 77 retains
    chmod -R u+w "$DEFERRED/20081225/name"
    equal "$(grep -c 'cannot remove throttled' <<<"$output")" 1
    stays "${ids[@]}"
    log_has "seen 3: left 3"
    expect_status 0 retains
}

@test "killed at any step it leaves a crash whole, or on its way out, and the next run finishes it" {
    for call in 1 2 3 4 5; do # three files, and two links
        id=$(throttled --extra browser)
        due
        EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=unlinkat
              -e inject=unlinkat:signal=KILL:when=$call" run retains
        equal "$status" 137
        equal "$(find "$DEFERRED" -path '*/date/*' -type l -printf '%f\n')" "$id"
        expect_status 0 retains --lock-wait=00:00:10
        equal "$output" ""
        gone "$id"
    done
}

retain_again_and_again() {
    while true; do
        psql -qX -c "UPDATE crashmon.storages SET swept = NULL"
        EXEC="" retains --limit=3 --lock-wait=00:00:10 || true
    done
}

@test "beside live collectors and programs: what was requested is queued, all else goes, nothing is half" {
    processor p1
    mapfile -t old < <(throttled --count 100 --order files)
    for order in links files; do
        background collect --root "$DEFERRED" --order "$order" --count 100 --age 0
        collectors+=("$pid")
    done
    wanted=("${old[@]:0:20}")
    background retain_again_and_again
    loop=$pid
    for id in "${wanted[@]}"; do
        request "$id"
        run priority --lock-wait=00:00:10 --give-up-after=00:00:00
        [[ $status -le 1 ]] || fail "$status" "$output"
    done
    kill "$loop"
    wait "$loop" || true
    for pid in "${collectors[@]}"; do wait "$pid" || fail "a collector was refused"; done
    due
    expect_status 0 retains --lock-wait=00:00:30
    # Whoever has a job has a pair without links, whoever has none is gone.
    for id in "${old[@]}"; do
        if sql_true "SELECT EXISTS (SELECT FROM jobs WHERE uuid = '$id')"; then
            pair_is_whole "$DEFERRED" 20081225 "$id"
        else
            gone "$id"
        fi
    done
    equal "$(find "$DEFERRED" -path "*/date/*" -type l | wc -l)" 200
}
