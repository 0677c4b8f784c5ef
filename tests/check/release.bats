#!/usr/bin/env bats
# release.bats - crashmon-priority --release: a crash comes out of quarantine, as a new one.
load ../helper
load quarantine

name_in() { echo "$1/20081225/name/22/ad"; }
release() { priority --release "$@"; }

# It is refused with this sentence, and nothing is changed.
refused() {
    local before
    before=$(spool_state "$SPOOL" "$DEFERRED")
    expect_status 1 release "$id"
    [[ $output == *"ERROR - \"$id\": left: $1"* ]] || fail "does not say $1: $output"
    equal "$(spool_state "$SPOOL" "$DEFERRED")" "$before"
}

@test "a crash comes out of quarantine with all its files, is new, and is queued by the next scan" {
    processor p1
    in_quarantine "$id" --extra browser
    chmod 640 "$CASE/$id.dump"
    before=$(cd "$CASE" && sha256sum "$id"*)
    expect_status 0 priority
    expect_status 0 release "$id"
    equal "$output" "seen 1: released 1; exit code 0"
    sql_is "SELECT program, seen, overdue FROM crashmon.last_runs ORDER BY program" \
        "crashmon-priority|0|f"$'\n'"crashmon-priority-release|1|f"
    log_has "INFO - \"$id\": released: from quarantine \"$SPOOL/quarantine/20081225/$id\""
    log_has "seen 1: released 1; exit code 0"
    [[ ! -e $SPOOL/quarantine/20081225 && -d $SPOOL/quarantine ]] || fail "$(find "$SPOOL/quarantine")"
    equal "$(cd "$(name_in "$SPOOL")" && sha256sum "$id".*)" "$before"
    equal "$(stat -c %a "$(name_in "$SPOOL")/$id.dump")" 640
    has_links "$id"
    equal "$(cd "$(name_in "$SPOOL")/$id" && cd "$id" && pwd -P)" "$(realpath "$(name_in "$SPOOL")")"
    expect_status 0 scan --settle-time=00:00:00
    jobs_are "$id"
    no_links "$id"
}

@test "where the disk of its day, or of the name tree, is away it stays; a day that is gone is made" {
    processor p1
    for place in "$SPOOL/20081225/name" "$SPOOL/20081225" "$DEFERRED/20081225/name"; do
        in_quarantine "$id"
        disk "$place" size=1m
        umount "$place"
        for dry_run in --dry-run ''; do
            # shellcheck disable=SC2086 # it may be empty
            expect_status 1 release $dry_run "$id"
            [[ $output == *"\"$id\": left: its day "*" (is it mounted?): \"${place%/name}\" (rmdir what is empty if no disk belongs there)"* ]] || fail "$output"
        done
        [[ -e $CASE/$id.json && -z $(find "$SPOOL/20081225" "$DEFERRED/20081225" -name "$id*") ]] ||
            fail "$(find "$SPOOL" "$DEFERRED")"
        mount -t tmpfs tmpfs "$place"
        expect_status 0 release "$id"
        umount "$place" # and its name tree with it
        rm -r "$SPOOL/20081225" "${place%%/2008*}/20081225" 2>/dev/null || true
    done
    in_quarantine "$id"
    expect_status 0 release "$id"
    has_links "$id"
}

@test "while the name tree of its day is elsewhere it stays: that may have a crash of its id" {
    processor p1
    in_quarantine "$id" --size 200
    collect --id "$id" --day 20081225 >/dev/null
    mv "$SPOOL/20081225/name" "$BATS_TEST_TMPDIR/moved"
    expect_status 1 release "$id"
    [[ $output == *"\"$id\": left: its day has no name tree (was it moved?): \"$SPOOL/20081225\""* ]] || fail "$output"
    [[ -e $CASE/$id.json && -z $(find "$SPOOL/20081225" -name "$id*" -type f) ]] || fail "$(find "$SPOOL")"
    mv "$BATS_TEST_TMPDIR/moved" "$SPOOL/20081225/name"
    expect_status 1 release "$id"
    [[ $output == *"the spool has a crash of its id"* ]] || fail "$output"
}

