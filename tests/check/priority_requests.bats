#!/usr/bin/env bats
# priority_requests.bats - crashmon-priority's requests: patience, nonsense, the command line,
# batches, and the sums.
# shellcheck disable=SC2154 # pid is set by background
load ../helper

# --- patience

@test "a crash that is nowhere: its request is kept until --give-up-after (0)" {
    processor p1
    id=$(nowhere)
    requests 500 "$id"
    expect_status 0 priority
    [[ $(requested) == "$id" ]] || fail "$(requested)"
    log_has "$id"
    ! grep -q WARNING "$LOG" || fail "too early for a warning"
}

@test "a request older than --give-up-after is given up: a warning that is not mailed, and it is removed (1)" {
    processor p1
    id=$(nowhere)
    requests 700 "$id"
    expect_status 1 priority
    [[ -z $(requested) ]] || fail "$(requested)"
    grep ' WARNING - ' "$LOG" | grep -qF "$id" || fail "no warning names it"
    [[ -z $output ]] || fail "on stderr: $output"
    expect_status 0 priority
}

@test "--give-up-after says how long" {
    processor p1
    old=$(nowhere) young=$(nowhere)
    requests 70 "$old"
    requests 50 "$young"
    expect_status 1 priority --give-up-after=00:01:00
    [[ $(requested) == "$young" ]] || fail "$(requested)"
}

@test "a crash that has come at last is served, however old its request" {
    processor p1
    id=$(collect) queued=$(nowhere)
    sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '$queued', 1)"
    requests 100000 "$id" "$queued"
    expect_status 0 priority
    sql_is "SELECT count(*), bool_and(priority >= 1) FROM jobs" "2|t"
    [[ -z $(requested) ]] || fail "$(requested)"
}

@test "one that is given up and one that is kept do not keep others from being served" {
    processor p1
    old=$(nowhere) young=$(nowhere) good=$(collect)
    requests 700 "$old"
    requests 0 "$young" "$good"
    expect_status 1 priority --batch-size=1
    [[ $(requested) == "$young" ]] || fail "$(requested)"
    sql_is "SELECT uuid FROM jobs" "$good"
}

# --- what is no crash id

NONSENSE=(
    "'; DROP TABLE jobs; --"
    '"; DROP TABLE jobs; --'
    "22adfb61-f75b-11dc-b6be-00132208122'"
    '../../../../../../../../victim'
    '../../../../../victim/aaaaaaaaaaaaaa'
    $'two\nlines'
    $'22adfb61-f75b-11dc-b6be-001322081225\n'
    ' 22adfb61-f75b-11dc-b6be-001322081225'
    '22adfb61-f75b-11dc-b6be-0013220812255'
    '22adfb61-f75b-11dc-b6be-00132208122'
    '22adfb61-f75b-11dc-b6be-00132208122g'
    '22adfb61f-75b-11dc-b6be-001322081225'
    '22adfb61-f75b-11dc-b6be-00132208122５'
    '22adfb61/f75b-11dc-b6be-001322081225'
    '{"22adfb61-f75b-11dc-b6be-001322081225"}'
    '22adfb61%f75b%11dc%b6be%001322081225'
    '%s%n%s%n' "\\" 'NULL' ','
    "$(printf 'x%.0s' {1..200})"
    ''
)

