#!/usr/bin/env bats
# newcomers.bats - the id of a crash that is being retired arrives again in the same place: what came
# since the crash was looked at is not removed with it.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

setup() {
    begin_case
    processor p1 >/dev/null
    strace -f -qq -o /dev/null true 2>/dev/null || skip "no strace here"
}

# Starts a run that stops when it has removed its first link: that of the crash that comes first, and
# not yet those of $id. Both are $1 with these options of the collector.
stopped() {
    local trace=$BATS_TEST_TMPDIR/trace
    rm -f "$trace"
    marked
    stops() {
        EXEC+=" strace -D -f -q -o $trace -e trace=unlinkat -e inject=unlinkat:signal=STOP:when=1" \
            "$@" --batch-size=2
    }
    background stops "$@"
    await grep -qs 'stopped by SIGSTOP' "$trace"
}

goes_on() {
    await gone_on "$pid"
    background_ends "$1"
}

two_crashes() {
    crash --time 12:00 >/dev/null
    id=$(crash --time 12:10)
}

# The crash is done with by processor and cleanup.
done_with() {
    finish "$id" true
    expect_status 0 cleanup_jobs
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '$id'" 0
    no_links "$id"
}

again() { crash --id "$id" --time 12:10 --size 200 "$@" >/dev/null; }

is_queued_at_last() {
    expect_status 0 scan
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '$id' AND success IS NULL" 1
    no_links "$id"
}

@test "a crash that comes with the id of one that was put away meanwhile is queued by the next scan" {
    for order in links files; do
        two_crashes
        stopped scan
        done_with
        again --order "$order"
        goes_on 0
        has_links "$id"
        rm -r "$ARCHIVE/20081225" # where it would be a duplicate
        is_queued_at_last
        sql "DELETE FROM jobs"
        rm -r "$SPOOL/20081225"
    done
}

@test "one that has its links already, and no file yet, keeps them" {
    two_crashes
    stopped scan
    done_with
    again --without json --without dump
    goes_on 0
    has_links "$id"
    again
    is_queued_at_last
}

@test "one whose files are new, with the old links, waits until the finished job of its id is gone" {
    two_crashes
    stopped scan
    finish "$id" true
    again
    goes_on 0
    has_links "$id"
    sql "UPDATE jobs SET completeddatetime = now() - interval '30 s' WHERE uuid = '$id'"
    expect_status 0 scan
    log_has "\"$id\": left: it came after a processor had taken the job with its id"
    has_links "$id"
    sql "DELETE FROM jobs"
    is_queued_at_last
}

# --- links that came after a processor had taken the job, before any byte or with all of them

taken() { sql "UPDATE jobs SET starteddatetime = now() WHERE uuid = '$1'"; }
taken_before() { sql_true "SELECT starteddatetime < now() - interval '50 ms' FROM jobs"; }

@test "links that come after the job of their id was taken stay, though the files are still its own" {
    for state in taken finished; do
        for run in scan cleanup_jobs; do
            id=$(crash)
            expect_status 0 scan
            taken "$id"
            await taken_before
            [[ $state == taken ]] || finish "$id" true
            again --without json --without dump
            expect_status 0 "$run"
            has_links "$id"
            finish "$id" true
            expect_status 0 cleanup_jobs
            has_links "$id"
            pair_is_whole "$ARCHIVE" 20081225 "$id"
            again
            rm -r "$ARCHIVE/20081225"
            is_queued_at_last
            sql "DELETE FROM jobs"
            rm -r "$SPOOL/20081225"
        done
    done
}

@test "what is written over a crash that a processor is at waits, and is not put away as that" {
    for links in later earlier; do
        id=$(crash)
        expect_status 0 scan
        [[ $links == later ]] || again --without json --without dump
        taken "$id"
        await taken_before
        again --age 0
        expect_status 0 scan --settle-time=00:00:00
        finish "$id" true
        expect_status 1 cleanup_jobs
        log_has "\"$id\": missing: its pair was not found"
        has_links "$id"
        sql "DELETE FROM jobs"
        expect_status 0 scan --settle-time=00:00:00
        no_links "$id"
        sql_is "SELECT count(*) FROM jobs WHERE uuid = '$id' AND success IS NULL" 1
        sql "DELETE FROM jobs"
        rm -r "$SPOOL/20081225" "$LOG"
    done
}

