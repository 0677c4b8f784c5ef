#!/usr/bin/env bats
# environment.bats - what a program finds around it when it is started: variables, locale, time
# zone, the day, working directory, umask, limits.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # cases are subshells; helper.bash uses EXEC
load ../helper


# Two crashes on their way through all three programs, which must make it good runs, or end with the
# code $1. $said is what they printed. EXEC says how they are started; it may be a function.
way_through() {
    local run new requested
    processor p1
    new=$(collect --day 20081225) requested=$(collect --day 20081225 --root "$DEFERRED")
    request "$requested"
    said=
    for run in "${RUNS[@]}"; do
        expect_status "${1:-0}" "$run"
        said+=$output
        [[ $run != priority ]] || sql "UPDATE jobs SET completeddatetime = now(), success = true"
    done
    sql_is "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM priorityjobs)" 0
    pair_is_whole "$ARCHIVE" 20081225 "$new"
    pair_is_whole "$ARCHIVE" 20081225 "$requested"
    [[ -z $(new_links) ]] || fail "$(new_links)"
}

silent_way_through() {
    way_through
    [[ -z $said ]] || fail "printed: $said"
}

# --- variables, locale, time zone

# Nothing in the environment but how to connect, what the sanitizers are told, and VARIABLES.
bare() {
    env -i PGHOST="$PGHOST" PGPORT="$PGPORT" PGDATABASE="$PGDATABASE" \
        PGUSER="${PGUSER:-$(id -un)}" PGPASSWORD="${PGPASSWORD:-}" \
        ASAN_OPTIONS="$ASAN_OPTIONS" UBSAN_OPTIONS="$UBSAN_OPTIONS" "${VARIABLES[@]}" "$@"
}

# A spool whose name is not in ASCII.
spool_beyond_ascii() {
    SPOOL=$BATS_TEST_TMPDIR/spül
    mkdir "$SPOOL"
    sed -i "s|^storage-root.*|storage-root = $SPOOL|" "$CONF"
}

@test "with nothing in the environment but how to connect all is done, and nothing printed" {
    EXEC=bare VARIABLES=()
    silent_way_through
    VARIABLES=(HOME=/no/such/directory PATH= USER= TMPDIR=/no/such/directory)
    for run in "${RUNS[@]}"; do
        expect_status 0 "$run"
        equal "$output" ''
    done
}

@test "the locale changes nothing, be it C, UTF-8 or one that does not exist" {
    spool_beyond_ascii
    processor p1
    EXEC=bare
    for VARIABLES in LC_ALL=C LC_ALL=C.UTF-8 LANG=xx_YY.UTF-8 LC_ALL=tlh.KOI8; do
        id=$(collect --day 20081225)
        touch -d '3 days ago' "$SPOOL/20081225/date/12/05/web01_0/$(printf 'b\303\244d\377')"
        expect_status 1 scan
        sql_is "SELECT pathname FROM jobs WHERE uuid = '$id'" \
            "$SPOOL/20081225/name/$(name_dir "$id")/$id.json"
        log_has '"bäd\xff": quarantined'
        rm "$LOG"
    done
}

@test "libpq's variables for styles, encoding and time zone change nothing" {
    spool_beyond_ascii
    EXEC=bare
    VARIABLES=(PGDATESTYLE='German, MDY' PGTZ=Asia/Kathmandu PGCLIENTENCODING=LATIN1 PGAPPNAME=me
        PGOPTIONS='-c standard_conforming_strings=off -c IntervalStyle=iso_8601')
    silent_way_through
    id=$(collect --day 20081225)
    expect_status 0 scan
    sql_is "SELECT pathname, now() - queueddatetime < '1 hour' FROM jobs" \
        "$SPOOL/20081225/name/$(name_dir "$id")/$id.json|t"
    sql_is "SELECT bool_and(now() - started < '1 hour' AND ended - started < '1 hour'
                AND next_due - started < '1 hour') FROM crashmon.runs" t
}

