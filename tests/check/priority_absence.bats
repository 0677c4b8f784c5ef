#!/usr/bin/env bats
# priority_absence.bats - crashmon-priority while a disk is away: what cannot be looked at makes a
# request wait, whatever else has its id, and however old it is.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load marks

# A request that is overdue is still there after a run that ends like this: waits CODE ID WORD.
waits() {
    expect_status "$1" priority
    [[ $output == *"cannot look for \"$2\": "*"$3"*"; the request stays for the next run"* ]] || fail "$output"
    equal "$(requested)" "$2"
    grep -qF "\"$2\": left: " "$LOG" || fail "no outcome"
    expect_status 0 priority --explain "$2"
    [[ $output == *"$3"* ]] || fail "$output"
}

@test "a day of a root that looks unmounted: its crash may be there, though long-term storage has a namesake" {
    local root id
    for root in "$SPOOL" "$DEFERRED"; do
        sql "DELETE FROM jobs"
        on_disks "$root/20081225"
        id=$(collect --root "$root" --day 20081225 --without links)
        collect --root "$ARCHIVE" --id "$id" --without links >/dev/null
        requests 700 "$id"
        away "$root/20081225"
        waits 1 "$id" "it may be in \"$root/20081225\", which is empty (is it mounted?)"
        rm -r "$ARCHIVE/20081225"
        waits 1 "$id" "it may be in \"$root/20081225\", which is empty (is it mounted?)"
        collect --root "$SPOOL" --day 20081226 --id "$id" --without dump >/dev/null # half a namesake
        waits 1 "$id" "is it mounted?"
        back "$root/20081225"
        expect_status 0 priority
        sql_is "SELECT uuid, priority FROM jobs" "$id|1"
    done
}

@test "for a day: a disk that only seems to be away does not keep a request for ever" {
    local id
    id=$(nowhere)
    mkdir -p "$SPOOL/20$(tail -c 7 <<<"$id")/name"
    requests 80000 "$id"
    waits 1 "$id" "which has an empty name tree (is it mounted?)"
    sql "UPDATE priorityjobs SET requesteddatetime = requesteddatetime - interval '2 hours'"
    expect_status 0 priority --explain "$id"
    [[ $output == *"gives the request up"* ]] || fail "$output"
    expect_status 1 priority
    equal "$(requested)" ""
    log_has "given up: no pair for 10 min 0 s (it may be in "
}

@test "an id without a date may be in any day that looks unmounted" {
    rmdir "$SPOOL/20000101" "$DEFERRED/20000101"
    on_disks "$SPOOL/20081225"
    id=$(crash --id 22adfb61-f75b-11dc-b6be-001322ffffff)
    requests 700 "$id"
    away "$SPOOL/20081225"
    waits 1 "$id" "it may be in \"$SPOOL/20081225\", which is empty (is it mounted?)"
}

@test "a deferred root that the storage has, but the run has not" {
    expect_status 0 priority
    id=$(collect --root "$DEFERRED" --day 20081225)
    collect --root "$ARCHIVE" --id "$id" --without links >/dev/null
    requests 700 "$id"
    cp "$CONF" "$CONF.whole"
    sed -i '/^deferred/d' "$CONF"
    waits 1 "$id" "it may be in the deferred storage root, which is not set in this run"
    expect_status 74 priority --explain "$(nowhere)"
    [[ $output == *"It was not found, but not every place could be read:"*"deferred storage root \"$DEFERRED\" is not set in this run: what is in it is not found"* ]] ||
        fail "$output"
    mv "$CONF.whole" "$CONF"
    expect_status 0 priority
    sql_is "SELECT uuid, priority FROM jobs" "$id|1"
}

@test "long-term storage that is away: what is asked for may be there, whatever the other one has" {
    on_disks "$ARCHIVE" "$FAILED"
    used
    id=$(nowhere)
    collect --root "$FAILED" --id "$id" --without links >/dev/null
    requests 700 "$id"
    away "$ARCHIVE"
    waits 74 "$id" "long-term storage \"$ARCHIVE\" has no mark"
    rmdir "$ARCHIVE"
    waits 74 "$id" "No such file or directory"
    back "$ARCHIVE"
    expect_status 0 priority
    equal "$(requested)" ""
    log_has "\"$id\": finished: it has been archived in \"$FAILED\""
}

@test "a quarantine that is away" {
    on_disks "$BATS_TEST_TMPDIR/quarantine"
    echo "quarantine-to = $BATS_TEST_TMPDIR/quarantine" >>"$CONF"
    crash --without json >/dev/null
    expect_status 1 scan --incomplete-age=00:30:00
    id=$(nowhere)
    requests 700 "$id"
    away "$BATS_TEST_TMPDIR/quarantine"
    waits 74 "$id" "quarantine \"$BATS_TEST_TMPDIR/quarantine\" has no mark"
    # Nor is it there at all, as when the disk above it is away.
    rmdir "$BATS_TEST_TMPDIR/quarantine"
    waits 74 "$id" "No such file or directory"
    expect_status 74 priority --release "$id"
    [[ $output == *"cannot open quarantine"* ]] || fail "$output"
    expect_status 74 cleanup_jobs --keep-quarantine-days=30
    [[ $output == *"cannot open quarantine"* ]] || fail "$output"
    expect_status 0 scan --status
    [[ $output == *"Quarantine  unknown"* && $output == *"cannot open quarantine"* ]] || fail "$output"
    expect_status 2 scan --check
    [[ $output == *"cannot open quarantine"* ]] || fail "$output"
    mkdir "$BATS_TEST_TMPDIR/quarantine"
    back "$BATS_TEST_TMPDIR/quarantine"
    expect_status 1 priority
    equal "$(requested)" ""
    log_has "given up: no pair for 10 min 0 s (it is in none of "
}

