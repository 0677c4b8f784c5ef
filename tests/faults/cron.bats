#!/usr/bin/env bats
# cron.bats - crontab.example in the hands of a real cron. One minute serves all cases: setup_file
# waits for it, the cases look at what has become of it.
# shellcheck disable=SC2154,SC2016 # bats sets output; what is quoted is for other shells
load ../helper

CRONTAB=$TESTS/../crontab.example
USER_ID=61234

# The machine that cron sees: directories that are mounted over the real ones, for it alone.
MACHINE=$BATS_FILE_TMPDIR/machine
PLACES=(etc/passwd etc/shadow etc/crontab etc/cron.d var/spool/cron run srv usr/local/bin
    usr/local/etc usr/sbin)
SPOOL=$MACHINE/srv/spool DEFERRED=$MACHINE/srv/deferred ARCHIVE=$MACHINE/srv/archive
LOG=$MACHINE/srv/crashmon.log MAILBOX=$MACHINE/srv/mail

setup_file() {
    begin_file
    export NO_CRON='' NEW WANTED DONE
    if [[ ! -x /usr/sbin/cron ]]; then
        NO_CRON="cron is not installed"
    elif [[ $(id -u) != 0 ]]; then
        NO_CRON="only root can have a cron of its own"
    elif ! unshare --mount --pid --fork mount --bind /srv /srv 2>/dev/null; then
        NO_CRON="no mount here"
    else
        furnish
        processor p1
        NEW=$(collect) WANTED=$(collect --root "$DEFERRED") DONE=$(collect --without links)
        request "$WANTED"
        ended true "$DONE"
        chown -R "$USER_ID:$USER_ID" "$MACHINE/srv"
        run_cron
    fi
}

# The cases share what cron has done; nothing is reset between them.
setup() { :; }

# Programs, configuration and user, where crontab.example has them; no other crontab, and a mailer.
furnish() {
    mkdir -p "$MACHINE"/{etc/cron.d,run,usr/local/etc,var/spool/cron,usr/local/bin,usr/sbin} \
        "$SPOOL" "$DEFERRED" "$ARCHIVE" "$MAILBOX"
    touch "$MACHINE/etc/crontab"
    cp "$BUILD"/crashmon-{scan,priority,cleanup} "$MACHINE/usr/local/bin"
    printf '%s\n' >"$MACHINE/usr/local/etc/crashmon.conf" \
        "storage-root = /srv/spool" \
        "deferred-storage-root = /srv/deferred" \
        "save-successful-minidumps-to = /srv/archive" \
        "save-failed-minidumps-to = /srv/archive" \
        "log-file-pathname = /srv/crashmon.log" \
        "database-host = localhost" \
        "database-port = $PGPORT" \
        "database-name = $PGDATABASE" \
        "database-user-name = $(sql "SELECT current_user")"

    install -m 600 /etc/shadow "$MACHINE/etc"
    sed '/^crashmon:/d' /etc/passwd >"$MACHINE/etc/passwd"
    sed -i '/^crashmon:/d' "$MACHINE/etc/shadow"
    echo "crashmon:x:$USER_ID:$USER_ID::/nonexistent:/usr/sbin/nologin" >>"$MACHINE/etc/passwd"
    echo 'crashmon:*:19000::::::' >>"$MACHINE/etc/shadow"

    mkdir "$MACHINE/var/spool/cron/crontabs"
    chown --reference=/var/spool/cron/crontabs "$MACHINE/var/spool/cron/crontabs"
    chmod --reference=/var/spool/cron/crontabs "$MACHINE/var/spool/cron/crontabs"
    cp /usr/sbin/cron "$MACHINE/usr/sbin"
    printf '#!/bin/sh\ncat >/srv/mail/.$$ && mv /srv/mail/.$$ /srv/mail/$$\n' \
        >"$MACHINE/usr/sbin/sendmail"
    chmod 755 "$MACHINE/usr/sbin/sendmail"

    # All three run in the same minute, and a fourth run, which fails, shows its environment.
    env | grep -E '^(A|UB)SAN_OPTIONS=' >"$MACHINE/crontab" || true
    sed 's|^[*]/[0-9]* |* |' "$CRONTAB" >>"$MACHINE/crontab"
    echo '* * * * *  crashmon-scan --config="$CONFIG" --storage-name=amiss' \
        '--storage-root=/srv/missing; env' >>"$MACHINE/crontab"
}

# The first process of the machine, which lives as long as somebody holds its standard input; then
# it lets the runs and the mailer finish.
FIRST_PROCESS='
    cd "$1"
    shift
    for place; do mount --bind "$place" "/$place"; done
    crontab -u crashmon crontab
    env -i PATH="$PATH" /usr/sbin/cron -f -L 0 &
    read -r || true
    kill $!
    while kill -0 -1 2>/dev/null; do sleep 0.1; done'