# connects OPTION...: a run that finds nothing is in this database, under the program's name.
connects() {
    expect_status 0 cleanup_jobs --database-host="$PGHOST" --database-port="$PGPORT" \
        --database-user-name="${PGUSER:-$(id -un)}" "$@"
}

@test "what an option says wins over libpq's variables and over a service" {
    printf '[other]\nhost=/nowhere\nport=1\ndbname=none\nuser=nobody\napplication_name=theirs\n' \
        >"$BATS_TEST_TMPDIR/services"
    sql "CREATE TABLE names (name text); CREATE FUNCTION keep_name() RETURNS trigger LANGUAGE plpgsql
             AS 'BEGIN INSERT INTO public.names VALUES (current_setting(''application_name'')); RETURN NULL; END';
         ALTER TABLE names SET SCHEMA public; ALTER FUNCTION keep_name() SET SCHEMA public;
         CREATE TRIGGER keep_name AFTER INSERT ON crashmon.runs EXECUTE FUNCTION public.keep_name()"
    bare_but() { env "${VARIABLES[@]}" "$@"; }
    EXEC=bare_but
    VARIABLES=(PGHOSTADDR=192.0.2.1 PGPORT=1 PGUSER=nobody PGDATABASE=none PGAPPNAME=theirs)
    PGHOST=localhost connects --database-name="$PGDATABASE"
    VARIABLES=(PGSERVICE=other PGSERVICEFILE="$BATS_TEST_TMPDIR/services")
    connects --database-name="$PGDATABASE"
    sql_is "SELECT name, count(*) FROM public.names GROUP BY name" "crashmon-cleanup|2"
    sql "DROP FUNCTION public.keep_name() CASCADE; DROP TABLE public.names"
}

@test "a host that an option names wins over the address of a service" {
    export PGSERVICE=other PGSERVICEFILE=$BATS_TEST_TMPDIR/services
    printf '[other]\nhostaddr=192.0.2.1\n' >"$PGSERVICEFILE"
    for host in "$PGHOST" localhost "/nowhere,$PGHOST"; do
        expect_status 0 cleanup_jobs --database-host="$host"
    done
    printf '[other]\nhostaddr=127.0.0.1\n' >"$PGSERVICEFILE"
    for host in /nowhere nowhere.invalid /nowhere,/nowhere2; do
        expect_status 69 cleanup_jobs --database-host="$host"
        [[ $output == *"${host##*,}"* && $output != *127.0.0.1* && $output != */dev/null* ]] || fail "$host: $output"
        equal "$(grep -o "${host%%,*}[/\"]" <<<"$output" | wc -l)" 1 # tried once
    done
    PGHOST=/nowhere expect_status 0 cleanup_jobs
}

@test "the password in a URI or in a list of settings is not told, wherever it stands (78)" {
    export PGSERVICEFILE=$BATS_TEST_TMPDIR/services
    printf '[other]\n' >"$PGSERVICEFILE"
    for value in postgresql://me:secret@here/there POSTGRES://me:secret@here/there pgsql+x://me:secret@here 'host=here password=secret' \
        "host=here password = 'secret'"; do
        for name in PGHOSTADDR PGPORT PGSERVICE PGSERVICEFILE PGDATESTYLE PGTZ PGGEQO PGSSLMODE PGOPTIONS PGCHANNELBINDING \
            PGTARGETSESSIONATTRS PGCONNECT_TIMEOUT PGPASSFILE PGGSSENCMODE; do
            PGOPTIONS='' expect_status 78 env PGSERVICE=other "$name=$value" "$BUILD/crashmon-cleanup" --config="$CONF"
            [[ $output == *": for $name a single value is needed, not a URI"* && $output != *secret* ]] || fail "$name: $output"
        done
        for keyword in port sslmode connect_timeout options keepalives; do
            printf '[other]\n%s=%s\n' "$keyword" "$value" >"$PGSERVICEFILE"
            PGSERVICE=other expect_status 78 cleanup_jobs
            [[ $output != *secret* ]] || fail "$keyword: $output"
        done
        printf '[other]\n' >"$PGSERVICEFILE"
    done
    ! grep secret "$LOG" || fail "in the log"
    PGPASSWORD='postgresql://password=x' PGOPTIONS='-c password_encryption=md5' PGSERVICE=other expect_status 0 cleanup_jobs
}

