#!/usr/bin/env bats
# deps.bats - what tests/deps puts on a machine while it installs packages is gone at its end, however
# that comes about. Directories of this file's own lie over the real ones, and nothing is installed.
# shellcheck disable=SC2154,SC2034,SC2016 # set and used elsewhere; meant for the inner shell
load ../helper

setup_file() { :; } # no database
teardown_file() { :; }

POLICY=/usr/sbin/policy-rc.d CLUSTER=/etc/postgresql-common/createcluster.d/crashmon-deps.conf

setup() {
    background_pids=()
    MACHINE=$BATS_TEST_TMPDIR
    mkdir -p "$MACHINE"/{bin,usr/sbin,etc/postgresql-common}
    NAMESPACE=(unshare --mount)
    ((EUID == 0)) || NAMESPACE+=(--map-root-user)
    "${NAMESPACE[@]}" mount --bind "$MACHINE/etc/postgresql-common" /etc/postgresql-common ||
        skip "no mount here"
    stand_in dpkg-query 'exit 1'
    stand_in update-rc.d
    apt_get
}

stand_in() {
    printf '%s\n' '#!/bin/sh' "${@:2}" >"$MACHINE/bin/$1"
    chmod +x "$MACHINE/bin/$1"
}

# What apt-get does once it has the packages at hand.
apt_get() {
    stand_in apt-get 'case $* in *" postgresql") ;; *) exit 0 ;; esac' \
        "stat -c '%n %a' $POLICY $CLUSTER >'$MACHINE/seen'" "cat $POLICY $CLUSTER >'$MACHINE/said'" "$@"
}

# It has the process id that background tells.
deps() {
    local inside='PATH=$1/bin:$PATH
        mount --bind "$1/usr/sbin" /usr/sbin
        mount --bind "$1/etc/postgresql-common" /etc/postgresql-common
        exec "$2" postgresql'
    ${EXEC:-} "${NAMESPACE[@]}" bash -euc "$inside" deps "$MACHINE" "$TESTS/deps"
}

# Both files were there while apt-get was at work, and the machine is as it was.
there_for_now() {
    equal "$(<"$MACHINE/seen")" "$POLICY 755"$'\n'"$CLUSTER 644"
    equal "$(<"$MACHINE/said")" $'#!/bin/sh\nexit 101\ncreate_main_cluster = false'
    nothing_left
}

nothing_left() {
    equal "$(find "$MACHINE/usr/sbin" "$MACHINE/etc/postgresql-common" -mindepth 1)" ""
}

@test "what is there while packages are installed is gone afterwards" {
    expect_status 0 deps
    there_for_now
}

@test "the same when apt-get fails" {
    apt_get 'exit 100'
    expect_status 100 deps
    there_for_now
}

@test "the same when not even the lists of packages can be had" {
    stand_in apt-get 'exit 100'
    expect_status 100 deps
    nothing_left
}

# apt-get goes on to its end, as nobody has told it anything: until then the files are needed.
@test "the same when it is told to end (129, 130, 131, 143)" {
    apt_get "until [ -e '$MACHINE/enough' ]; do sleep 0.05; done"
    for signal in HUP:129 INT:130 QUIT:131 TERM:143; do
        rm -f "$MACHINE"/{seen,said,enough}
        background deps
        await test -s "$MACHINE/said"
        kill "-${signal%:*}" "$pid"
        touch "$MACHINE/enough"
        background_ends "${signal#*:}"
        there_for_now
    done
}

# A terminal sends it to all that is in the foreground.
in_a_group() {
    EXEC+=' setsid'
    "$@"
}

@test "the same when apt-get is interrupted, too (130)" {
    apt_get "touch '$MACHINE/ready'" 'exec sleep 60'
    background in_a_group deps
    await test -e "$MACHINE/ready"
    kill -INT -- "-$pid"
    background_ends 130
    there_for_now
}

@test "a policy-rc.d of the machine's own is left alone, and so is a directory that others use" {
    printf '#!/bin/sh\nexit 0\n' >"$MACHINE$POLICY"
    chmod 750 "$MACHINE$POLICY"
    apt_get "touch '${CLUSTER%/*}/own.conf'"
    before=$(spool_state "$MACHINE/usr/sbin")
    expect_status 0 deps
    equal "$(spool_state "$MACHINE/usr/sbin")" "$before"
    equal "$(cd "$MACHINE/etc/postgresql-common" && find . -type f)" ./createcluster.d/own.conf
}
