#!/usr/bin/env bats
# cleanup.bats - crashmon-cleanup: what is moved, whereto and how, what is deleted, and the rows.
# shellcheck disable=SC2154 # pid is set by background
load ../helper

@test "a successful job's pair goes to its archive, in the name tree alone, without links" {
    id=$(collect --day 20081225)
    ended true "$id"
    before=$(sums "$SPOOL")
    cleans
    dir=20081225/name/${id:0:2}/${id:2:2}
    equal "$(find "$ARCHIVE" ! -type d -printf '%P\n' | sort)" \
        "$(printf '%s\n' "$dir/$id".{dump,json})"
    [[ $(find "$ARCHIVE" -mindepth 1 -type d | wc -l) == 4 ]] || fail "$(find "$ARCHIVE")"
    equal "$(sums "$ARCHIVE")" "$before"
    roots_are_empty
    [[ -z $(ls "$FAILED") ]]
}

@test "a failed job's pair goes to its own archive" {
    id=$(collect --day 20081225)
    ended false "$id"
    cleans
    pair_is_whole "$FAILED" 20081225 "$id"
    roots_are_empty
    [[ -z $(ls "$ARCHIVE") ]]
}

@test "the two archives may be one" {
    good=$(collect --day 20081225) bad=$(collect --day 20081225)
    ended true "$good"
    ended false "$bad"
    cleans --save-failed-minidumps-to="$ARCHIVE"
    pair_is_whole "$ARCHIVE" 20081225 "$good"
    pair_is_whole "$ARCHIVE" 20081225 "$bad"
}

@test "the archive is as deep as the id says: 1 to 4, and 0 means 4" {
    ids=()
    for depth in 0 1 2 3 4; do ids+=("$(collect --day 20081225 --depth $depth)"); done
    ended true "${ids[@]}"
    cleans
    for id in "${ids[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    roots_are_empty
}

@test "a pair under another day than its id's is archived under the day of the id" {
    id=$(collect --day 20081226 --id-day 081225)
    ended true "$id"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    [[ $(ls "$ARCHIVE") == 20081225 ]] || fail "$(find "$ARCHIVE")"
    roots_are_empty
}

@test "a pair whose id has no date is archived under the day that it had in the spool" {
    none=$(collect --day 20081225 --id-day none) never=$(collect --day 20090228 --id-day 090229)
    ended true "$none" "$never"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$none"
    pair_is_whole "$ARCHIVE" 20090228 "$never"
    roots_are_empty
}

@test "a pair in the deferred storage root is archived, with links and without" {
    linked=$(collect --root "$DEFERRED" --day 20081225) bare=$(collect --root "$DEFERRED" \
        --day 20081225 --without links)
    elsewhere=$(collect --root "$DEFERRED" --day 20081226 --id-day 081225)
    ended true "$linked" "$bare"
    ended false "$elsewhere"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$linked"
    pair_is_whole "$ARCHIVE" 20081225 "$bare"
    pair_is_whole "$FAILED" 20081225 "$elsewhere"
    roots_are_empty
}

@test "both links are removed if they are there, and nobody else's" {
    mapfile -t ids < <(collect
        collect --without name-link
        collect --without date-link
        collect --without links
        collect --web-heads 0)
    other=$(collect)
    ended true "${ids[@]}"
    cleans
    for id in "${ids[@]}"; do
        # The date link of a pair without a name link is scan's to remove.
        [[ $id == "${ids[1]}" ]] || no_links "$id"
        pair_is_whole "$ARCHIVE" "$(date +%Y%m%d)" "$id"
    done
    [[ -z $(find "$ARCHIVE" -type l) ]] || fail "$(find "$ARCHIVE")"
    has_links "$other"
    pair_is_whole "$SPOOL" "$(date +%Y%m%d)" "$other"
}

@test "more dumps travel with their pair, those of others and other files stay" {
    id=$(collect --day 20081225 --extra browser --extra flash)
    dir=20081225/name/$(name_dir "$id")
    mine=$(sums "$SPOOL")
    others=("${id%?}0.browser.dump" "x$id.browser.dump" "$id.browser.txt")
    for other in "${others[@]}"; do echo "$other" >"$SPOOL/$dir/$other"; done
    ended true "$id"
    cleans
    equal "$(sums "$ARCHIVE")" "$mine"
    equal "$(find "$SPOOL" -type f -printf '%f\n' | sort)" "$(printf '%s\n' "${others[@]}" | sort)"
}

@test "the suffix options name the files here, too" {
    id=$(collect --day 20081225 --extra browser)
    pair=20081225/name/$(name_dir "$id")/$id
    for old in json:meta dump:mdmp browser.dump:browser.mdmp; do
        mv "$SPOOL/$pair.${old%:*}" "$SPOOL/$pair.${old#*:}"
    done
    ended true "$id"
    cleans --json-file-suffix=.meta --dump-file-suffix=.mdmp
    for new in meta mdmp browser.mdmp; do [[ -f $ARCHIVE/$pair.$new ]] || fail "no $new"; done
    roots_are_empty
}