# The run that fails has been reported, and the three programs have run; asked in this order,
# because a glance at a directory costs nothing.
has_run() {
    compgen -G "$MAILBOX/*" >/dev/null &&
        sql_true "SELECT count(DISTINCT program) = 3 FROM crashmon.runs
                  WHERE storage = 'main' AND ended IS NOT NULL"
}

# Has cron start the programs once, at the next full minute.
run_cron() {
    local deadline=$((SECONDS + 90)) stdin pid
    coproc CRON {
        exec unshare --mount --pid --fork --kill-child bash -euc "$FIRST_PROCESS" cron \
            "$MACHINE" "${PLACES[@]}" >"$MACHINE/said" 2>&1 3>&-
    }
    stdin=${CRON[1]} pid=$CRON_PID
    until has_run; do
        if [[ ! ${CRON_PID:-} ]] || ((SECONDS >= deadline)); then
            fail "cron has not run them" "$(<"$MACHINE/said")" "$(tail -n +1 "$MAILBOX"/*)"
        fi
        sleep 1
    done
    exec {stdin}>&-
    wait "$pid" || fail "cron does not end" "$(<"$MACHINE/said")"
}

under_cron() { [[ ! $NO_CRON ]] || skip "$NO_CRON"; }

# Asserts that one mail was sent, no more; $mail is its text.
one_mail() {
    local mails=("$MAILBOX"/*)
    mail=$(cat "${mails[@]}")
    ((${#mails[@]} == 1)) || fail "${#mails[@]} mails:" "$mail"
}

# --- the file

@test "crontab accepts crontab.example as it stands" {
    [[ -x /usr/bin/crontab ]] || skip "cron is not installed"
    run -0 crontab -n "$CRONTAB"
}

@test "the three intervals of crontab.example are the programs' default loop delays" {
    for of in scan=standard priority=priority cleanup=cleanup-jobs; do
        every=$(sed -En "s|^([*0-9/]+) [ *]+ crashmon-${of%=*} .*|\1|p" "$CRONTAB")
        run -0 "$BUILD/crashmon-scan" --config=/dev/null --show-config
        [[ $every == '*' ]] && every='*/1'
        delay=$(printf '%s-loop-delay = 00:%02d:00' "${of#*=}" "${every#*/}")
        [[ $'\n'$output$'\n' == *$'\n'"$delay"$'\n'* ]] || fail "not $delay" "$output"
    done
}

# --- the minute

@test "a new pair is queued by the crashmon-scan that cron starts" {
    under_cron
    sql_is "SELECT owner, priority, storage FROM jobs WHERE uuid = '$NEW'" "1|0|main"
    no_links "$NEW"
    pair_is_whole "$SPOOL" "20${NEW: -6}" "$NEW"
}

@test "a crash that was asked for is queued with priority by crashmon-priority under cron" {
    under_cron
    sql_is "SELECT priority > 0 FROM jobs WHERE uuid = '$WANTED'" t
    sql_is "SELECT count(*) FROM priorityjobs" 0
    no_links "$WANTED"
}

@test "a finished pair is put away by crashmon-cleanup under cron" {
    under_cron
    sql_is "SELECT count(*) FROM jobs WHERE uuid = '$DONE'" 0
    pair_is_whole "$ARCHIVE" "20${DONE: -6}" "$DONE"
}

@test "under cron all three end with 0 and are not overdue" {
    under_cron
    sql_is "SELECT program, exit_code, overdue FROM crashmon.last_runs WHERE storage = 'main'
            ORDER BY program" $'crashmon-cleanup|0|f\ncrashmon-priority|0|f\ncrashmon-scan|0|f'
}

@test "the programs run as the unprivileged user whose crontab it is" {
    under_cron
    [[ -s $LOG ]] || fail "there is no log"
    equal "$(find "$MACHINE/srv" ! -uid "$USER_ID")" ""
}

@test "a good run mails nothing; one that fails is mailed to MAILTO, with the reason" {
    under_cron
    one_mail
    [[ $mail == *$'\n'"To: $(sed -n 's/^MAILTO=//p' "$CRONTAB")"$'\n'* &&
        $mail == *"Subject: Cron <crashmon@"*"--storage-name=amiss"* &&
        $mail == *" ERROR - "*/srv/missing* ]] || fail "$mail"
}

@test "the programs need nothing from the environment but what crontab.example sets" {
    under_cron
    one_mail
    given=$(grep -E '^(SHELL|PATH|MAILTO|CONFIG)=' "$CRONTAB")
    equal "$(sed '1,/^$/d' <<<"$mail" | grep -E '^[A-Z_]+=' | sort |
        grep -vE '^(HOME|LOGNAME|PWD|LANG|LC_[A-Z]+|(A|UB)SAN_OPTIONS)=')" "$(sort <<<"$given")"
}
