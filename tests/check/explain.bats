#!/usr/bin/env bats
# explain.bats - crashmon-priority --explain: all that is known of a crash, and what is done with it next.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load explain

# --- one that is new

@test "a new crash: its files, its links, and what becomes of it next, which is what does" {
    id=$(crash --extra browser)
    says "$id" "Crash $id" "storage root \"$(place "$SPOOL" "$id" | sed 's|/[^/]*$||')\"" \
        "\"$id\.browser\.dump\" file 64 B 1 h 0 min old" "\"$id\.json\" file" 'name link: "../../../date/12/05/web01_0"' \
        'date link in "20081225/date/12/05/web01_0"' 'Job none' 'Request none' \
        'crashmon-scan no run yet nothing while no processor that serves the storage is alive' \
        'crashmon-priority no run yet nothing, as nobody has requested it' 'crashmon-cleanup no run yet nothing$'
    processor p1
    does "$id" scan "queues it for a live processor"
    expect_status 0 scan
    says "$id" 'Job [0-9]+, waiting; priority 0, attempts 0 of 5, storage "main"' "queued from \"$(place "$SPOOL" "$id").json\"" \
        'owner "p1", alive, last seen [0-9]+ s ago' 'queued [0-9]+ s ago' 'crashmon-scan in [45] min [0-9]+ s nothing$' \
        'crashmon-cleanup no run yet nothing until its job is finished'
    [[ $output != *link* ]] || fail "$output"
}

@test "a pair that is not ready, and half a pair: until when they wait, and why" {
    id=$(crash --age 0)
    processor p1
    does "$id" scan "queues it once nothing of it has changed for 5 s: * is still being written"
    half=$(crash --without dump --age 3700)
    does "$half" scan "leaves it: .dump is missing; quarantines it if that stays so for another 22 h 58 min"
    old=$(crash --without dump --age 90000)
    does "$old" scan "quarantines it: .dump is missing"
    expect_status 1 scan
    quarantined "$old" ".dump is missing"
    says "$old" "quarantine \"$SPOOL/quarantine/20081225/$old\"" "\"$old.json\" file" "reason: 20.*Z [0-9a-f-]{36}/20081225/.*: .dump is missing" \
        'crashmon-cleanup no run yet keeps what is in quarantine for ever' "Hint put what is missing beside .*crashmon-priority --release $old$"
    does "$old" cleanup "keeps what is in quarantine for ever"
    echo "keep-quarantine-days = 9" >>"$CONF"
    does "$old" cleanup "deletes what is in quarantine if nothing of it changes for another [89] d *"
}

@test "what lies without a date link, or has only that, is told as it is" {
    processor p1
    id=$(crash --without links)
    does "$id" scan "does not see it, as it has no date link; with --repair it is queued, once nothing of it or of its directory has changed for 1 d 0 h"
    only=$(crash --without json --without dump --without name-link)
    says "$only" 'date link in "20081225/date/12/05/web01_0"'
    does "$only" scan "leaves it: its directory is missing; quarantines it if that stays so for another 2[23] h *"
    other=$(crash --day 20081226 --id 5e0adfb6-f75b-11dc-b6be-001322081225 --without json --without dump --without name-link)
    says "$other" 'date link in "20081226/date/12/05/web01_0"'
    does "$other" scan "leaves it: its directory is missing; *"
    nameless=$(crash --without name-link)
    says "$nameless" 'date link in "20081225/date/12/05/web01_0"'
}

@test "a date link is found although another place has a name link of its id" {
    processor p1
    id=$(collect --root "$DEFERRED" --day 20081225)
    mkdir -p "$SPOOL/20081225/name/00"
    crash --id "$id" --age 90000 --without json --without dump --without name-link >/dev/null
    says "$id" "deferred storage root" 'name link' 'date link in "20081225/date/12/05/web01_0"'
    does "$id" scan "quarantines it: its directory is missing"

    id=$(crash)
    crash --id "$id" --day 20081226 --without name-link >/dev/null
    says "$id" 'date link in "20081225/' 'date link in "20081226/'

    id=$(crash)
    crash --id "$id" --day 20081226 --time 13:00 --without name-link >/dev/null
    dir=name/$(name_dir "$id")
    mkdir "$SPOOL/20081226/$dir/00"
    mv "$SPOOL/20081226/$dir/$id".* "$SPOOL/20081226/$dir/00"
    ln -sfn "../../../../$dir/00" "$SPOOL/20081226/date/13/00/web01_0/$id"
    says "$id" 'date link in "20081225/' 'date link in "20081226/date/13'
    does "$id" scan "queues it for a live processor; leaves it: *"
}

