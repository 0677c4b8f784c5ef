#!/usr/bin/env bats
# explain_kept.bats - what --explain says of what cleanup deletes for its age, which is what it does.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load explain
load sweep

# A crash of which nothing has changed for two days, in the deferred root.
throttled() { collect --root "$DEFERRED" --day 20081225 --age 180000 "$@"; }

setup() {
    begin_case
    printf '%s\n' 'keep-deferred-days = 1' 'keep-quarantine-days = 1' >>"$CONF"
}

@test "links and further dumps that are young keep a throttled crash, also a name link alone" {
    id=$(throttled --without json --without dump --without date-link)
    touch -h "$(place "$DEFERRED" "$id")"
    does "$id" cleanup "deletes it if nothing of it changes for another *"
    dumps=$(throttled --without links --extra browser)
    touch "$(place "$DEFERRED" "$dumps").browser.dump"
    does "$dumps" cleanup "deletes it if nothing of it changes for another *"
    linked=$(throttled)
    touch -h "$(place "$DEFERRED" "$linked")"
    does "$linked" cleanup "deletes it if nothing of it changes for another *"
    expect_status 0 cleanup_jobs
    log_has "seen 0;"
    find "$DEFERRED" -name '????????-*' -exec touch -h -d '25 hours ago' {} +
    for id in "$id" "$dumps" "$linked"; do
        does "$id" cleanup "deletes it tomorrow (in UTC), as nothing of it has changed for 1 d: *"
    done
    due
    expect_status 0 cleanup_jobs
    log_has "seen 3: deleted 3;"
}

@test "each of several throttled crashes of one id, and of several cases, is told" {
    id=$(throttled)
    throttled --id "$id" --day 20081226 >/dev/null
    throttled --id "$id" --day 20081227 --age 0 >/dev/null
    does "$id" cleanup "deletes that under \"20081225\", as nothing *; deletes that under \"20081226\", as nothing *; *under \"20081227\" if *"
    for name in "$id" "$id.1"; do
        mkdir -p "$SPOOL/quarantine/20081225/$name"
        touch "$SPOOL/quarantine/20081225/$name/$id.dump"
    done
    [[ $(explain "$id" --json | json next cleanup) == *"; deletes \"20081225/$id\" in quarantine if nothing "*"; deletes \"20081225/$id.1\" in quarantine if "* ]] ||
        fail "$(explain "$id")"
    expect_status 0 cleanup_jobs
    log_has "seen 2: deleted 2;"
}

@test "once the job is put away, another throttled crash of its id goes, but not the one that was put away" {
    id=$(crash)
    ended true "$id"
    throttled --id "$id" --day 20081226 >/dev/null
    does "$id" cleanup "puts its pair away, and deletes its row: *; deletes it, as nothing of it has changed for 1 d: *"
    request "$id"
    does "$id" cleanup "puts its pair away, and deletes its row: *"
    [[ $(explain "$id" --json | json next cleanup) != *throttled* ]] || fail "$(explain "$id")"
    sql "DELETE FROM priorityjobs"
    expect_status 0 cleanup_jobs
    log_has "seen 2: archived 1, deleted 1;"
    id=$(throttled)
    ended true "$id"
    [[ $(explain "$id" --json | json next cleanup) == "puts its pair away"*row:*([^;]) ]] || fail "$(explain "$id")"
}

@test "it says why cleanup leaves a crash: a file is none, it lies deeper than its id says, the name tree is empty" {
    id=$(throttled --without dump)
    mkfifo "$(place "$DEFERRED" "$id").dump"
    touch -d '3 days ago' "$(place "$DEFERRED" "$id").dump"
    does "$id" cleanup "leaves it: *not a regular file*"
    expect_status 1 cleanup_jobs
    rm -r "$DEFERRED/20081225"
    id=$(throttled)
    rm -r "$DEFERRED/20081225/name"
    mkdir "$DEFERRED/20081225/name"
    does "$id" cleanup "leaves it: its day has an empty name tree (is it mounted?): *"
    due
    expect_status 0 cleanup_jobs
    log_has "seen 0;"
}

@test "where a root or the quarantine cannot be asked for the time nothing goes for its age" {
    processor p1 >/dev/null
    crash --without json --age 200000 >/dev/null
    expect_status 1 scan # makes the quarantine
    half=$(crash --without dump --age 200000) young=$(crash --without dump --age 0) stranded=$(crash --without links) throttled=$(throttled)
    in_quarantine=$(basename "$(echo "$SPOOL"/quarantine/*/*)")
    marked
    as_a_user
    chmod 555 "$SPOOL" "$DEFERRED" "$SPOOL/quarantine"
    why="nothing there is old enough, as this user cannot make a file in"
    for id in "$half" "$young"; do
        does "$id" scan "leaves it: *.dump is missing; $why \"$SPOOL\": Permission denied"
    done
    does "$stranded" scan "does not see it, as it has no date link; with --repair it is left: $why \"$SPOOL\": Permission denied"
    does "$throttled" cleanup "leaves it: $why \"$DEFERRED\": Permission denied"
    does "$in_quarantine" cleanup "leaves what is in quarantine: $why \"$SPOOL/quarantine\": Permission denied"
    due
    expect_status 0 scan --incomplete-age=00:00:01
    expect_status 77 scan --repair --incomplete-age=00:00:01
    expect_status 77 cleanup_jobs
    for id in "$half" "$young" "$stranded" "$throttled"; do
        find "$SPOOL/20081225" "$DEFERRED" -name "$id.json" | grep -q . || fail "$id"
    done
    does "$throttled" cleanup "leaves it: $why *"
    chmod 755 "$SPOOL" "$DEFERRED" "$SPOOL/quarantine"
    does "$half" scan "quarantines it: .dump is missing"
    does "$young" scan "leaves it: *.dump is missing; quarantines it if *"
    does "$stranded" scan "*; with --repair it is queued*"
}

@test "where a root has no inode left nothing goes for its age" {
    disk "$DEFERRED" size=1m,nr_inodes=60
    throttled=$(throttled)
    does "$throttled" cleanup "deletes it*"
    while : 2>/dev/null >"$DEFERRED/full.$((++files))"; do :; done
    does "$throttled" cleanup "leaves it: nothing there is old enough, as this user cannot make a file in \"$DEFERRED\": No space left on device"
}

@test "a young link to where a disk may be away is not quarantined later" {
    processor p1 >/dev/null
    disk "$SPOOL/20081225/name" size=1m
    id=$(crash --age 0)
    umount "$SPOOL/20081225/name"
    does "$id" scan "leaves it: its directory is missing; its day has an empty name tree (is it mounted?): *"
    expect_status 1 scan --settle-time=00:00:00 --incomplete-age=00:00:00
    log_has "its day has an empty name tree (is it mounted?)"
    has_date_link=$(find "$SPOOL/20081225/date" -name "$id")
    [[ $has_date_link ]] || fail "quarantined"
}
