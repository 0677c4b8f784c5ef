#!/usr/bin/env bats
# explain_quarantine.bats - --explain of a crash of which something lies in quarantine, and what may lie elsewhere.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load explain
load quarantine

@test "in a quarantine that is shared: what another storage has put there is neither deleted nor released by this one" {
    shared_quarantine
    expect_status 0 scan
    mark=$(cut -d' ' -f3 "$WEST/.crashmon")
    find "$QUARANTINE" -exec touch -h -d '90 days ago' {} +
    for days in '' 30; do
        [[ ! $days ]] || echo "keep-quarantine-days = $days" >>"$CONF"
        does "$half" cleanup "leaves what is in quarantine: it is from another storage, with the mark $mark"
    done
    says "$half" "Hint ask with the configuration of the storage whose root has the mark $mark in crashmon.storages$"
    expect_status 1 priority --release "$half"
    [[ $output == *"the quarantine has it from another storage, with the mark $mark"* ]] || fail "$output"
    expect_status 0 cleanup_jobs --dry-run
    [[ $output != *"$half"* ]] || fail "$output"
    cp -r "$QUARANTINE/20081225/$half" "$QUARANTINE/20081225/$half.1"
    sed -i "s/$mark/$(cut -d' ' -f3 "$SPOOL/.crashmon")/" "$QUARANTINE/20081225/$half.1/reason"
    does "$half" cleanup "leaves \"20081225/$half\" in quarantine: it is from *; deletes \"20081225/$half.1\" in quarantine if nothing of it changes for another * d *"
    says "$half" "Hint put what is missing .* crashmon-priority --release $half$"
    sed -i "s/$mark//" "$QUARANTINE/20081225/$half/reason"
    rm -r "$QUARANTINE/20081225/$half.1"
    does "$half" cleanup "leaves what is in quarantine: its reason does not say of which storage it is"
    says "$half" "Hint put what is missing .* crashmon-priority --release $half$"
    run west crashmon-priority --explain "$half"
    [[ $output == *"--release $half"* ]] || fail "$output"
}

@test "what lies in quarantine of a crash that is archived: a part of it is not to be deleted" {
    in_quarantine
    mkdir -p "$ARCHIVE/20081225/name/22/ad"
    cp "$CASE/$id".* "$ARCHIVE/20081225/name/22/ad"
    marked
    says "$id" "Hint compare it with the crash of its id in long-term storage, and delete one of the two; .*--release $id$"
    for part in json browser.dump; do
        rm "$CASE/$id".*
        echo some >"$CASE/$id.$part"
        says "$id" "Hint what is in quarantine may be a part of the crash with its id in long-term storage; if so, put it there, beside the rest, with mv -n$"
    done
}

@test "where not every place could be looked at, nobody is told to move or to delete anything" {
    in_quarantine
    marked
    archived=$ARCHIVE/20081225/name/22/ad
    mkdir -p "$archived"
    hint="Hint not every place could be read \\(see Troubles\\), so there may be more of it: move and delete nothing of it yet$"

    # Of long-term storage: a part of it may be there.
    mv "$ARCHIVE/.crashmon" "$BATS_TEST_TMPDIR"
    says "$id" "$hint"
    rm "$CASE/$id.json"
    says "$id" "$hint"
    mv "$BATS_TEST_TMPDIR/.crashmon" "$ARCHIVE"
    says "$id" "Hint put what is missing"

    # Of the quarantine: another crash of its id may be there, a day of it or all.
    collect --id "$id" --root "$ARCHIVE" --day 20081225 --without links >/dev/null
    mv "${CASE%/*}" "$BATS_TEST_TMPDIR/day"
    says "$id" "Hint it is done; to have it processed again, move "
    touch "$SPOOL/quarantine/20081225"
    mkdir "$SPOOL/quarantine/20081226"
    ln -s "$BATS_TEST_TMPDIR/day/$id" "$SPOOL/quarantine/20081226/$id"
    says "$id" "$hint"
    rm "$SPOOL/quarantine/20081226/$id"
    mkdir "$BATS_TEST_TMPDIR/away"
    echo "quarantine-to = $BATS_TEST_TMPDIR/away" >>"$CONF"
    expect_status 0 scan --adopt
    says "$id" "Hint it is done; to have it processed again, move "
    rm "$BATS_TEST_TMPDIR/away/.crashmon"
    says "$id" "$hint"
}