@test "a crash under several days and in both roots is told everywhere" {
    id=$(crash)
    collect --id "$id" --day 20081226 >/dev/null
    collect --id "$id" --root "$DEFERRED" --day 20081227 >/dev/null
    says "$id" "storage root \"$SPOOL/20081225" "storage root \"$SPOOL/20081226" "deferred storage root \"$DEFERRED/20081227"
}

# --- one that has a job

@test "new links, not ready yet, of a crash that has a job, here or under another day" {
    processor p1
    id=$(crash)
    expect_status 0 scan
    collect --id "$id" --age 0 --without json --without dump >/dev/null
    touch "$(place "$SPOOL" "$id").json"
    does "$id" scan "once nothing of it has changed for 5 s, removes its links, as it is queued already"
    collect --id "$id" --age 0 --day 20081226 >/dev/null
    does "$id" scan "*; once nothing of it has changed for 5 s, quarantines it: already queued from storage \"main\": *"
}

@test "half a pair under one day, and a whole one under another" {
    processor p1
    id=$(crash --without dump --age 100000)
    collect --id "$id" --day 20081226 >/dev/null
    does "$id" scan "quarantines it: already queued from storage \"main\": *; queues it for a live processor"
    expect_status 1 scan
    log_has "\"$id\": quarantined: already queued from storage \"main\": "
    id=$(crash --without dump)
    collect --id "$id" --day 20081226 --age 0 >/dev/null
    request "$id"
    does "$id" priority "queues it with priority once nothing of it has changed for 5 s: *"
}

@test "links of a crash that is queued already, and a second one with its id" {
    processor p1
    id=$(crash)
    expect_status 0 scan
    sql "UPDATE jobs SET starteddatetime = now()"
    await sql_true "SELECT now() - starteddatetime > '100 ms' FROM jobs"
    collect --id "$id" --without json --without dump >/dev/null
    does "$id" scan "leaves it: it came after a processor had taken the job with its id"
    expect_status 0 scan
    log_has "\"$id\": left: it came after a processor had taken the job with its id"
    sql "UPDATE jobs SET starteddatetime = now() - interval '25 h'"
    does "$id" scan "removes its links, as it is queued already; has its job wait again, as it was started too long ago"
    sql "UPDATE jobs SET starteddatetime = NULL"
    does "$id" scan "removes its links, as it is queued already"
    collect --id "$id" --day 20081226 >/dev/null
    does "$id" scan "*; quarantines it: already queued from storage \"main\": \"$(place "$SPOOL" "$id").json\""
    sql "UPDATE jobs SET storage = 'west'"
    does "$id" scan "its job is for the programs of storage \"west\"; quarantines it: *"
    does "$id" cleanup "its job is for the programs of storage \"west\""
}

@test "a job whose processor is dead, or that was begun too long ago or too often" {
    p1=$(processor p1) dead=$(processor dead 7200)
    id=$(crash --without links)
    sql "INSERT INTO jobs (uuid, pathname, owner, starteddatetime, queueddatetime, message)
         VALUES ('$id', '$(place "$SPOOL" "$id").json', $dead, now() - interval '26 h', now() - interval '50 h', NULL)"
    says "$id" 'Job [0-9]+, started; ' 'owner "dead", dead, last seen 2 h 0 min ago' 'queued 2 d 2 h ago' 'started 1 d 2 h ago'
    does "$id" scan "gives its job to a live processor"
    sql "UPDATE jobs SET owner = NULL"
    says "$id" 'no owner' 'crashmon-scan no run yet gives its job to a live processor'
    sql "UPDATE jobs SET owner = $p1"
    does "$id" scan "has its job wait again, as it was started too long ago"
    sql "UPDATE jobs SET starteddatetime = NULL"
    processor p2 >/dev/null
    does "$id" scan nothing
    echo 'share-waiting = on' >>"$CONF"
    does "$id" scan "may give its job to a processor with fewer jobs (share-waiting)"
    sed -i /share-waiting/d "$CONF"
    sql "UPDATE jobs SET attempts = 5"
    does "$id" scan "lets its job fail, as it has had enough attempts: [56]"
    sql "UPDATE jobs SET owner = NULL, attempts = 0; DELETE FROM processors"
    does "$id" scan "nothing while no processor that serves the storage is alive"
    sql "INSERT INTO processors (name, storages) VALUES ('west', '{main}'); UPDATE jobs SET storage = 'west'"
    does "$id" scan "*; cannot give its job to another processor: none that serves its storage is alive"
}

