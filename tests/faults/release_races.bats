#!/usr/bin/env bats
# release_races.bats - a collector brings another crash of the same id while one is released.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper
load ../check/quarantine

# The other crash, as a collector writes it that replaces nothing, and stops where it cannot go on:
# other_crash ORDER, as in "json dump name date".
other_crash() {
    perl -MFcntl -e '
        my ($day, $id, @order) = @ARGV;
        my ($name, $date) = ("$day/name/22/ad", "$day/date/12/05/web01_0");
        for (@order) {
            if    ($_ eq "name") { symlink "../../../date/12/05/web01_0", "$name/$id" or exit }
            elsif ($_ eq "date") { symlink "../../../../name/22/ad", "$date/$id" or exit }
            else { sysopen(my $file, "$name/$id.$_", O_WRONLY | O_CREAT | O_EXCL) or exit; print $file "other $_" }
        }' "$SPOOL/20081225" "$id" $1
}

# Runs a release that stands still after a call while the other crash is written: race CALL ORDER.
race() {
    rm -rf "$SPOOL/quarantine" "$SPOOL/20081225"
    mkdir -p "$SPOOL/20081225/name/22/ad" "$SPOOL/20081225/date/12/05/web01_0"
    in_quarantine
    echo "first json" >"$CASE/$id.json"
    echo "first dump" >"$CASE/$id.dump"
    : >"$BATS_TEST_TMPDIR/trace"
    background exec strace -qq -o "$BATS_TEST_TMPDIR/trace" -e "trace=${1%:*}" -e "inject=${1%:*}:signal=STOP:when=${1#*:}" \
        "$BUILD/crashmon-priority" --config="$CONF" --release "$id"
    await grep -q 'stopped by SIGSTOP' "$BATS_TEST_TMPDIR/trace"
    other_crash "$2"
    kill -CONT "$(pgrep -P "$pid")"
    wait "$pid" && status=0 || status=$?
    [[ $status -le 1 ]] || fail "$1, $2: exit code $status" "$(<"$BACKGROUND")"
}
# Whose a file is: "first", "other", or nothing.
whose() { head -c 5 "$1/$id.json" 2>/dev/null; echo -n " "; head -c 5 "$1/$id.dump" 2>/dev/null || true; }

@test "the first crash is whole, and never mixed with the other one, whenever that comes" {
    processor p1
    local call order both=() there
    for call in symlinkat:1 sendfile:1 sendfile:2 renameat2:1 renameat2:2 syncfs:2 symlinkat:2 syncfs:3 unlinkat:3; do
        for order in "json dump name date" "dump json name date" "name date json dump" "date name dump json"; do
            race "$call" "$order"
            there=$(whose "$SPOOL/20081225/name/22/ad")
            [[ $there == "first first" || $(whose "$CASE") == "first first" ]] ||
                fail "$call, $order: the first one is lost: $there; $(whose "$CASE")"
            [[ $there != "other first" && $there != "first other" ]] ||
                fail "$call, $order: mixed" "$(find "$SPOOL/20081225" ! -type d -ls)"
            both+=("$status:$there")
        done
    done
    [[ " ${both[*]} " == *" 0:first first "* && " ${both[*]} " == *" 1:other other "* ]] ||
        fail "nobody came too early, or too late: ${both[*]}"
}
