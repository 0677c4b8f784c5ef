#!/usr/bin/env bats
# quarantine_retention.bats - --keep-quarantine-days: how long a crash stays in quarantine.
load ../helper
load quarantine

# A library that has the programs see the mtime of a file as its ctime, too, which nobody can set.
setup_file() {
    begin_file
    cc -shared -fPIC -o "$BATS_FILE_TMPDIR/ctime.so" -x c - <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
int fstatat(int directory, const char *name, struct stat *status, int flags)
{
    int result = (int)syscall(SYS_newfstatat, directory, name, status, flags);
    status->st_ctim = status->st_mtim;
    return result;
}
int fstat(int file, struct stat *status) { return fstatat(file, "", status, AT_EMPTY_PATH); }
END
    chmod 711 "${BATS_FILE_TMPDIR%/*}" "$BATS_FILE_TMPDIR"
}

# Quarantined so many days ago.
quarantined_for() {
    in_quarantine "${@:2}"
    find "$CASE" -exec touch -hd '2009-01-01' {} +
    touch -d "$1 days ago" "$CASE/reason" "$CASE"
}
retains() {
    EXEC="${EXEC:-} env LD_PRELOAD=$BATS_FILE_TMPDIR/ctime.so ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0" \
        keeps "$@"
}
keeps() { cleanup_jobs --keep-quarantine-days=30 "$@"; }
sweep_again() { sql "UPDATE crashmon.storages SET swept = NULL"; }

@test "without the option quarantine is kept for ever; with it, for so many days" {
    quarantined_for 1000
    cleans
    [[ -e $CASE ]]
    quarantined_for 29 "$id.1" --extra browser
    quarantined_for 31 "$id.2"
    mkdir -p "$CASE/$id.dir/below"
    ln -s "$SPOOL" "$CASE/link"
    touch -hd '31 days ago' "$CASE/$id.dir" "$CASE/$id.dir/below" "$CASE/link" "$CASE"
    expect_status 0 retains --dry-run
    equal "$(sort <<<"$output")" "\"$id\": deleted: quarantined for 30 d
\"$id.2\": deleted: quarantined for 30 d"
    expect_status 0 retains
    equal "$output" ""
    equal "$(cd "$SPOOL/quarantine/20081225" && find . -type f | sort)" \
        "$(printf './%s\n' "$id.1/$id".{browser.dump,dump,json} "$id.1/reason")"
    log_has 'seen 2: deleted 2'
    find "$SPOOL/quarantine/20081225/$id.1" -exec touch -hd '31 days ago' {} +
    expect_status 0 retains
    [[ -e $SPOOL/quarantine/20081225 ]] || fail "twice on a day"
    sweep_again
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
    mkdir "$SPOOL/quarantine/20081225/$id.1/mounted"
    touch -d '31 days ago' "$SPOOL/quarantine/20081225/$id.1"/{mounted,}
    before=$(spool_state "$elsewhere")
    bind "$elsewhere" "$SPOOL/quarantine/20081224"
    bind "$elsewhere/$id" "$CASE"
    bind "$elsewhere/$id" "$SPOOL/quarantine/20081225/$id.1/mounted"
    expect_status 1 retains
    [[ $output == *"cannot remove \"20081225/$id.1\""* && $output != *$'\n'* ]] || fail "$output"
    log_has 'seen 1: left 1'
    equal "$(spool_state "$elsewhere")" "$before"
}

