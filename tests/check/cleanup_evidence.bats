#!/usr/bin/env bats
# cleanup_evidence.bats - what tells the pair of a row from another crash with its id: the place, when
# files and links came, and what is in long-term storage.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

setup() {
    begin_case
    processor p1 >/dev/null
}

# A crash that is queued from the storage root, under day 26.
queued() {
    id=$(collect --day 20081226 --id-day 081225 "$@")
    expect_status 0 scan
}

# Another crash of its id without links, as some collectors leave those that they throttle.
throttled() { collect --root "$DEFERRED" --day 20081225 --id "$id" --size 200 --without links "$@" >/dev/null; }
again() { collect --id "$id" --day 20081225 --size 200 "$@" >/dev/null; }

ended_long_ago() {
    sql "UPDATE jobs SET queueddatetime = now() - interval '2 hours', success = true,
                         starteddatetime = now() - interval '2 hours',
                         completeddatetime = now() - interval '2 hours'"
}

# A moment ago, so that what comes now came later.
is_past() { await sql_true "SELECT $1 < now() - interval '50 ms' FROM jobs"; }

cleanup_says() {
    rm -f "$LOG"
    expect_status "$1" cleanup_jobs "${@:3}"
    log_has "\"$id\": $2"
}

a_day_passes() {
    sql "UPDATE jobs SET missingdatetime = missingdatetime - interval '24 hours',
                         completeddatetime = completeddatetime - interval '24 hours'"
}

# --- a pair elsewhere, without links

@test "where pairs are deleted, what lies elsewhere is not: by a killed run the pair may be gone" {
    sed -i "s|^save-successful.*|save-successful-minidumps-to =|" "$CONF"
    queued
    throttled
    finish "$id" true
    rm "$SPOOL"/20081226/name/*/*/*.*
    run priority --explain "$id"
    [[ $output == *"reports it as missing: its pair was not found; the row stays"* ]] || fail "$output"
    cleanup_says 1 'missing: its pair was not found; the row stays'
    a_day_passes
    cleanup_says 1 'missing: its pair was not found for 24 hours'
    pair_is_whole "$DEFERRED" 20081225 "$id"
}

@test "long-term storage comes before what lies elsewhere, also for the other verdict" {
    for success in true false; do
        queued
        throttled
        finish "$id" $success
        sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER refuse BEFORE DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()"
        expect_status 70 cleanup_jobs
        accept
        sql "UPDATE jobs SET success = true"
        cleans
        pair_is_whole "$DEFERRED" 20081225 "$id"
        equal "$(find "$ARCHIVE" "$FAILED" -name "$id.dump" -size -100c | wc -l)" 1
    done
}

@test "what was written since the row was made, and lies elsewhere, is another crash" {
    for root in "$SPOOL" "$DEFERRED"; do
        queued
        ended_long_ago
        rm -r "$SPOOL/20081226"
        again --root "$root" --without links
        cleanup_says 1 'missing: its pair was not found'
        pair_is_whole "$root" 20081225 "$id"
        sql "DELETE FROM jobs"
    done
}

@test "while its own directory is empty, as when a disk is away, nothing elsewhere is taken (1)" {
    queued
    throttled
    finish "$id" true
    mv "$SPOOL/20081226/name" "$BATS_TEST_TMPDIR/away"
    mkdir "$SPOOL/20081226/name"
    cleanup_says 1 "left: its own directory \"$SPOOL/20081226\" has an empty name tree (is it mounted?)"
    run priority --explain "$id"
    [[ $output == *"leaves it: its own directory \"$SPOOL/20081226\" has an empty name tree"* ]] || fail "$output"
    rmdir "$SPOOL/20081226/name"
    mv "$BATS_TEST_TMPDIR/away" "$SPOOL/20081226/name"
    cleans
    pair_is_whole "$DEFERRED" 20081225 "$id"
}