@test "a job whose pair lies in quarantine, as after a restore: what brings it back" {
    in_quarantine
    ended NULL "$id"
    says "$id" "Hint its pair is in quarantine; once its job has failed and its row is gone: crashmon-priority --release $id$"
    rm -r "$CASE"
    says "$id" 'Hint its pair is nowhere: look whether a disk is not mounted'
}

@test "a job of another storage: that one knows where its pair is" {
    in_quarantine
    ended NULL "$id"
    sql "UPDATE jobs SET storage = 'west'"
    says "$id" 'Hint its job belongs to storage "west": ask with the configuration of that$'
}

@test "a pair, and a half one, without a date link: whether --repair sees it already" {
    processor p1
    declare -A does=([links]='queued' ['links dump']='quarantined, as .dump is missing')
    for without in links 'links dump'; do
        # shellcheck disable=SC2086 # several words
        id=$(crash --age 90000 $(printf -- '--without %s ' $without))
        find "$SPOOL/20081225" -exec touch -h -d '90000 seconds ago' {} +
        says "$id" "crashmon-scan .* does not see it, as it has no date link; with --repair it is ${does[$without]}$"
        expect_status 1 scan --repair --dry-run
        [[ $output == *" $id "* ]] || fail "$output"
        touch -h -d '80000 seconds ago' "$(dirname "$(place "$SPOOL" "$id")")" "$(place "$SPOOL" "$id").json"
        does "$id" scan "*; with --repair it is ${does[$without]}, once nothing of it or of its directory has changed for 1 d 0 h"
        expect_status 0 scan --repair --dry-run
        rm -r "$SPOOL/20081225"
    done
}

@test "a root that was elsewhere before: jobs with the old path are told among the troubles, and by --check" {
    expect_status 0 cleanup_jobs --adopt
    id=$(crash --without links)
    ended NULL "$id"
    mv "$SPOOL" "$SPOOL.new"
    sed -i "s|^storage-root = .*|storage-root = $SPOOL.new|" "$CONF"
    warning="storage root \"$SPOOL.new\" was at \"$SPOOL\" before; unfinished jobs that still have the old path, .*: 1 (see"
    for ask in "priority --explain $id" "scan --status"; do
        # shellcheck disable=SC2086 # several words
        run --separate-stderr $ask
        [[ -z $stderr && $output =~ Troubles.*"was at \"$SPOOL\" before" ]] || fail "$ask: $output" "$stderr"
    done
    run --separate-stderr scan --check
    [[ -z $stderr ]] || fail "$stderr"
    grep -q "^WARNING: $warning" <<<"$output" || fail "$output"
}

@test "a release that was killed at any file is to be repeated" {
    strace -o /dev/null true 2>/dev/null || skip "no strace here"
    processor p1
    id=$(crash --without links)
    hidden=$BATS_TEST_TMPDIR/hidden
    mkdir -p "$SPOOL/quarantine/20081225/$id"
    mv "$(place "$SPOOL" "$id")".* "$SPOOL/quarantine/20081225/$id"
    cp -a "$SPOOL" "$hidden"
    for ((step = 1; ; step++)); do
        EXEC="strace -f -qq -o /dev/null -e trace=linkat,unlinkat -e inject=linkat,unlinkat:signal=KILL:when=$step" \
            run priority --release "$id"
        [[ $status == 137 ]] || break
        [[ -d $SPOOL/quarantine/20081225/$id ]] || break
        says "$id" "Hint (to have it processed|its release was not finished): crashmon-priority --release $id$"
        rm -r "$SPOOL"/20081225 "$SPOOL/quarantine"
        cp -a "$hidden/." "$SPOOL"
    done
    ((step > 4)) || fail "killed at $step steps"
    # Another crash of its id is there.
    mkdir -p "$SPOOL/quarantine/20081225/$id"
    cp -a "$hidden/quarantine/20081225/$id/$id.json" "$SPOOL/quarantine/20081225/$id"
    run priority --explain "$id"
    [[ $output != *"was not finished"* ]] || fail "$output"
}
