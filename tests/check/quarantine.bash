# quarantine.bash - crashes that lie in quarantine, loaded by their tests.
# shellcheck shell=bash disable=SC2154 # helper.bash sets the directories

id=22adfb61-f75b-11dc-b6be-001322081225

# Has a crash lie in quarantine: in_quarantine [CASE [OPTION...]].
in_quarantine() {
    CASE=${QUARANTINE:-$SPOOL/quarantine}/20081225/${1:-$id}
    collect --root "$BATS_TEST_TMPDIR/lost" --id "$id" --without links "${@:2}" >/dev/null
    mkdir -p "$CASE"
    mv "$(place "$BATS_TEST_TMPDIR/lost" "$id")".* "$CASE"
    echo "2008-12-26T00:00:00Z 20081225/name/22/ad/$id.json: .dump is missing" >"$CASE/reason"
}

# A quarantine that a second storage shares, which has put $half there, half a crash: shared_quarantine [PATH].
# shellcheck disable=SC2034 # the tests use it
shared_quarantine() {
    QUARANTINE=${1:-$BATS_TEST_TMPDIR/shared} WEST=$BATS_TEST_TMPDIR/west
    mkdir -p "$WEST/20000101"
    echo "quarantine-to = $QUARANTINE" >>"$CONF"
    processor p1 >/dev/null
    half=$(collect --root "$WEST" --day 20081225 --without dump --age 200000)
    expect_status 1 west crashmon-scan
}
west() { program "$1" --storage-name=west --storage-root="$WEST" --deferred-storage-root= "${@:2}"; }
