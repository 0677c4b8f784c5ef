#!/usr/bin/env bats
# priority_spool.bats - crashmon-priority on disk: the storage root and the deferred storage root.
# shellcheck disable=SC2154 # pid is set by background
load ../helper

# Serves requests for these, which must all be queued with priority, no link left and no request.
serves() {
    local id want=
    requests 0 "$@"
    expect_status 0 priority
    [[ -z $output ]] || fail "printed: $output"
    for id; do
        no_links "$id"
        want+=$(find "$SPOOL" "$DEFERRED" -name "$id.json")$'\n'
    done
    equal "$(sql "SELECT pathname FROM jobs WHERE priority >= 1 AND success IS NULL
                  AND starteddatetime IS NULL AND storage = 'main'" | sort)" \
        "$(sort <<<"${want%$'\n'}")"
    sql_is "SELECT count(*) FROM priorityjobs" 0
}

# Asserts that nothing was queued and that these requests, and no others, are kept.
kept() {
    sql_is "SELECT count(*) FROM jobs" 0
    equal "$(requested)" \
        "$(printf '%s\n' "$@" | sort)"
}

@test "what priority has queued, scan neither finds nor queues again" {
    processor p1
    id=$(collect)
    serves "$id"
    before=$(sql "SELECT * FROM jobs")
    expect_status 0 scan
    equal "$(sql "SELECT * FROM jobs")" "$before"
}

@test "a pair goes to the live processor with the fewest unfinished jobs" {
    busy=$(processor busy) idle=$(processor idle)
    processor dead 601
    mapfile -t ids < <(collect --count 6)
    sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', 'a', $busy), ('/x', 'b', $busy)"
    requests 0 "${ids[@]}"
    expect_status 0 priority
    sql_is "SELECT owner, count(*) FROM jobs GROUP BY 1 ORDER BY 1" "$busy|4"$'\n'"$idle|4"
}

@test "a pair that is queued is put in its owner's priority table, if there is one" {
    p=$(processor p1)
    sql "CREATE TABLE priority_jobs_$p (uuid varchar(50) PRIMARY KEY)"
    id=$(collect)
    serves "$id"
    sql_is "SELECT uuid FROM priority_jobs_$p" "$id"
}

@test "a pair of any depth, 0 to 4, is found" {
    processor p1
    ids=()
    for depth in 0 1 2 3 4; do ids+=("$(collect --day 20081225 --depth $depth)"); done
    serves "${ids[@]}"
}

@test "a pair under another day than its id's is found" {
    processor p1
    collect --day 20081224
    before=$(collect --day 20081224 --id-day 081225) after=$(collect --day 20090101 --id-day 081225)
    serves "$before" "$after"
}

@test "a pair whose id has no date, or an impossible one, is found under any day" {
    processor p1
    serves "$(collect --day 20081225 --id-day none)" "$(collect --day 20090101 --id-day 091399)" \
        "$(collect --day 20090228 --id-day 090229)" "$(collect --day 20090301 --id-day 000000)"
}

@test "links are removed with and without web head, one to four levels below date" {
    processor p1
    ids=("$(collect --web-heads 0)")
    for levels in 1 2 3 4; do ids+=("$(collect --time 0$levels:00 --levels $levels)"); done
    serves "${ids[@]}"
}

@test "a pair that was seen, with no links left, is queued all the same" {
    processor p1
    serves "$(collect --without links)" "$(collect --without date-link)"
}

@test "a pair without its name link is queued; scan then removes the date link and queues nothing" {
    processor p1
    id=$(collect --without name-link)
    requests 0 "$id"
    expect_status 0 priority
    sql_is "SELECT uuid, priority >= 1 FROM jobs" "$id|t"
    expect_status 0 scan
    no_links "$id"
    sql_is "SELECT uuid, priority >= 1 FROM jobs" "$id|t"
}

@test "a pair that is found while another day cannot be read is queued, and that is all that is said" {
    processor p1
    ids=("$(collect --root "$DEFERRED" --day 20081225)")
    as_a_user
    mkdir -m 0 "$SPOOL/20080101"
    serves "${ids[@]}"
    log_has "seen 1: queued 1; exit code 0"
    rmdir "$SPOOL/20080101"
}