@test "a day that cannot be read keeps no other: it is told once a day, and its crashes can be released no less" {
    quarantined_for 31
    old=$id id=44adfb61-f75b-11dc-b6be-001322081225
    in_quarantine
    ln -s "$BATS_TEST_TMPDIR" "$SPOOL/quarantine/20081101"
    marked
    says="cannot read day 20081101 of the quarantine: Not a directory (a symbolic link is not followed)"
    expect_status 74 retains
    [[ $output == *"$says; it stays until tomorrow"* && $output != *$'\n'* ]] || fail "$output"
    [[ ! -e $SPOOL/quarantine/20081225/$old ]]
    expect_status 0 retains
    expect_status 1 priority --release "$old"
    [[ $output == *"cannot release \"$old\": $says"* ]] || fail "$output"
    run priority --explain "$id"
    [[ $output == *"$SPOOL/quarantine/20081225/$id"* && $output == *"$says"* ]] || fail "$output"
    expect_status 0 priority --release "$id"
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

@test "whoever puts something there, with whatever times, has its days begin again" {
    quarantined_for 31
    echo '{}' >"$BATS_TEST_TMPDIR/found"
    touch -d '40 days ago' "$BATS_TEST_TMPDIR/found"
    mv "$BATS_TEST_TMPDIR/found" "$CASE/$id.browser.dump"
    touch -d '40 days ago' "$CASE"
    in_quarantine "$id.1"
    find "$CASE" -exec touch -hd '40 days ago' {} +
    before=$(spool_state "$SPOOL/quarantine")
    expect_status 0 keeps
    equal "$(spool_state "$SPOOL/quarantine")" "$before"
    quarantined_for 31 "$id.2"
    mkdir -p "$CASE/one/two"
    : >"$CASE/one/two/young"
    touch -d '40 days ago' "$CASE/one/two" "$CASE/one" "$CASE"
    sweep_again
    expect_status 0 retains
    [[ -e $CASE/one/two/young ]]
}

@test "of a quarantine that storages share, perhaps in the root of one, each has its own cases alone" {
    for place in "$BATS_TEST_TMPDIR/shared" "$SPOOL/quarantine"; do
        shared_quarantine "$place"
        ours=$(crash --without dump --age 200000)
        expect_status 1 scan
        quarantined_for 31
        find "$QUARANTINE" -exec touch -hd '31 days ago' {} +
        sweep_again
        expect_status 0 retains
        equal "$(ls "$QUARANTINE/20081225" | sort)" "$(printf '%s\n' "$half" "$id" | sort)"
        log_has "\"$ours\": deleted: quarantined for 30 d"
        expect_status 1 priority --release "$half"
        [[ $output == *"the quarantine has it from another storage, with the mark "* ]] || fail "$output"
        run priority --explain "$half"
        [[ $output == *"leaves what is in quarantine: it is from another storage"* ]] || fail "$output"
        sql "DELETE FROM processors; DELETE FROM crashmon.storages WHERE place = 'quarantine'"
        rm -r "${WEST:?}/20081225" "$QUARANTINE"
        sed -i '/quarantine-to/d' "$CONF"
    done
}

@test "in the quarantine below a root another storage's cases stay its own when the quarantine's mark is gone" {
    shared_quarantine "$SPOOL/quarantine"
    ours=$(crash --without dump --age 200000)
    expect_status 1 scan
    rm "$QUARANTINE/.crashmon"
    quarantined_for 31 # which does not say whose it is
    echo found >"$QUARANTINE/20081225/$half/$half.dump"
    find "$QUARANTINE" -exec touch -hd '31 days ago' {} +
    expect_status 0 retains
    equal "$(ls "$QUARANTINE/20081225")" "$half"
    log_has "\"$ours\": deleted: quarantined for 30 d"
    expect_status 1 priority --release "$half"
    [[ $output == *"the quarantine has it from another storage, with the mark "* ]] || fail "$output"
    run priority --explain "$half"
    [[ $output == *"leaves what is in quarantine: it is from another storage"* ]] || fail "$output"
    crash --id "$half" --without json --age 200000 >/dev/null
    expect_status 1 scan
    equal "$(ls "$QUARANTINE/20081225")" "$half"$'\n'"$half.1"
    expect_status 0 west crashmon-scan --adopt --quarantine-to="$QUARANTINE"
    expect_status 0 west crashmon-priority --release "$half"
    equal "$(ls "$QUARANTINE/20081225")" "$half.1"
}