@test "a quarantine that lies below the root now, and had a mark of its own elsewhere, is looked into" {
    expect_status 0 scan
    sql "INSERT INTO crashmon.storages (storage, place, identity, path, host)
         VALUES ('main', 'quarantine', gen_random_uuid(), '/elsewhere', 'there')"
    id=$(nowhere)
    requests 700 "$id"
    expect_status 1 priority
    log_has "given up: no pair for 10 min 0 s (it is in none of "
}

west() { priority --storage-name=west --storage-root="$BATS_TEST_TMPDIR/west" --deferred-storage-root= "$@"; }

# Storages main and west have looked for all requests; then come those for these ids, which are overdue.
both_have_looked() {
    collect --root "$BATS_TEST_TMPDIR/west" >/dev/null
    expect_status 0 priority
    expect_status 0 west
    expect_status 0 priority
    sql "UPDATE storages SET looked = looked - interval '5 minutes'"
    requests 700 "$@"
}

# West knows nothing of them, and keeps them.
west_keeps() {
    expect_status 0 west
    equal "$(requested)" "$(printf '%s\n' "$@" | sort)"
    expect_status 0 west --explain "$1"
    [[ $output == *"leaves the request, as the crash may be in storage \"main\", whose crashmon-priority has not looked for all requests since"* ]] ||
        fail "$output"
}

@test "what is nowhere in one storage may be in another: it is given up when all have looked for it" {
    on_disks "$DEFERRED"
    id=$(collect --root "$DEFERRED" --day 20081225) other=$(collect --root "$DEFERRED" --day 20081225)
    both_have_looked "$id" "$other"

    west_keeps "$id" "$other" # as main stands still
    away "$DEFERRED"
    expect_status 74 priority
    west_keeps "$id" "$other"
    back "$DEFERRED"
    sql "SELECT crashmon.pause('main', 'the spool is moved')"
    expect_status 0 priority
    sql "SELECT crashmon.resume('main')"
    west_keeps "$id" "$other"
    session "BEGIN; LOCK TABLE crashmon.jobs IN SHARE MODE" >/dev/null
    run priority
    session COMMIT >/dev/null
    west_keeps "$id" "$other"
    sql "ALTER TABLE priorityjobs RENAME requesteddatetime TO since" # the list fails
    expect_status 76 priority
    sql "ALTER TABLE priorityjobs RENAME since TO requesteddatetime"
    west_keeps "$id" "$other"
    expect_status 0 priority --limit=1
    west_keeps "$(requested)"
    expect_status 0 priority
    equal "$(requested)" ''
    sql_is "SELECT DISTINCT storage, priority FROM jobs" "main|1"

    id=$(nowhere)
    requests 700 "$id"
    expect_status 1 west
    log_has "\"$id\": given up: no pair for 10 min 0 s (it is in none of "
}

@test "so it is while a day of the other one seems to be away; but not while it serves no requests" {
    id=$(nowhere)
    both_have_looked "$id"
    mkdir -p "$SPOOL/20$(tail -c 7 <<<"$id")/name"
    expect_status 1 priority
    west_keeps "$id"
    other=$(nowhere) # which may be in a day of west
    mkdir -p "$BATS_TEST_TMPDIR/west/20$(tail -c 7 <<<"$other")/name"
    sql "DELETE FROM priorityjobs; UPDATE storages SET looked = looked - interval '2 days'"
    requests 90000 "$id" "$other"
    expect_status 0 priority # a day is enough, but the other one has not looked yet
    expect_status 1 west
    equal "$(requested)" ''

    sql "UPDATE storages SET looked = NULL" # as after an upgrade
    requests 700 "$id"
    west_keeps "$id"
    sql "DELETE FROM runs"
    expect_status 1 west
    equal "$(requested)" ''
}

# Some thousand crashes that are nowhere, for which there are too many days to look for all in a second.
@test "two storages that have waited for each other for long look for all requests, however many there are" {
    for root in "$SPOOL" "$BATS_TEST_TMPDIR/west"; do
        mkdir -p "$root"/2008{01..12}{01..28}/{name/aa,date/00}
    done
    expect_status 0 west
    expect_status 0 priority
    expect_status 0 west
    sql "UPDATE storages SET looked = now() - interval '11 minutes'"
    sql "INSERT INTO priorityjobs (uuid, requesteddatetime)
         SELECT lpad(i::text, 8, '0') || '-f75b-11dc-b6be-00132208' || to_char(1 + i % 12, 'FM00')
                || to_char(1 + i % 28, 'FM00'), now() - interval '700 s'
         FROM generate_series(1, 2500) AS i"
    expect_status 0 priority
    expect_status 1 west
    equal "$(requested | wc -l)" 0
}