@test "more dumps beside a pair stay as they are" {
    processor p1
    id=$(collect --extra browser --extra flash)
    before=$(find "$SPOOL" -type f -exec sha256sum {} + | sort)
    serves "$id"
    equal "$(find "$SPOOL" -type f -exec sha256sum {} + | sort)" "$before"
}

# --- the deferred storage root

@test "a pair in the deferred storage root is queued, with its links or without" {
    processor p1
    serves "$(collect --root "$DEFERRED")" "$(collect --root "$DEFERRED" --without links)" \
        "$(collect --root "$DEFERRED" --web-heads 0 --time 03:00)"
}

@test "a pair in the deferred storage root is found at any depth and under any day" {
    processor p1
    ids=()
    for depth in 0 1 3 4; do
        ids+=("$(collect --root "$DEFERRED" --day 20081225 --depth $depth --without links)")
    done
    for day in 081224 none; do
        ids+=("$(collect --root "$DEFERRED" --day 20081225 --id-day $day --without links)")
    done
    serves "${ids[@]}"
}

@test "pairs in both roots are queued in one batch, each where it lies" {
    processor p1
    serves "$(collect)" "$(collect --root "$DEFERRED")" "$(collect)" "$(collect --root "$DEFERRED")"
}

@test "the storage root comes before the deferred storage root" {
    processor p1
    id=$(collect --day 20081225)
    collect --root "$DEFERRED" --id "$id" --without links
    requests 0 "$id"
    expect_status 0 priority
    sql_is "SELECT pathname FROM jobs" "$SPOOL/20081225/name/$(name_dir "$id")/$id.json"
}

@test "a deferred storage root that is not configured is not searched" {
    processor p1
    id=$(collect --root "$DEFERRED")
    sed -i '/^deferred/d' "$CONF"
    requests 0 "$id"
    before=$(disk_state)
    expect_status 0 priority
    kept "$id"
    equal "$(disk_state)" "$before"
}

# --- not ready yet

@test "a pair that changed within --settle-time stays, its request is kept (0), and served later" {
    processor p1
    here=$(collect --age 0) throttled=$(collect --root "$DEFERRED" --age 0)
    requests 0 "$here" "$throttled"
    before=$(disk_state)
    expect_status 0 priority --settle-time=00:10:00
    kept "$here" "$throttled"
    equal "$(disk_state)" "$before"
    expect_status 0 priority --settle-time=00:00:00
    sql_is "SELECT count(*), (SELECT count(*) FROM priorityjobs) FROM jobs" "2|0"
}

@test "half a pair stays, its request is kept (0), and served when the other half has come" {
    processor p1
    mapfile -t ids < <(collect --without dump
        collect --without json
        collect --root "$DEFERRED" --without json --without links
        collect --root "$DEFERRED" --without dump)
    requests 0 "${ids[@]}"
    before=$(disk_state)
    expect_status 0 priority
    kept "${ids[@]}"
    equal "$(disk_state)" "$before"
    for id in "${ids[@]:0:2}"; do collect --id "$id" --day "$(date +%Y%m%d)"; done
    for id in "${ids[@]:2}"; do collect --root "$DEFERRED" --id "$id" --day "$(date +%Y%m%d)"; done
    expect_status 0 priority
    sql_is "SELECT count(*), (SELECT count(*) FROM priorityjobs) FROM jobs" "4|0"
}

@test "an empty file is no half of a pair: the request is kept (0)" {
    processor p1
    id=$(collect --size 0)
    requests 0 "$id"
    expect_status 0 priority
    kept "$id"
    has_links "$id"
}

# --- commit first, then remove the links

@test "no link is removed before the row is committed" {
    processor p1
    id=$(collect)
    requests 0 "$id"
    before=$(disk_state)
    held priority
    equal "$(disk_state)" "$before"
    session COMMIT
    background_ends 0
    no_links "$id"
}

