# helper.bash - what every .bats file loads: a database of its own for each file, empty tables and
# a fresh spool for each case. tests/run prepares the server and the template database.
# shellcheck shell=bash disable=SC2154 # bats sets status and output

bats_require_minimum_version 1.5.0

TESTS=${BATS_TEST_DIRNAME%/*}
: "${BUILD:=$TESTS/../build}"
# shellcheck disable=SC2034 # the cases use both
PROGRAMS=(crashmon-scan crashmon-priority crashmon-cleanup)
# shellcheck disable=SC2034
RUNS=(scan priority cleanup_jobs)

# The tests' own sessions find all tables, like those of Socorro's processors. What is tested does not
# get this.
export PGOPTIONS='-c search_path=crashmon_priority,crashmon,public'

# A file that has more to do defines these four anew, and calls what they call.
setup_file() { begin_file; }
teardown_file() { end_file; }
setup() { begin_case; }
teardown() { end_case; }

begin_file() {
    local name
    name=$(basename "$BATS_TEST_FILENAME" .bats)
    createdb -T crashmon_template "crashmon_${name}_$$"
    export PGDATABASE=crashmon_${name}_$$
    sql_start
}

end_file() {
    psql -qX -d postgres -c "DROP DATABASE IF EXISTS \"$PGDATABASE\" WITH (FORCE)"
}

begin_case() {
    # bats keeps account of where each command stands, which takes longer than most commands: let it
    # do so for those of the cases, and not for those of the helpers.
    trap '[[ $BASH_SOURCE == *.bash ]] || bats_debug_trap "$BASH_SOURCE"' DEBUG

    local dir=$BATS_TEST_TMPDIR
    SPOOL=$dir/spool DEFERRED=$dir/deferred ARCHIVE=$dir/archive FAILED=$dir/failed
    LOG=$dir/crashmon.log CONF=$dir/crashmon.conf
    # Both roots have been in use: one that holds no day is not taken for the root of queued jobs.
    mkdir -p "$SPOOL/20000101" "$DEFERRED/20000101" "$ARCHIVE" "$FAILED"
    printf '%s\n' >"$CONF" \
        "storage-root = $SPOOL" \
        "deferred-storage-root = $DEFERRED" \
        "save-successful-minidumps-to = $ARCHIVE" \
        "save-failed-minidumps-to = $FAILED" \
        "log-file-pathname = $LOG" \
        'stderr-repeat-delay = 00:00:00'
    empty_tables
    background_pids=() disks=()
}

# What a failed case left running ends here, what it mounted goes, and what it made read-only can be
# removed.
end_case() {
    session_end
    local pid place
    for pid in "${background_pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    for place in "${disks[@]}"; do umount "$place" || umount -l "$place"; done
    ((EUID == 0)) || chmod -R u+rwX "$BATS_TEST_TMPDIR"
}

# --- the programs

collect() { "$TESTS/collector" --root "$SPOOL" "$@"; }
crash() { collect --day 20081225 "$@"; }

# Ids of crashes that lie nowhere: nowhere [COUNT].
nowhere() { collect --root "$BATS_TEST_TMPDIR/nowhere" --count "${1:-1}"; }

scan() { program crashmon-scan "$@"; }
priority() { program crashmon-priority "$@"; }
cleanup_jobs() { program crashmon-cleanup "$@"; }
program() { PGOPTIONS='' ${EXEC:-} "$BUILD/$1" --config="$CONF" "${@:2}"; }

# Has the next runs be those of a user whom permissions hold back; what is in the spool is his.
as_a_user() {
    [[ $(id -u) == 0 ]] || return 0
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
    cp "$BUILD"/crashmon-{scan,priority,cleanup} "$BATS_TEST_TMPDIR"
    chown -R 65534:65534 "$BATS_TEST_TMPDIR"
    BUILD=$BATS_TEST_TMPDIR EXEC+=' setpriv --reuid=65534 --regid=65534 --clear-groups'
}

# Has each directory its mark, as in a spool that has been in use.
marked() { cleanup_jobs --adopt >/dev/null; }

# Runs a command that must end with this exit code; $output is what it printed.
expect_status() {
    local want=$1
    shift
    run "$@"
    [[ $status -eq $want ]] || fail "exit code $status instead of $want: $*" "$output"
}

fail() {
    printf '%s\n' "$@"
    [[ ! -e $LOG ]] || sed 's/^/log: /' "$LOG"
    return 1
}

# Asserts that two texts are equal.
equal() {
    [[ $1 == "$2" ]] || { diff <(echo "$1") <(echo "$2") || true; fail "not equal"; }
}

# Has a run be killed before its N-th call in a thread: killed_at CALL:N COMMAND [ARGUMENT...]
killed_at() {
    strace -qq -o /dev/null true 2>/dev/null || skip "no strace here"
    EXEC="strace -f -qq -o /dev/null -e trace=${1%:*} -e inject=${1%:*}:signal=KILL:when=${1#*:}"
    run "${@:2}"
    EXEC=''
    equal $status 137
}

log_has() { [[ $(<"$LOG") == *"$1"* ]] || fail "not in the log: $1"; }

# Starts a command in the background, its output in $BACKGROUND; its process id is $pid. A program
# takes the place of the subshell, so that this is its own id; the shell has it ignore SIGINT.
background() {
    BACKGROUND=$BATS_TEST_TMPDIR/background.${#background_pids[@]}
    : >"$BACKGROUND" # for who waits for another one meanwhile
    (EXEC='exec env --default-signal=INT,HUP,QUIT' && "$@") >"$BACKGROUND" 2>&1 3>&- &
    pid=$!
    background_pids+=("$pid")
}

# Whether it has a file open.
has_open() { [[ $(readlink "/proc/$pid/fd/"*) == *"$1"* ]]; }

# Waits for it, or for another process id; it must end with this exit code. $output is what it
# printed.
background_ends() {
    local status=0
    wait "${2:-$pid}" || status=$?
    output=$(<"$BACKGROUND")
    [[ $status -eq $1 ]] || fail "exit code $status instead of $1 in the background" "$output"
}

# Lets a program go on, each of whose threads may be stopped; true when it has ended.
gone_on() {
    kill -CONT "$1" 2>/dev/null || true
    [[ $(cat "/proc/$1/stat" 2>/dev/null) != *') '[!Z]* ]]
}

# Asserts that a command takes less than so many seconds: within SECONDS COMMAND... On a machine that is slow, or
# busy, it may take as much more as a hundred starts of a program take just now, which is a second elsewhere.
within() {
    local begun=${EPOCHREALTIME/./} start took
    "$BUILD/crashmon-scan" --version >/dev/null
    start=$((${EPOCHREALTIME/./} - begun))
    "${@:2}"
    took=$((${EPOCHREALTIME/./} - begun - start))
    ((took < $1 * 1000000 + 100 * start)) || fail "took $took us, a start $start: ${*:2}"
}

# Sends it SIGTERM, and waits until another signal would not count as the same, which it does for a fifth of a second.
first_signal() {
    kill -TERM "${1:-$pid}"
    await eval "! grep -qE '^(Sig|Shd)Pnd:.*[1-9a-f]' /proc/${1:-$pid}/status"
    sleep 0.3
}

# Ends it by two signals, TERM and this one: within a second of the second, and not by the first.
second_signal_ends() {
    first_signal
    kill -0 "$pid" || fail "ended by the first signal"
    kill "-$1" "$pid"
    within 1 background_ends 143
}

# Waits until a command succeeds, two minutes at most: a slow machine takes its time.
await() {
    local deadline=$((SECONDS + 120))
    until "$@"; do
        ((SECONDS < deadline)) || fail "waited in vain for: $*" || return
        sleep 0.05
    done
}

# --- the database

# Empties all tables, and drops what a case has made besides. To truncate a table costs a file for it
# and for each of its indexes: only where it has grown. No trigger, foreign key or order hinders that.
empty_tables() {
    sql "SET LOCAL lock_timeout = '120s';
         SET LOCAL session_replication_role = replica;
         DROP FUNCTION IF EXISTS refuse(), public.hold() CASCADE;
         DO \$\$ DECLARE its regclass; kind text; BEGIN
             FOR its, kind IN SELECT oid, CASE
                     WHEN relkind = 'S' THEN 'SELECT setval(%L, 1, false)'
                     WHEN relname LIKE 'priority\\_jobs\\_%' THEN 'DROP TABLE %s'
                     WHEN pg_relation_size(oid) > 100000 THEN 'TRUNCATE %s CASCADE'
                     ELSE 'DELETE FROM %s' END
                 FROM pg_class WHERE relkind IN ('r', 'S')
                     AND relnamespace::regnamespace::text IN ('public', 'crashmon',
                                                              'crashmon_priority')
             LOOP
                 EXECUTE format(kind, its);
             END LOOP;
         END \$\$"
}

# One session of psql serves the cases of a file: to start one costs more than most statements.
sql_start() {
    local ask=$BATS_FILE_TMPDIR/ask answer=$BATS_FILE_TMPDIR/answer
    mkfifo "$ask" "$answer"
    PGOPTIONS="$PGOPTIONS -c client_min_messages=warning" psql -qAtX <"$ask" >"$answer" 2>&1 3>&- &
    exec {SQL_ASK}>"$ask" {SQL_ANSWER}<"$answer"
    export SQL_ASK SQL_ANSWER SQL_AS=${PGUSER:-}@$PGDATABASE,${PGTZ:-}
}

# Statements in one transaction; prints what they yield. Another login, database or time zone
# has a session of its own.
sql() {
    local answer
    ask "$1" || return
    [[ -z $answer ]] || printf '%s\n' "$answer"
}

# The same into the caller's $answer, without a subshell.
ask() {
    local line lines=()
    if [[ $SQL_AS != "${PGUSER:-}@$PGDATABASE,${PGTZ:-}" ]]; then
        answer=$(PGOPTIONS="$PGOPTIONS -c client_min_messages=warning" psql -qAtX -v ON_ERROR_STOP=1 -c "$1")
        return
    fi
    printf 'BEGIN;\n%s\n;\n\\set failed :ERROR\nCOMMIT;\n\\echo :failed done\n' "$1" >&"$SQL_ASK"
    while IFS= read -r -t 300 line <&"$SQL_ANSWER"; do
        case $line in
        'false done')
            local IFS=$'\n'
            answer="${lines[*]}"
            return
            ;;
        'true done')
            printf '%s\n' "${lines[@]}" >&2
            return 1
            ;;
        *) lines+=("$line") ;;
        esac
    done
    fail "the server does not answer: $1"
}

# Asserts what a query yields.
sql_is() {
    local answer
    ask "$1" || return
    [[ $answer == "$2" ]] || fail "$1" "yields: $answer" "instead of: $2"
}

sql_true() {
    local answer
    ask "$1" || return
    [[ $answer == t ]]
}

# Waits until there is a session like this, among those of our database: other files have theirs in the same server.
await_session() {
    await sql_true "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND ($1))"
}

# Waits until a program hangs on a lock in the server.
await_blocked() { await_session "application_name = '$1' AND wait_event_type = 'Lock'"; }

# From now on whoever wants to change a job waits, until session COMMIT. (For a locked table a run
# would not wait, and in a trigger a second at most, but for one that is deaf to that.)
hold() {
    sql "CREATE OR REPLACE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS
             'BEGIN
                  BEGIN
                      PERFORM pg_advisory_xact_lock_shared(42);
                  EXCEPTION WHEN query_canceled THEN
                      PERFORM pg_advisory_xact_lock_shared(42);
                  END;
                  RETURN coalesce(NEW, OLD);
              END';
         CREATE OR REPLACE TRIGGER hold BEFORE INSERT OR UPDATE OR DELETE ON jobs
             EXECUTE FUNCTION public.hold()"
    session "BEGIN; SELECT pg_advisory_xact_lock(42)" >/dev/null
}

# Starts a run and brings it to where it cannot change a job; session COMMIT lets it go on:
# held scan [OPTION...]
held() {
    hold
    background "$@"
    await_blocked "crashmon-${1%_jobs}"
}

# Has the server refuse to queue one crash, and accept it again.
refuse() {
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN RAISE EXCEPTION ''not %'', NEW.uuid; END';
         CREATE TRIGGER refuse BEFORE INSERT ON jobs FOR EACH ROW WHEN (NEW.uuid = '$1')
             EXECUTE FUNCTION refuse()"
}
accept() { sql "DROP FUNCTION refuse() CASCADE"; }

# A second session that stays open: session 'LOCK TABLE ...' prints what the statement yields. The
# first use must not be in a $(...), where it would end at once.
session() {
    local line
    if [[ -z ${SESSION_PID:-} ]]; then
        coproc SESSION { exec psql -qAtX 2>&1 3>&-; }
    fi
    printf '%s;\n\\echo done\n' "$1" >&"${SESSION[1]}"
    while IFS= read -r -t 120 line <&"${SESSION[0]}"; do
        [[ $line != "done" ]] || return 0
        printf '%s\n' "$line"
    done
    fail "the session does not answer: $1"
}

session_end() {
    [[ ${SESSION_PID:-} ]] || return 0
    local pid=$SESSION_PID
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# Takes the lock of a program as another run of it does, or gives it back.
lock() { session "SELECT pg_advisory_lock($(lock_of "$@"))"; }
unlock() { session "SELECT pg_advisory_unlock($(lock_of "$@"))" >/dev/null; }
lock_of() { echo "hashtext('$1'), hashtext('${2:-main}')"; }

# Registers a processor that was seen AGE seconds ago; prints its id.
processor() {
    sql "INSERT INTO processors (name, lastseendatetime)
         VALUES ('$1', now() - ${2:-0} * interval '1 second') RETURNING id"
}

# The processor reports the end of a job.
finish() {
    sql "UPDATE jobs SET starteddatetime = coalesce(starteddatetime, now()),
             completeddatetime = now(), success = $2 WHERE uuid = '$1'"
}

# Jobs that ended, in this order, whose pairs are where they are now: ended SUCCESS ID... What was made for them looks
# older, unless the disk only reads: a busy machine may pause before cleanup reads the rows, and a link counts as newer then.
ended() {
    local id path values=''
    local -A where=()
    while IFS= read -r -d '' path; do
        id=${path##*/} id=${id%%.*}
        where["x$id"]=${path%/*}/$id
    done < <(find "$SPOOL" "$DEFERRED" -path '*/name/*-*.*' -print0)
    for id in "${@:2}"; do
        values+="${values:+, }('${where["x$id"]:-$SPOOL/$id}.json', '$id', $1, now(), now())"
    done
    find "$SPOOL" "$DEFERRED" -path '*/name/*' -type d -mmin -60 -exec touch -d '1 hour ago' {} + 2>/dev/null || true
    sql "INSERT INTO jobs (pathname, uuid, success, starteddatetime, completeddatetime)
         VALUES $values"
}

# Cleans up; that must be a good run, which prints nothing and leaves no row.
cleans() {
    expect_status 0 cleanup_jobs "$@"
    [[ -z $output ]] || fail "printed: $output"
    sql_is "SELECT count(*) FROM jobs" 0
}

# The reporter asks for crashes, AGE seconds ago: request ID [AGE], requests AGE ID...
request() { requests "${2:-0}" "$1"; }
requests() {
    local values='' id
    for id in "${@:2}"; do values+="${values:+, }('${id//\'/\'\'}', now() - interval '$1 s')"; done
    sql "INSERT INTO priorityjobs (uuid, requesteddatetime) VALUES $values ON CONFLICT DO NOTHING"
}

# as LOGIN COMMAND...: runs a command, the programs too, under that login.
as() {
    local PGUSER=$1
    export PGUSER
    shift
    "$@"
}

# The crashes that are asked for.
requested() { sql "SELECT uuid FROM priorityjobs ORDER BY uuid COLLATE \"C\""; }

# Asserts that there are jobs for these crashes, and for no others.
jobs_are() { equal "$(sql "SELECT uuid FROM jobs" | sort)" "$(printf '%s\n' "$@" | sort)"; }

# Every row of every table.
db_state() {
    sql "$(sql "SELECT string_agg(format('SELECT %L, to_jsonb(t) FROM %s AS t', oid::regclass,
                                         oid::regclass), ' UNION ALL ')
                FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text IN (
                    'public', 'crashmon', 'crashmon_priority')")" |
        sort
}

# --- the spool

# The marks of the directories are for marks.bats alone, and the lock of the quarantine for
# locks.bats: elsewhere they are not seen.
find() {
    local paths=()
    while (($#)) && [[ $1 != [-!\(]* ]]; do
        paths+=("$1")
        shift
    done
    command find "${paths[@]}" -nowarn ! -name .crashmon ! -name .lock ${1:+\( "$@" \)}
}

# Everything below a directory: path, type, mode, a link's target; a file's size and checksum.
spool_state() {
    (
        cd "$1" || exit
        find . -type f -printf '%p %y %m %s\n' -exec sha256sum {} + -o -printf '%p %y %m %l\n'
    ) | sort
}

# The same of every directory that a case has; and that with every row.
disk_state() {
    local dir
    for dir in "$BATS_TEST_TMPDIR"/{spool,deferred,archive,failed,outside}; do
        [[ ! -d $dir ]] || spool_state "$dir"
    done
}
everything() { db_state && disk_state; }

# The name and the checksum of each file below.
sums() { find "$@" -type f -exec sha256sum {} + | sed 's| .*/| |' | sort; }

# Hides files and shows them again, for ever: background flicker FILE...
# shellcheck disable=SC2016 # for perl
flicker() {
    exec perl -e 'use Time::HiRes "sleep"; while (1) {
        for my $to (".hidden", "") {
            for (@ARGV) { rename $_ . ($to ? "" : ".hidden"), "$_$to" }
            sleep 0.005;
        } }' "$@"
}

