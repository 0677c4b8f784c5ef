#!/usr/bin/env bats
# install.bats - make install and make uninstall, as a packager calls them: prefix=/usr,
# sysconfdir=/etc, and an empty root.
# shellcheck disable=SC2154 # bats sets status and output
load ../helper

TOP=$TESTS/..

# The build under test, in a copy of its own: other directories mean another build. It is installed
# once for all the cases that only look, by somebody who keeps his files to himself.
setup_file() {
    begin_file
    mkdir "$BATS_FILE_TMPDIR/build"
    cp -a "$BUILD"/{src,pgc,sysconfdir,crashmon-{scan,priority,cleanup}} "$BATS_FILE_TMPDIR/build"
    export BUILD=$BATS_FILE_TMPDIR/build SANITIZE="" MADE_BEFORE
    ! grep -q __asan_init "$BUILD/crashmon-scan" || SANITIZE=address,undefined
    make_it all sysconfdir="$(<"$BUILD/sysconfdir")"
    MADE_BEFORE=$(made)
    make_it all
    (umask 077 && ROOT=$BATS_FILE_TMPDIR/root make_it install)
}

setup() {
    ROOT="$BATS_TEST_TMPDIR/the root"
    INSTALLED=$BATS_FILE_TMPDIR/root
}

# A make that knows nothing of one that runs the tests. The blank in the root is meant.
make_it() {
    env -u MAKEFLAGS -u MAKELEVEL make -s -C "$TOP" BUILD="$BUILD" SANITIZE="$SANITIZE" \
        OPTIMIZE=-O0 WARNINGS= prefix=/usr sysconfdir=/etc DESTDIR="${ROOT:-}" "$@"
}

# What this make says; it must succeed.
makes() {
    run make_it "$@"
    [[ $status -eq 0 ]] || fail "$output"
}

files_of() { (cd "$1" && find . ! -type d -printf '%P\n' | sort); }

# Everything in the build, with the time it was made.
made() { find "$BUILD" -type f -printf '%P %T@\n' | sort; }

# What has been made anew since.
made_since() { comm -13 <(echo "$1") <(made) | cut -d' ' -f1; }

@test "another sysconfdir makes anew what knows it, and nothing else" {
    equal "$(made_since "$MADE_BEFORE")" \
        "$(printf '%s\n' "${PROGRAMS[@]}" src/options/command_line.{d,o} sysconfdir | sort)"
}

@test "nothing is made anew when nothing has changed" {
    before=$(made)
    makes all
    equal "$output$(made_since "$before")" ""
}

@test "make install puts every file where the directories say, and no other" {
    equal "$(files_of "$INSTALLED")" "$(cd "$TOP" && {
        printf 'usr/bin/%s\n' "${PROGRAMS[@]}"
        echo etc/crashmon.conf.sample
        printf 'usr/share/crashmon/%s\n' sql/*.sql
        printf 'usr/share/man/man1/%s.1\n' "${PROGRAMS[@]}"
        echo usr/share/man/man5/crashmon.conf.5
        echo usr/share/man/man5/crashmon.metrics.5
        echo usr/share/man/man7/crashmon.7
        printf 'usr/share/bash-completion/completions/%s\n' "${PROGRAMS[@]}"
        printf 'usr/share/doc/crashmon/%s\n' README.md CHANGES.md LICENSE crontab.example
        find doc -name '*.md' -o -name '*.yml' -o -name '*.json' -o -name '*.png' -o -path 'doc/systemd/*' | sed 's|^doc|usr/share/doc/crashmon|'
    } | sort)"
}

@test "everybody can read what is installed, whatever the umask" {
    equal "$(find "$INSTALLED" -printf '%y %m\n' | sort -u)" $'d 755\nf 644\nf 755'
    equal "$(find "$INSTALLED" -type f -perm 755 -printf '%P\n' | sort)" \
        "$(printf 'usr/bin/%s\n' "${PROGRAMS[@]}" | sort)"
}

@test "a directory that is there keeps its mode, whatever is installed into it" {
    mkdir -p "$ROOT/usr/bin" "$ROOT/usr/share" "$ROOT/etc"
    chmod 2775 "$ROOT/usr/bin" "$ROOT/usr/share"
    chmod 750 "$ROOT/etc"
    makes install
    equal "$(stat -c %a "$ROOT"/{usr/bin,usr/share,etc})" $'2775\n2775\n750'
}

@test "make install needs no right but to write to the destination" {
    [[ $(id -u) == 0 ]] || skip "everything is installed without rights anyway"
    mkdir "$ROOT"
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_RUN_TMPDIR/file"
    chown 65534 "$ROOT"
    user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${user[@]}" test -r "$TOP/GNUmakefile" || skip "others cannot read the sources"
    before=$(made)
    run "${user[@]}" bash -c "$(declare -p TOP BUILD SANITIZE ROOT)
                              $(declare -f make_it)
                              make_it install"
    [[ $status -eq 0 ]] || fail "$output"
    equal "$(made_since "$before")" ""
    equal "$(find "$ROOT" ! -uid 65534)" ""
    equal "$(files_of "$ROOT")" "$(files_of "$INSTALLED")"
}

@test "the installed programs tell their version and read the configuration in sysconfdir" {
    for program in "${PROGRAMS[@]}"; do
        run -0 "$INSTALLED/usr/bin/$program" --version
        equal "$output" "$program $(sed -n 's/^VERSION *:= *//p' "$TOP/GNUmakefile")"
        run -0 "$INSTALLED/usr/bin/$program" --help
        [[ $(tr -s ' \n' ' ' <<<"$output") == *"file (/etc/crashmon.conf)"* ]] || fail "$output"
    done
}