@test "an archive that already has the day, with other pairs in it, is added to" {
    first=$(collect --day 20081225) second=$(collect --day 20081225)
    for id in "$first" "$second"; do
        ended true "$id"
        cleans
    done
    pair_is_whole "$ARCHIVE" 20081225 "$first"
    pair_is_whole "$ARCHIVE" 20081225 "$second"
}

# --- deletion

@test "where the option for successful jobs is blank the pair is deleted, failed ones are moved" {
    good=$(collect --day 20081225 --extra browser) bad=$(collect --day 20081225)
    ended true "$good"
    ended false "$bad"
    cleans --save-successful-minidumps-to=
    roots_are_empty
    pair_is_whole "$FAILED" 20081225 "$bad"
    [[ -z $(find "$BATS_TEST_TMPDIR" -name "$good*") ]] || fail "$(find "$BATS_TEST_TMPDIR")"
}

@test "where the option for failed jobs is blank in the file the pair is deleted" {
    good=$(collect --day 20081225) bad=$(collect --root "$DEFERRED" --id-day none)
    ended true "$good"
    ended false "$bad"
    sed -i 's/^save-failed.*/save-failed-minidumps-to =/' "$CONF"
    cleans
    roots_are_empty
    pair_is_whole "$ARCHIVE" 20081225 "$good"
    [[ -z $(find "$BATS_TEST_TMPDIR" -name "$bad*") ]] || fail "$(find "$BATS_TEST_TMPDIR")"
}

@test "a pair of which half was deleted already is deleted in the end" {
    half=$(collect)
    rm "$SPOOL"/2*/name/*/*/"$half.json"
    ended true "$half"
    run cleanup_jobs --save-successful-minidumps-to=
    [[ $status -le 1 ]] || fail "exit code $status" "$output"
    sql_is "SELECT count(*) FROM jobs" 0
    roots_are_empty
}

# --- permissions and group

# The different modes, or whatever format, of the files (or directories) in the archive.
in_archive() { find "$ARCHIVE" -mindepth 1 -type "$1" -printf "$2\n" | sort -u; }