@test "a job that is finished: where its pair goes; and when it has gone, or is missing" {
    id=$(crash --without links)
    ended true "$id"
    says "$id" 'Job [0-9]+, finished; ' 'ended [0-9]+ s ago'
    does "$id" cleanup "puts its pair away, and deletes its row: moved to \"$ARCHIVE\""
    sql "UPDATE jobs SET success = false, message = 'no \"threads\"'"
    says "$id" 'Job [0-9]+, failed; ' 'message "no ..threads.."'
    does "$id" cleanup "puts its pair away, and deletes its row: moved to \"$FAILED\""
    sed -i 's/^save-failed.*/save-failed-minidumps-to =/' "$CONF"
    does "$id" cleanup "deletes its pair and its row: no long-term storage is set"
    rm "$(place "$SPOOL" "$id")".*
    does "$id" cleanup "reports it as missing: its pair was not found; the row stays for 24 hours"
    sql "UPDATE jobs SET missingdatetime = now() - interval '1 h', completeddatetime = now() - interval '3 h'"
    says "$id" 'missing since 1 h 0 min ago'
    does "$id" cleanup "leaves it: its pair has been missing for less than 24 hours; the row stays"
    sql "UPDATE jobs SET missingdatetime = now() - interval '25 h', completeddatetime = now() - interval '27 h'"
    does "$id" cleanup "reports it as missing: its pair was not found for 24 hours; the row is removed"
}

@test "an archived crash is found in long-term storage" {
    id=$(crash --without links)
    ended false "$id"
    sql "UPDATE jobs SET message = 'why'"
    cleans
    says "$id" "long-term storage \"$FAILED/20081225/name" "\"$id.json\" file" 'Job none' \
        'reason: "why"' "Hint its job has failed; to have it processed again, move its metadata and all its dumps to a new directory \"$SPOOL/quarantine/20081225/$id\"; delete $id.reason; then crashmon-priority --release $id$"
    sql "SELECT crashmon.pause('main', 'why not')"
    says "$id" "Job none"
    [[ $output != *Hint* ]] || fail "$output"
    sql "SELECT crashmon.resume('main')"
    request "$id"
    does "$id" priority "removes the request: it has been archived in \"$FAILED\""
    mkdir -p "$SPOOL/quarantine/20081225/$id"
    cp -p "$(place "$FAILED" "$id")".{json,dump} "$SPOOL/quarantine/20081225/$id"
    says "$id" "Hint compare it with the crash of its id in long-term storage, and delete one of the two; .*--release $id$"
    processor p1
    expect_status 0 priority --release "$id"
    expect_status 0 scan --settle-time=00:00:00
    jobs_are "$id"
}

@test "whole in quarantine, a part of nothing in the spool, a job that has priority, a run that has failed" {
    processor p1
    id=$(crash --without links)
    mkdir -p "$SPOOL/quarantine/20081225/$id"
    mv "$(place "$SPOOL" "$id")".* "$SPOOL/quarantine/20081225/$id"
    says "$id" "Hint to have it processed: crashmon-priority --release $id$"
    touch "$(place "$SPOOL" "$id").reason"
    does "$id" scan "does not see it, as it is no part of a pair"
    id=$(crash)
    expect_status 0 priority "$id"
    does "$id" priority "nothing, as its job has priority already"
    ended true "$(crash --without links)"
    sql "UPDATE jobs SET success = true, completeddatetime = now(), starteddatetime = now()"
    rm -r "$ARCHIVE"
    touch "$ARCHIVE"
    expect_status 74 cleanup_jobs
    rm "$ARCHIVE"
    mkdir "$ARCHIVE"
    does "$id" cleanup "puts its pair away, and deletes its row: moved to *; its last run ended with 74 (a directory or a disk): cannot open long-term storage \"$ARCHIVE\": Not a directory*"
}

