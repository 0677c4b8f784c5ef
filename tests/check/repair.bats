#!/usr/bin/env bats
# repair.bats - crashmon-scan --repair: crashes that lie in the spool, and that nothing leads to.
# shellcheck disable=SC2154,SC2086 # bats sets status and output; one word an id
load ../helper
load repair

@test "a whole pair without links and row is queued, wherever it lies" {
    ids=()
    for depth in 0 1 2 3 4; do ids+=("$(crash --depth "$depth" --without links)"); done
    ids+=("$(crash --id-day none --without links)" "$(crash --id-day 081201 --without links)")
    mapfile -t list < <(printf 'unqueued\n%s\n' "${ids[@]}")
    aged
    expect_status 1 scan --repair "$AGE" --dry-run
    equal "$(sort <<<"$output")" "$(for id in "${ids[@]}"; do
        echo "unqueued $id \"$(dirname "$(find "$SPOOL" -name "$id.json")")\""
    done | sort)"
    finds repair "${list[@]}"
    summary "seen 7: queued 7"
    jobs_are "${ids[@]}"
    for id in "${ids[@]}"; do
        sql_is "SELECT pathname, owner FROM jobs WHERE uuid = '$id'" "$(find "$SPOOL" -name "$id.json")|1"
    done
    finds repair
    summary "seen 0"
}

@test "a pair whose date link alone is gone is queued, and loses the name link" {
    id=$(crash --without date-link)
    finds repair unqueued "$id"
    jobs_are "$id"
    no_links "$id"
}

@test "half a pair, in either half, or with an empty file, goes to quarantine" {
    json=$(crash --without dump --without links) dump=$(crash --without json --without links)
    empty=$(crash --size 0 --without date-link)
    finds repair half "$json" half "$dump" half "$empty"
    summary "seen 3: quarantined 3"
    quarantined "$json" "dump is missing"
    quarantined "$dump" "json is missing"
    quarantined "$empty" "dump is empty"
    equal "$(find "$SPOOL"/2* ! -type d)" ""
    jobs_are
}

@test "several in one directory are repaired by one run" {
    ids=()
    for i in 0 1 2 3; do
        ids+=(unqueued "$(collect --id ab00000$i-0000-0000-0000-000001081225 --day 20081225 --without links)")
        ids+=(half "$(collect --id ab00010$i-0000-0000-0000-000001081225 --day 20081225 --without links --without dump)")
    done
    aged
    finds repair "${ids[@]}"
    expect_status 0 repair
}

@test "a further dump that came after its pair was put away goes to quarantine" {
    id=$(crash --without links)
    ended true "$id"
    cleans
    again=$(crash --without links) # of this one the row is still there
    waiting "$again"
    for late in "$id" "$again"; do
        mkdir -p "$(dirname "$(place "$SPOOL" "$late")")"
        echo MDMPPMDM >"$(place "$SPOOL" "$late").plugin.dump"
    done
    aged
    expect_status 0 scan --repair "$AGE" # more may be on its way
    touch -d '1 hour ago' "$(place "$SPOOL" "$id").plugin.dump" "$(place "$SPOOL" "$again").plugin.dump"
    finds repair half "$id"
    quarantined "$id" "json is missing, .dump is missing"
    [[ -f $SPOOL/quarantine/20081225/$id/$id.plugin.dump ]] || fail "$(find "$SPOOL")"
    pair_is_whole "$SPOOL" 20081225 "$again"
    jobs_are "$again"
}

@test "so does one that is a link, which its pair leaves behind" {
    id=$(crash --without links)
    ln -s /nowhere "$(place "$SPOOL" "$id").plugin.dump"
    ended true "$id"
    cleans
    finds repair half "$id"
    quarantined "$id" "json is missing, .dump is missing"
    equal "$(readlink "$SPOOL/quarantine/20081225/$id/$id.plugin.dump")" /nowhere
}

@test "a name link that leads nowhere is removed" {
    id=$(crash --without json --without dump --without date-link)
    outside=$(crash --without json --without dump --without date-link)
    ln -sfn /etc/passwd "$(place "$SPOOL" "$outside")"
    touch -hd '1 hour ago' "$(place "$SPOOL" "$outside")"
    finds repair dangling "$id" dangling "$outside"
    summary "seen 2: unlinked 2"
    roots_are_empty
}

@test "a name link that leads nowhere, and cannot be removed, is left (77)" {
    id=$(crash --without json --without dump --without date-link)
    as_a_user
    chmod a-w "$(dirname "$(place "$SPOOL" "$id")")"
    expect_status 77 repair
    summary "seen 1: left 1"
}