@test "where the disk of the day that its id says is away it stays, whatever day its case has; an empty name tree can be removed" {
    processor p1
    rmdir "$SPOOL/20000101" "$DEFERRED/20000101" 2>/dev/null || true # an id without a date may lie there
    other=$(crash --id-day none)
    for id in "$id" "$other"; do
        in_quarantine "$id" --day 20081225
        mkdir "$SPOOL/quarantine/20081227"
        mv "$CASE" "$SPOOL/quarantine/20081227/$id"
        find "$SPOOL/20081225" -name "$id" -delete
        mkdir -p "$SPOOL/20081224/name/22"
        mv "$SPOOL/20081225" "$BATS_TEST_TMPDIR/away"
        mkdir -p "$SPOOL/20081225/name" "$SPOOL/20081225/date"
        expect_status 1 release "$id"
        [[ $output == *"\"$id\": left: its day has an empty name tree (is it mounted?): \"$SPOOL/20081225\""* ]] || fail "$output"
        [[ ! -e $SPOOL/20081227 ]] || fail "released"
        rmdir "$SPOOL/20081225/name"
        expect_status 1 release "$id"
        [[ $output == *"its day has no name tree (was it moved?): \"$SPOOL/20081225\""* ]] || fail "$output"
        rmdir "$SPOOL/20081225/date" "$SPOOL/20081225"
        mkdir "$DEFERRED/20081227"
        expect_status 1 release "$id"
        [[ $output == *"its day is empty (is it mounted?): \"$DEFERRED/20081227\""* ]] || fail "$output"
        expect_status 0 priority --explain "$id"
        [[ $output == *"Hint "*"its day is empty (is it mounted?): \"$DEFERRED/20081227\"; to have it processed: "* ||
            ($id == "$other" && $output == *"Hint "*"not every place could be read"*) ]] || fail "$output"
        rmdir "$DEFERRED/20081227"
        expect_status 0 release "$id"
        rm -r "$SPOOL/20081225" "$SPOOL/20081227" "$SPOOL/quarantine/20081227" 2>/dev/null || true
        mv "$BATS_TEST_TMPDIR/away" "$SPOOL/20081225"
    done
}

@test "several, in any depth of the name tree, from a quarantine on another disk" {
    elsewhere
    QUARANTINE=$ELSEWHERE/quarantine
    echo "quarantine-to = $QUARANTINE" >>"$CONF"
    ids=()
    for depth in 0 1 3; do
        id=aaaaaaa$depth-0000-0000-0000-00000${depth}081225
        collect --root "$BATS_TEST_TMPDIR/lost" --id "$id" --without links >/dev/null
        mkdir -p "$QUARANTINE/20081225/$id"
        mv "$(place "$BATS_TEST_TMPDIR/lost" "$id")".* "$QUARANTINE/20081225/$id"
        ids+=("$id")
    done
    expect_status 0 release "${ids[@]}"
    for id in "${ids[@]}"; do
        pair_is_whole "$SPOOL" 20081225 "$id"
        has_links "$id"
        [[ -e $(dirname "$(place "$SPOOL" "$id")")/$id/$id ]] || fail "links lead nowhere"
    done
    equal "$(new_links)" "$(printf '%s\n' "${ids[@]}")"
    equal "$(find "$QUARANTINE" -mindepth 1)" ""
}

@test "a dry run says what would be released, and changes nothing" {
    in_quarantine
    before=$(spool_state "$SPOOL")
    expect_status 0 release --dry-run "$id"
    equal "$output" "\"$id\": released: from quarantine \"$CASE\""
    equal "$(spool_state "$SPOOL")" "$before"
}

@test "what is not in quarantine, or no pair there, is not released: 1, with a sentence" {
    refused "there is no quarantine yet"
    mkdir "$SPOOL/quarantine"
    refused "it is not in quarantine"
    in_quarantine "$id" --without dump
    refused "it is not a pair: .dump is missing in quarantine"
    : >"$CASE/$id.dump"
    refused "it is not a pair: .dump is empty"
    rm "$CASE/$id.dump"
    ln -s "$CASE/$id.json" "$CASE/$id.dump"
    refused "\"$id.dump\" in quarantine is not a file of it"
}