@test "a pair that is nowhere while there is a job" {
    id=$(crash --without links)
    ended true "$id"
    rm "$(place "$SPOOL" "$id")".*
    says "$id" 'Hint its pair is nowhere: look whether a disk is not mounted'
}

# --- requests

@test "a request: what is done with it, and for how long it waits" {
    processor p1
    id=$(nowhere)
    request "$id" 120
    says "$id" 'Found nowhere' 'Request 2 min [0-9] s ago' 'Hint it may be on its way'
    does "$id" priority "leaves the request, for another [78] min * s at most: it is in none of \"$SPOOL\"*"
    sql "UPDATE priorityjobs SET requesteddatetime = now() - interval '1 h'"
    does "$id" priority "gives the request up: it is in none of \"$SPOOL\"*"
    throttled=$(collect --root "$DEFERRED")
    says "$throttled" "Hint to have it processed: crashmon-priority $throttled$"
    does "$throttled" cleanup "keeps it for ever: it is throttled, and was not requested"
    echo "keep-deferred-days = 2" >>"$CONF"
    does "$throttled" cleanup "deletes it if nothing of it changes for another 1 d 2* h: it is throttled, and was not requested"
    find "$DEFERRED" -name "$throttled*" -exec touch -h -d '3 days ago' {} +
    does "$throttled" cleanup "deletes it when its day has been over for 2 d: it is throttled, and was not requested"
    throttled=$(collect --root "$DEFERRED" --day 20081225 --age 300000)
    does "$throttled" cleanup "deletes it, as nothing of it has changed for 2 d: it is throttled, and was not requested"
    expect_status 0 cleanup_jobs --dry-run
    [[ $output == *"\"$throttled\": deleted"* ]] || fail "$output"
    expect_status 0 priority --adopt
    sql "UPDATE crashmon.storages SET swept = (now() AT TIME ZONE 'UTC')::date, kept = 2"
    does "$throttled" cleanup "deletes it tomorrow (in UTC), as nothing *"
    request "$throttled"
    does "$throttled" priority "queues it with priority"
    ended true "$throttled"
    does "$throttled" priority "removes the request: its job is finished already"
    sql "UPDATE jobs SET success = NULL, owner = NULL"
    does "$throttled" priority "raises the priority of its job, and removes the request; gives its job to a live processor"
}

# --- how it asks

@test "an id that nobody knows: where it was looked for, and 1" {
    id=$(nowhere)
    code=1 says "$id" "Nobody knows it" "storage root \"$SPOOL\", under each day" \
        "long-term storage \"$ARCHIVE\", under each day" "quarantine \"$SPOOL/quarantine\": there is none yet" \
        "the tables jobs and priorityjobs$" "Hint the collector may have refused or dropped it; "
    sed -i 's/^deferred-storage-root.*/deferred-storage-root =/' "$CONF"
    code=1 says "$(nowhere)" "Hint the collector may have throttled, refused or dropped it; "
    known=$(crash)
    expect_status 1 explain "$known" "$id"
    [[ $output == "Crash $known"*"Crash $id"*"Nobody knows it"* ]] || fail "$output"
}

@test "capitals, and the prefix that Socorro's reporter shows" {
    id=$(crash)
    says "bp-$id" "Crash $id" 'date link'
    says "${id^^}" "Crash $id" 'date link'
    says "BP-${id^^}" "Crash $id" 'date link'
    expect_status 64 explain "bp-$id-"
    expect_status 64 explain
    [[ $output == *"--explain needs the id of a crash"* ]] || fail "$output"
    expect_status 64 explain --release "$id"
    processor p1
    expect_status 0 priority "bp-$id"
    jobs_are "$id"
}

@test "a request in capitals is judged as it stands, whatever job the crash in small letters has" {
    processor p1
    id=$(crash --without json)
    ended true "$id"
    sql "INSERT INTO priorityjobs (uuid) VALUES (upper('$id'))"
    does "$id" priority "leaves the request, for another *: .json is missing"
    expect_status 0 priority -vv
    [[ $output == *"${id^^}\": left: .json is missing"* ]] || fail "$output"
    request "$id"
    does "$id" priority "removes the request: its job is finished already"
}

