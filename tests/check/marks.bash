# marks.bash - what the cases about marks share. Load it after helper.
# shellcheck shell=bash disable=SC2154,SC2034 # bats sets status and output

setup() {
    begin_case
    processor p1 >/dev/null
}

# Puts places on a disk each, which away() unmounts and back() mounts again.
on_disks() {
    local place
    for place; do
        disk "$BATS_TEST_TMPDIR/disks/${place##*/}" size=4m
        back "$place"
        disks+=("$place")
    done
}
away() { umount "$1"; }
back() { mkdir -p "$1" && mount --bind "$BATS_TEST_TMPDIR/disks/${1##*/}" "$1"; }

# All three programs have run once: every place that is given has its mark and its row.
used() {
    expect_status 0 scan
    expect_status 0 priority
    local id
    for id in $(crash --count 2 --without links); do ended "${1:-true}" "$id" && set -- false; done
    cleans
}

mark_of() { sed -n 's/^crashmon 1 //p' "$1/.crashmon"; }
known() { sql "SELECT place, path FROM crashmon.storages WHERE storage = '${1:-main}' ORDER BY path"; }

# Asserts that a run ends like this with one line, which says all that; and that it changes nothing.
refused() {
    local code=$1 before word
    before=$(everything | grep -v '^runs|')
    expect_status "$code" "$2"
    [[ $(grep -c . <<<"$output") == 1 ]] || fail "not one line:" "$output"
    for word in "${@:3}"; do [[ $output == *"$word"* ]] || fail "does not say: $word" "$output"; done
    equal "$(everything | grep -v '^runs|')" "$before"
}

# Has the next runs be those of another host.
on_host() {
    [[ $(id -u) == 0 ]] || skip "only root can have another name"
    unshare --uts true || skip "no other name here"
    printf '#!/bin/sh\nhostname %s\nexec "$@"\n' "$1" >"$BATS_TEST_TMPDIR/host"
    chmod +x "$BATS_TEST_TMPDIR/host"
    EXEC="unshare --uts $BATS_TEST_TMPDIR/host"
}