@test "the installed programs work on a database that the installed SQL makes" {
    begin_case
    createdb -T template0 "${PGDATABASE}_installed"
    export PGDATABASE=${PGDATABASE}_installed
    run psql -qX -v ON_ERROR_STOP=1 -f "$INSTALLED/usr/share/crashmon/sql/schema.sql"
    if [[ $status -eq 0 ]]; then
        processor p1
        collect
        request "$(collect --root "$DEFERRED")"
        ended true "$(collect --without links)"
        for program in "${PROGRAMS[@]}"; do
            run -0 "$INSTALLED/usr/bin/$program" --config="$CONF"
        done
        runs=$(sql "SELECT program, seen, exit_code FROM crashmon.runs ORDER BY program")
    fi
    dropdb "$PGDATABASE"
    equal "$runs$output" $'crashmon-cleanup|1|0\ncrashmon-priority|1|0\ncrashmon-scan|1|0'
}

@test "man finds the installed pages" {
    type -P man >/dev/null || skip "man is not installed"
    man=$INSTALLED/usr/share/man
    for page in man1/{crashmon-scan,crashmon-priority,crashmon-cleanup}.1 man5/crashmon.conf.5 man5/crashmon.metrics.5 \
        man7/crashmon.7; do
        name=${page#*/}
        run -0 man -M "$man" -w "${name##*.}" "${name%.*}"
        equal "$output" "$man/$page"
    done
}

@test "systemd finds nothing wrong with the installed units" {
    type -P systemd-analyze >/dev/null || skip "systemd is not installed"
    units=$BATS_TEST_TMPDIR/units
    cp -r "$INSTALLED/usr/share/doc/crashmon/systemd" "$units"
    sed -i "s|=/usr/bin/|=$INSTALLED/usr/bin/|" "$units"/*.service
    run systemd-analyze verify --man=no "$units"/crashmon@{scan,priority,cleanup}.{service,timer}
    equal "$status$output" 0
}

@test "the installed texts name the directories in force" {
    run -1 grep -rE '/usr/local/(bin|etc|share)' "$INSTALLED/usr/share" "$INSTALLED/etc"
    grep -qx 'CONFIG=/etc/crashmon.conf' "$INSTALLED/usr/share/doc/crashmon/crontab.example"
    for program in "${PROGRAMS[@]}"; do
        grep -qF '/etc/crashmon.conf' "$INSTALLED/usr/share/man/man1/$program.1"
    done
}

@test "each directory can be set on its own" {
    makes install bindir=/b datarootdir=/r datadir=/d mandir=/m docdir=/o
    equal "$(cd "$ROOT" && echo * d/* m/* r/*/*)" "b d etc m o r d/crashmon m/man1 m/man5 m/man7 r/bash-completion/completions"
    makes uninstall bindir=/b datarootdir=/r datadir=/d mandir=/m docdir=/o
    equal "$(files_of "$ROOT")" ""
}

@test "a second install is harmless" {
    before=$(spool_state "$INSTALLED")
    ROOT=$INSTALLED makes install
    equal "$output" ""
    equal "$(spool_state "$INSTALLED")" "$before"
}

@test "make install-strip installs the programs without symbols" {
    makes install-strip
    for program in "${PROGRAMS[@]}"; do
        run -0 "$ROOT/usr/bin/$program" --version
        run -0 nm "$ROOT/usr/bin/$program"
        [[ $output == *"no symbols"* ]] || fail "$program has symbols"
    done
    run -0 nm "$BUILD/$program"
    [[ $output == *main* ]] || fail "the build has none either"
}

@test "make uninstall leaves nothing but directories that others use, too" {
    makes install
    makes uninstall
    equal "$(files_of "$ROOT")" ""
    equal "$(find "$ROOT" -name '*crashmon*')" ""
    [[ -d $ROOT/usr/bin && -d $ROOT/usr/share/man/man1 && -d $ROOT/etc ]]
}

@test "make uninstall where nothing is installed is harmless" {
    makes uninstall
    equal "$output" ""
    [[ ! -e $ROOT ]]
}

@test "what others have put into our directories survives an uninstall" {
    makes install
    others=(etc/crashmon.conf.local usr/bin/crashmon-own usr/share/crashmon/sql/own.sql
        usr/share/doc/crashmon/own.md usr/share/man/man1/crashmon-own.1)
    for file in "${others[@]}"; do echo mine >"$ROOT/$file"; done
    makes uninstall
    equal "$(files_of "$ROOT")" "$(printf '%s\n' "${others[@]}" | sort)"
}

@test "a crashmon.conf is never made, overwritten or removed" {
    [[ ! -e $INSTALLED/etc/crashmon.conf ]]
    mine=$ROOT/etc/crashmon.conf
    mkdir -p "$ROOT/etc"
    echo 'storage-root = /mine' >"$mine"
    before=$(stat -c '%i %Y %a' "$mine")
    makes install
    makes uninstall
    equal "$(files_of "$ROOT")" etc/crashmon.conf
    equal "$(stat -c '%i %Y %a' "$mine") $(<"$mine")" "$before storage-root = /mine"
}