# A small disk of its own at a place: disk PLACE OPTIONS, as in size=64k.
disk() {
    [[ $(id -u) == 0 ]] || skip "only root can mount"
    mkdir -p "$1"
    mount -t tmpfs -o "mode=755,$2" tmpfs "$1" || skip "no mount here"
    disks+=("$1")
}

# Has a directory appear at another place, too: bind FROM PLACE.
bind() {
    [[ $(id -u) == 0 ]] || skip "only root can mount"
    mkdir -p "$2"
    mount --bind "$1" "$2" || skip "no mount here"
    disks=("$2" "${disks[@]}")
}

# Makes a directory on another file system: $ELSEWHERE.
elsewhere() {
    [[ ${OTHER_DISK:-} ]] || skip "there is no other file system"
    # shellcheck disable=SC2034 # the cases use it
    ELSEWHERE=$(mktemp -d "$OTHER_DISK/elsewhere.XXXXXX")
}

# The directory of the name tree for an id, as in 22/ad.
name_dir() {
    local depth=${1:29:1} day=20${1: -6}
    # date takes more than digits: 20feb591 is a day in 591.
    if [[ $depth != [1-4] || $day == *[!0-9]* ]] || ! date -d "$day" >/dev/null 2>&1; then
        depth=4
    fi
    local dirs=${1:0:2}/${1:2:2}/${1:4:2}/${1:6:2}
    echo "${dirs:0:3*depth-1}"
}

