# Stage.pm - where the bench takes place: a server and file systems of its own, and how commands are
# run and measured there. All of it is gone when the bench ends, also when it is interrupted.
package Stage;
use strict;
use warnings;
use Cwd qw(realpath);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use JSON::PP;
use POSIX qw(_exit setpgid);
use Time::HiRes qw(sleep time);
use lib dirname(dirname(realpath(__FILE__)));
use Common;

our @EXPORT = qw(enter run output measure calls sql start_server lay_out empty put_text
                 files_in);
our ($floor, $work, $description, $memory);

my $owner = 0;      # who has to clean up,
my $ending;         # and is at it
my $running;        # the group of the command at work
my @mounts;
my $server_data;
my $may_mount;
my $plain_disk;     # where we may not
my $huge_pages_before;    # how many the kernel may lend, while we have that changed

# Mounts go into a mount namespace of their own, which ends with the bench, whatever happens to it.
sub enter {
    my ($build) = @_;
    $may_mount = delete $ENV{CRASHMON_BENCH_INSIDE};
    if ($> == 0 && !$may_mount && system('unshare --mount true 2>/dev/null') == 0) {
        $ENV{CRASHMON_BENCH_INSIDE} = 1;
        exec 'unshare', '--mount', $^X, realpath($0), $build or die "unshare: $!\n";
    }
    # Nothing from outside decides what is measured.
    delete @ENV{grep { /^(?:PG|LOG4C)/ } keys %ENV};
    $ENV{LC_ALL} = 'C.UTF-8';
    $ENV{PGOPTIONS} = "-c client_min_messages=warning $Common::path";
    chomp(my $bin = `pg_config --bindir`);
    $ENV{PATH} = "$bin:$ENV{PATH}:/usr/sbin:/sbin";

    my %numbers = (HUP => 1, INT => 2, TERM => 15);
    for my $signal (keys %numbers) {
        $SIG{$signal} = sub { exit 128 + $numbers{$signal} unless $ending++ };
    }
    $owner = $$;
    # Not /tmp, which may be memory. The server's account must get through it.
    $work = tempdir('crashmon-bench.XXXXXX', DIR => '/var/tmp');
    chmod 0711, $work;
    chdir $work or die "$work: $!\n";
    $floor = "$work/floor";
    $plain_disk = "$build/bench/disk";
}

END {
    if ($$ == $owner) {
        local ($?, $@, $!);
        $ending = 1;
        kill KILL => -$running if $running;
        eval { take_limit_back() };
        eval { stop_server() };
        clear_away();
        chdir '/';
        remove_tree($work);
    }
}

# --- commands

# Runs a command to its end; in a group of its own, so that one signal reaches all of it.
sub execute {
    my ($command, %io) = @_;
    my $pid = fork // die "cannot fork: $!\n";
    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM);
        setpgid(0, 0);
        open STDIN, '<', $io{in} // '/dev/null' or _exit(126);
        open STDOUT, '>', $io{out} or _exit(126) if $io{out};
        open STDERR, '>', $io{err} or _exit(126) if $io{err};
        exec { $command->[0] } @$command or _exit(127);
    }
    $running = $pid;
    setpgid($pid, $pid);
    waitpid $pid, 0;
    $running = undef;
    return $?;
}

sub run {
    my ($command, %io) = @_;
    my $status = execute($command, %io);
    die "failed ($status): @$command\n" if $status;
}

sub output {
    my (@command) = @_;
    run(\@command, out => "$work/output");
    my $text = get_text("$work/output");
    chomp $text;
    return $text;
}

# What a command takes: {wall, cpu, peak_kib, server}; the last is the server's share of the CPU.
sub measure {
    my ($command, %io) = @_;
    my $before = server_cpu();
    run([$floor, 'measure', '--', @$command], %io, out => "$work/measured");
    my $taken = decode_json(get_text("$work/measured"));
    die "ended with $taken->{status}: @$command\n" if $taken->{status};
    $taken->{server} = server_cpu() - $before;
    return $taken;
}

# How many system calls it makes.
sub calls {
    my ($command, %io) = @_;
    run(['strace', '-c', '-f', '-o', "$work/calls", @$command], %io, out => "$work/output");
    get_text("$work/calls") =~ /^\s*100\.00\s+\S+\s+\S+\s+(\d+)[\s\d]*total$/m
        or die "strace has counted nothing\n";
    return $1;
}

# --- the server: default settings and durability, but for a socket of its own

# initdb and the server refuse to be root.
sub as_server { return ($> == 0 ? qw(runuser -u postgres --) : (), @_) }

# The kernel lends huge pages up to this limit, and has them back when the server ends.
my $huge_pages_limit = '/proc/sys/vm/nr_overcommit_hugepages';

sub raise_limit {
    return if $> != 0;
    my $more = output(as_server('postgres', '-D', $server_data,
                                qw(-C shared_memory_size_in_huge_pages)));
    $huge_pages_before = get_text($huge_pages_limit);
    put_text($huge_pages_limit, $huge_pages_before + $more);
}

sub take_limit_back {
    put_text($huge_pages_limit, $huge_pages_before) if defined $huge_pages_before;
    $huge_pages_before = undef;
}

sub start_with {
    my ($huge_pages) = @_;
    return execute([as_server('pg_ctl', '-D', $server_data, '-l', "$server_data/log", '-w', '-o',
                              "-k $server_data -c listen_addresses= -c huge_pages=$huge_pages",
                              'start')], out => "$work/output", err => "$work/output") == 0;
}