@test "half a case is not made whole by what another crash of its id has in the spool" {
    in_quarantine "$id" --without dump
    collect --id "$id" --without json >/dev/null
    refused "it is not a pair: .dump is missing in quarantine"
    mv "$CASE/$id.json" "$CASE/$id.browser.dump"
    refused "it is not a pair: .json is missing in quarantine"
}

@test "what would be lost with its case keeps it in quarantine" {
    in_quarantine
    mkdir "$CASE/.original"
    cp "$CASE/$id.json" "$CASE/.original"
    refused "\".original\" in quarantine is not a file of it: move it away"
    mv "$CASE/.original" "$CASE/$id"
    refused "\"$id\" in quarantine is not a file of it: move it away"
    mv "$CASE/$id" "$BATS_TEST_TMPDIR"
    : >"$CASE/.copy.tmp" # a scan was killed while it copied
    expect_status 0 release "$id"
    [[ ! -e $CASE ]] || fail "$(ls -A "$CASE")"
}

@test "a file with a second name is not moved away, but a copy is put in its place" {
    in_quarantine
    ln "$CASE/$id.dump" "$BATS_TEST_TMPDIR/second"
    refused "\"$id.dump\" in quarantine has a second name (a hard link), which may lie elsewhere: put a copy in its place"
    cp -p "$CASE/$id.dump" "$CASE/copy"
    mv "$CASE/copy" "$CASE/$id.dump"
    expect_status 0 release "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "a crash of the same id, in a root or with a row, keeps it in quarantine" {
    in_quarantine
    sql "INSERT INTO jobs (uuid, pathname, storage) VALUES ('$id', '/there/x.json', 'west')"
    job=$(sql "SELECT id FROM jobs")
    refused "it has a job, $job, which is unfinished and was queued from storage west: \"/there/x.json\""
    sql "DELETE FROM jobs"
    sql "INSERT INTO jobs (uuid, pathname) VALUES (upper('$id'), '/there/x.json')"
    refused "it has a job, "
}

@test "a crash of the same id in the spool, whatever is there of it, keeps it in quarantine" {
    in_quarantine
    local root day what
    for root in "$SPOOL" "$DEFERRED"; do
        for day in 20081225 20081226; do
            while read -r what; do
                # shellcheck disable=SC2086 # several options
                collect --root "$root" --id "$id" --day "$day" $what >/dev/null
                refused "the spool has a crash of its id: \"$id"
                rm -r "${root:?}/$day"
            done <<'END'
--without json --without dump
--without json --without dump --without date-link
--without json --without links
--without dump --without links
--without json --without dump --without links --extra browser
--without links
END
        done
    done
    collect --id "${id^^}" --without json --without dump >/dev/null
    refused "the spool has a crash of its id: \"${id^^}\" in \"$SPOOL/20081225\""
}

@test "of several in quarantine the only whole pair is released; of two, none" {
    in_quarantine
    in_quarantine "$id.1"
    refused "quarantine has 2 of its id, and more than one is a whole pair: move away all but"
    rm "$CASE/$id.json" "$SPOOL/quarantine/20081225/$id/$id.json"
    refused "quarantine has 2 of its id, and none is a whole pair: move away all but"
    in_quarantine "$id.2"
    expect_status 0 release "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
    equal "$(ls "$SPOOL/quarantine/20081225")" "$id"$'\n'"$id.1"
}

@test "a deferred root that the storage has, but the run has not, keeps all in quarantine" {
    expect_status 0 priority
    in_quarantine
    sed -i '/deferred-storage-root/d' "$CONF"
    refused "a crash of its id may be in the deferred storage root, which is not set in this run"
}

@test "what stands in the way of one does not stop the others" {
    in_quarantine
    other=33adfb61-f75b-11dc-b6be-001322081225
    expect_status 1 release "$other" "$id"
    log_has "\"$other\": left: it is not in quarantine"
    pair_is_whole "$SPOOL" 20081225 "$id"
    log_has "seen 2: released 1, left 1; exit code 1"
}

