#!/usr/bin/env bats
# exit_codes.bats - the exit codes that no other file's cases produce for all three programs.
# shellcheck disable=SC2154 # pid is set by background
load ../helper


@test "a statement that the server refuses is an internal error (70), and nothing is done" {
    processor p1
    collect
    request "$(collect --without links)"
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''no such mark''; END';
         CREATE TRIGGER refuse BEFORE INSERT ON crashmon.storages EXECUTE FUNCTION refuse()"
    for program in "${PROGRAMS[@]}"; do
        sql "DELETE FROM crashmon.runs"
        before=$(db_state; spool_state "$SPOOL")
        expect_status 70 program "$program"
        [[ $output == *"no such mark"* ]] || fail "$program does not say why: $output"
        sql "DELETE FROM crashmon.runs"
        equal "$(db_state; spool_state "$SPOOL")" "$before"
    done
}

@test "a run that gets no row in crashmon.runs is an internal error (70), after its work" {
    processor p1
    id=$(crash) wanted=$(collect --root "$DEFERRED") done=$(crash --without links)
    request "$wanted"
    ended true "$done"
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''no such run''; END';
         CREATE TRIGGER refuse BEFORE INSERT ON crashmon.runs EXECUTE FUNCTION refuse()"
    for program in "${PROGRAMS[@]}"; do
        expect_status 70 program "$program"
        [[ $output == *"no such run"* ]] || fail "$program does not say why: $output"
    done
    jobs_are "$id" "$wanted"
    pair_is_whole "$ARCHIVE" 20081225 "$done"
}

@test "a run whose row cannot be completed is an internal error (70), after its work" {
    processor p1
    id=$(collect)
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''no such end''; END';
         CREATE TRIGGER refuse BEFORE UPDATE ON crashmon.runs EXECUTE FUNCTION refuse()"
    for program in "${PROGRAMS[@]}"; do
        expect_status 70 program "$program"
        [[ $output == *"no such end"* ]] || fail "$program does not say why: $output"
    done
    sql_is "SELECT uuid FROM jobs" "$id"
    no_links "$id"
}

@test "a signal ends priority and cleanup at a batch boundary: 129, 130, 143, all consistent" {
    processor p1
    mapfile -t ids < <(collect --count 8 --day 20081225)
    mapfile -t ended < <(collect --count 8 --day 20081225 --without links)
    sql "INSERT INTO jobs (pathname, uuid, success)
             VALUES $(printf "('/x', '%s', true)," "${ended[@]}" | sed 's/,$//');
         INSERT INTO priorityjobs VALUES $(printf "('%s')," "${ids[@]}" | sed 's/,$//')"
    for signal in HUP:129 INT:130 TERM:143; do
        for run in priority cleanup_jobs; do
            held "$run" --batch-size=1
            kill -"${signal%:*}" "$pid"
            session COMMIT
            background_ends "${signal#*:}"
        done
        sql_is "SELECT exit_code FROM crashmon.runs ORDER BY id DESC LIMIT 2" \
            "${signal#*:}"$'\n'"${signal#*:}"
    done
    sql_is "SELECT count(*) > 0, count(*) + (SELECT count(*) FROM jobs WHERE success IS NULL)
            FROM priorityjobs" "t|8"
    expect_status 0 priority
    expect_status 0 cleanup_jobs
    for id in "${ended[@]}"; do pair_is_whole "$ARCHIVE" 20081225 "$id"; done
    equal "$(sql "SELECT uuid FROM jobs" | sort)" "$(printf '%s\n' "${ids[@]}" | sort)"
}
