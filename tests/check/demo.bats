#!/usr/bin/env bats
# demo.bats - the demo is what it claims to be, and README shows what it prints.
# shellcheck disable=SC2154 # bats sets output
load ../helper

# Runs the demo once; then what it has printed is in $SHOWN.
show_once() {
    SHOWN=$BATS_FILE_TMPDIR/shown
    [[ -e $SHOWN ]] || {
        PGOPTIONS='' DEMO=$BATS_FILE_TMPDIR/demo "$TESTS/demo" --inside 3>"$SHOWN" >"$SHOWN.server" 2>&1
    } || fail "$(cat "$SHOWN" "$SHOWN.server")"
}

# What differs from one run to the next, on one line: ages, ids, the host, free space, marks, directories.
shape() {
    sed -E 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/ID/g; s/([0-9]+ (d|h|min|s)\b ?)+/AGE /g; s/ on [^ ]+, [-0-9]+ [0-9:]+$/ on HOST, TIME/
        s|^(  [a-z]+) +[0-9.]+ [kMGT]?B, [0-9]+% +([0-9]+%\|-) +([0-9a-f]{8}\|-)( +)/.*/|\1 ROOM MARK PATH/|
        s|(less ).*/|\1|; s/ +/ /g; s/ $//'
}

@test "no crash is lost on the way, and the jobs of a processor that has left go to the others" {
    show_once
    read -r spool throttled < <(tr '\n' ' ' <"$SHOWN" |
        sed -E 's/.*wrote ([0-9]+) crashes .* put ([0-9]+) that .*/\1 \2\n/')
    grep -qx " *$((spool + throttled)) in all, as many as the collector wrote" "$SHOWN" || fail "$(cat "$SHOWN")"
    grep -qx " *ada has 320, bob has 320, cyd has 320; dan's jobs went to them" "$SHOWN" || fail "$(cat "$SHOWN")"
}

@test "README shows the check and the status with which the demo ends" {
    show_once
    shown=$(sed -n '/^\$ crashmon-scan --check/,/^$/p; /^\$ crashmon-scan --status/,$p' "$SHOWN" | shape)
    [[ $shown == *Waiting*Places* ]] || fail "$shown"
    equal "$(sed -n '/^    \$ crashmon-scan --check/,/^[^ ]/ { s/^    //p; /^$/p }' "$TESTS/../README.md" | shape)" \
        "$shown"
}