@test "nor is what long-term storage has, which may be a namesake: for a day the pair is missing (1)" {
    for comes_back in yes no; do
        queued
        finish "$id" true
        mv "$SPOOL/20081226/name" "$BATS_TEST_TMPDIR/away"
        mkdir -p "$SPOOL/20081226/name" "$ARCHIVE/20081225/name"
        cp -r "$BATS_TEST_TMPDIR/away/." "$ARCHIVE/20081225/name"
        cleanup_says 1 "missing: its pair, whose day \"$SPOOL/20081226\" has an empty name tree (is it mounted?), was not found; the row stays for 24 hours"
        expect_status 0 cleanup_jobs
        sql_is "SELECT count(*) FROM jobs WHERE missingdatetime IS NOT NULL" 1
        if [[ $comes_back == yes ]]; then
            rmdir "$SPOOL/20081226/name"
            mv "$BATS_TEST_TMPDIR/away" "$SPOOL/20081226/name"
        else
            sql "UPDATE jobs SET missingdatetime = now() - interval '24 hours', queueddatetime = '2008-12-26',
                                 starteddatetime = '2008-12-26', completeddatetime = '2008-12-26'"
        fi
        cleans
        pair_is_whole "$ARCHIVE" 20081225 "$id"
        equal "$(find "$SPOOL/20081226" -type f)" ""
        rm -rf "$SPOOL/20081226" "$BATS_TEST_TMPDIR/away"
    done
}

@test "so it is where a crash has come to the bare mount point since" {
    queued
    finish "$id" true
    mkdir -p "$ARCHIVE/20081225"
    mv "$SPOOL/20081226/name" "$ARCHIVE/20081225/name" # a namesake's, for all that is known
    collect --day 20081226 >/dev/null
    [[ $(stat -c %W "$SPOOL/20081226/name") -gt 0 ]] || skip "no directory tells here when it was made"
    sql "SET LOCAL session_replication_role = replica; UPDATE jobs SET queueddatetime = now() - interval '2 minutes'"
    cleanup_says 1 "missing: its pair, whose day \"$SPOOL/20081226\" has a name tree younger than its job (is it mounted?), was not found; the row stays for 24 hours"
}