@test "a pair that the server refuses keeps its links and its request; the others are served" {
    processor p1
    # In whatever order they are served, the refused one is in the middle.
    mapfile -t ids < <(collect --count 3 | sort)
    refuse "${ids[1]}"
    for i in 0 1 2; do request "${ids[i]}" $((30 - 10 * i)); done
    run priority --batch-size=1
    [[ $status != 0 && $status -lt 99 ]] || fail "exit code $status" "$output"
    has_links "${ids[1]}"
    log_has "${ids[1]}"
    sql_is "SELECT uuid FROM priorityjobs" "${ids[1]}"
    equal "$(sql "SELECT uuid FROM jobs" | sort)" "$(printf '%s\n' "${ids[0]}" "${ids[2]}" | sort)"
    accept
    expect_status 0 priority
    no_links "${ids[1]}"
}

@test "a pair that was queued and put away since it was found is not queued again (0)" {
    processor p1
    id=$(collect) other=$(collect)
    requests 0 "$id" "$other"
    held priority
    find "$SPOOL" -name "$id*" -delete
    session COMMIT
    background_ends 0
    sql_is "SELECT uuid FROM jobs" "$other"
    sql_is "SELECT uuid FROM priorityjobs" "$id"
    log_has "\"$id\": left: its pair was put away meanwhile"
}

@test "when the request cannot be removed the pair is not queued: one transaction" {
    processor p1
    id=$(collect)
    requests 0 "$id"
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''refused''; END';
         CREATE TRIGGER refuse BEFORE DELETE ON priorityjobs FOR EACH ROW EXECUTE FUNCTION refuse()"
    run priority
    [[ $status != 0 && $status -lt 99 ]] || fail "exit code $status" "$output"
    kept "$id"
    has_links "$id"
}

@test "two runs at once: each pair is queued once, and the second run says who is at it" {
    processor p1
    mapfile -t ids < <(collect --count 4)
    requests 0 "${ids[@]}"
    held priority --batch-size=2
    expect_status 75 priority
    grep -F WARNING "$LOG" | grep -qF "$pid" || fail "does not say who"
    session COMMIT
    background_ends 0
    sql_is "SELECT count(*), (SELECT sum(seen) FROM crashmon.runs) FROM jobs" "4|4"
}

# --- nothing leads out of the root

@test "a link in a file's place is not followed: the request is kept (0)" {
    processor p1
    collect --root "$BATS_TEST_TMPDIR/outside" >/dev/null
    for file in json dump; do
        id=$(collect --day 20081225)
        victim=$(find "$BATS_TEST_TMPDIR/outside" -name "*.$file")
        ln -sf "$victim" "$SPOOL/20081225/name/$(name_dir "$id")/$id.$file"
        requests 0 "$id"
    done
    before=$(disk_state)
    expect_status 0 priority
    sql_is "SELECT count(*), (SELECT count(*) FROM priorityjobs) FROM jobs" "0|2"
    equal "$(disk_state)" "$before"
}

@test "a link in a directory's place is not followed: what it leads to is not found (1)" {
    processor p1
    id=$(collect --root "$BATS_TEST_TMPDIR/outside" --day 20081225)
    for dir in "20081225" "20081225/name" "20081225/name/${id:0:2}"; do
        rm -rf "${SPOOL:?}/20081225"
        mkdir -p "$SPOOL/$(dirname "$dir")"
        ln -s "$BATS_TEST_TMPDIR/outside/$dir" "$SPOOL/$dir"
        sql "TRUNCATE priorityjobs"
        requests 0 "$id"
        before=$(disk_state)
        expect_status 1 priority
        kept "$id"
        equal "$(disk_state)" "$before"
    done
}

@test "a name link that leads out of the root has nothing removed there" {
    processor p1
    outside=$BATS_TEST_TMPDIR/outside
    id=$(collect --day 20081225) other=$(collect --day 20081225)
    mkdir -p "$outside/12/05" "$SPOOL/20081224/date/12"
    ln -s nowhere "$outside/12/05/$id"
    ln -s nowhere "$outside/12/05/$other"
    ln -sfn "$outside/12/05" "$SPOOL/20081225/name/$(name_dir "$id")/$id"
    ln -sfn ../../../../../outside/12/05 "$SPOOL/20081225/name/$(name_dir "$other")/$other"
    requests 0 "$id" "$other"
    before=$(spool_state "$outside")
    run priority
    [[ $status -le 1 ]] || fail "exit code $status" "$output"
    equal "$(spool_state "$outside")" "$before"
    sql_is "SELECT count(*) FROM jobs" 2
}