@test "nor does a directory that is called like a note, beside its place" {
    processor p1 >/dev/null
    in_quarantine
    mkdir -p "$SPOOL/20081225"/{name/22/ad/.moving.$id,date/released}
    refused "cannot remove note .moving.$id in \"$SPOOL/20081225/name/22/ad\": Is a directory"
}

@test "--release needs an id, and is no --adopt: 64" {
    expect_status 64 release
    [[ $output == "crashmon-priority: --release needs the id of a crash" ]] || fail "$output"
    expect_status 64 release --adopt "$id"
    expect_status 64 release "nonsense"
}

@test "it is found in quarantine in small letters and in capitals" {
    id=${id^^}
    in_quarantine
    expect_status 0 release "${id,,}"
    pair_is_whole "$SPOOL" 20081225 "$id"
    [[ ! -e $CASE ]]
}

@test "with a limit, so many are released" {
    in_quarantine
    first=$id id=33adfb61-f75b-11dc-b6be-001322081225
    in_quarantine
    expect_status 1 release --limit=1 44adfb61-f75b-11dc-b6be-001322081225 "$first" "$id"
    pair_is_whole "$SPOOL" 20081225 "$first"
    [[ -e $CASE/$id.dump ]]
}

# A release, then the case is as it was when a run was killed before it could remove it.
released_in_part() {
    in_quarantine "$id" --extra browser
    cp -a "$CASE" "$BATS_TEST_TMPDIR/case"
    expect_status 0 release "$id"
    mkdir -p "${CASE%/*}"
    mv "$BATS_TEST_TMPDIR/case" "$CASE"
}

@test "a release that was killed can be repeated when the crash is new, or queued by now" {
    processor p1
    released_in_part
    before=$(spool_state "$SPOOL/20081225")
    expect_status 0 release --dry-run "$id"
    [[ -e $CASE/$id.json ]]
    expect_status 0 release "$id"
    [[ ! -e $CASE ]]
    equal "$(spool_state "$SPOOL/20081225")" "$before"
    expect_status 0 scan --settle-time=00:00:00
    in_quarantine "$id" --extra browser
    before=$(spool_state "$SPOOL/20081225")
    echo another >"$CASE/$id.browser.dump"
    refused "the spool has a crash of its id: \"$id.browser.dump\""
    in_quarantine "$id" --extra browser
    sql "UPDATE jobs SET pathname = '/elsewhere' || pathname, root = NULL"
    refused "the spool has a crash of its id"
    sql "UPDATE jobs SET pathname = replace(pathname, '/elsewhere', ''), root = gen_random_uuid()"
    expect_status 0 release "$id"
    [[ ! -e $CASE ]]
    equal "$(spool_state "$SPOOL/20081225")" "$before"
    jobs_are "$id"
    log_has "\"$id\": released"
}

@test "a case that says it is another storage's is released there alone" {
    shared_quarantine
    echo found >"$QUARANTINE/20081225/$half/$half.dump"
    mark=$(sql "SELECT identity FROM crashmon.storages WHERE storage = 'west' AND place = 'storage'")
    id=$half refused "the quarantine has it from another storage, with the mark $mark"
    [[ -e $QUARANTINE/20081225/$half/$half.dump ]]
    expect_status 0 west crashmon-priority --release "$half"
    [[ $(<"$(place "$WEST" "$half").dump") == found && ! -e $QUARANTINE/20081225/$half ]]
    in_quarantine # which does not say whose it is
    expect_status 0 release "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
}

@test "one crash of two storages makes two cases" {
    shared_quarantine
    crash --id "$half" --without dump --age 200000 >/dev/null
    expect_status 1 scan
    equal "$(ls "$QUARANTINE/20081225")" "$half"$'\n'"$half.1"
}