@test "a request that is no crash id is reported and removed, and the others are served" {
    processor p1
    good=$(collect) also=$(collect)
    requests 0 "$good" "${NONSENSE[@]}" "$also"
    mkdir "$BATS_TEST_TMPDIR/victim"
    victims=$(spool_state "$BATS_TEST_TMPDIR/victim"; spool_state "$DEFERRED")
    expect_status 1 priority
    [[ -z $(requested) ]] || fail "$(requested)"
    equal "$(sql "SELECT uuid FROM jobs" | sort)" "$(printf '%s\n' "$good" "$also" | sort)"
    equal "$(spool_state "$BATS_TEST_TMPDIR/victim"; spool_state "$DEFERRED")" "$victims"
    for text in 'DROP TABLE jobs' victim '%s%n%s%n' xxxxxxxxxx \
        "${NONSENSE[8]}" "${NONSENSE[10]}"; do
        log_has "$text"
    done
    sql_is "SELECT seen FROM crashmon.runs" $((${#NONSENSE[@]} + 2))
}

@test "nonsense is removed in batches as well, and an old one is no different" {
    processor p1
    requests 100000 "${NONSENSE[@]:0:11}"
    requests 0 "${NONSENSE[@]:11}"
    expect_status 1 priority --batch-size=3
    [[ -z $(requested) ]] || fail "$(requested)"
}

@test "nonsense is removed with no live processor, too" {
    requests 0 "${NONSENSE[@]}"
    run priority
    [[ $status == 1 || $status == 68 ]] || fail "exit code $status" "$output"
    [[ -z $(requested) ]] || fail "$(requested)"
}

@test "what a request says cannot forge a line of the log or of a terminal" {
    requests 0 $'x\n2008-12-25 12:00:00,000 ERROR - forged' $'y\r2008-12-25 forged' $'z\e[2Jforged'
    processor p1
    expect_status 1 priority
    ! grep -q '^2008' "$LOG" || fail "a forged line"
    ! grep -q '[[:cntrl:]]' "$LOG" || fail "control characters" "$(cat -A "$LOG")"
    [[ $output != *[$'\e\r']* ]] || fail "control characters on stderr"
}

# --- ids on the command line

@test "ids on the command line are requested, then served" {
    processor p1
    here=$(collect) throttled=$(collect --root "$DEFERRED" --without links) queued=$(nowhere)
    sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '$queued', 1)"
    expect_status 0 priority "$here" "$throttled" "$queued"
    [[ -z $output ]] || fail "printed: $output"
    sql_is "SELECT count(*), bool_and(priority >= 1),
                (SELECT count(*) FROM priorityjobs) FROM jobs" \
        "3|t|0"
}

@test "an id on the command line that is nowhere stays requested (0), and is served when it comes" {
    processor p1
    id=$(nowhere)
    expect_status 0 priority "$id"
    [[ $(requested) == "$id" ]] || fail "$(requested)"
    collect --id "$id"
    expect_status 0 priority
    sql_is "SELECT uuid, priority >= 1 FROM jobs" "$id|t"
}

@test "what is not removed, as somebody has locked the request, is not told as removed, and waits (0)" {
    mapfile -t ids < <(nowhere 1)
    finished=$(crash --without links)
    ended true "$finished"
    requests 3600 nonsense "${ids[0]}" "$finished"
    requested=$(requested)
    session "BEGIN; SELECT FROM priorityjobs FOR UPDATE" >/dev/null
    expect_status 0 priority
    [[ -z $output ]] || fail "$output"
    for id in nonsense "${ids[0]}" "$finished"; do
        log_has "\"$id\": left: its request is locked, and stays"
    done
    log_has "seen 3: left 3; exit code 0"
    equal "$(requested)" "$requested"
    session ROLLBACK
    expect_status 1 priority
    log_has "seen 3: finished 1, given up 1, rejected 1; exit code 1"
    equal "$(requested)" ''
}

@test "a job whose request somebody has locked is raised once, and is left while the request stays (0)" {
    processor p1
    mapfile -t ids < <(crash --count 3 --without links)
    for id in "${ids[@]}"; do
        sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '$id', 1)"
        request "$id"
    done
    session "BEGIN; SELECT FROM priorityjobs FOR UPDATE" >/dev/null
    expect_status 0 priority --limit=1
    log_has ": left: its job has priority now, but its request is locked, and stays"
    log_has "seen 1: left 1; exit code 0"
    sql_is "SELECT count(*) FROM jobs WHERE priority = 1" 1
    for _ in 1 2; do
        : >"$LOG"
        expect_status 0 priority
        log_has "seen 3: left 3; exit code 0"
        sql_is "SELECT count(*) FROM jobs WHERE priority = 1" 3
        sql_is "SELECT count(*) FROM priorityjobs" 3
    done
    session ROLLBACK
    expect_status 0 priority
    log_has "seen 3: raised 3; exit code 0"
    equal "$(requested)" ''
}

# The run ends so, asks for none of the ids, and says that of each: unrequested CODE ID...
unrequested() {
    local id
    expect_status "$1" priority "${@:2}"
    for id in "${@:2}"; do
        [[ $output == *" ERROR - \"$id\" was not requested: ask for it later"* ]] || fail "$output"
    done
    [[ $(requested) == "" ]] || fail "$(requested)"
}

@test "ids that could not be requested are named: the storage is paused, a lock, no database, no spool" {
    mapfile -t ids < <(nowhere 2)
    expect_status 0 priority
    sql "SELECT crashmon.pause('main', 'why not')" >/dev/null
    unrequested 1 "${ids[@]}"
    sql "SELECT crashmon.resume('main')" >/dev/null
    lock crashmon-priority >/dev/null
    unrequested 75 "${ids[@]}"
    [[ $output == *" ERROR - "*"lock"* ]] || fail "$output"
    unlock crashmon-priority
    PGPORT=1 unrequested 69 "${ids[@]}"
    mv "$SPOOL" "$SPOOL.away"
    mkdir "$SPOOL"
    unrequested 74 "${ids[@]}"
    rmdir "$SPOOL"
    mv "$SPOOL.away" "$SPOOL"
    expect_status 0 priority "${ids[@]}"
    [[ $output != *"not requested"* ]] || fail "$output"
}

@test "of several ids those are named that the database has refused or could not be asked for, and no others" {
    mapfile -t ids < <(nowhere 3)
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not this''; END';
         CREATE TRIGGER refuse BEFORE INSERT ON priorityjobs FOR EACH ROW
         WHEN (NEW.uuid = '${ids[1]}') EXECUTE FUNCTION refuse()"
    run priority "${ids[@]}"
    [[ $output == *"\"${ids[1]}\" was not requested"* && $output != *"\"${ids[0]}\" was"* && $output != *"\"${ids[2]}\" was"* ]] ||
        fail "$output"
    equal "$(requested)" "$(printf '%s\n' "${ids[0]}" "${ids[2]}" | sort)"
}

@test "an id given twice, or requested already, is served once" {
    processor p1
    id=$(collect)
    requests 0 "$id"
    expect_status 0 priority "$id" "$id"
    sql_is "SELECT uuid, (SELECT count(*) FROM priorityjobs), (SELECT seen FROM crashmon.runs)
            FROM jobs" "$id|0|1"
}

@test "options may stand before, between and after the ids" {
    processor p1
    one=$(collect) two=$(collect)
    expect_status 0 priority --batch-size=1 "$one" --settle-time=00:00:01 "$two" --limit=9
    sql_is "SELECT count(*) FROM jobs" 2
}

@test "what is no crash id on the command line is bad usage (64), and nothing is done" {
    processor p1
    id=$(collect) waiting=$(collect)
    requests 0 "$waiting"
    before=$(db_state; spool_state "$SPOOL")
    for bad in "${NONSENSE[@]}"; do
        expect_status 64 priority "$id" "$bad"
        [[ -n $output ]] || fail "says nothing about: $bad"
    done
    expect_status 64 priority not-an-id "$id"
    expect_status 64 priority "$id" not-an-id
    [[ $output == *not-an-id* ]] || fail "does not name it: $output"
    equal "$(db_state; spool_state "$SPOOL")" "$before"
}

# --- batches and sums

@test "--batch-size: several batches, each a transaction" {
    processor p1
    mapfile -t ids < <(collect --count 3
        collect --root "$DEFERRED" --count 2)
    requests 0 "${ids[@]}"
    expect_status 0 priority --batch-size=2
    sql_is "SELECT count(*), count(DISTINCT xmin::text),
                (SELECT count(*) FROM priorityjobs) FROM jobs" \
        "5|3|0"
    [[ -z $(find "$SPOOL" "$DEFERRED" -type l) ]] || fail "$(find "$SPOOL" "$DEFERRED" -type l)"
}

@test "requests that are kept do not keep a batch from the ones behind them" {
    processor p1
    mapfile -t missing < <(nowhere 5)
    requests 60 "${missing[@]}"
    mapfile -t good < <(collect --count 3)
    requests 0 "${good[@]}"
    expect_status 0 priority --batch-size=2
    equal "$(requested)" "$(printf '%s\n' "${missing[@]}" | sort)"
    sql_is "SELECT count(*) FROM jobs" 3
}

@test "requests for nothing, however many, hold up neither what has a job nor the newest, and each is looked for in time" {
    processor p1
    queued=$(crash)
    expect_status 0 scan
    requests 60 "$queued"
    sql "INSERT INTO priorityjobs SELECT lpad(to_hex(g), 8, '0') || '-f75b-11dc-b6be-001322081225', now() - interval '30 s'
         FROM generate_series(1, 150000) AS g"
    new=$(collect)
    request "$new"
    expect_status 0 priority
    sql_is "SELECT count(*), min(priority) FROM jobs" "2|1"
    seen=$(grep -oE 'seen [0-9]+' "$LOG" | tail -n 1)
    ((${seen#seen } > 300 && ${seen#seen } < 150000)) || fail "$seen: took long"
    log_has "some requests were not looked for"
    # An old one among them is found, too, and what is overdue goes.
    sql "DELETE FROM priorityjobs WHERE uuid > '0000c000'; UPDATE priorityjobs SET requesteddatetime = now() - interval '700 s'"
    old=$(collect)
    requests 800 "$old"
    for ((i = 0; i < 60; i++)); do
        run priority
        [[ $(sql "SELECT EXISTS (SELECT FROM priorityjobs)") == t ]] || break
    done
    equal "$(requested)" ""
    jobs_are "$queued" "$new" "$old"
    expect_status 0 priority
}

# Twelve batches of requests in the way of older ones, and before them by their text.
flood_of_requests() {
    local of=$1
    sql "INSERT INTO jobs (uuid, pathname, owner, success)
         SELECT lpad(to_hex(g), 8, '0') || '-f75b-11dc-b6be-001322081225', '/elsewhere', 1,
             CASE WHEN '$of' = 'finished' THEN true END
         FROM generate_series(1, 600) AS g WHERE '$of' <> 'nonsense'"
    sql "INSERT INTO priorityjobs SELECT coalesce(uuid, '0' || g) FROM generate_series(1, 600) AS g
         LEFT JOIN jobs ON uuid LIKE lpad(to_hex(g), 8, '0') || '-%'"
}

# How many batches were done before this stands in the log.
batches_before() {
    sed "/$1/q" "$LOG" | grep -c 'batch of'
}

@test "however many requests are to be raised, or removed, or are locked, older ones are served after a few batches" {
    processor p1 >/dev/null
    for of in unfinished finished nonsense locked; do
        : >"$LOG"
        throttled=$(collect --root "$DEFERRED")
        queued=$(crash)
        sql "INSERT INTO jobs (uuid, pathname, owner) VALUES ('$queued', '/elsewhere', 1)"
        requests 60 "$throttled" "$queued"
        flood_of_requests "$of"
        [[ $of != locked ]] || session "BEGIN; SELECT FROM jobs WHERE uuid < '00001' FOR UPDATE" >/dev/null
        run priority --batch-size=50 -v -v
        (($(batches_before "$throttled") <= 4)) || fail "$of: $(batches_before "$throttled") batches"
        [[ $of == unfinished || $of == locked ]] || (($(batches_before "$queued") <= 4)) ||
            fail "$of: $(batches_before "$queued") batches before what is queued"
        [[ $of != locked ]] || session ROLLBACK
        sql_is "SELECT count(*) FROM jobs WHERE priority = 1 AND uuid IN ('$throttled', '$queued')" 2
        sql_is "SELECT count(*) FROM priorityjobs" "$([[ $of == locked ]] && echo 600 || echo 0)"
        sql "TRUNCATE jobs, priorityjobs"
    done
}

@test "--limit takes of a batch what can be served: requests that stay are listed once, not as many at a time as it allows" {
    processor p1 >/dev/null
    flood_of_requests locked
    mapfile -t queued < <(crash --count 7)
    sql "INSERT INTO jobs (uuid, pathname, owner)
         SELECT u, '/elsewhere', 1 FROM unnest('{$(IFS=,; echo "${queued[*]}")}'::text[]) AS u"
    requests 60 "${queued[@]}"
    session "BEGIN; SELECT FROM jobs WHERE uuid < '00001' FOR UPDATE" >/dev/null
    expect_status 0 priority --batch-size=100 --limit=5
    session ROLLBACK
    sql_is "SELECT count(*) FROM jobs WHERE priority = 1" 5
    sql_is "SELECT count(*) FROM priorityjobs" 602
    (($(grep -c 'batch of' "$LOG") < 15)) || fail "$(grep -c 'batch of' "$LOG") batches"
    sql_is "SELECT outcomes ->> 'raised', seen <= 605 FROM crashmon.runs" '5|t'
    # Of those that have no job, too.
    sql "TRUNCATE jobs, priorityjobs"
    mapfile -t new < <(collect --count 3)
    requests 60 "${new[@]}"
    requests 5 $(nowhere 200)
    : >"$LOG"
    expect_status 0 priority --batch-size=100 --limit=2
    sql_is "SELECT count(*) FROM jobs" 2
    (($(grep -c 'batch of' "$LOG") < 10)) || fail "$(grep -c 'batch of' "$LOG") batches"
    expect_status 0 priority --batch-size=100 --limit=2
    sql_is "SELECT count(*) FROM jobs" 3
}

@test "what is given up, or merely removed, uses up nothing of --limit" {
    processor p1 >/dev/null
    queued=$(collect) throttled=$(collect --root "$DEFERRED")
    sql "INSERT INTO jobs (uuid, pathname, owner) VALUES ('$queued', '/elsewhere', 1)"
    requests 900 "$queued" "$throttled"
    flood_of_requests finished
    requests 0 x{1..60}
    requests 800 $(nowhere 60)
    expect_status 1 priority --limit=3 --batch-size=50
    sql_is "SELECT count(*) FROM jobs WHERE priority = 1 AND uuid IN ('$queued', '$throttled')" 2
    sql_is "SELECT count(*) FROM priorityjobs" 0
}

@test "no request is met twice in a run, and with small batches, too, what is nowhere takes two seconds" {
    processor p1 >/dev/null
    sql "INSERT INTO priorityjobs SELECT lpad(to_hex(g), 8, '0') || '-f75b-11dc-b6be-001322081225'
         FROM generate_series(1, 20000) AS g"
    # The place where it goes on is chosen at random.
    for _ in 1 2 3; do
        expect_status 0 priority --dry-run --batch-size=10
        equal "$(grep -o '[0-9a-f-]*081225' <<<"$output" | sort | uniq -d | head -n 3)" ""
    done
    within 5 expect_status 0 priority --batch-size=1
    log_has "some requests were not looked for"
}

@test "a dry run tells of each id of the command line once, however small a batch is" {
    processor p1 >/dev/null
    mapfile -t ids < <(collect --count 5)
    requests 0 "${ids[4]}" "$(nowhere)"
    expect_status 0 priority --dry-run --batch-size=2 "${ids[@]}" "${ids[0]}"
    equal "$(grep -c ' queued' <<<"$output")" 5
}

@test "a dry run with --limit tells of as many as would be served" {
    processor p1 >/dev/null
    flood_of_requests unfinished
    expect_status 0 priority --dry-run --batch-size=50 --limit=120
    equal "$(grep -c 'raised: its job has priority now' <<<"$output")" 120
}

@test "--limit ends the run after so many requests; the rest waits for the next" {
    processor p1
    mapfile -t ids < <(collect --count 5)
    requests 0 "${ids[@]}"
    expect_status 0 priority --limit=3 --batch-size=2
    sql_is "SELECT count(*), (SELECT count(*) FROM priorityjobs), (SELECT seen FROM crashmon.runs)
            FROM jobs" "3|2|3"
    [[ $(new_links | wc -l) == 2 ]] || fail "$(new_links)"
    expect_status 0 priority
    sql_is "SELECT count(*) FROM jobs" 5
}

@test "a signal ends a run at a batch boundary (143), and the next one serves the rest" {
    processor p1
    mapfile -t ids < <(collect --count 6)
    requests 0 "${ids[@]}"
    held priority --batch-size=2
    kill -TERM "$pid"
    session COMMIT
    background_ends 143
    sql_is "SELECT count(*) < 6, count(*) + (SELECT count(*) FROM priorityjobs) FROM jobs" "t|6"
    expect_status 0 priority
    sql_is "SELECT count(*), (SELECT count(*) FROM priorityjobs) FROM jobs" "6|0"
    [[ -z $(new_links) ]] || fail "$(new_links)"
}

@test "seen is the sum of all outcomes, in the run's row and in one summary line" {
    processor p1
    mapfile -t queued < <(nowhere 2)
    sql "INSERT INTO jobs (pathname, uuid, owner) VALUES ('/x', '${queued[0]}', 1),
             ('/x', '${queued[1]}', 1)"
    finish "${queued[1]}" true
    requests 0 "${queued[@]}" "$(collect)" "$(collect --root "$DEFERRED")" "$(nowhere)" \
        "$(collect --without dump)" 'nonsense'
    requests 700 "$(nowhere)"
    expect_status 1 priority
    sql_is "SELECT program, exit_code, seen, (SELECT sum(value::bigint)
                FROM jsonb_each_text(outcomes)), ended IS NOT NULL FROM crashmon.runs" \
        "crashmon-priority|1|8|8|t"
    [[ $(grep -c 'seen' "$LOG") == 1 ]] || fail "no one summary line"
    grep 'seen' "$LOG" | grep -qw 8 || fail "the summary line does not say 8"
}

@test "a request in capitals is for the same job: it is explained, waits while that is locked, and raises it" {
    processor p1 >/dev/null
    id=$(crash)
    expect_status 0 scan
    requests 5 "${id^^}"
    expect_status 0 priority --explain "$id"
    [[ $output == *$'\nRequest     '*" s ago"*"raises the priority of its job"* ]] || fail "$output"
    session "BEGIN; SELECT 1 FROM jobs WHERE uuid = '$id' FOR UPDATE" >/dev/null
    expect_status 0 priority
    equal "$(requested)" "${id^^}"
    session ROLLBACK
    expect_status 0 priority
    equal "$(requested)" ""
    sql_is "SELECT priority FROM jobs" 1
    log_has "its job has priority now"
}

@test "a request in capitals for a job in small letters is raised, in the log and in crashmon.runs" {
    processor p1 >/dev/null
    id=$(crash)
    expect_status 0 scan
    requests 5 "${id^^}"
    expect_status 0 priority --dry-run
    [[ $output == *"raised: its job has priority now"* ]] || fail "dry run: $output"
    expect_status 0 priority -v -v
    log_has "\"${id^^}\": raised: its job has priority now"
    sql_is "SELECT outcomes FROM crashmon.runs WHERE program = 'crashmon-priority' AND seen > 0
            ORDER BY id DESC LIMIT 1" '{"raised": 1}'
}
