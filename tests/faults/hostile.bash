# hostile.bash - for the files whose cases assume that somebody else writes whatever he likes into
# the spool: something outside the roots that must stay what it is, and things to put in the way.
# shellcheck shell=bash disable=SC2154 # BATS_TEST_TMPDIR and SPOOL are set

setup() {
    begin_case
    OUTSIDE=$BATS_TEST_TMPDIR/outside
    mkdir "$OUTSIDE"
    echo '{"password": "secret"}' >"$OUTSIDE/file"
    # shellcheck disable=SC2034 # helper.bash uses it: a run that hangs ends with 124
    EXEC='timeout 60'
}

# What lies outside the roots; afterwards it looks as if it had last been read in 2000.
outside_state() {
    find "$OUTSIDE" -printf '%p %y %m %n %U:%G %T@ %l\n' -type f -exec sha256sum {} + | sort
    find "$OUTSIDE" -depth -exec touch -ahd 2000-01-01 {} +
}

remember() { remembered=$(outside_state); }

# Asserts that nothing outside has been read or changed since.
untouched() {
    local read
    read=$(find "$OUTSIDE" -newerat 2000-01-02)
    [[ -z $read ]] || fail "was read:" "$read"
    equal "$(outside_state)" "$remembered"
}

# Puts what is no plain file of the spool's own in the places of files: put KIND PLACE...
put() {
    perl -MPOSIX=mkfifo -MSocket -MFile::Basename -e '
        my $file = shift;
        my %make = (
            fifo => sub { mkfifo $_, 0600 },
            socket => sub {
                chdir dirname $_; # its name may not be long
                socket my $socket, AF_UNIX, SOCK_STREAM, 0;
                bind $socket, pack_sockaddr_un basename $_;
            },
            device => sub { system("mknod", $_, "c", 1, 3) == 0 },
            directory => sub { mkdir $_ and open my $inside, ">", "$_/inside" },
            link => sub { symlink $file, $_ },
            loop => sub { symlink basename($_), $_ },
            hardlink => sub { link $file, $_ },
        );
        while (my ($kind, $place) = splice @ARGV, 0, 2) {
            unlink $place;
            $make{$kind}() or die "$kind $_: $!" for $place;
        }' "$OUTSIDE/file" "$@"
}

# Makes links, whatever the names: links TARGET PLACE...
links() { perl -e 'while (@ARGV) { symlink shift, shift or die $! }' -- "$@"; }

# Makes it look an hour old.
age() { touch -hd '1 hour ago' -- "$@"; }

# Asserts that of these crashes nothing has been lost: each has its metadata below the root.
still_there() {
    equal "$(find "$SPOOL" -name '*.json' -type f -size +9c -printf '%f\n' | sort)" \
        "$(printf '%s.json\n' "$@" | sort)"
}

# Asserts that every line of the log is the programs' own, in characters that do no harm.
log_is_honest() {
    local bad
    bad=$(cat "$LOG"* | grep -avE '^20[0-9-]{8} [0-9:]{8},[0-9]{3} [A-Z]+ - ') || true
    [[ -z $bad ]] || fail "no lines of ours:" "$bad"
    ! cat "$LOG"* | grep -qa '^2008' || fail "a forged line"
    ! cat "$LOG"* | grep -qa '[[:cntrl:]]' || fail "control characters"
    cat "$LOG"* | iconv -f UTF-8 -t UTF-8 >/dev/null || fail "no UTF-8"
}
