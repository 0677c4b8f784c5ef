#!/usr/bin/env bats
# hostile_spool.bats - a spool in which nothing need be what it should: no run hangs, nothing
# outside the roots is read or changed, and the good crashes are served all the same.
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets status and output; a case is a subshell
load ../helper
load hostile

# The kinds that this user can make.
kinds() {
    echo fifo socket directory link loop hardlink
    [[ $(id -u) != 0 ]] || echo device
}

# Crashes in a root with something of each kind in the place of the metadata, and of the dump;
# their ids are in $bad.
spoil() {
    local kinds halves=(json dump) places=() puts=() i
    read -ra kinds < <(kinds)
    mapfile -t bad < <(crash --root "$1" --count $((2 * ${#kinds[@]})))
    for i in "${!bad[@]}"; do
        places+=("$1/20081225/name/${bad[i]:0:2}/${bad[i]:2:2}/${bad[i]}.${halves[i % 2]}")
        puts+=("${kinds[i / 2]}" "${places[i]}")
    done
    put "${puts[@]}"
    age "${places[@]}"
}

# What there is of files under the names of a pair, wherever they lie.
parts() {
    find "$@" \( -name '*.json' -o -name '*.dump' \) -printf '%f %y %m %s %i %l\n' | sort
}

# Asserts that these, and nothing else, lie in quarantine under 2008-12-25, each with one line of
# reason, and that the log tells it: all_quarantined REASON NAME...
all_quarantined() {
    local reason=$1 reasons
    shift
    equal "$(ls "$SPOOL/quarantine/20081225")" "$(printf '%s\n' "$@" | sort)"
    reasons=$(cat "$SPOOL"/quarantine/20081225/*/reason)
    [[ $(wc -l <<<"$reasons") == "$#" && $(grep -c "$reason" <<<"$reasons") == "$#" ]] ||
        fail "$reasons"
    [[ $(printf '%s\n' "$@" | grep -F -f - "$LOG" | grep -c "quarantined.*$reason") == "$#" ]] ||
        fail "not in the log"
}

# --- something else in a file's place

@test "scan: what is no plain file is left, later quarantined as it is, and never read" {
    processor p1
    good=$(crash)
    spoil "$SPOOL"
    before=$(parts "$SPOOL"/2*)
    remember
    expect_status 0 scan
    jobs_are "$good"
    equal "$(new_links)" "$(printf '%s\n' "${bad[@]}" | sort)"
    for id in "${bad[@]}"; do log_has "\"$id\": left: "; done
    expect_status 1 scan --incomplete-age=00:30:00
    untouched
    all_quarantined '\.\(json\|dump\)' "${bad[@]}"
    equal "$(parts "$SPOOL")" "$before"
    [[ -z $(find "$SPOOL"/2* -type l) ]] || fail "$(find "$SPOOL"/2* -type l)"
    [[ $(find "$SPOOL/quarantine" -name inside | wc -l) == 2 ]] || fail "lost"
}

@test "scan: what is no plain file does no harm when the quarantine is on another file system" {
    elsewhere
    processor p1
    spoil "$SPOOL"
    good=$(crash)
    remember
    run scan --incomplete-age=00:30:00 --quarantine-to="$ELSEWHERE"
    [[ $status == 1 || $status == 74 ]] || fail "exit code $status" "$output"
    untouched
    sql_is "SELECT uuid FROM jobs" "$good"
    # All is there, or reported and still here.
    for id in "${bad[@]}"; do [[ $(<"$LOG") == *"$id"* ]] || fail "not in the log: $id"; done
    equal "$(find "$SPOOL" "$ELSEWHERE" -name '*.json' -o -name '*.dump' | sed 's|.*/||' | sort)" \
        "$(printf '%s\n' "$good"{.json,.dump} "${bad[@]/%/.json}" "${bad[@]/%/.dump}" | sort)"
    ! grep -rqs secret "$ELSEWHERE" || fail "the outside has been copied"
}

@test "priority: only regular files are queued; anything else is left alone, and its request stays (0)" {
    processor p1
    good=$(crash) throttled=$(crash --root "$DEFERRED" --without links)
    spoil "$DEFERRED"
    before=$(parts "$DEFERRED")
    remember
    expect_status 0 priority "$good" "$throttled" "${bad[@]}"
    untouched
    equal "$(parts "$DEFERRED")" "$before"
    jobs_are "$good" "$throttled"
    equal "$(sql "SELECT uuid FROM priorityjobs" | sort)" "$(printf '%s\n' "${bad[@]}" | sort)"
}

@test "cleanup: what is no plain file is neither archived nor deleted, its job stays (1)" {
    spoil "$SPOOL"
    before=$(parts "$SPOOL")
    moved=$(crash) deleted=$(crash)
    ended true "$moved" "${bad[@]:5}"
    ended false "$deleted" "${bad[@]:0:5}"
    remember
    expect_status 1 cleanup_jobs --save-failed-minidumps-to=
    sql "UPDATE jobs SET success = NOT success"
    expect_status 1 cleanup_jobs --save-failed-minidumps-to=
    untouched
    equal "$(parts "$SPOOL")" "$before"
    jobs_are "${bad[@]}"
    for id in "${bad[@]}"; do [[ $(<"$LOG") == *"$id"* ]] || fail "not in the log: $id"; done
    pair_is_whole "$ARCHIVE" 20081225 "$moved"
    [[ $(find "$ARCHIVE" ! -type d | wc -l) == 2 ]] || fail "$(find "$ARCHIVE")"
}

@test "cleanup: what is no plain file under a further dump's name stays, its pair is put away" {
    id=$(crash)
    puts=()
    for kind in $(kinds); do
        # A file with a second name is a dump, and keeps the pair where it is (cleanup_origin.bats).
        [[ $kind == hardlink ]] || puts+=("$kind" "$(place "$SPOOL" "$id").$kind.dump")
    done
    put "${puts[@]}"
    before=$(parts "$SPOOL" | grep -v "^$id.\(dump\|json\) ")
    ended true "$id"
    remember
    cleans
    untouched
    equal "$(parts "$SPOOL")" "$before"
    pair_is_whole "$ARCHIVE" 20081225 "$id"
    [[ $(find "$ARCHIVE" ! -type d | wc -l) == 2 ]] || fail "$(find "$ARCHIVE")"
}

@test "none of the programs opens what is no plain file, not even to look what it is" {
    trace=$BATS_TEST_TMPDIR/trace
    EXEC="strace -f -qq -e trace=open,openat,openat2,creat -o $trace"
    $EXEC true || skip "no strace here"
    opens_none() {
        run program "$@"
        [[ $status -le 1 ]] || fail "exit code $status" "$output"
        ! grep -v O_PATH "$trace" | grep -E '"[^"]*\.(json|dump)"' || fail "opened by $1"
    }
    processor p1
    spoil "$SPOOL"
    ended true "${bad[@]}"
    opens_none crashmon-cleanup
    sql "TRUNCATE jobs"
    opens_none crashmon-priority "${bad[@]}"
    opens_none crashmon-scan --incomplete-age=00:30:00
    sql_is "SELECT count(*) FROM jobs" 0
}

# --- links, and what else is no directory, on the way to the files

@test "a link in the place of a day, or anything in that of its date tree: reported, not entered (1)" {
    processor p1
    crash --root "$OUTSIDE" >/dev/null
    good=$(collect --day 20081224)
    ln -s "$OUTSIDE/20081225" "$SPOOL/20081201"
    ln -s 20081224 "$SPOOL/20081202"
    ln -s 20081203 "$SPOOL/20081203"
    ln -s . "$SPOOL/20081204"
    mkfifo "$SPOOL/20081205"
    echo no directory >"$SPOOL/20081206"
    mkdir "$SPOOL"/2008120{7,8,9}
    ln -s "$OUTSIDE/20081225/date" "$SPOOL/20081207"
    ln -s . "$SPOOL/20081208/date"
    mkfifo "$SPOOL/20081209/date"
    before=$(spool_state "$SPOOL" | grep ' \./200812[01]')
    remember
    expect_status 1 scan --incomplete-age=00:00:00
    untouched
    sql_is "SELECT uuid FROM jobs" "$good"
    for day in 1 2 3 4 7 8 9; do # a FIFO or a file is no day
        log_has "\"2008120$day/date\" in \"$SPOOL\""
    done
    equal "$(spool_state "$SPOOL" | grep ' \./200812[01]')" "$before"
}

@test "a name directory that is a link is not entered: its crashes come to nothing there" {
    processor p1
    mapfile -t ids < <(crash --count 3)
    cp -a "$SPOOL/20081225" "$OUTSIDE"
    rm -rf "$SPOOL/20081225/name"
    ln -s "$OUTSIDE/20081225/name" "$SPOOL/20081225/name"
    remember
    expect_status 1 scan
    for id in "${ids[@]}"; do log_has "$id"; done
    expect_status 1 priority "${ids[@]}"
    expect_status 1 scan --incomplete-age=00:30:00
    sql_is "SELECT count(*), (SELECT count(*) FROM priorityjobs) FROM jobs" "0|3"
    ended true "${ids[@]}"
    sql "UPDATE jobs SET success = false WHERE uuid = '${ids[0]}'"
    run cleanup_jobs --save-failed-minidumps-to=
    [[ $status -le 1 ]] || fail "exit code $status" "$output"
    untouched
    [[ -z $(find "$ARCHIVE" "$SPOOL/quarantine" -name '*.json' -o -name '*.dump') ]]
}

@test "loops of links in the date tree are not walked, and quarantined as the links they are" {
    processor p1
    good=$(crash)
    slot=$SPOOL/20081225/date/12/05
    ln -s self "$slot/self"
    ln -s . "$slot/here"
    ln -s .. "$slot/up"
    ln -s ../../../../.. "$slot/top"
    ln -s "$good" "$slot/web01_0/pair"
    age "$slot"/{self,here,up,top} "$slot/web01_0/pair"
    expect_status 1 scan --incomplete-age=00:30:00
    sql_is "SELECT uuid FROM jobs" "$good"
    sql_is "SELECT seen FROM crashmon.runs" 6
    equal "$(ls "$SPOOL/quarantine/20081225/strays")" "$(printf '%s\n' here pair reason self top up)"
    [[ $(grep -c ': its name is not a crash id$' "$SPOOL/quarantine/20081225/strays/reason") == 5 ]]
    [[ $(find "$SPOOL/quarantine" -type l | wc -l) == 5 ]] || fail "$(find "$SPOOL/quarantine")"
}

@test "directories nested without end go to quarantine in one piece, with all that is in them" {
    processor p1
    good=$(crash)
    slot=$SPOOL/20081225/date/12/05/web01_0
    perl -e 'chdir shift or die; for (1 .. 300) { mkdir "d" x 250; chdir "d" x 250 or die $! }
             open my $file, ">", "evidence" or die' "$slot"
    mkdir -p "$slot/4/5"
    age "$slot"/*/*
    expect_status 1 scan --incomplete-age=00:30:00
    sql_is "SELECT uuid FROM jobs" "$good"
    quarantined 5 link
    [[ $(find "$SPOOL/quarantine" -name evidence | wc -l) == 1 ]] || fail "lost"
    sql_is "SELECT seen FROM crashmon.runs" 3
}

@test "what a name link says leads to no other link than the crash's own" {
    processor p1
    other=$(crash --time 03:00)
    mkdir -p "$OUTSIDE/date/12/05"
    targets=("$OUTSIDE/date/12/05" ../../../../../outside/date/12/05
        ../../../date/../../../outside/date/12/05 ../../../date//03/00/web01_0 ../../../date
        ../../../date/ ../../../date/. ../../../date/03/00/web01_0/"$other" / . ''$'\n' '*' date
        "../../../date/$(printf 'x%.0s' {1..3900})" "$(printf '../%.0s' {1..1300})date"
        "../../../date/$(printf 'y%.0s' {1..300})" ../../../name/"$(name_dir "$other")")
    for way in priority cleanup; do
        mapfile -t ids < <(crash --count ${#targets[@]})
        find "$SPOOL/20081225/name" -type l ! -name "$other" -delete
        links=()
        for i in "${!ids[@]}"; do
            links+=(nowhere "$OUTSIDE/date/12/05/${ids[i]}"
                "${targets[i]}" "$SPOOL/20081225/name/${ids[i]:0:2}/${ids[i]:2:2}/${ids[i]}")
        done
        links "${links[@]}"
        remember
        if [[ $way == priority ]]; then
            expect_status 0 priority "${ids[@]}"
            jobs_are "${ids[@]}"
        else
            ended true "${ids[@]}"
            expect_status 0 cleanup_jobs
            [[ $(find "$ARCHIVE" -size +0 -type f | wc -l) == $((2 * ${#ids[@]})) ]]
        fi
        untouched
        left=$(find "$SPOOL/20081225/name" -type l ! -name "$other")
        [[ -z $left ]] || fail "stay:" "$left"
        rm "$OUTSIDE"/date/12/05/*
    done
    has_links "$other"
}

@test "what is no link in the place of one of the two links is not removed as if it were" {
    processor p1
    mapfile -t ids < <(crash --count 3)
    good=${ids[0]} named=${ids[1]} dated=${ids[2]}
    rm "$SPOOL/20081225/date/12/05/web01_0/$dated"
    put directory "$(place "$SPOOL" "$named")"
    echo keep >"$SPOOL/20081225/date/12/05/web01_0/$dated"
    age "$SPOOL/20081225/date/12/05/web01_0/$dated"
    expect_status 1 scan --incomplete-age=00:30:00
    jobs_are "$good" "$named"
    quarantined "$dated" link
    [[ $(<"$SPOOL/quarantine/20081225/strays/$dated") == keep ]]
    pair_is_whole "$SPOOL" 20081225 "$dated"
    finish "$named" true
    expect_status 0 cleanup_jobs
    pair_is_whole "$ARCHIVE" 20081225 "$named"
    [[ -f $(place "$SPOOL" "$named")/inside ]] || fail "lost"
}

# --- other people's files

@test "what scan may not enter is reported (77) and left; all else is queued, and it when it may" {
    processor p1
    closed_name=$(collect --day 20081223) closed_slot=$(crash --time 01:00)
    closed_date=$(collect --day 20081221) good=$(crash --time 02:00)
    as_a_user
    dirs=("$SPOOL/20081223/name/$(name_dir "$closed_name")" "$SPOOL/20081225/date/01"
        "$SPOOL/20081221/date")
    chmod 000 "${dirs[@]}"
    [[ $(id -u) != 0 ]] || chown 0:0 "${dirs[@]}"
    expect_status 77 scan
    sql_is "SELECT uuid FROM jobs" "$good"
    log_has "$closed_name"
    log_has 20081225/date/01
    log_has 20081221/date
    [[ $(id -u) != 0 ]] || chown 65534 "${dirs[@]}"
    chmod 755 "${dirs[@]}"
    expect_status 0 scan
    jobs_are "$closed_name" "$closed_slot" "$closed_date" "$good"
}

@test "a pair whose directory may be read and not entered is left (77), and queued when it may" {
    processor p1
    id=$(crash)
    as_a_user
    chmod 444 "$SPOOL/20081225/name/$(name_dir "$id")"
    expect_status 77 scan
    has_links "$id"
    log_has "ERROR - cannot examine \"$id\": cannot look at its .json in \"$SPOOL/20081225/name/$(name_dir "$id")\": Permission denied"
    chmod 755 "$SPOOL/20081225/name/$(name_dir "$id")"
    expect_status 0 scan
    jobs_are "$id"
}

@test "what priority may not enter: the request is kept however old (77), the others are served" {
    processor p1
    closed=$(collect --day 20081223) good=$(crash)
    as_a_user
    chmod 000 "$SPOOL/20081223/name/$(name_dir "$closed")"
    request "$closed" 100000
    request "$good"
    expect_status 77 priority
    sql_is "SELECT uuid, (SELECT uuid FROM priorityjobs) FROM jobs" "$good|$closed"
    chmod 755 "$SPOOL/20081223/name/$(name_dir "$closed")"
    expect_status 0 priority
    sql_is "SELECT count(*) FROM jobs" 2
}

@test "files that cleanup may not read stay with their job (77); another user's are put away" {
    closed=$(crash) foreign=$(crash) good=$(crash)
    as_a_user
    chmod 000 "$(place "$SPOOL" "$closed")".*
    chmod 644 "$(place "$SPOOL" "$foreign")".*
    [[ $(id -u) != 0 ]] ||
        chown 0:0 "$(place "$SPOOL" "$closed")".* "$(place "$SPOOL" "$foreign")".*
    ended true "$closed" "$foreign" "$good"
    expect_status 77 cleanup_jobs
    sql_is "SELECT uuid FROM jobs" "$closed"
    chmod 600 "$(place "$SPOOL" "$closed")".*
    pair_is_whole "$SPOOL" 20081225 "$closed"
    for id in "$foreign" "$good"; do
        pair_is_whole "$ARCHIVE" 20081225 "$id"
        [[ $(stat -c %a "$(place "$ARCHIVE" "$id").dump") == 660 ]]
    done
    [[ -z $(find "$ARCHIVE" -name '.*') ]] || fail "$(find "$ARCHIVE")"
}