@test "what has a date link is scan's, also without a name link, and where the name link errs" {
    crash >/dev/null
    crash --without name-link >/dev/null
    crash --without json >/dev/null
    crash --without json --without dump >/dev/null
    id=$(crash)
    ln -sfn ../../../date/nowhere "$(place "$SPOOL" "$id")"
    touch -hd '1 hour ago' "$(place "$SPOOL" "$id")"
    before=$(disk_state)
    finds repair
    equal "$(disk_state)" "$before"
}

@test "what has a row is not stranded, whatever the row says" {
    ids=$(crash --count 2 --without links)
    half=$(crash --without json --without links) link=$(crash --without json --without dump --without date-link)
    waiting $ids $half $link
    finish "${ids##*$'\n'}" true
    marked
    sql "UPDATE jobs SET storage = 'two', pathname = '' WHERE uuid = '$half'"
    before=$(everything | grep -v "^runs|")
    finds repair
    equal "$(everything | grep -v "^runs|")" "$before"
}

@test "nothing younger than incomplete-age, nor than settle-time, is touched" {
    old=$(crash --without links)
    file=$(crash --without links) half=$(crash --without links --without dump)
    link=$(crash --without json --without dump --without date-link) directory=$(crash --without links)
    aged
    touch "$(place "$SPOOL" "$file").dump" "$(place "$SPOOL" "$half").json" "$(dirname "$(place "$SPOOL" "$directory")")"
    touch -h "$(place "$SPOOL" "$link")"
    for options in "$AGE" "--incomplete-age=00:00:00 --settle-time=00:30:00"; do
        expect_status 1 scan --repair $options --dry-run
        equal "$output" "unqueued $old \"$(dirname "$(place "$SPOOL" "$old")")\""
    done
    expect_status 1 scan --repair --incomplete-age=00:00:00 --settle-time=00:00:00 --dry-run
    [[ $(wc -l <<<"$output") == 5 ]] || fail "$output"
    expect_status 0 scan --repair --incomplete-age=02:00:00
}

@test "deferred: a pair without a date link is queued on a day that has some, else listed" {
    throttled=$(crash --root "$DEFERRED")
    stranded=$(crash --root "$DEFERRED" --without links) half=$(crash --root "$DEFERRED" --without links --without json)
    link=$(crash --root "$DEFERRED" --without json --without dump --without date-link)
    unlinked=$(collect --root "$DEFERRED" --day 20081226 --without links)
    finds repair unqueued "$stranded" half "$half" dangling "$link" deferred "$unlinked"
    summary "seen 4: queued 1, left 1, quarantined 1, unlinked 1"
    jobs_are "$stranded"
    pair_is_whole "$DEFERRED" 20081225 "$throttled"
    pair_is_whole "$DEFERRED" 20081226 "$unlinked"
    finds repair deferred "$unlinked"
}

@test "deleted rows, a restored database: all is queued again, in batches" {
    ids=$(crash --count 12 --depth 1; crash --count 12; collect --count 5 --day 20081226)
    expect_status 0 scan
    new=$(crash --count 3)
    sql "DELETE FROM jobs WHERE id % 10 <> 0"
    kept=$(sql "SELECT uuid FROM jobs")
    aged
    expect_status 1 scan --repair "$AGE" --batch-size=4 --limit=6
    sql_true "SELECT count(*) >= 8 FROM jobs" || fail "$(sql "SELECT count(*) FROM jobs")"
    expect_status 1 scan --repair "$AGE" --batch-size=4
    jobs_are $ids
    sql_is "SELECT count(*) FROM jobs WHERE uuid = ANY ('{${kept//$'\n'/,}}')" 2
    finds repair
    for id in $new; do has_links "$id"; done
}

@test "two repairs exclude each other (75); ordinary runs and the other repair go on beside" {
    lock crashmon-scan-repair
    expect_status 75 scan --repair
    log_has "the lock of crashmon-scan-repair for storage main is taken"
    expect_status 0 scan --repair --dry-run
    for run in "${RUNS[@]}"; do expect_status 0 "$run"; done
    expect_status 0 cleanup_jobs --repair
    unlock crashmon-scan-repair
    lock crashmon-scan
    lock crashmon-cleanup
    expect_status 0 scan --repair
    lock crashmon-cleanup-repair
    expect_status 75 cleanup_jobs --repair
}

