#!/usr/bin/env bats
# release.bats - crashmon-priority --release: a crash comes out of quarantine, as a new one.
load ../helper

id=22adfb61-f75b-11dc-b6be-001322081225

# Has a crash lie in quarantine: in_quarantine [CASE [OPTION...]].
in_quarantine() {
    CASE=${QUARANTINE:-$SPOOL/quarantine}/20081225/${1:-$id}
    collect --root "$BATS_TEST_TMPDIR/lost" --id "$id" --without links "${@:2}" >/dev/null
    mkdir -p "$CASE"
    mv "$(name_in "$BATS_TEST_TMPDIR/lost")/$id".* "$CASE"
    echo "2008-12-26T00:00:00Z 20081225/name/22/ad/$id.json: .dump is missing" >"$CASE/reason"
}
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

@test "a crash of the same id, in a root or with a row, keeps it in quarantine" {
    in_quarantine
    sql "INSERT INTO jobs (uuid, pathname, storage) VALUES ('$id', '/there/x.json', 'west')"
    job=$(sql "SELECT id FROM jobs")
    refused "it has a job, $job, which is unfinished and was queued from storage west: \"/there/x.json\""
    sql "DELETE FROM jobs"
    collect --root "$DEFERRED" --id "$id" >/dev/null
    refused "the spool has a crash of its id, in \"$DEFERRED/20081225\""
    rm -r "$DEFERRED/20081225"
    collect --id "$id" --day 20081226 --without dump >/dev/null
    refused "the spool has a crash of its id, in \"$SPOOL/20081226\""
    rm -r "$SPOOL/20081226"
    collect --id "$id" --size 100 --without links >/dev/null
    refused "in the spool is another file \"$id.dump\""
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

@test "what stands in the way of one does not stop the others" {
    in_quarantine
    other=33adfb61-f75b-11dc-b6be-001322081225
    expect_status 1 release "$other" "$id"
    log_has "\"$other\": left: it is not in quarantine"
    pair_is_whole "$SPOOL" 20081225 "$id"
    log_has "seen 2: released 1, left 1; exit code 1"
}

@test "--release needs an id, and is no --adopt: 64" {
    expect_status 64 release
    [[ $output == "crashmon-priority: --release needs the id of a crash" ]] || fail "$output"
    expect_status 64 release --adopt "$id"
    expect_status 64 release "nonsense"
}

# --- keep-quarantine-days

# Quarantined so many days ago.
quarantined_for() {
    in_quarantine "${@:2}"
    touch -d "$1 days ago" "$CASE/reason"
    find "$CASE" -mindepth 1 ! -name reason -exec touch -hd '2009-01-01' {} +
}
retains() { cleanup_jobs --keep-quarantine-days=30 "$@"; }

@test "without the option quarantine is kept for ever; with it, for so many days" {
    quarantined_for 1000
    cleans
    [[ -e $CASE ]]
    sql "UPDATE crashmon.storages SET swept = NULL"
    quarantined_for 29 "$id.1" --extra browser
    quarantined_for 31 "$id.2"
    mkdir -p "$CASE/$id.dir/below"
    ln -s "$SPOOL" "$CASE/link"
    touch -hd '31 days ago' "$CASE/$id.dir" "$CASE/link"
    expect_status 0 retains --dry-run
    equal "$(sort <<<"$output")" "\"$id\": deleted: quarantined for 30 d
\"$id.2\": deleted: quarantined for 30 d"
    expect_status 0 retains
    equal "$output" ""
    equal "$(cd "$SPOOL/quarantine/20081225" && find . -type f | sort)" \
        "$(printf './%s\n' "$id.1/$id".{browser.dump,dump,json} "$id.1/reason")"
    log_has 'seen 2: deleted 2'
    touch -d '31 days ago' "$SPOOL/quarantine/20081225/$id.1/reason"
    expect_status 0 retains
    [[ -e $SPOOL/quarantine/20081225 ]] || fail "twice on a day"
    sql "UPDATE crashmon.storages SET swept = NULL"
    expect_status 0 retains --limit=1
    equal "$(find "$SPOOL/quarantine" -mindepth 1)" ""
}

@test "what is mounted in the quarantine stays: a day, a case, and one that has something mounted in it" {
    elsewhere=$BATS_TEST_TMPDIR/elsewhere
    quarantined_for 31 "$id"
    mkdir -p "$elsewhere" "$SPOOL/quarantine/20081224"
    cp -a "$CASE" "$SPOOL/quarantine/20081225/$id.1"
    mv "$CASE" "$elsewhere"
    touch -d '31 days ago' "$elsewhere/$id"
    before=$(spool_state "$elsewhere")
    bind "$elsewhere" "$SPOOL/quarantine/20081224"
    bind "$elsewhere/$id" "$CASE"
    bind "$elsewhere/$id" "$SPOOL/quarantine/20081225/$id.1/mounted"
    expect_status 1 retains
    [[ $output == *"cannot remove \"20081225/$id.1\""* && $output != *$'\n'* ]] || fail "$output"
    log_has 'seen 1: left 1'
    equal "$(spool_state "$elsewhere")" "$before"
}

@test "somebody who is at work in the quarantine is waited for" {
    quarantined_for 31
    exec 7>"$SPOOL/quarantine/.lock"
    flock 7
    background retains 7>&-
    await has_open /quarantine/.lock
    [[ -e $CASE ]]
    exec 7>&-
    background_ends 0
    [[ ! -e $CASE ]]
}

@test "what cannot be removed is told once, stays, and keeps nothing else" {
    as_a_user
    quarantined_for 31
    quarantined_for 31 "$id.1"
    quarantined_for 31 "$id.2"
    chmod 555 "$CASE" "$SPOOL/quarantine/20081225/$id"
    [[ $EUID != 0 ]] || chown -R 65534:65534 "$SPOOL/quarantine"
    expect_status 77 retains
    [[ $output == *"cannot remove \"20081225/$id\": "*"Permission denied; it stays until tomorrow"* && $output != *"/$id.2"* ]] ||
        fail "$output"
    log_has 'seen 3: deleted 1, left 2'
    chmod 755 "$CASE" "$SPOOL/quarantine/20081225/$id"
}