@test "a request in capitals for a job that is finished is removed, with or without a processor" {
    for processors in none one; do
        for success in true false; do
            id=$(crash --without links)
            ended "$success" "$id"
            sql "INSERT INTO priorityjobs (uuid) VALUES (upper('$id'))"
            does "$id" priority "removes the request: its job is finished already"
            expect_status 0 priority
            log_has "${id^^}\": finished: its job is finished already"
            sql_is "SELECT count(*) FROM priorityjobs" 0
        done
        [[ $processors == one ]] || processor p1 >/dev/null
    done
}

@test "two crashes whose ids differ in capitals alone are both explained" {
    id=$(crash)
    sql "INSERT INTO jobs (uuid, pathname) VALUES (upper('$id'), '/there/x.json')"
    says "$id" "Crash $id" 'date link .*' "Crash ${id^^}" 'Job +[0-9]+.*'
    says "${id^^}" "Crash $id" "Crash ${id^^}"
    expect_status 0 explain --json "$id"
    equal "$(wc -l <<<"$output")" 2
}

@test "it only reads: no lock, no marks, no log, no row" {
    processor p1
    id=$(crash)
    request "$id"
    lock crashmon-priority
    before=$(db_state; spool_state "$BATS_TEST_TMPDIR")
    expect_status 0 explain "$id"
    equal "$(db_state; spool_state "$BATS_TEST_TMPDIR")" "$before"
    [[ ! -e $LOG && ! -e $SPOOL/.crashmon && ! -e $SPOOL/quarantine ]]
}

@test "without the database it tells what the disk tells, without a root what all else does" {
    processor p1
    id=$(crash)
    expect_status 0 scan
    PGPORT=1 says "$id" "\"$id.json\" file" 'Job unknown' 'Request unknown' \
        'crashmon-scan unknown nothing while the database cannot be used' 'cannot connect to the database'
    mv "$SPOOL" "$SPOOL.away"
    says "$id" 'Found nowhere' 'Job [0-9]+, waiting' 'crashmon-scan .* nothing while the storage root cannot be used' \
        "Troubles" "cannot open storage root \"$SPOOL\": No such file"
    mkdir -p "$SPOOL/20081225"
    says "$id" 'Found nowhere' "storage root \"$SPOOL\" has no mark: it is not the directory"
    code=74 says "$(nowhere)" "It was not found, but not every place could be read" \
        "storage root \"$SPOOL\": not all of it could be read" "quarantine .*: not all of it could be read"
    [[ $output != *Hint* ]] || fail "$output"
    PGPORT=1 code=69 says "$id" "It was not found, but not every place could be read" "the tables jobs and priorityjobs: they could not be read"
}

@test "what could not be looked for is said, and is no 1: tables that are locked, a day that is a link, no right, no mark" {
    processor p1
    id=$(crash)
    expect_status 0 scan
    marked
    rm -r "$SPOOL/20081225"
    session "BEGIN; LOCK TABLE jobs"
    code=69 says "$id" "It was not found, but not every place could be read" "the tables jobs and priorityjobs: they could not be read"
    session ROLLBACK
    does "$id" cleanup "nothing until its job is finished"
    id=$(collect --day 20081227)
    request "$id" 3600
    mv "$SPOOL/20081227" "$BATS_TEST_TMPDIR/day"
    ln -s "$BATS_TEST_TMPDIR/day" "$SPOOL/20081227"
    does "$id" priority "leaves the request: cannot look for it in \"$SPOOL/20081227\": Not a directory (a symbolic link is not followed)"
    sql "DELETE FROM priorityjobs"
    code=74 says "$id" "It was not found, but" "storage root \"$SPOOL\": not all of it could be read"
    run explain "$id" --json
    [[ $output == *'"known": null'*'"place": "storage", "path": "'"$SPOOL"'", "read": false'* ]] || fail "$output"
    rm "$SPOOL/20081227" "$ARCHIVE/.crashmon"
    code=74 says "$id" "long-term storage \"$ARCHIVE\": not all of it could be read" "Troubles" "long-term storage \"$ARCHIVE\" has no mark"
    echo 'crashmon 1 00000000-0000-4000-8000-000000000000' >"$ARCHIVE/.crashmon"
    code=74 says "$id" "long-term storage \"$ARCHIVE\" has another mark"
    [[ $(grep -c "has another mark" <<<"$output") == 1 ]] || fail "$output"
    PGOPTIONS='' sql "CREATE ROLE test_explain_$$ LOGIN; GRANT USAGE ON SCHEMA crashmon TO test_explain_$$;
        GRANT EXECUTE ON FUNCTION crashmon.schema_version() TO test_explain_$$"
    PGUSER=test_explain_$$ run explain "$id"
    sql "DROP OWNED BY test_explain_$$; DROP ROLE test_explain_$$"
    [[ $status == 77 && $output == *"It was not found, but"* ]] || fail "$status" "$output"
}