@test "a repair that has lost its lock changes nothing (69)" {
    id=$(crash --without links)
    aged
    session "BEGIN; LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"
    background scan --repair "$AGE"
    await_blocked crashmon-scan-repair
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'crashmon-scan-repair'" >/dev/null
    session COMMIT
    background_ends 69
    jobs_are
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "the run is recorded by a name of its own, and none is due after it" {
    expect_status 0 scan
    expect_status 0 scan --repair
    sql_is "SELECT program, exit_code, overdue FROM crashmon.last_runs ORDER BY program" \
        "crashmon-scan|0|f"$'\n'"crashmon-scan-repair|0|f"
    sql "UPDATE crashmon.runs SET started = started - interval '1 day', ended = ended - interval '1 day',
             next_due = next_due - interval '1 day'"
    sql_is "SELECT program, overdue FROM crashmon.last_runs ORDER BY program" \
        "crashmon-scan|t"$'\n'"crashmon-scan-repair|f"
}

@test "no live processor (68): the pairs stay, and are listed" {
    id=$(crash --without links)
    sql "DELETE FROM processors"
    aged
    expect_status 1 scan --repair "$AGE" --dry-run
    equal "${output% *}" "unqueued $id"
    expect_status 68 scan --repair "$AGE"
    [[ $output == *"no processor is alive, none is registered: nothing is queued"* ]] || fail "$output"
    summary "seen 1: left 1"
    sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '$(nowhere)', $(processor late 400))"
    expect_status 68 scan --repair "$AGE"
    [[ $output == *"; unfinished jobs: 1): nothing is queued"* ]] || fail "$output"
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "a pair that the server refuses to queue keeps no others back" {
    ids=$(crash --count 5 --without links)
    refuse "$(head -n 1 <<<"$ids")"
    expect_status 1 repair
    sql_is "SELECT count(*) FROM jobs" 4
    summary "seen 5: queued 4, left 1"
    accept
    expect_status 1 repair
    jobs_are $ids
}

@test "a directory that cannot be read (77) is told; the others are repaired" {
    id=$(crash --depth 1 --without links) blind=$(crash --depth 1 --without links)
    as_a_user
    aged
    chmod 0 "$(dirname "$(place "$SPOOL" "$blind")")"
    [[ $(name_dir "$id") != "$(name_dir "$blind")" ]] || skip "the ids begin alike"
    expect_status 77 scan --repair "$AGE"
    [[ $output == *"cannot read directory \"20081225/name/$(name_dir "$blind")\""* ]] || fail "$output"
    jobs_are "$id"
}

@test "a date tree that cannot be read (77): whether its day is new cannot be told, and nothing is done" {
    id=$(crash --without links) other=$(collect --day 20081226 --without links)
    crash --time 23:00 >/dev/null
    as_a_user
    aged
    chmod 0 "$SPOOL/20081225/date/23"
    expect_status 77 scan --repair "$AGE"
    jobs_are "$other"
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "nor where it is a file or a link, in a day whose disk may be away, which is told by all that look" {
    id=$(collect --day 20081226 --without links)
    mkdir -p "$SPOOL/20081225/name"
    for make in touch 'ln -s nowhere'; do
        $make "$SPOOL/20081225/date"
        repaired=1
        repair || repaired=$?
        equal "$repaired" 1
        jobs_are "$id"
        expect_status 1 scan
        expect_status 0 scan --status
        expect_status 2 scan --check
        rm "$SPOOL/20081225/date"
    done
}

@test "the storage root without its mark (74): nothing is concluded" {
    crash --without links >/dev/null
    expect_status 0 scan
    rm "$SPOOL/.crashmon"
    aged
    expect_status 74 scan --repair "$AGE"
    jobs_are
}

# Brings a repair to where it has looked at the files and for the row, and is about to insert one.
in_the_middle() {
    id=$(crash --without links)
    aged
    hold
    background scan --repair "$AGE"
    await_blocked crashmon-scan-repair
}

@test "a crash that others queue in the middle is no finding" {
    in_the_middle
    session "INSERT INTO jobs (pathname, uuid) VALUES ('$(place "$SPOOL" "$id").json', '$id')"
    session COMMIT
    background_ends 0
    jobs_are "$id"
    summary "seen 0"
}

@test "a crash that others put away in the middle is no finding, and gets no second row" {
    in_the_middle
    mv "$SPOOL/20081225" "$ARCHIVE"
    session COMMIT
    background_ends 0
    jobs_are
    summary "seen 0"
}

@test "killed before any change, a repair is finished by the next one" {
    strace -o "$BATS_TEST_TMPDIR/trace" true 2>/dev/null || skip "no strace here"
    for call in unlinkat renameat2 sendto; do
        for ((number = 1; number < 60; number++)); do
            rm -rf "$SPOOL"/2008* "$SPOOL/quarantine"
            empty_tables
            processor p1 >/dev/null
            whole=$(crash --count 2 --without date-link) half=$(crash --without json --without date-link)
            crash --without json --without dump --without date-link >/dev/null
            aged
            EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=$call -e inject=$call:signal=KILL:when=$number" \
                run scan --repair "$AGE"
            killed=$status
            # Its session may still have the lock.
            aged
            run scan --repair "$AGE" --lock-wait=00:00:10
            [[ $status == [01] ]] || fail "$call $number: $status" "$output"
            jobs_are $whole
            [[ -f $SPOOL/quarantine/20081225/$half/$half.dump ]] || fail "$(find "$SPOOL")"
            grep -q "json is missing" "$SPOOL/quarantine/20081225/$half/reason"
            # A name link beside a row does no harm, and goes with the pair.
            sql "UPDATE jobs SET success = true"
            cleans
            no_links '*-*-*-*-*'
            ((killed == 137)) || break
        done
        ((number > 1)) || fail "$call was never killed"
        echo "$call: $((number - 1)) kills"
    done
}

@test "the nightly repair of crontab.example mails which crashes it has found, and else nothing" {
    echo 'incomplete-age = 00:30:00' >>"$CONF"
    line=$(grep -e --repair "$TESTS/../crontab.example")
    nightly() { PATH="$BUILD:$PATH" CONFIG=$CONF PGOPTIONS='' setsid -w sh -c "${line#*'* * *  '}" 2>&1; }
    equal "$(nightly)" ''
    id=$(crash --without links)
    aged
    lock crashmon-scan-repair >/dev/null
    equal "$(nightly)" ''
    unlock crashmon-scan-repair
    run nightly
    [[ $output == *" INFO - unqueued $id "*"seen 1: queued 1; exit code 1 after"* ]] || fail "$output"
    equal "$(grep -c 'seen 1' <<<"$output")" 1
}

# How --check tells the last repair of a program: told PROGRAM [REASON]; without a reason, it does not.
told() {
    run "$1" --check
    equal "$(sed -nE 's/^WARNING: the last run of crashmon-[a-z]+-repair ended with exit code 1, which the next repair clears, .* ago: //p' <<<"$output")" "${2:-}"
}

@test "a repair that --limit keeps from looking at all says so, beside what it has found first; one that has looked at all does not" {
    cut="it ended at --limit, and has not looked at all"
    for run in scan priority cleanup_jobs; do expect_status 0 "$run"; done
    for batch in 1 3 1000; do
        for i in 1 2 3; do crash --without links >/dev/null; done
        expect_status 1 repair --limit=3 --batch-size=$batch
        summary "seen 3: queued 3"
        told scan
        rm -r "$SPOOL/20081225" # what lies behind the third would not be looked at
    done
    for i in 1 2 3; do crash --without links >/dev/null; done
    expect_status 1 repair --limit=2 --batch-size=1
    summary "seen 2: queued 2"
    told scan "$cut"
    # What is left may lie in another root, too.
    crash --root "$DEFERRED" --without links >/dev/null
    expect_status 1 repair --limit=1 --batch-size=1
    told scan "$cut"
    rm -rf "$DEFERRED"/2*
    expect_status 0 repair --limit=1
    told scan
    # Only the first sentence of an exit code is kept, and this is another one.
    crash --without links >/dev/null
    crash --without links >/dev/null
    mkdir -p "$SPOOL/20081227/name" "$SPOOL/20081227/date/12/05/web01_0"
    ln -s ../../../../name/22/ad "$SPOOL/20081227/date/12/05/web01_0/22adfb61-f75b-11dc-b6be-001322081227"
    touch -h -d '2 days ago' "$SPOOL"/20081227/date/12/05/web01_0/*
    expect_status 1 repair --limit=1 --batch-size=1
    told scan "$cut; day \"$SPOOL/20081227\" has an empty name tree (is it mounted?), although date links lead there: what may be stranded in it stays"
}

@test "so it is with a repair of rows" {
    cut="it ended at --limit, and has not looked at all"
    for run in scan priority cleanup_jobs; do expect_status 0 "$run"; done
    for batch in 1 3 4 1000; do
        for i in 1 2 3; do waiting "$(nowhere)"; done
        expect_status 1 cleanup_jobs --repair "$AGE" --limit=3 --batch-size=$batch
        summary "seen 3: failed 3"
        told cleanup_jobs
    done
    for i in 1 2 3; do waiting "$(nowhere)"; done
    expect_status 1 cleanup_jobs --repair "$AGE" --limit=2 --batch-size=2
    summary "seen 2: failed 2"
    told cleanup_jobs "$cut; $(sql "SELECT error FROM crashmon.runs ORDER BY id DESC LIMIT 1" | sed "s/^$cut; //")"
    expect_status 1 cleanup_jobs --repair "$AGE" --limit=2 --batch-size=2
    told cleanup_jobs
}