@test "a pair that was moved to another day is archived" {
    queued
    finish "$id" true
    mv "$SPOOL/20081226" "$SPOOL/20081227"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "where a file system keeps whole seconds, what came in the second in which the job ended is new" {
    [[ $(id -u) == 0 ]] || skip "only root can mount"
    truncate -s 8M "$BATS_TEST_TMPDIR/image"
    mkfs.ext4 -qI 128 "$BATS_TEST_TMPDIR/image" 2>/dev/null || skip "no mkfs.ext4 here"
    mount -o loop "$BATS_TEST_TMPDIR/image" "$SPOOL" || skip "no loop mount here"
    disks+=("$SPOOL")
    mkdir "$SPOOL/20000101"
    id=$(crash)
    expect_status 0 scan
    collect --id "$id" --day 20081225 --size 200 --age 0 >/dev/null
    came=$(stat -c %Z "$(place "$SPOOL" "$id").json")
    finish "$id" true
    sql "UPDATE jobs SET queueddatetime = to_timestamp($came) - interval '1 hour',
                         starteddatetime = to_timestamp($came + 0.1), completeddatetime = to_timestamp($came + 0.2)"
    await sql_true "SELECT now() > to_timestamp($came + 2)"
    run cleanup_jobs --save-successful-minidumps-to=
    pair_is_whole "$SPOOL" 20081225 "$id"
    equal "$(find "$SPOOL/20081225" -name "$id" -type l | wc -l)" 2
}

# --- new ctimes

# The only link is a date link, which priority does not find by an id.
date_link_left() {
    id=$(crash --without name-link)
    expect_status 0 priority "$id"
    finish "$id" true
    is_past completeddatetime
}

@test "a copy to another disk that fails leaves the original as it is" {
    elsewhere
    date_link_left
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $ELSEWHERE|" "$CONF"
    pair=$(place "$SPOOL" "$id")
    state() { stat -c '%a %Z %z' "$pair".*; }
    before=$(state)
    EXEC='strace -f -qq -o /dev/null -e trace=sendfile -e inject=sendfile:error=ENOSPC'
    $EXEC true 2>/dev/null || skip "no strace here"
    expect_status 74 cleanup_jobs
    EXEC=
    equal "$(state)" "$before"
    cleans
    pair_is_whole "$ELSEWHERE" 20081225 "$id"
}

@test "files whose mode was changed after the end are its own beside an old date link" {
    date_link_left
    chmod 600 "$(place "$SPOOL" "$id")".*
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "links that a killed run has left go with their pair when the spool is copied, or has another owner" {
    for change in 'cp -a' 'chown -hR'; do
        id=$(crash)
        sql "INSERT INTO jobs (pathname, uuid) VALUES ('$(place "$SPOOL" "$id").json', '$id')"
        await sql_true "SELECT queueddatetime < now() - interval '50 ms' FROM jobs"
        finish "$id" true
        is_past completeddatetime
        if [[ $change == cp* ]]; then
            mv "$SPOOL" "$SPOOL.old"
            cp -a "$SPOOL.old" "$SPOOL"
        else
            chown -hR "$(id -u)" "$SPOOL"
        fi
        cleans
        pair_is_whole "$ARCHIVE" 20081225 "$id"
        no_links "$id"
    done
}

@test "a date link alone that came after the job was taken is another crash's" {
    id=$(crash)
    expect_status 0 scan
    sql "UPDATE jobs SET starteddatetime = now()"
    is_past starteddatetime
    again --without name-link --age 0
    finish "$id" true
    for place in '' "$DEFERRED"; do # and there is one elsewhere
        [[ ! $place ]] || throttled
        sql "UPDATE jobs SET missingdatetime = NULL"
        cleanup_says 1 'missing: its pair was not found, and another crash of its id is in its place; the row stays' --save-successful-minidumps-to=
        pair_is_whole "$SPOOL" 20081225 "$id"
    done
}

# --- times that are still to come

@test "what comes to the place of a crash that was queued and finished at a time to come is not it" {
    for to in --batch-size=1000 --save-successful-minidumps-to=; do
        id=$(crash)
            expect_status 0 scan
        finish "$id" true
        sql "SET LOCAL session_replication_role = replica;
             UPDATE jobs SET queueddatetime = now() + interval '1 hour',
                 starteddatetime = now() + interval '1 hour', completeddatetime = now() + interval '1 hour'"
        again
        expect_status 0 scan
        log_has "\"$id\": left: it came after a processor had taken the job with its id"
        cleanup_says 1 'missing: its pair was not found' "$to"
        pair_is_whole "$SPOOL" 20081225 "$id"
        has_links "$id"
        sql "DELETE FROM jobs"
    done
}

# --- further dumps

@test "a further dump that came with a new link, since the job was taken, is of the next crash with its id" {
    for to in "$ARCHIVE" ''; do
        queued --extra browser
        finish "$id" true
        is_past completeddatetime
        collect --id "$id" --day 20081226 --without json --without dump
        dump=$SPOOL/20081226/name/$(name_dir "$id")/$id.plugin.dump
        echo next >"$dump"
        [[ $to ]] && when='1 hour ago' || when=@0
        touch -d "$when" "$dump" # as who moves a crash here may leave it
        cleans --save-successful-minidumps-to="$to"
        equal "$(cat "$dump")" next
        has_links "$id"
        equal "$(find "$SPOOL" -name "$id.*")" "$dump"
        equal "$(find "$ARCHIVE" -name "$id.*.dump" -printf '%f\n')" "${to:+$id.browser.dump}"
        find "$SPOOL" "$ARCHIVE" -name "$id*" -delete
    done
}

@test "nor does it go to quarantine with the first one, of which another crash was archived, also after a kill" {
    queued
    finish "$id" true
    cleans
    for kill in '' renameat2:2; do
        collect --id "$id" --day 20081226 --size 200 >/dev/null
        expect_status 0 scan
        finish "$id" true
        is_past completeddatetime
        [[ -z $kill ]] || killed_at "$kill" cleanup_jobs --lock-wait=00:00:10
        collect --id "$id" --day 20081226 --without json --without dump
        dump=$SPOOL/20081226/name/$(name_dir "$id")/$id.plugin.dump
        echo next >"$dump"
        expect_status 1 cleanup_jobs --lock-wait=00:00:10
        equal "$(cat "$dump")" next
        has_links "$id"
        equal "$(cd "$SPOOL/quarantine/20081226/$id" && echo *)" "$id.dump $id.json reason"
        find "$SPOOL" -name "$id*" -prune -exec rm -r {} +
    done
}

@test "without a link it may be, so the job waits (0), unless it was written before" {
    queued
    finish "$id" true
    is_past completeddatetime
    dump=$SPOOL/20081226/name/$(name_dir "$id")/$id.plugin.dump
    echo next >"$dump"
    cleanup_says 0 'left: a further dump has come since a processor took its job, and may be another crash'
    touch -d '1 hour ago' "$dump"
    cleans
    equal "$(find "$ARCHIVE" -name "$id.*" | wc -l)" 3
}

@test "what is called like one, and is no file, is nobody's, whenever it came" {
    for make in mkdir mkfifo 'ln -s /etc/passwd'; do
        for to in "$ARCHIVE" ''; do
            queued
            finish "$id" true
            is_past completeddatetime
            odd=$SPOOL/20081226/name/$(name_dir "$id")/$id.plugin.dump
            $make "$odd"
            cleans --save-successful-minidumps-to="$to"
            equal "$(find "$SPOOL" -name "$id*")" "$odd"
        done
    done
}

@test "also where all files have got another mode before, or a run that was killed has begun to move them" {
    for before in 'chmod -R g+w' killed; do
        queued
        finish "$id" true
        if [[ $before == killed ]]; then
            killed_at renameat2:1 cleanup_jobs
        else
            $before "$SPOOL/20081226/name"
        fi
        is_past completeddatetime
        dump=$SPOOL/20081226/name/$(name_dir "$id")/$id.plugin.dump
        echo next >"$dump"
        cleanup_says 0 'left: a further dump has come since' --lock-wait=00:00:10
        pair_is_whole "$SPOOL" 20081226 "$id"
        rm "$dump"
        cleans
    done
}

@test "what a killed run was about to move is its own, whatever links have come" {
    queued --extra browser
    finish "$id" true
    killed_at renameat2:2 cleanup_jobs --lock-wait=00:00:10 # once the mode of the further dump was changed
    is_past completeddatetime
    collect --id "$id" --day 20081226 --without json --without dump
    cleans --lock-wait=00:00:10
    equal "$(find "$ARCHIVE" -name "$id.*" | wc -l)" 3
    has_links "$id"
}

@test "a second crash that was written before the job was taken, and renamed into its place later, is another one" {
    for to in "$ARCHIVE" ''; do
        queued
        collect --root "$BATS_TEST_TMPDIR/staging" --id "$id" --day 20081226 --size 300 --without links >/dev/null
        is_past queueddatetime
        finish "$id" true
        is_past completeddatetime
        mv "$BATS_TEST_TMPDIR/staging/20081226/name/$(name_dir "$id")/$id".* "$SPOOL/20081226/name/$(name_dir "$id")"
        collect --id "$id" --day 20081226 --without json --without dump
        expect_status 1 cleanup_jobs --save-successful-minidumps-to="$to"
        log_has "\"$id\": missing: its pair was not found, and another crash of its id is in its place"
        pair_is_whole "$SPOOL" 20081226 "$id"
        has_links "$id"
        sql "DELETE FROM jobs"
        rm -r "$SPOOL/20081226" "$LOG"
    done
}

@test "but not if its mode alone was changed, nor if that of all files was" {
    queued --extra browser
    finish "$id" true
    is_past completeddatetime
    chmod 600 "$(find "$SPOOL" -name "$id.browser.dump")"
    cleans
    [[ -z $(find "$SPOOL" -name "$id*") ]] || fail "$(find "$SPOOL")"
}