@test "a database may have any name, but for a URI, whose password is not told" {
    for name in 'tcp:x' 'a@b' 'a:5' '@z' "q'uo\"te" 'x/y'; do
        createdb -T crashmon_template "$name"
        run connects --database-name="$name"
        dropdb "$name"
        [[ $status == 0 ]] || fail "$name: $status, $output"
    done
    for name in postgresql://me:secret@here/there "host=here password=secret"; do
        expect_status 78 cleanup_jobs --database-name="$name"
        [[ $output == *database-name* && $output != *secret* ]] || fail "$output"
        PGDATABASE=$name expect_status 78 cleanup_jobs
        [[ $output == *PGDATABASE* && $output != *secret* ]] || fail "$output"
        printf '[other]\ndbname=%s\n' "$name" >"$BATS_TEST_TMPDIR/services"
        PGSERVICEFILE=$BATS_TEST_TMPDIR/services PGSERVICE=other expect_status 78 env -u PGDATABASE \
            "$BUILD/crashmon-cleanup" --config="$CONF"
        [[ $output != *secret* ]] || fail "$output"
        ! grep secret "$LOG" || fail "in the log"
    done
    # It does not matter where an option names the database.
    there=$PGDATABASE
    PGDATABASE=postgresql://me:secret@here/there expect_status 0 cleanup_jobs --database-name="$there"
}

@test "a host and a role are what the options say, whatever they look like (69)" {
    for name in '@nowhere' 'tcp:x' 'unix:x' 'a@b'; do
        expect_status 69 cleanup_jobs --database-host="$name"
        [[ $output == *"\"$name"* ]] || fail "$name: $output"
        expect_status 69 cleanup_jobs --database-user-name="$name"
        [[ $output == *"role \"$name\" does not exist"* ]] || fail "$name: $output"
    done
}

@test "TZ is the log's time zone and nothing else, whatever it says" {
    for zone in '' Asia/Kathmandu XYZ-99 XYZ+99:59:59 :/nonsense "$(printf 'x%.0s' {1..3000})"; do
        hours=$(TZ=$zone date '+%F %H')
        TZ=$zone expect_status 0 cleanup_jobs
        hours+=" $(TZ=$zone date '+%F %H')"
        while read -r day time _; do
            [[ $hours == *"$day ${time%%:*}"* ]] || fail "TZ=$zone: $day $time instead of $hours"
        done <"$LOG"
        rm "$LOG"
    done
    sql_is "SELECT bool_and(now() - started < '1 hour' AND next_due - started < '10 min')
            FROM crashmon.runs" t
}

# --- days

# Crashes on their way through all three programs, each given as YYMMDD:DAY:ARCHIVE-DAY, the date
# in its id, the day of the spool that it lies under, and the one that it is archived under.
days_through() {
    local place day id date archived new=() requested=()
    for place; do
        IFS=: read -r date day archived <<<"$place"
        new+=("$(collect --day "$day" --id-day "$date")")
        requested+=("$(collect --day "$day" --id-day "$date" --root "$DEFERRED")")
    done
    expect_status 0 scan
    expect_status 0 priority "${requested[@]}"
    jobs_are "${new[@]}" "${requested[@]}"
    sql "UPDATE jobs SET completeddatetime = now(), success = true"
    cleans
    for place; do
        for id in "${new[0]}" "${requested[0]}"; do
            pair_is_whole "$ARCHIVE" "${place##*:}" "$id"
        done
        new=("${new[@]:1}") requested=("${requested[@]:1}")
    done
    equal "$(find "$SPOOL" "$DEFERRED" ! -type d)" ''
}

@test "where it is yesterday or tomorrow does not matter, nor that midnight came in between" {
    processor p1
    before=$(date -d yesterday +%Y%m%d) today=$(date +%Y%m%d) after=$(date -d tomorrow +%Y%m%d)
    TZ=XYZ-14 days_through "${today:2}:$before:$today" "${before:2}:$today:$before"
    TZ=XYZ+12 days_through "${after:2}:$after:$after"
}