@test "what is written over a crash since its job was taken, or comes right after the end, is not deleted with it" {
    sed -i "s|^save-successful.*|save-successful-minidumps-to =|" "$CONF"
    for links in with without none-before-the-end; do
        id=$(crash)
        expect_status 0 scan
        taken "$id"
        await taken_before
        [[ $links != none* ]] || again --without links --age 0
        finish "$id" true
        await sql_true "SELECT completeddatetime < now() - interval '50 ms' FROM jobs"
        if [[ $links == with ]]; then
            rm "$(place "$SPOOL" "$id")".*
            again
        elif [[ $links == without ]]; then
            again --without links --age 0
        fi
        size=$(stat -c %s "$(place "$SPOOL" "$id").dump")
        run cleanup_jobs
        run scan
        equal "$(stat -c %s "$(place "$SPOOL" "$id").dump")" "$size"
        [[ $links != with ]] || has_links "$id"
        sql "DELETE FROM jobs"
        rm -r "$SPOOL/20081225"
    done
}

@test "a crash that comes with the id of a throttled one that is being removed is kept" {
    crash --root "$DEFERRED" --time 12:00 --age 5200000 >/dev/null
    id=$(crash --root "$DEFERRED" --time 12:10 --age 5200000)
    stopped cleanup_jobs --keep-deferred-days=30
    again --root "$DEFERRED"
    goes_on 1
    pair_is_whole "$DEFERRED" 20081225 "$id"
    log_has "cannot remove throttled crash \"$id\": its files have changed since they were looked at"
}

@test "half a pair that becomes whole while it is being quarantined stays new" {
    crash --time 12:00 --without dump --age 3000 >/dev/null
    id=$(crash --time 12:10 --without dump --age 3000)
    stopped scan --incomplete-age=00:10:00
    again
    goes_on 1
    has_links "$id"
    is_queued_at_last
}

# --- in quarantine

@test "what changes while it is copied to a quarantine on another disk waits for the next run (0)" {
    local there=$BATS_TEST_TMPDIR/quarantine how file
    disk "$there" size=4m
    options=(--quarantine-to="$there" --incomplete-age=00:10:00)
    crash --without json --age 3000 >/dev/null
    expect_status 1 scan "${options[@]}"
    for how in 'echo more >>' 'truncate -s 1' 'ln -sf nowhere' 'ln -f $LOG' 'rm'; do
        for call in unlinkat sendfile; do
            sql "DELETE FROM jobs"
            id=$(crash --without json --age 3000)
            file=$(place "$SPOOL" "$id").dump
            rm -f "$BATS_TEST_TMPDIR/trace"
            stops() {
                EXEC+=" strace -D -f -q -o $BATS_TEST_TMPDIR/trace -e trace=$call -e inject=$call:signal=STOP:when=1" scan "${options[@]}"
            }
            background stops
            await grep -qs 'stopped by SIGSTOP' "$BATS_TEST_TMPDIR/trace"
            eval "$how \"$file\""
            goes_on "$([[ $how == rm ]] && echo 1 || echo 0)"
            [[ -z $output || $how == rm ]] || fail "$how, $call: $output"
            rm -rf "$SPOOL/20081225"
        done
    done
}

@test "halves of two crashes with one id do not share a directory in quarantine" {
    id=$(crash --without dump --age 90000)
    expect_status 1 scan
    again --without json --age 90000
    expect_status 1 scan
    cases=$SPOOL/quarantine/20081225
    equal "$(cd "$cases" && find . -type f | sort)" \
        "$(printf './%s\n' "$id.1/$id.dump" "$id.1/reason" "$id/$id.json" "$id/reason")"
    grep -q 'json is missing' "$cases/$id.1/reason"
    ! grep -q 'json is missing' "$cases/$id/reason"
}