# Where a pair of 2008-12-25 lies, without suffix: place ROOT ID.
place() { echo "$1/20081225/name/$(name_dir "$2")/$2"; }

# Asserts that a pair lies in a name tree, with all its bytes.
pair_is_whole() {
    local LC_ALL=C pair json dump
    pair=$1/$2/name/$(name_dir "$3")/$3
    [[ -f $pair.json && -f $pair.dump ]] || fail "no pair: $pair"
    json=$(<"$pair.json") dump=$(<"$pair.dump")
    [[ $json == *'}' && $dump == MDMP*PMDM ]] || fail "no whole pair: $pair"
}

# Asserts that nothing but directories is left in the two storage roots.
roots_are_empty() {
    local left
    left=$(find "$SPOOL" "$DEFERRED" ! -type d)
    [[ -z $left ]] || fail "left:" "$left"
}

# Asserts that no link of this name is left in the two storage roots.
no_links() {
    local links
    links=$(find "$SPOOL" "$DEFERRED" -name "$1" -type l)
    [[ -z $links ]] || fail "links are left:" "$links"
}

# Asserts that both links are there.
has_links() {
    local links
    links=$(find "$SPOOL" -name "$1" -type l | wc -l)
    [[ $links == 2 ]] || fail "$links links for $1"
}

# The links that nobody has seen yet.
new_links() { find "$SPOOL" -path '*/date/*' -type l -printf '%f\n' | sort; }

# Asserts that what had this name lies in quarantine, and that the reason is told there and in
# the log.
quarantined() {
    local name=$1 reason=$2 in=${3:-$SPOOL/quarantine}
    find "$in" -name "*$name*" | grep -q . || fail "not in quarantine: $name" "$(find "$in")"
    find "$in" -type f ! -name '*.json' ! -name '*.dump' -exec cat {} + | grep -qiE "$reason" ||
        fail "no reason like $reason" "$(find "$in")"
    grep -F -- "$name" "$LOG" | grep -qiE "$reason" || fail "no reason like $reason in the log"
}