# --- what it says is what comes

# What a program is said to do with a crash is what it does then, with the same reason in its log:
# comes ID PROGRAM OUTCOME CODE.
comes() {
    local said
    said=$(explain "$1" --json | json next "${2%_jobs}")
    : >"$LOG"
    expect_status "$4" "$2"
    grep -F "\"$1\": $3: " "$LOG" | grep -qF "${said##*: }" || fail "said of $2: $said"
}

@test "cleanup: half a pair, a second crash, the other long-term storage, other bytes, no mark" {
    processor p1
    marked
    id=$(crash --without links)
    ended true "$id"
    rm "$(place "$SPOOL" "$id").dump"
    comes "$id" cleanup_jobs missing 1
    id=$(crash --without links)
    ended true "$id"
    rm "$(place "$SPOOL" "$id")".*
    collect --id "$id" --day 20081226 >/dev/null
    comes "$id" cleanup_jobs missing 1
    id=$(crash --without links)
    ended true "$id"
    mkdir -p "$FAILED/20081225/name/$(name_dir "$id")"
    mv "$(place "$SPOOL" "$id")".* "$FAILED/20081225/name/$(name_dir "$id")"
    comes "$id" cleanup_jobs archived 0
    id=$(crash --without links)
    ended true "$id"
    mkdir -p "$ARCHIVE/20081225/name/$(name_dir "$id")"
    echo other >"$(place "$ARCHIVE" "$id").dump"
    before=$(everything)
    expect_status 1 cleanup_jobs --dry-run
    [[ $output == *"\"$id\": quarantined: file \"$id.dump\" in \"$ARCHIVE\" has other bytes"* ]] || fail "$output"
    equal "$(everything)" "$before"
    comes "$id" cleanup_jobs quarantined 1
    id=$(crash --without links)
    ended true "$id"
    rm "$ARCHIVE/.crashmon"
    comes "$id" cleanup_jobs left 74
}

@test "priority: half a pair in one root and all of it in the other, a root that is not mounted" {
    processor p1
    marked
    id=$(crash --without links --without dump)
    collect --id "$id" --day 20081225 --root "$DEFERRED" >/dev/null
    request "$id"
    does "$id" priority "queues it with priority"
    expect_status 0 priority
    jobs_are "$id"
    rm "$DEFERRED/.crashmon"
    id=$(crash)
    request "$id"
    does "$id" priority "nothing while the deferred storage root cannot be used"
    does "$id" scan "queues it for a live processor"
    expect_status 74 priority
}

@test "scan: a crash under two days, a spool that has moved, a quarantine that cannot be used, processors of others" {
    processor p1
    marked
    id=$(crash)
    collect --id "$id" --day 20081226 >/dev/null
    does "$id" scan "queues it for a live processor; quarantines it: already queued *"
    before=$(everything)
    expect_status 1 scan --dry-run
    [[ $output == *"\"$id\": queued: "*"\"$id\": quarantined: already queued"* ]] || fail "$output"
    equal "$(everything)" "$before"
    comes "$id" scan quarantined 1
    collect --id "$id" --day 20081225 >/dev/null
    touch -d '2 days ago' "$(place "$SPOOL" "$id")".*
    mv "$SPOOL" "$SPOOL.new"
    sed -i "s|^storage-root = .*|storage-root = $SPOOL.new|" "$CONF"
    does "$id" scan "removes its links, as it is queued already"
    expect_status 1 scan
    log_has "\"$id\": already queued: "
    half=$(collect --root "$SPOOL.new" --day 20081225 --without dump)
    find "$SPOOL.new" -exec touch -h -d '2 days ago' {} +
    mv "$SPOOL.new/quarantine" "$SPOOL.new/away"
    touch "$SPOOL.new/quarantine"
    does "$half" scan "leaves it, as the quarantine cannot be used: .dump is missing"
    expect_status 74 scan
    sql "UPDATE processors SET storages = '{b}'"
    does "$half" scan "nothing while no processor that serves the storage is alive"
    expect_status 68 scan
}

