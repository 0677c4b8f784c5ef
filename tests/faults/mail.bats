#!/usr/bin/env bats
# mail.bats - what cron mails in an hour in which something is wrong: the commands of crontab.example in
# their rhythm, without the pauses. Each case prints its line of the table in doc/operations.md.
# shellcheck disable=SC2154 # bats sets output
load ../helper

CRONTAB=$TESTS/../crontab.example

# The minutes of an hour in which cron starts a program: */5 or *.
is_due() { [[ $1 == '*' ]] || ((minute % ${1#'*/'} == 0)); }

# What cron does with a command: no terminal, and a mail if anything is printed.
cron_runs() {
    local said
    said=$(setsid -w env PATH="$BUILD:$PATH" CONFIG="$CONF" PGOPTIONS='' ${EXEC:-} /bin/sh -c "$1" 2>&1 </dev/null 3>&-) || true
    [[ -n $said ]] || return 0
    mails=$((mails + 1)) printed=$((printed + $(wc -l <<<"$said")))
    [[ $said != *$'\n'*$'\n'* ]] || longest=$said
}

# What happens besides; a case defines it anew.
each_minute() { :; }

# An hour of 84 runs: hour WHAT MAILS LINES. There must be so many mails, with at most so many lines in all.
hour() {
    local minute every rest mails=0 printed=0 longest=
    sed -i /^stderr-repeat/d "$CONF"
    for ((minute = 0; minute < 60; minute++)); do
        each_minute
        while read -r every _ _ _ _ rest; do
            ! is_due "$every" || cron_runs "$rest"
        done < <(grep '^\*' "$CRONTAB")
    done
    echo "# | $1 | $mails | $printed |" >&3
    ((mails == $2 && printed <= $3)) || fail "$mails mails, $printed lines" "$longest"
}

# A spool in use: a crash for each program.
in_use() {
    processor p1
    new=$(crash) wanted=$(crash --root "$DEFERRED") finished=$(crash --without links)
    request "$wanted"
    ended true "$finished"
    marked
}

@test "nothing wrong" {
    in_use
    hour "nothing is wrong" 0 0
}

@test "no processor" {
    in_use
    sql "DELETE FROM processors"
    hour "no processor is alive, and a request waits" 2 2
}

@test "database down" {
    in_use
    PGPORT=1 hour "the database is down" 3 3
}

@test "long backlog" {
    in_use
    for name in "${PROGRAMS[@]}"; do lock "$name" >/dev/null; done
    hour "a backlog keeps all three programs busy" 0 0
}

@test "archive full" {
    disk "$BATS_TEST_TMPDIR/full" size=64k
    mkdir "$BATS_TEST_TMPDIR/full/archive"
    sed -i "s|^save-successful.*|save-successful-minidumps-to = $BATS_TEST_TMPDIR/full/archive|" "$CONF"
    in_use
    head -c 1M /dev/zero >"$BATS_TEST_TMPDIR/full/filler" 2>/dev/null || true
    ended true $(crash --count 50 --without links)
    hour "long-term storage is full" 1 11
}

@test "archive not writable" {
    in_use
    as_a_user
    mapfile -t ids < <(crash --count 50 --without links)
    chmod -R a-w "$ARCHIVE"
    chown -R 65534:65534 "$SPOOL"
    ended true "${ids[@]}"
    hour "long-term storage cannot be written to" 1 11
}

@test "spool not mounted" {
    in_use
    mv "$SPOOL" "$SPOOL.away"
    mkdir "$SPOOL"
    hour "the spool is not mounted" 3 3
}

@test "wrong configuration" {
    in_use
    export TMPDIR=$BATS_TEST_TMPDIR
    echo 'no-such-option = 1' >>"$CONF"
    hour "the configuration is wrong" 3 3
}

@test "log not writable" {
    in_use
    export TMPDIR=$BATS_TEST_TMPDIR
    sed -i 's|^log-file-pathname.*|log-file-pathname = /nowhere/log|' "$CONF"
    hour "the log cannot be written to" 3 3
}

@test "log and TMPDIR full" {
    disk "$BATS_TEST_TMPDIR/full" size=64k
    in_use
    export TMPDIR=$BATS_TEST_TMPDIR/full
    sed -i "s|^log-file-pathname.*|log-file-pathname = $TMPDIR/log|" "$CONF"
    head -c 1M /dev/zero >"$TMPDIR/filler" 2>/dev/null || true
    hour "the log's disk is full, and that of TMPDIR" 3 3
}

@test "20,000 bad requests" {
    in_use
    sql "INSERT INTO priorityjobs SELECT 'bad ' || i FROM generate_series(1, 20000) AS i"
    hour "20,000 requests that are no crash ids" 0 0
}

@test "20,000 requests for crashes that never came" {
    in_use
    sql "INSERT INTO priorityjobs (uuid, requesteddatetime)
         SELECT lpad(i::text, 8, '0') || '-0000-0000-0000-000002081225', now() - interval '1 hour'
         FROM generate_series(1, 20000) AS i"
    hour "20,000 requests for crashes that never came" 0 0
}

@test "one request each minute for a crash that never came" {
    in_use
    each_minute() { request "$(nowhere)" 3600; }
    hour "one request each minute for a crash that never came" 0 0
    sql_is "SELECT sum((outcomes->>'given_up')::integer) FROM crashmon.runs" 60
}

@test "20,000 strays" {
    in_use
    seq -f "$SPOOL/20081225/date/12/05/web01_0/stray%.0f" 20000 | xargs touch -d '2 days ago'
    hour "20,000 strays in the spool" 0 0
}