@test "29 February is a day of leap years alone: in others an id has no date, and depth 4" {
    processor p1
    days_through 240229:20240229:20240229 240229:20240301:20240229 000229:20000229:20000229 \
        230229:20230301:20230301 990229:20990228:20990228
    equal "$(cd "$ARCHIVE" && echo 20230301/name/*/*/*/*/*230229.json | wc -w)" 2
    equal "$(cd "$ARCHIVE" && echo 20240229/name/*/*/*240229.json | wc -w)" 4
}

@test "a time that lies in the future, or before 1970, keeps no crash back for ever" {
    processor p1
    old=$(collect --day 20081224)
    find "$SPOOL" -exec touch -hd '1905-01-01' {} +
    id=$(collect --day 20081225) half=$(collect --day 20081225 --without dump)
    find "$SPOOL/20081225" -exec touch -hd 'next year' {} +
    expect_status 0 scan --settle-time=00:10:00
    jobs_are "$old"
    expect_status 0 scan --settle-time=00:00:00
    jobs_are "$old" "$id"
    has_links "$half"
    expect_status 1 scan --settle-time=00:00:00 --incomplete-age=00:00:00
    quarantined "$half" dump
}

@test "times in the database that lie in the future: a processor is alive, a request is kept" {
    processor p1 -86400
    id=$(collect --day 20081225) nowhere=$(collect --root "$BATS_TEST_TMPDIR/elsewhere")
    request "$nowhere" -86400
    expect_status 0 scan
    sql_is "SELECT uuid FROM jobs WHERE owner IS NOT NULL" "$id"
    expect_status 0 priority
    sql_is "SELECT uuid FROM priorityjobs" "$nowhere"
}

# --- where it is started

@test "started in a directory that has been deleted all is done, where no path is relative" {
    mkdir "$BATS_TEST_TMPDIR/gone"
    cd "$BATS_TEST_TMPDIR/gone"
    rmdir "$BATS_TEST_TMPDIR/gone"
    silent_way_through
    expect_status 73 scan --log-file-pathname=here.log
    [[ $output == *here.log* ]] || fail "$output"
    expect_status 78 scan --storage-root=spool
    [[ $output == *storage-root* ]] || fail "$output"
    cd /
}

@test "a relative log path is below the directory that it is started in" {
    cd "$BATS_TEST_TMPDIR"
    mkdir logs
    sed -i "s|^log-file-pathname.*|log-file-pathname = logs/here.log|" "$CONF"
    echo 'log-file-maximum-size = 600' >>"$CONF"
    silent_way_through
    [[ -s logs/here.log && -s logs/here.log.1 && ! -e $LOG ]] || fail "$(find . -name '*.log*')"
    id=$(collect --day 20081225)
    expect_status 0 scan
    sql_is "SELECT pathname FROM jobs" "$(place "$SPOOL" "$id").json"
    cd /
}

@test "with a umask of 0777 or 0 log and quarantine are there for their owner" {
    processor p1
    for mask in 0777 0000; do
        half=$(collect --day 20081225 --without dump --age 100000)
        (umask $mask; expect_status 1 scan)
        quarantined "$half" dump
        [[ $(find "$SPOOL/quarantine" -type d -printf '%m\n' | sort -u) == 770 ]] ||
            fail "$(ls -lR "$SPOOL/quarantine")"
        [[ $(find "$LOG" "$SPOOL/quarantine" -type f -perm -600 | wc -l) == 3 ]] ||
            fail "$(ls -lR "$LOG" "$SPOOL/quarantine")"
        rm -r "$LOG" "$SPOOL/quarantine"
    done
}

# --- limits

limited() (
    # shellcheck disable=SC2086 # two words
    ulimit $LIMIT
    exec "$@" 3>&-
)

# A machine on which only the case's directory can be written to, without /proc.
# shellcheck disable=SC2016 # for the shell inside
bare_machine() {
    unshare --mount sh -euc 'mount --bind "$0" "$0"
                             mount -o remount,ro,bind / && umount -l /proc && exec "$@"' \
        "$BATS_TEST_TMPDIR" "$@"
}

