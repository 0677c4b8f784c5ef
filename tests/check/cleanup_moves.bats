#!/usr/bin/env bats
# cleanup_moves.bats - crashmon-cleanup across file systems, after a crash, and when a pair is not
# what it should be.
# shellcheck disable=SC2154 # pid is set by background
load ../helper

# --- across file systems

@test "across file systems a pair arrives whole, with its modes, and leaves nothing behind" {
    elsewhere
    id=$(crash --size 3000000 --extra browser) bad=$(crash --root "$DEFERRED")
    ended true "$id"
    ended false "$bad"
    before=$(find "$SPOOL" "$DEFERRED" -type f -printf '%f ' -exec sha256sum {} \; | sed 's/  .*//')
    (umask 077; cleans --save-{successful,failed}-minidumps-to="$ELSEWHERE")
    pair_is_whole "$ELSEWHERE" 20081225 "$id"
    pair_is_whole "$ELSEWHERE" 20081225 "$bad"
    equal "$(find "$ELSEWHERE" ! -type d -printf '%f ' -exec sha256sum {} \; | sed 's/  .*//' |
        sort)" "$(sort <<<"$before")"
    [[ $(find "$ELSEWHERE" -type f -printf '%m\n' | sort -u) == 660 &&
        $(find "$ELSEWHERE" -mindepth 1 -type d -printf '%m\n' | sort -u) == 770 ]] ||
        fail "$(ls -lR "$ELSEWHERE")"
    roots_are_empty
}

@test "across file systems --dump-gid and the permission options hold as well" {
    elsewhere
    gid=4242
    [[ $(id -u) == 0 ]] || gid=$(id -G | tr ' ' '\n' | tail -1)
    ended true "$(crash)"
    cleans --save-successful-minidumps-to="$ELSEWHERE" --dump-gid="$gid" \
        --dump-permissions=0604 --dir-permissions=0705
    [[ $(find "$ELSEWHERE" -mindepth 1 -printf '%y %m %G\n' | sort -u) == \
        "d 705 $gid"$'\n'"f 604 $gid" ]] || fail "$(ls -lnR "$ELSEWHERE")"
}

@test "across file systems a pair that was copied and not yet removed is finished" {
    elsewhere
    both=$(crash) json=$(crash) dump=$(crash)
    for id in "$both" "$json" "$dump"; do
        mkdir -p "$(dirname "$(place "$ELSEWHERE" "$id")")"
        cp "$(place "$SPOOL" "$id")".{json,dump} "$(dirname "$(place "$ELSEWHERE" "$id")")"
    done
    rm "$(place "$SPOOL" "$json").dump" "$(place "$SPOOL" "$dump").json"
    ended true "$both" "$json" "$dump"
    cleans --save-successful-minidumps-to="$ELSEWHERE"
    for id in "$both" "$json" "$dump"; do pair_is_whole "$ELSEWHERE" 20081225 "$id"; done
    roots_are_empty
}

# --- again after a crash

