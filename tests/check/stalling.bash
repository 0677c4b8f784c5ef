# stalling.bash - a server that stands still when it is asked something.
# shellcheck shell=bash

# A server in directory $1 that stands still when it is asked what matches $2, until SIGCONT; then
# never again.
stall_at() {
    mkdir "$1"
    # shellcheck disable=SC2016 # for perl
    exec perl -MIO::Socket::UNIX -MIO::Select -e '
        my ($stalling, $real, $what) = @ARGV;
        $SIG{CONT} = sub { undef $what };
        my $listener = IO::Socket::UNIX->new(Listen => 5, Local => $stalling);
        my $client = $listener->accept;
        my $server = IO::Socket::UNIX->new(Peer => $real);
        my $both = IO::Select->new($client, $server);
        while (1) {
            for my $from ($both->can_read) {
                sysread($from, my $data, 65536) or exit;
                sleep 60 if $from == $client && defined $what && $data =~ $what;
                syswrite($from == $client ? $server : $client, $data);
            }
        }' "$1/.s.PGSQL.$PGPORT" "$PGHOST/.s.PGSQL.$PGPORT" "$2"
}