@test "attempts: the last one takes too long, its processor dies, or they have been enough" {
    dead=$(processor dead 7200) p1=$(processor p1)
    for state in "owner = $dead, attempts = 4, starteddatetime = now() - interval '1 min'" \
        "owner = $p1, attempts = 4, starteddatetime = now() - interval '25 h'" \
        "owner = $p1, attempts = 5, starteddatetime = now() - interval '1 min'"; do
        id=$(crash --without links)
        sql "INSERT INTO jobs (uuid, pathname) VALUES ('$id', '$(place "$SPOOL" "$id").json');
             UPDATE jobs SET $state WHERE uuid = '$id'"
        does "$id" scan "*lets its job fail, as it has had enough attempts: 5"
        expect_status 1 scan
        log_has "\"$id\": failed: "
    done
}

@test "a storage that is paused" {
    processor p1
    id=$(crash)
    expect_status 0 scan
    sql "SELECT crashmon.pause('main', 'why not')"
    does "$id" scan "nothing while the storage is paused"
    says "$id" 'Troubles' 'storage main has been paused since .*: "why not"'
}

@test "an unknown time is told as unknown, and no age is negative" {
    processor p1
    id=$(crash)
    expect_status 0 cleanup_jobs
    sql "UPDATE crashmon.runs SET next_due = 'infinity'"
    touch -d '1 day' "$(place "$SPOOL" "$id").json"
    says "$id" 'crashmon-cleanup unknown nothing$'
    object=$(explain --json "$id")
    [[ $object == *'"program": "crashmon-cleanup", "running": false, "due": null, '* ]] || fail "$object"
    [[ ! $object =~ '"age": -' && ! $object =~ '"due": 0' ]] || fail "$object"
}

@test "--json gives an object for each crash, with all that the manual names" {
    processor p1
    id=$(crash) other=$(nowhere)
    run -1 explain --json "$id" "$other"
    [[ ${#lines[@]} == 2 && ${lines[1]} == *'"known": false'* ]] || fail "$output"
    object=$(json <<<"${lines[0]}" | sed "s|$BATS_TEST_TMPDIR||g")
    equal "$(sed -E 's/"age":[0-9]+/"age":N/g' <<<"$object")" '{"connected":true,"found":[{"date_links":["20081225/date/12/05/web01_0"],"files":['"\
{\"age\":N,\"kind\":\"file\",\"name\":\"$id.dump\",\"size\":64},\
{\"age\":N,\"kind\":\"file\",\"name\":\"$id.json\",\"size\":$(stat -c %s "$(place "$SPOOL" "$id").json")}"'],'"\
\"name_link\":\"../../../date/12/05/web01_0\",\"path\":\"/spool\",\"place\":\"storage\",\"reason\":null,\"where\":\"20081225/name/$(name_dir "$id")\"}],\
\"hint\":null,\"id\":\"$id\",\"job\":null,\"known\":true,"'"next":[{"does":"queues it for a live processor","due":null,"program":"crashmon-scan","running":false},'"\
"'{"does":"nothing, as nobody has requested it","due":null,"program":"crashmon-priority","running":false},'"\
"'{"does":"nothing","due":null,"program":"crashmon-cleanup","running":false}],"places":['"\
"'{"path":"/spool","place":"storage","read":true},{"path":"/deferred","place":"deferred","read":true},'"\
"'{"path":"/archive","place":"successful","read":true},{"path":"/failed","place":"failed","read":true},'"\
"'{"path":"/spool/quarantine","place":"quarantine","read":false}],"requests":[],"storage":"main","troubles":[]}'
    expect_status 0 scan
    keys=$(explain --json "$id" | perl -MJSON::PP -e 'print join " ", sort keys %{decode_json(<STDIN>)->{job}}')
    equal "$keys" "attempts ended id message missing owner pathname priority processor processor_state queued root started state storage"
    for key in $keys date_links files name_link where found hint known next does due running places read requests troubles connected; do
        sed -n '/^\.Sh EXPLAIN/,/^\.Sh OPTIONS/p' "$TESTS/../doc/crashmon-priority.1" | grep -qE "^\.(It )?Sy (.* )?$key\b" || fail "not in the manual: $key"
    done
}