# In huge pages, as its documentation advises, where they are to be had: each page that a session
# meets for the first time costs it a fault, and a short session meets hundreds of small ones.
sub start_server {
    my ($schema) = @_;
    my $data = "$work/server";
    mkdir $data or die "$data: $!\n";
    run(['chown', 'postgres', $data]) if $> == 0;
    run([as_server('initdb', '-D', $data, qw(-U postgres -A trust))], out => "$work/output");
    $server_data = $data;
    eval { raise_limit() };
    my $huge = start_with('on');
    take_limit_back();
    $huge || start_with('off') or die "the server does not start:\n", get_text("$data/log");
    $memory = $huge ? 'huge pages' : 'small pages: there are no huge ones';
    @ENV{qw(PGHOST PGUSER PGDATABASE)} = ($data, 'postgres', 'bench');
    run(['createdb', 'bench']);
    run(['psql', qw(-qX -v ON_ERROR_STOP=1 -f), $schema], out => "$work/output");
}

sub stop_server {
    return if !$server_data;
    run([as_server('pg_ctl', '-D', $server_data, qw(-m immediate -w stop))], out => "$work/output");
    $server_data = undef;
}

# Statements, each a transaction of its own; returns what they print.
sub sql { return Common::sql("$work/statements", @_) }

# The fields of /proc/PID/stat from the state on, of the server and its children.
sub server_processes {
    my ($postmaster) = get_text("$server_data/postmaster.pid") =~ /^(\d+)/;
    my @processes;
    for my $path (glob '/proc/[0-9]*/stat') {
        open my $file, '<', $path or next;
        my ($pid, $rest) = (<$file> // '') =~ /^(\d+) \(.*\) (.*)/ or next;
        my @fields = split ' ', $rest;
        push @processes, {pid => $pid, fields => \@fields, is_postmaster => $pid == $postmaster}
            if $pid == $postmaster || $fields[1] == $postmaster;
    }
    return @processes;
}

sub serves_client {
    my ($process) = @_;
    open my $file, '<', "/proc/$process->{pid}/cmdline" or return 0;
    return (<$file> // '') =~ /\[local\]/;
}

# Seconds so far. A session that has ended counts when the server has waited for it.
sub server_cpu {
    my $end = time + 10;
    my @processes = server_processes();
    while (grep { serves_client($_) || $_->{fields}[0] eq 'Z' } @processes) {
        die "a session of the server does not end\n" if time > $end;
        sleep 0.005;
        @processes = server_processes();
    }
    my $ticks = 0;
    for (@processes) {
        my ($user, $system, $children_user, $children_system) = @{$_->{fields}}[11 .. 14];
        $ticks += $user + $system;
        $ticks += $children_user + $children_system if $_->{is_postmaster};
    }
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# --- the disks: an ordinary ext4 in a file, where we may mount one; a second one to move pairs to

sub mount_image {
    my ($name, $pairs) = @_;
    my ($image, $place) = map { "$work/$name-$pairs$_" } '.image', '';
    my $kib = 512 * 1024 + 24 * $pairs;
    my $inodes = 150_000 + 8 * $pairs;
    run(['truncate', '-s', "${kib}K", $image]);
    # What mkfs puts off until later would be done while we measure.
    run(['mkfs.ext4', '-qF', '-N', $inodes, '-J', 'size=128', '-E', 'lazy_itable_init=1', $image]);
    make_path($place);
    my $status = execute(['mount', '-o', 'loop,noinit_itable', $image, $place]);
    push @mounts, $place if $status == 0;
    return $status == 0 ? $place : undef;
}

# Returns the disks for so many pairs. Without root there is one, and it is the build directory's.
sub lay_out {
    my ($pairs) = @_;
    my $mounted = $may_mount ? mount_image('disk', $pairs) : undef;
    if ($mounted) {
        my $other = mount_image('other', $pairs) or die "cannot mount a second file system\n";
        $description = 'ext4 in a file, mounted through a loop device';
        return ($mounted, $other);
    }
    make_path("$plain_disk/$pairs");
    my $type = output(qw(stat -f -c %T), $plain_disk);
    $description = "$type of the build directory: only root can mount another one";
    return ("$plain_disk/$pairs");
}

sub clear_away {
    while (my $place = pop @mounts) {
        for my $try (1 .. 50) { # what was killed may take a moment to go
            last if execute(['umount', $try < 50 ? () : '-l', $place]) == 0;
            sleep 0.1;
        }
        unlink "$place.image";
    }
    remove_tree($plain_disk) if $plain_disk && -d $plain_disk;
}

sub empty {
    my ($directory) = @_;
    run(['find', $directory, '-mindepth', 1, '!', '-name', '.crashmon', '-delete']);
}

# The files below a directory, but its mark, their bytes, and the links.
sub files_in {
    my ($directory) = @_;
    run(['find', $directory, '!', '-name', '.crashmon', '-printf', '%y %s\n'], out => "$work/found");
    my ($files, $bytes, $links) = (0, 0, 0);
    open my $found, '<', "$work/found" or die;
    while (my $line = <$found>) {
        my ($type, $size) = split ' ', $line;
        $links++ if $type eq 'l';
        next if $type ne 'f';
        $files++;
        $bytes += $size;
    }
    return "$files files, $bytes bytes, $links links";
}

1;
