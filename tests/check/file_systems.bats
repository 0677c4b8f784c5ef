#!/usr/bin/env bats
# file_systems.bats - file systems that can do less: without mode and group (CIFS), without a rename
# that replaces nothing (NFS), as strace plays them.
# shellcheck disable=SC2154,SC2034 # bats sets status and output
load ../helper
load quarantine

setup() {
    begin_case
    processor p1 >/dev/null
    strace -f -qq -o /dev/null true 2>/dev/null || skip "no strace here"
}

# Runs a command where these calls end with these errors: lesser CALL:ERROR[,...] COMMAND...
lesser() {
    local options='' one EXEC
    for one in ${1//,/ }; do options+=" -e inject=${one%%:*}:error=${one#*:}"; done
    EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=fchmod,fchown,renameat2,linkat,renameat,unlinkat$options"
    "${@:2}"
}

ended_well() {
    id=$(crash --without links --extra plugin)
    ended true "$id"
    find "$SPOOL" -type f -exec chmod "$1" {} +
}

@test "where mode and group cannot be set, but are right already, pairs are renamed" {
    ended_well 640
    gid=$(stat -c %g "$SPOOL")
    expect_status 0 lesser fchmod:EPERM,fchown:EPERM cleanup_jobs --dump-permissions=0640 \
        --dump-gid="$gid" --dir-permissions=0770
    pair_is_whole "$ARCHIVE" 20081225 "$id"
}

@test "and copied" {
    elsewhere
    ended_well 640
    gid=$(stat -c %g "$ELSEWHERE")
    expect_status 0 lesser fchmod:EPERM,fchown:EPERM cleanup_jobs --dump-permissions=0600 \
        --dump-gid="$gid" --save-successful-minidumps-to="$ELSEWHERE"
    pair_is_whole "$ELSEWHERE" 20081225 "$id"
    equal "$(find "$ELSEWHERE" -type f ! -name "$id*")" ""
}

@test "whatever a file system says of a call that it does not have, but not where it is at fault" {
    gid=$(stat -c %g "$SPOOL")
    elsewhere
    for error in ENOSYS EOPNOTSUPP EINVAL EACCES EIO; do
        renamed=$(crash --without links)
        ended false "$renamed"
        ended_well 600 # that one is copied
        expected=0
        [[ $error != EIO ]] || expected=74
        expect_status "$expected" lesser fchmod:$error,fchown:$error cleanup_jobs --dump-permissions=0600 \
            --dump-gid="$gid" --dir-permissions=0770 --save-successful-minidumps-to="$ELSEWHERE"
    done
    jobs_are "$renamed" "$id"
}

@test "where they are not right the pair stays (77), and nothing is left in its place" {
    ended_well 640
    for options in "--dump-permissions=0660" "--dump-permissions=0640 --dump-gid=54321" \
        "--dump-permissions=0640 --dir-permissions=02770"; do
        rm -rf "$ARCHIVE/20081225"
        # shellcheck disable=SC2086 # one word an option
        expect_status 77 lesser fchmod:EPERM,fchown:EPERM cleanup_jobs $options
        [[ $output == *": Operation not permitted (does it refuse the mode of dump-permissions, or dump-gid?); it stays"* ||
            $output == *"cannot create directory"* ]] || fail "$output"
        pair_is_whole "$SPOOL" 20081225 "$id"
        jobs_are "$id"
        equal "$(find "$ARCHIVE" -type f)" ""
    done
}

@test "without a rename that replaces nothing pairs are copied, and copies get their names by linkat" {
    marked
    for error in EINVAL ENOSYS; do
        ended_well 640
        sums=$(sums "$SPOOL")
        expect_status 0 lesser renameat2:$error cleanup_jobs
        pair_is_whole "$ARCHIVE" 20081225 "$id"
        equal "$(sums "$ARCHIVE")" "$sums"
        roots_are_empty
        # Only names of our own are linked: what the spool has under a name may be another file now.
        [[ $(grep -c ' linkat(.*tmp"' "$BATS_TEST_TMPDIR/trace") == 3 ]] || fail "$(<"$BATS_TEST_TMPDIR/trace")"
        [[ $(grep -c ' linkat(' "$BATS_TEST_TMPDIR/trace") == 3 ]] || fail "$(<"$BATS_TEST_TMPDIR/trace")"
        rm -r "$ARCHIVE/20081225"
    done
}

@test "nor is a file in long-term storage replaced there" {
    ended_well 640
    place=$(place "$ARCHIVE" "$id")
    mkdir -p "${place%/*}"
    echo other >"$place.json"
    for error in EINVAL ENOSYS; do
        run lesser renameat2:$error cleanup_jobs
        [[ $(<"$place.json") == other ]]
    done
    quarantined "$id" "other bytes"
}

@test "a quarantine without such a rename takes files, links, directories and FIFOs by a copy or as they are" {
    marked
    for error in EINVAL ENOSYS; do
        half=$(crash --without json --extra plugin)
        dir=$SPOOL/20081225/date/12/05/web01_0
        mkdir -p "$dir/0/deep/deeper" "$(place "$SPOOL" "$half").json"
        ln -s /etc/passwd "$dir/stray"
        mkfifo "$dir/pipe"
        touch -hd '2 days ago' "$dir/stray" "$dir/pipe" "$dir/0/deep/deeper" "$(place "$SPOOL" "$half")".*
        expect_status 1 lesser renameat2:$error scan --incomplete-age=00:30:00
        case=$SPOOL/quarantine/20081225
        [[ -f $case/$half/$half.dump && -f $case/$half/$half.plugin.dump ]] || fail "$(find "$case")"
        [[ -d $case/$half/$half.json && -L $case/strays/stray && -p $case/strays/pipe ]] || fail "$(find "$case")"
        ! grep -v 'copy.tmp"' "$BATS_TEST_TMPDIR/trace" | grep '[^n]linkat(' | grep . ||
            fail "links a name that is not our own"
        rm -r "$SPOOL/quarantine"
    done
}

@test "a mark is made without such a rename, and without links" {
    for calls in renameat2:EINVAL renameat2:ENOSYS linkat:EPERM; do
        rm -f "$SPOOL/.crashmon"
        sql "DELETE FROM crashmon.storages"
        expect_status 0 lesser "$calls" scan
        [[ -s $SPOOL/.crashmon ]]
        equal "$(command find "$SPOOL" -name '.crashmon.*')" ""
    done
}

@test "a release there, of whose copies one could not lose its temporary name, is finished by the next" {
    id=22adfb61-f75b-11dc-b6be-001322081225
    in_quarantine "$id"
    expect_status 74 lesser renameat2:EINVAL,unlinkat:EIO:when=3 priority --release "$id"
    grep -q 'unlinkat.*INJECTED' "$BATS_TEST_TMPDIR/trace" || fail "not tried"
    expect_status 0 lesser renameat2:EINVAL priority --release "$id"
    pair_is_whole "$SPOOL" 20081225 "$id"
    [[ ! -e $CASE ]] || fail "$(ls -A "$CASE")"
}

# By the two errors that the system gives for hard links there.
neither() { lesser "renameat2:EINVAL,linkat:$1" "${@:2}"; }

@test "with neither of the two ways to name a file, a directory is no destination (74), and that is what is said" {
    ended_well 640
    reason="its file system can neither rename without replacing nor make hard links"
    for error in EPERM EOPNOTSUPP; do
        # No mark can be made there, so nothing is copied.
        sql "DELETE FROM crashmon.storages"
        rm -f "$ARCHIVE/.crashmon" && marked && rm "$ARCHIVE/.crashmon"
        sql "DELETE FROM crashmon.storages WHERE place IN ('successful', 'failed')"
        expect_status 74 neither "$error" cleanup_jobs
        [[ $output == *"cannot make the mark \"$ARCHIVE/.crashmon\" of the long-term storage: $reason"* ]] || fail "$output"
        [[ $output != *"let the user"* ]] || fail "$output"
        equal "$(find "$ARCHIVE" -mindepth 1)" ""
        # It has got one nevertheless. Copies of one batch are made, and removed.
        marked
        expect_status 74 neither "$error" cleanup_jobs
        [[ $output == *"cannot name the copy of file "*" in \"$ARCHIVE\": $reason"* ]] || fail "$output"
        pair_is_whole "$SPOOL" 20081225 "$id"
        equal "$(find "$ARCHIVE" -type f)" ""
        rm -rf "$ARCHIVE/20081225"
    done
    many=$(crash --without links --count 3)
    # shellcheck disable=SC2086 # one word an id
    ended true $many
    expect_status 74 neither EPERM cleanup_jobs --batch-size=1
    equal "$(grep -c ' linkat(' "$BATS_TEST_TMPDIR/trace")" 1
    [[ $output == *"is not used any more in this run; further pairs that stay for the next run: 3"* ]] || fail "$output"
    cleans
}