@test "files are archived with 0660 and directories with 0770, whatever the umask" {
    for mask in 077 000 027; do
        rm -rf "${ARCHIVE:?}"/*
        ended true "$(collect --extra browser)"
        (umask $mask; cleans)
        [[ $(in_archive f %m) == 660 ]] || fail "$mask: $(in_archive f '%m %p')"
        [[ $(in_archive d %m) == 770 ]] || fail "$mask: $(in_archive d '%m %p')"
    done
}

@test "--dump-permissions and --dir-permissions say which, whatever the umask" {
    for mask in 077 000; do
        rm -rf "${ARCHIVE:?}"/*
        ended true "$(collect --extra browser)"
        (umask $mask; cleans --dump-permissions=0604 --dir-permissions=0705)
        [[ $(in_archive f %m) == 604 ]] || fail "$mask: $(in_archive f '%m %p')"
        [[ $(in_archive d %m) == 705 ]] || fail "$mask: $(in_archive d '%m %p')"
    done
}

@test "--dump-gid is the group of archived files and directories" {
    gid=4242
    [[ $(id -u) == 0 ]] || gid=$(id -G | tr ' ' '\n' | tail -1)
    id=$(collect --extra browser)
    ended true "$id"
    cleans --dump-gid="$gid" --dump-permissions=0640
    equal "$(in_archive f '%G %m')" "$gid 640"
    equal "$(in_archive d '%G %m')" "$gid 770"
}

@test "the destination itself and what was in it keep their permissions" {
    mkdir -p "$ARCHIVE/20081224/name"
    chmod 751 "$ARCHIVE" "$ARCHIVE/20081224" "$ARCHIVE/20081224/name"
    ended true "$(collect --day 20081224)"
    cleans
    equal "$(stat -c %a "$ARCHIVE" "$ARCHIVE/20081224" "$ARCHIVE/20081224/name")" $'751\n751\n751'
}

# --- which jobs

@test "a job that is not finished is never touched, whatever else is set" {
    mapfile -t ids < <(collect --count 3)
    sql "INSERT INTO jobs (pathname, uuid, starteddatetime, completeddatetime) VALUES
             ('/x', '${ids[0]}', NULL, NULL), ('/x', '${ids[1]}', now(), NULL),
             ('/x', '${ids[2]}', now(), now())"
    before=$(db_state | grep -Ev '^(runs|storages)[|]'; spool_state "$SPOOL")
    expect_status 0 cleanup_jobs
    equal "$(db_state | grep -Ev '^(runs|storages)[|]'; spool_state "$SPOOL")" "$before"
}

@test "success alone says that a job is finished" {
    id=$(collect --day 20081225)
    sql "INSERT INTO jobs (pathname, uuid, success) VALUES ('$(place "$SPOOL" "$id").json', '$id', true)"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "the rows of another storage are not touched, not even when their pair is here" {
    mine=$(collect --day 20081225) other=$(collect --day 20081225)
    ended true "$mine" "$other"
    sql "UPDATE jobs SET storage = 'two' WHERE uuid = '$other'"
    expect_status 0 cleanup_jobs
    sql_is "SELECT uuid FROM jobs" "$other"
    pair_is_whole "$SPOOL" 20081225 "$other"
    sql "UPDATE crashmon.storages SET storage = 'two'"
    expect_status 0 cleanup_jobs --storage-name=two
    sql_is "SELECT count(*) FROM jobs" 0
    pair_is_whole "$ARCHIVE" 20081225 "$other"
}

@test "the jobs are done in order of id, and --limit ends the run; the rest is for the next" {
    mapfile -t ids < <(collect --count 5 --day 20081225)
    ended true "${ids[@]}"
    sql "UPDATE jobs SET id = 100 - id"
    expect_status 0 cleanup_jobs --limit=3 --batch-size=2
    equal "$(sql "SELECT uuid FROM jobs ORDER BY id DESC")" "$(printf '%s\n' "${ids[@]:0:2}")"
    for id in "${ids[@]:0:2}"; do pair_is_whole "$SPOOL" 20081225 "$id"; done
    for id in "${ids[@]:2}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    sql_is "SELECT seen FROM crashmon.runs" 3
    cleans
}

@test "--batch-size: several batches, and a signal ends the run between two (143)" {
    mapfile -t ids < <(collect --count 8 --day 20081225)
    ended true "${ids[@]}"
    held cleanup_jobs --batch-size=2
    kill -TERM "$pid"
    session COMMIT
    background_ends 143
    left=$(sql "SELECT uuid FROM jobs ORDER BY id")
    count=$(wc -w <<<"$left") # two more batches may have been on their way
    [[ $count == [246] ]] || fail "left: $left"
    equal "$left" "$(printf '%s\n' "${ids[@]: -count}")"
    for id in $left; do pair_is_whole "$SPOOL" 20081225 "$id"; done
    cleans --batch-size=3
    for id in "${ids[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
}

@test "the pair is in the archive before the row goes" {
    id=$(collect --day 20081225)
    ended true "$id"
    held cleanup_jobs
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    session COMMIT
    background_ends 0
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "nothing to do is a good run, whatever the spool holds" {
    collect --count 3
    before=$(spool_state "$SPOOL")
    cleans
    equal "$(spool_state "$SPOOL")" "$before"
}

@test "seen is the sum of all outcomes, in the run's row and in one summary line" {
    good=$(collect --extra browser) bad=$(collect) already=$(collect) gone=$(collect)
    ended true "$good" "$already" "$gone" "$(collect)"
    ended false "$bad"
    rm "$SPOOL"/2*/name/*/*/"$gone".*
    expect_status 0 cleanup_jobs --limit=2
    expect_status 1 cleanup_jobs --save-failed-minidumps-to=
    sql_is "SELECT program, exit_code, seen, (SELECT sum(value::bigint)
                FROM jsonb_each_text(outcomes)), ended IS NOT NULL FROM crashmon.runs ORDER BY id" \
        $'crashmon-cleanup|0|2|2|t\ncrashmon-cleanup|1|3|3|t'
    [[ $(grep -c 'seen' "$LOG") == 2 ]] || fail "no one summary line a run"
    grep 'seen' "$LOG" | tail -1 | grep -qw 3 || fail "the summary line does not say 3"
}

@test "the runs of its storage are forgotten after thirty days, whichever program ran" {
    for program in crashmon-scan crashmon-priority crashmon-cleanup; do
        for storage in main other; do
            for days in 29 31; do
                sql "INSERT INTO crashmon.runs (program, storage, host, pid, started, next_due)
                     VALUES ('$program', '$storage', 'host1', $days,
                             now() - interval '$days days', now())"
            done
        done
    done
    expect_status 0 cleanup_jobs --dry-run
    sql_is "SELECT count(*) FROM crashmon.runs" 12
    # A program that has not run since is not forgotten, and overdue.
    for days in 90 91; do
        sql "INSERT INTO crashmon.runs (program, storage, host, pid, started, next_due)
             VALUES ('crashmon-scan-repair', 'main', 'host2', $days, now() - interval '$days days', now() - interval '$days days')"
    done
    # However this run ends.
    mv "$SPOOL" "$SPOOL.away"
    expect_status 74 cleanup_jobs
    sql_is "SELECT pid FROM crashmon.runs WHERE host = 'host2'" 90
    sql_is "SELECT storage, pid, count(*) FROM crashmon.runs WHERE host = 'host1'
            GROUP BY 1, 2 ORDER BY 1, 2" $'main|29|3\nother|29|3\nother|31|3'
}
