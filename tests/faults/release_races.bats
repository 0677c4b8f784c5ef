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

# The same, killed at the call: the other crash comes after that.
kill_release() {
    rm -rf "$SPOOL/quarantine" "$SPOOL/20081225"
    sql "DELETE FROM jobs; DELETE FROM priorityjobs"
    mkdir -p "$SPOOL/20081225/name/22/ad" "$SPOOL/20081225/date/12/05/web01_0"
    in_quarantine
    echo "first json" >"$CASE/$id.json"
    echo "first dump" >"$CASE/$id.dump"
    run strace -qq -o "$BATS_TEST_TMPDIR/trace" -e "trace=${1%:*}" -e "inject=${1%:*}:signal=KILL:when=${1#*:}" \
        "$BUILD/crashmon-priority" --config="$CONF" --release "$id"
    killed=$status
    other_crash "$2"
    find "$SPOOL/20081225" ! -type d -exec touch -hd '1 minute ago' {} +
}
run_them() {
    local command
    for command; do
        case $command in
        release) run priority --release "$id" ;;
        scan) run scan --settle-time=00:00:00 ;;
        repair)
            find "$SPOOL/20081225" -exec touch -hd '1 minute ago' {} +
            run scan --repair --incomplete-age=00:00:01 --settle-time=00:00:00
            ;;
        old)
            find "$SPOOL/20081225" -exec touch -hd '1 minute ago' {} +
            run scan --incomplete-age=00:00:01 --settle-time=00:00:00
            ;;
        request) run priority --settle-time=00:00:00 "$id" ;;
        esac
        # 74 can be told of what the other crash has left, but not 70 or a signal.
        [[ $status == [01] || $status == 74 ]] || fail "$call, $order: $command ends with $status" "$output"
    done
}

# Whose a file is: "first", "other", or nothing.
whose() { head -c 5 "$1/$id.json" 2>/dev/null; echo -n " "; head -c 5 "$1/$id.dump" 2>/dev/null || true; }

@test "the first crash is whole, and never mixed with the other one, whenever that comes" {
    processor p1
    local call order both=() there
    for call in symlinkat:1 sendfile:1 sendfile:2 linkat:1 linkat:2 syncfs:2 symlinkat:2 syncfs:3 unlinkat:3; do
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

note_written() {
    local text
    for text in json dump; do
        rm -f "$BATS_TEST_TMPDIR/wrote.$text"
        ! grep -qsF "other $text" "$SPOOL/20081225/name/22/ad/$id.$text" || : >"$BATS_TEST_TMPDIR/wrote.$text"
    done
}

# What each of them has written is somewhere, and a pair that is queued is one of them.
nothing_is_lost() {
    local there text
    there=$(whose "$SPOOL/20081225/name/22/ad")
    [[ $there == "first first" || $(whose "$CASE") == "first first" ]] ||
        fail "$call, $order, $*: the first one is lost: $there" "$(find "$SPOOL" ! -type d -ls)"
    for text in json dump; do
        [[ ! -e $BATS_TEST_TMPDIR/wrote.$text ]] ||
            grep -qrF "other $text" "$SPOOL" || fail "$call, $order, $*: $text of the other one is lost"
    done
    sql_true "SELECT NOT EXISTS (SELECT FROM jobs)" || [[ $there == "first first" || $there == "other other" ]] ||
        fail "$call, $order, $*: a mixture is queued: $there"
}

@test "a release is killed, then the other crash comes: nothing is lost or mixed, and it can be repeated" {
    processor p1
    local call order next last
    # shellcheck disable=SC2046 # words
    for call in symlinkat:1 sendfile:{1,2} syncfs:{1,2,3} linkat:{1,2} unlinkat:{1,2,3,4,5,6,7} symlinkat:2 fsync:{1,2}; do
        for order in "json dump name date" "dump json name date" "name date json dump" "date json dump name" "date dump json name"; do
            for next in "release" "scan release" "request release" "release scan"; do
                kill_release "$call" "$order"
                note_written
                run_them $next
                nothing_is_lost "$next"
                # What may still be in the way is the other crash: it is processed, or was half a one.
                last=$(sql "SELECT count(*) FROM jobs")
                run_them repair old
                nothing_is_lost "$next repair old"
                if [[ $last == 1 || $(sql "SELECT count(*) FROM jobs") == 1 ]]; then
                    finish "$id" true
                    run cleanup_jobs
                fi
                run_them release scan
                left=$(find "$SPOOL/20081225" -name '.released.*')
                [[ -z $left ]] || fail "$call, $order, $next: left:" "$left" "$output"
                sql_true "SELECT count(*) = 1 FROM jobs" || [[ -n $(find "$ARCHIVE" -name "$id.json" -exec grep first {} +) ]] ||
                    fail "$call, $order, $next: the first one cannot be released: $output" "$(find "$SPOOL" "$ARCHIVE" ! -type d -ls)"
                rm -rf "${ARCHIVE:?}/20081225"
            done
        done
    done
}

# A crash whose namesake is archived, with other bytes: it is processed, and quarantined for that.
refuse_again() {
    run scan --settle-time=00:00:00
    sql "UPDATE jobs SET starteddatetime = now(), completeddatetime = now(), success = true"
    run cleanup_jobs
}

@test "a release is killed, then the crash comes back to quarantine for the same reason: it can be released again" {
    processor p1
    mkdir -p "$ARCHIVE/20081225/name/22/ad"
    echo archived >"$ARCHIVE/20081225/name/22/ad/$id.json"
    echo archived >"$ARCHIVE/20081225/name/22/ad/$id.dump"
    local call
    for call in syncfs:{1,2,3} linkat:{1,2} symlinkat:2 unlinkat:{1..9} fsync:{1,2,3}; do
        rm -rf "$SPOOL/quarantine" "$SPOOL/20081225"
        crash --id "$id" >/dev/null
        bytes=$(cat "$SPOOL/20081225/name/22/ad/$id".{json,dump})
        refuse_again
        [[ -e $SPOOL/quarantine/20081225/$id/$id.json ]] || fail "$call: not quarantined: $output"
        run strace -qq -o "$BATS_TEST_TMPDIR/trace" -e "trace=${call%:*}" -e "inject=${call%:*}:signal=KILL:when=${call#*:}" \
            "$BUILD/crashmon-priority" --config="$CONF" --release "$id"
        find "$SPOOL/20081225" ! -type d -exec touch -hd '1 minute ago' {} +
        refuse_again
        run priority --release "$id"
        equal "$call: $(cat "$SPOOL/20081225/name/22/ad/$id".{json,dump})" "$call: $bytes"
        refuse_again
        [[ $(cat "$SPOOL/quarantine/20081225/$id/$id".{json,dump}) == "$bytes" ]] || fail "$call: $output"
    done
}