@test "a file that is shorter than its disk says is told, each time (1)" {
    elsewhere
    id=$(crash)
    ended true "$id"
    for _ in 1 2; do
        EXEC="strace -f -qq -o /dev/null -e trace=sendfile -e inject=sendfile:retval=0"
        expect_status 1 cleanup_jobs --save-successful-minidumps-to="$ELSEWHERE"
        [[ $output == *"cannot put \"$id\" away: cannot copy file \"$id.dump\" to \"$ELSEWHERE\": it has just changed; it stays for the next run"* ]] || fail "$output"
    done
    EXEC=
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "a pair that is already in its destination counts as moved" {
    id=$(crash --root "$ARCHIVE" --without links) none=$(crash --root "$FAILED" --without links)
    ended true "$id"
    ended false "$none"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    pair_is_whole "$FAILED" 20081225 "$none"
}

@test "a pair without a date in its id that is already in its destination counts as moved" {
    id=$(collect --root "$ARCHIVE" --without links --day 20081225 --id-day none)
    ended true "$id"
    sql "UPDATE jobs SET pathname = '$(place "$SPOOL" "$id").json'"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "half a pair in the archive and half in the spool is finished, and so are its links" {
    for half in json dump; do
        id=$(crash --extra browser)
        mkdir -p "$(dirname "$(place "$ARCHIVE" "$id")")"
        mv "$(place "$SPOOL" "$id").$half" "$(dirname "$(place "$ARCHIVE" "$id")")"
        ended true "$id"
        cleans
        pair_is_whole "$ARCHIVE" 20081225 "$id"
        [[ -f $(place "$ARCHIVE" "$id").browser.dump ]] || fail "$(find "$ARCHIVE")"
    done
    roots_are_empty
}

@test "half a pair in the archive and half in deferred storage is finished" {
    for half in json dump; do
        id=$(crash --root "$DEFERRED" --without links)
        mkdir -p "$(dirname "$(place "$FAILED" "$id")")"
        mv "$(place "$DEFERRED" "$id").$half" "$(dirname "$(place "$FAILED" "$id")")"
        ended false "$id"
        cleans
        pair_is_whole "$FAILED" 20081225 "$id"
    done
    roots_are_empty
}

@test "when the server refuses to delete rows the pairs are archived, and the next run finishes" {
    mapfile -t ids < <(crash --count 3)
    ended true "${ids[@]}"
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''refused''; END';
         CREATE TRIGGER refuse BEFORE DELETE ON jobs FOR EACH ROW WHEN (OLD.uuid = '${ids[1]}')
             EXECUTE FUNCTION refuse()"
    run cleanup_jobs --batch-size=1
    [[ $status != 0 && $status -lt 99 ]] || fail "exit code $status" "$output"
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '${ids[1]}'" 1
    for id in "${ids[0]}" "${ids[1]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    accept
    cleans
    for id in "${ids[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    roots_are_empty
}

@test "after a flush that has failed no row is deleted, as errors are told once (74)" {
    local EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=syncfs -e inject=syncfs:error=EIO:when=1"
    $EXEC true || skip "no strace here"
    mapfile -t ids < <(crash --count 5)
    ended true "${ids[@]}"
    expect_status 74 cleanup_jobs --batch-size=1
    sql_is "SELECT count(*) FROM jobs" 5
    grep -q "cannot flush .*: Input/output error; the batch stays for the next run" "$LOG"
    EXEC=
    cleans
    for id in "${ids[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    roots_are_empty
}

@test "a lost connection leaves the row (69), and the next run finishes" {
    id=$(crash)
    ended true "$id"
    held cleanup_jobs
    sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'crashmon-cleanup'"
    session COMMIT
    background_ends 69
    jobs_are "$id"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "once the server has closed the connection no more pairs of the batch are moved (69)" {
    mapfile -t ids < <(crash --count 100 --without links)
    ended true "${ids[@]}"
    slowly="strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:delay_enter=20000"
    $slowly true 2>/dev/null || skip "no strace here"
    clean_slowly() { EXEC="exec $slowly" cleanup_jobs; }
    background clean_slowly
    await eval '[[ -n $(find "$ARCHIVE" -name "*.json") ]]'
    sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'crashmon-cleanup'"
    moved=$(find "$ARCHIVE" -name "*.json" | wc -l)
    background_ends 69
    (($(find "$ARCHIVE" -name "*.json" | wc -l) <= moved + 4)) || fail "$moved, then $(find "$ARCHIVE" -name "*.json" | wc -l)"
    cleans --lock-wait=00:00:10
    for id in "${ids[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
}

# --- nowhere, nonsense, and what is no file

@test "a pair under a day that is made while cleanup runs is found" {
    mapfile -t ids < <(collect --count 3 --without links)
    ended true "${ids[@]}"
    hold
    background cleanup_jobs --batch-size=1 # no fourth batch is begun while three are on their way
    await_blocked crashmon-cleanup
    second=$(collect --id-day 081224 --day 20081231 --without links)
    session "INSERT INTO jobs (pathname, uuid, success, starteddatetime, completeddatetime)
             VALUES ('', '$second', true, now(), now()); COMMIT"
    background_ends 0
    sql_is "SELECT count(*) FROM jobs" 0
    pair_is_whole "$ARCHIVE" 20081224 "$second"
}

@test "a storage root that looks as if its disk were not mounted loses no row (74)" {
    id=$(crash --without links) other=$(crash --without links)
    ended true "$id" "$other"
    mv "$SPOOL" "$SPOOL.elsewhere"
    mkdir "$SPOOL"
    expect_status 74 cleanup_jobs
    [[ $output == *"$SPOOL"*mounted* && $(wc -l <<<"$output") == 1 ]] || fail "says: $output"
    jobs_are "$id" "$other"
    rmdir "$SPOOL"
    mv "$SPOOL.elsewhere" "$SPOOL"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "a pair that is nowhere is reported (1), the others are moved" {
    good=$(crash) gone=$(crash) also=$(crash)
    rm "$(place "$SPOOL" "$gone")".*
    ended true "$good" "$gone" "$also"
    expect_status 1 cleanup_jobs
    jobs_are "$gone"
    log_has "\"$gone\": missing: "
    for id in "$good" "$also"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
}

@test "of a pair that is half gone the other half is reported and not lost" {
    for half in json dump; do
        id=$(crash)
        before=$(sha256sum <"$(place "$SPOOL" "$id").$half")
        find "$SPOOL" -name "$id.*" ! -name "*.$half" -delete
        ended true "$id"
        expect_status 1 cleanup_jobs
        log_has "$id"
        file=$(find "$BATS_TEST_TMPDIR" -type f -name "$id.$half")
        [[ -f $file && $(sha256sum <"$file") == "$before" ]] || fail "lost: $file"
    done
}

@test "a job whose uuid is no crash id is reported, its row removed (1), nothing on disk touched" {
    good=$(crash)
    mkdir -p "$BATS_TEST_TMPDIR/victim"
    touch "$BATS_TEST_TMPDIR/victim"{,/x}{.json,.dump} "$SPOOL/victim".{json,dump}
    ended true ../victim ../../../../../victim ../../../../../victim/x "$good" \
        "''; DROP TABLE jobs; --" $'two\nlines' '' '22adfb61-f75b-11dc-b6be-00132208122g' '%s%n'
    before=$(find "$BATS_TEST_TMPDIR" -name '*victim*' -o -path '*victim/*' | sort)
    expect_status 1 cleanup_jobs --batch-size=4
    sql_is "SELECT count(*) FROM jobs" 0
    equal "$(find "$BATS_TEST_TMPDIR" -name '*victim*' -o -path '*victim/*' | sort)" "$before"
    for text in ../../../../../victim/x 'DROP TABLE' 00132208122g '%s%n'; do log_has "$text"; done
    pair_is_whole "$ARCHIVE" 20081225 "$good"
}

@test "a pathname that lies is not followed" {
    id=$(crash --without links)
    ended true "$id"
    echo precious >"$BATS_TEST_TMPDIR/precious.json"
    sql "UPDATE jobs SET pathname = '$BATS_TEST_TMPDIR/precious.json'"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    [[ $(<"$BATS_TEST_TMPDIR/precious.json") == precious ]]
}

@test "no link is followed or archived, and only regular files are touched" {
    outside=$BATS_TEST_TMPDIR/outside
    file=$(crash) dir=$(crash) extra=$(crash) links=$(crash) good=$(crash)
    until up=$(crash) && [[ " $file $dir $extra $links $good" != *" ${up:0:2}"* ]]; do :; done
    mkdir "$outside"
    echo precious | tee "$outside/json" >"$outside/dump"
    ln -sf "$outside/json" "$(place "$SPOOL" "$file").json"
    rm "$(place "$SPOOL" "$dir").dump"
    mkdir "$(place "$SPOOL" "$dir").dump"
    ln -s "$outside/dump" "$(place "$SPOOL" "$extra").browser.dump"
    mv "$SPOOL/20081225/name/${up:0:2}" "$outside"
    ln -s "$outside/${up:0:2}" "$SPOOL/20081225/name"
    ln -s nowhere "$outside/$links"
    ln -sfn "$outside" "$(place "$SPOOL" "$links")"
    before=$(spool_state "$outside")
    ended true "$file" "$dir" "$extra" "$up" "$links" "$good"
    expect_status 1 cleanup_jobs
    equal "$(spool_state "$outside")" "$before"
    [[ -z $(find "$ARCHIVE" ! -type d ! -type f) ]] || fail "$(find "$ARCHIVE")"
    for id in "$extra" "$good" "$links"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    for id in "$file" "$dir" "$up"; do log_has "$id"; done
}

@test "a pair with a second hard link is not taken: its row stays (1), and so does the pair" {
    id=$(collect --day 20081225 --without links)
    ended true "$id"
    for file in json dump; do
        ln "$(place "$SPOOL" "$id").$file" "$BATS_TEST_TMPDIR/outside.$file"
    done
    expect_status 1 cleanup_jobs
    jobs_are "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
    rm "$BATS_TEST_TMPDIR"/outside.*
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "what lies under the day of the id does not hide the pair that lies whole elsewhere" {
    id=$(collect --day 20081226 --id-day 081225 --without links)
    mkdir -p "$(dirname "$(place "$SPOOL" "$id")")"
    echo stray >"$(place "$SPOOL" "$id").json"
    other=$(collect --root "$DEFERRED" --day 20081225)
    mkdir -p "$(dirname "$(place "$SPOOL" "$other")")"
    ln -s nowhere "$(place "$SPOOL" "$other").json"
    ended true "$id" "$other"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    pair_is_whole "$ARCHIVE" 20081225 "$other"
}

@test "a file that vanishes just before it is moved is no fault of long-term storage (1)" {
    slowly="strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:delay_enter=2000000:when=1"
    $slowly true 2>/dev/null || skip "no strace here"
    id=$(crash)
    ended true "$id"
    file=$(place "$SPOOL" "$id")
    clean_slowly() { EXEC=$slowly cleanup_jobs; }
    background clean_slowly
    await test -d "$(dirname "$(place "$ARCHIVE" "$id")")"
    for name in json dump; do mv "$file.$name" "$file.$name.hidden"; done
    background_ends 1
    log_has "cannot put \"$id\" away: file \"$id.dump\" was there, and is gone; it stays for the next run"
    for name in json dump; do mv "$file.$name.hidden" "$file.$name"; done
    EXEC="strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:error=ENOENT:when=1"
    expect_status 1 cleanup_jobs
    EXEC=
    log_has "cannot put \"$id\" away: file \"$id.dump\" was there, and was gone for a moment; it stays for the next run"
    cleans
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "what is put in place of a file while its pair is moved goes to quarantine, wherever it is by then (1)" {
    for step in 1 2; do # its metadata is still to be looked at, or was
        slowly="strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:delay_enter=1000000:when=$step"
        $slowly true 2>/dev/null || skip "no strace here"
        for change in 'ln -s /etc/passwd' mkdir 'cp /etc/passwd' grow; do
            id=$(crash)
            ended true "$id"
            json=$(place "$SPOOL" "$id").json there=$(place "$ARCHIVE" "$id")
            clean_slowly() { EXEC=$slowly cleanup_jobs; }
            background clean_slowly
            await test -e "$([[ $step == 1 ]] && dirname "$there" || echo "$there.dump")"
            if [[ $change == grow ]]; then
                echo more >>"$json"
            else
                mv "$json" "$BATS_TEST_TMPDIR"
                $change "$json"
            fi
            background_ends 1
            log_has "cannot put \"$id\" away: one of its files was changed, or another one was put in its place; it stays for the next run"
            equal "$(find "$SPOOL" "$ARCHIVE" -name "$id*")" "$SPOOL/quarantine/20081225/$id"$'\n'"$SPOOL/quarantine/20081225/$id/$id.json"$'\n'"$there.dump"
            cleanup_jobs || true
            log_has "\"$id\": missing: its .json file was not found; the row stays for 24 hours"
            sql "DELETE FROM jobs"
        done
    done
}

@test "but the next crash with its id stays whole: it has a link, or what was moved away is there again (1)" {
    slowly="strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:delay_exit=2000000:when=1"
    $slowly true 2>/dev/null || skip "no strace here"
    for order in links files; do
        id=$(crash --order "$order")
        ended true "$id"
        there=$(place "$ARCHIVE" "$id")
        clean_slowly() { EXEC=$slowly cleanup_jobs; }
        background clean_slowly
        await test -e "$there.dump"
        collect --day 20081225 --id "$id" --order "$order" --size 200 --age 0 >/dev/null
        background_ends 1
        log_has "cannot put \"$id\" away: cannot move file \"$id.json\" to \"$ARCHIVE\": it has just changed; it stays for the next run"
        pair_is_whole "$SPOOL" 20081225 "$id"
        has_links "$id"
        [[ ! -e $there.json && ! -e $SPOOL/quarantine ]] || fail "$(find "$SPOOL" "$ARCHIVE")"
    done
}