@test "halves of two crashes with one id, from the two roots, make two cases" {
    shared_quarantine
    id=$(crash --without json --without links)
    collect --root "$DEFERRED" --day 20081225 --id "$id" --without dump --without links >/dev/null
    crash >/dev/null
    collect --root "$DEFERRED" --day 20081225 >/dev/null
    find "$SPOOL" "$DEFERRED" -path '*/name*' -type d -exec touch -d '1 hour ago' {} +
    expect_status 1 scan --repair --incomplete-age=00:30:00
    cases=$QUARANTINE/20081225 mark=$(sed -n 's/.* //p' "$SPOOL/.crashmon")
    equal "$(cd "$cases" && echo "$id"*/*)" "$id.1/$id.json $id.1/reason $id/$id.dump $id/reason"
    grep -q "^[^ ]* $mark/deferred/20081225/name/.*: .dump is missing" "$cases/$id.1/reason" ||
        fail "$(cat "$cases/$id.1/reason")"
    grep -q "^[^ ]* $mark/20081225/name/.*: .json is missing" "$cases/$id/reason" ||
        fail "$(cat "$cases/$id/reason")"
    refused "quarantine has 2 of its id, and none is a whole pair"
    echo found >"$cases/$id.1/$id.dump"
    expect_status 1 west crashmon-priority --release "$id"
    [[ $output == *"the quarantine has it from another storage, with the mark $mark"* ]] || fail "$output"
    expect_status 0 release "$id"
    equal "$(<"$(place "$SPOOL" "$id").dump")" found
    equal "$(cd "$cases" && echo "$id"*/*)" "$id/$id.dump $id/reason"
}

@test "however many of its id are there, what a scan that was killed has begun to quarantine is whole at last, and found" {
    processor p1 >/dev/null
    id=$(collect --day 20081226 --without links)
    sql "INSERT INTO jobs (pathname, uuid) VALUES ('$SPOOL/20081226/name/$(name_dir "$id")/$id.json', '$id')"
    mkdir -p "$SPOOL/quarantine/20081225"
    for case in "$SPOOL/quarantine/20081225/$id"{,.{1..99}}; do
        mkdir "$case"
        echo another >"$case/$id.json"
    done
    crash --id "$id" --extra browser >/dev/null
    killed_at renameat2:2 scan
    expect_status 1 scan --lock-wait=00:00:10
    equal "$(cd "$SPOOL/quarantine/20081225" && ls -d ./*/ | wc -l)" 101
    run priority --explain "$id"
    equal "$(grep -c "\"$SPOOL/quarantine/20081225/$id" <<<"$output")" 101
    sql "DELETE FROM jobs"
    rm -r "$SPOOL/20081226"
    expect_status 0 release "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
    [[ -e $(place "$SPOOL" "$id").browser.dump ]]
}

@test "a file in the place of the quarantine, or of a directory above, is no fault of the crash (74)" {
    for there in quarantine quarantine/below; do
        : >"$SPOOL/quarantine"
        expect_status 74 release "$id" --quarantine-to="$SPOOL/$there"
        [[ $output == *"cannot release \"$id\": cannot open quarantine \"$SPOOL/$there\": Not a directory"* ]] || fail "$output"
    done
    processor p1 >/dev/null
    crash --id "$id" >/dev/null
    mkdir -p "$ARCHIVE/20081225/name/22/ad"
    echo other >"$ARCHIVE/20081225/name/22/ad/$id.dump"
    ended true "$id"
    expect_status 74 cleanup_jobs
    [[ $output == *"cannot put \"$id\" away: cannot open quarantine \"$SPOOL/quarantine\": Not a directory"* ]] || fail "$output"
}

@test "a quarantine that may be written but not read is told (77) for each id, and nothing waits for itself" {
    in_quarantine
    other=44adfb61-f75b-11dc-b6be-001322081225
    in_quarantine "$other"
    as_a_user
    chmod 300 "$SPOOL/quarantine"
    EXEC="timeout -k 2 20 ${EXEC:-}"
    expect_status 77 release "$id" "$other"
    chmod 700 "$SPOOL/quarantine"
    [[ $(grep -c 'cannot open quarantine ".*" to read it: Permission denied' <<<"$output") == 2 ]] || fail "$output"
}
