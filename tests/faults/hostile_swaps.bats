#!/usr/bin/env bats
# hostile_swaps.bats - a spool in which somebody swaps files and directories for links that lead
# outside while the programs run, between check and use.
# shellcheck disable=SC2154,SC2030,SC2031 # bats sets status and output, background sets pid
load ../helper
load hostile

# Puts what is parked under PARK/1, PARK/2, ... in these places, and what was there back again, for
# ever; ends only when all is back.
swap() {
    exec perl -e '
        my ($park, @places) = @ARGV;
        my $end = 0;
        $SIG{TERM} = sub { $end = 1 };
        until ($end) {
            my @out = grep { rename $places[$_], "$park/$_.own" } 0 .. $#places;
            rename "$park/$_", $places[$_] for @out;
            for (@out) {
                rename $places[$_], "$park/$_";
                rename "$park/$_.own", $places[$_];
            }
        }' "$PARK" "$@"
}

# Runs a command twice while these places are swapped, then lets them be.
while_swapped() {
    local command=$1
    shift
    background swap "$@"
    for _ in 1 2; do
        run "$command"
        [[ $status -le 1 || $status == 74 ]] || fail "exit code $status" "$output"
    done
    kill -TERM "$pid"
    background_ends 0
    untouched
}

# Two days with twenty crashes each, whose doubles lie outside; the directories of these names, in
# turn, have a link to their doubles parked. The ids are in $ids, the places in $places.
swappable_days() {
    local n day place
    PARK=$SPOOL/park places=() ids=()
    mkdir "$PARK"
    for n in 0 1; do
        day=2008120$((n + 1)) place=$1
        collect --day "$day" --count 20 "${@:3}" >"$BATS_TEST_TMPDIR/ids"
        mapfile -t -O "${#ids[@]}" ids <"$BATS_TEST_TMPDIR/ids"
        ((n % 2)) && place=$2
        places+=("$SPOOL/$day/$place")
        ln -s "$OUTSIDE/$day/$place" "$PARK/$n"
    done
    cp -a "$SPOOL"/2* "$OUTSIDE"
    remember
}

@test "scan: a directory that is swapped for a link while it runs leads nowhere, nothing is lost" {
    processor p1
    swappable_days name date
    in_small_batches() { scan --batch-size=3; }
    while_swapped in_small_batches "${places[@]}"
    expect_status 0 scan
    untouched
    jobs_are "${ids[@]}"
    [[ -z $(new_links) ]] || fail "$(new_links)"
    sql_is "SELECT count(*) FROM jobs WHERE pathname NOT LIKE '$SPOOL/2%'" 0
}

@test "scan: nothing outside goes to quarantine while directories are swapped, nothing is lost" {
    processor p1
    swappable_days name name --without dump
    in_a_hurry() { scan --incomplete-age=00:30:00; }
    while_swapped in_a_hurry "${places[@]}"
    still_there "${ids[@]}"
    sql_is "SELECT count(*) FROM jobs" 0
}

@test "scan: 1,500 pairs that are hidden and shown again keep none of 10,000 honest ones from the queue" {
    processor p1
    mapfile -t flickering < <(collect --count 1500 --day 20081224)
    mapfile -t files < <(find "$SPOOL" -name '*.json')
    mapfile -t honest < <(collect --count 10000 --day 20081225)
    background flicker "${files[@]}"
    for _ in 1 2 3; do
        run scan
        [[ $status -le 1 ]] || fail "exit code $status" "$output"
        [[ -z $(comm -13 <(sql "SELECT uuid FROM jobs" | sort) <(printf '%s\n' "${honest[@]}" | sort)) ]] ||
            fail "honest ones are left: $(sql "SELECT count(*) FROM jobs") are queued"
    done
    kill "$pid"
    wait "$pid" || true
    for file in "${files[@]}"; do [[ ! -e $file.hidden ]] || mv "$file.hidden" "$file"; done
    expect_status 0 scan
    jobs_are "${flickering[@]}" "${honest[@]}"
}

@test "priority: a directory that is swapped for a link while it runs leads nowhere" {
    processor p1
    swappable_days name name
    sql "INSERT INTO priorityjobs (uuid) VALUES $(printf "('%s')," "${ids[@]}" | sed 's/,$//')"
    while_swapped priority "${places[@]}"
    expect_status 0 priority
    untouched
    jobs_are "${ids[@]}"
    sql_is "SELECT count(*) FROM jobs WHERE pathname NOT LIKE '$SPOOL/2%'" 0
}

@test "cleanup: a directory that is swapped for a link while it runs leads nowhere" {
    swappable_days name name
    ended true "${ids[@]:0:20}"
    ended false "${ids[@]:20}"
    delete_some() { cleanup_jobs --save-failed-minidumps-to=; }
    while_swapped delete_some "${places[@]}"
    [[ -z $(find "$ARCHIVE" ! -type d ! -type f) ]] || fail "$(find "$ARCHIVE")"
}

@test "cleanup: files that are swapped for links while it runs are not archived in their place" {
    PARK=$SPOOL/park places=()
    mkdir "$PARK"
    mapfile -t ids < <(crash --count 40)
    puts=() kinds=(link hardlink)
    for i in "${!ids[@]}"; do
        places+=("$SPOOL/20081225/name/${ids[i]:0:2}/${ids[i]:2:2}/${ids[i]}.json")
        puts+=("${kinds[i % 2]}" "$PARK/$i")
    done
    put "${puts[@]}"
    ended true "${ids[@]}"
    remember
    while_swapped cleanup_jobs "${places[@]}"
    [[ -z $(find "$ARCHIVE" ! -type d ! -type f) ]] || fail "$(find "$ARCHIVE")"
    ! grep -rq secret "$ARCHIVE" || fail "the outside has been archived"
}

@test "cleanup: what takes a file's place at the last instant goes to quarantine at once, and not back" {
    # The second file of a pair is renamed a second after it was checked and got its mode.
    slowly="strace -f -qq -o /dev/null -e trace=renameat2 \
        -e inject=renameat2:delay_enter=1000000:when=2"
    $slowly true || skip "no strace here"
    clean_slowly() { EXEC=$slowly cleanup_jobs; }
    marked
    has_mode() { [[ $(stat -c %a "$2") == "$1" ]]; }
    for kind in link hardlink fifo directory file; do
        id=$(crash)
        json=$(place "$SPOOL" "$id").json
        if [[ $kind == file ]]; then cp -p "$json" "$SPOOL/$kind"; else put $kind "$SPOOL/$kind"; fi
        ended true "$id"
        remember
        background clean_slowly
        await has_mode 660 "$json"
        mv "$json" "$SPOOL/kept"
        mv "$SPOOL/$kind" "$json"
        status=0
        wait "$pid" || status=$?
        [[ $status == 1 || $status == 74 ]] || fail "exit code $status" "$(<"$BACKGROUND")"
        untouched
        [[ -z $(find "$ARCHIVE" -name '*.json') ]] || fail "archived: $(find "$ARCHIVE" -ls)"
        [[ ! -e $json && ! -L $json ]] || fail "it went back"
        [[ -n $(find "$SPOOL/quarantine" -name "$id.json") ]] || fail "$(find "$SPOOL" -ls)"
        sql_is "SELECT uuid FROM jobs" "$id"
        log_has "$id"
        mv "$SPOOL/kept" "$json"
        cleans
        pair_is_whole "$ARCHIVE" 20081225 "$id"
        rm -r "${ARCHIVE:?}"/* "$SPOOL/quarantine"
    done
}