@test "where / is read-only and there is no /proc all is done, and nothing printed" {
    [[ $EUID == 0 ]] && unshare --mount true 2>/dev/null || skip "mounts are not permitted"
    EXEC=bare_machine
    silent_way_through
}

@test "with 32 open files all is done" {
    processor p1
    mapfile -t ids < <(collect --count 300 --web-heads 3 --levels 4 --age 7200)
    EXEC=limited LIMIT='-n 32'
    expect_status 0 scan --batch-size=100
    jobs_are "${ids[@]}"
    sql "UPDATE jobs SET success = true"
    cleans
}

@test "with a stack of 96 KiB all is done, and all is answered" {
    collect --day 20081225 --depth 4 --without links >/dev/null
    marked
    EXEC=limited LIMIT='-s 96'
    silent_way_through
    collect >/dev/null
    id=$(collect)
    for question in 'scan --check' 'scan --status' 'cleanup_jobs --check' "priority --explain $id" \
        'scan --repair' 'cleanup_jobs --repair'; do
        run $question
        [[ $status -le 2 && -n $output ]] || fail "$question: $status" "$output"
    done
}

@test "where no thread can be made all is done" {
    EXEC="strace -f -qq -o $BATS_TEST_TMPDIR/trace -e trace=clone,clone3 -e inject=clone,clone3:error=EAGAIN"
    $EXEC true || skip "no strace here"
    silent_way_through
    grep -q INJECTED "$BATS_TEST_TMPDIR/trace"
}

@test "with too few open files the run says so, loses nothing and ends with a documented code" {
    processor p1
    mapfile -t ids < <(collect --count 3 --day 20081225)
    EXEC=limited
    for files in {4..12..2}; do
        LIMIT="-n $files"
        run scan
        [[ $status == 0 || ($status =~ ^(1|69|70|74|77|78)$ && -n $output) ]] ||
            fail "$files files: exit code $status" "$output"
        # One that is queued may keep its links.
        equal "$( (sql "SELECT uuid FROM jobs"; new_links) | grep . | sort -u)" \
            "$(printf '%s\n' "${ids[@]}" | sort)"
    done
    EXEC=
    expect_status 0 scan
    jobs_are "${ids[@]}"
}

@test "a log that may not grow is said, and the work goes on" {
    marked
    EXEC=limited LIMIT='-f 0'
    way_through 73
    [[ $said == *"$LOG"* ]] || fail "says: $said"
}

@test "metrics that may not grow are said, and no file of theirs is left behind" {
    marked
    mkdir "$BATS_TEST_TMPDIR/metrics"
    EXEC=limited LIMIT='-f 0'
    expect_status 0 cleanup_jobs --metrics-file="$BATS_TEST_TMPDIR/metrics" \
        --log-file-pathname=/dev/null --stderr-error-logging-level=30
    [[ $output == *metrics* ]] || fail "says: $output"
    equal "$(ls -A "$BATS_TEST_TMPDIR/metrics")" ''
}

@test "a quarantine whose files may not grow keeps nothing back but its crash (1)" {
    marked
    processor p1
    id=$(collect --day 20081225) half=$(collect --day 20081225 --without dump --age 100000)
    EXEC=limited LIMIT='-f 0'
    expect_status 1 scan --log-file-pathname=/dev/null
    jobs_are "$id"
    has_links "$half"
    unset EXEC
    expect_status 1 scan
    quarantined "$half" dump
}

@test "many arguments are all requested, and those that are there are served" {
    processor p1
    mapfile -t ids < <(collect --count 20 --day 20081225)
    mapfile -t nowhere < <(printf '%08x-0000-0000-0000-000002081225\n' {1..1000})
    expect_status 0 priority "${nowhere[@]}" "${ids[@]}"
    jobs_are "${ids[@]}"
    equal "$(sql "SELECT uuid FROM priorityjobs" | sort)" "$(printf '%s\n' "${nowhere[@]}" | sort)"
}
