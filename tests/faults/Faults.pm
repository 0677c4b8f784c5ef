# Faults.pm - a program on a stage with every kind of crash, with one system call killed or failed.
#
# The stage (spool, deferred spool, destinations, rows) is made once and restored before every run.
# What an undisturbed run makes of it is the reference: after a disturbed run and a second one that
# is left alone, everything must be as in the reference.
package Faults;
use strict;
use warnings;
use Cwd qw(realpath);
use Digest::SHA;
use File::Basename qw(dirname);
use File::Find;
use File::Path qw(make_path remove_tree);
use File::Temp;
use List::Util qw(min);
use lib dirname(dirname(realpath(__FILE__)));
use Common;

# A database of its own.
$ENV{PGDATABASE} = "crashmon_faults_$$";
shell("createdb -T crashmon_template $ENV{PGDATABASE}");
my $owner = $$;
END { local $?; shell("dropdb --force $ENV{PGDATABASE}") if defined $owner && $$ == $owner }

our $tests = dirname(dirname(realpath(__FILE__)));
my $day  = 24 * 60 * 60;
my $here = File::Temp->newdir('crashmon-faults.XXXXXX', TMPDIR => 1);
my $live = "$here/live";       # what the programs see
my $kept = "$here/stage";      # what it is restored from
my $copy = $ENV{OTHER_DISK} && File::Temp->newdir('crashmon-faults.XXXXXX', DIR => $ENV{OTHER_DISK});

# The calls that change something, on disk or in the database, and the errors that each can give.
# (A send cannot fail alone: libpq then waits for the last words of a server that is still there.)
our %errors = (
    (map { $_ => [qw(EIO ENOSPC EACCES EROFS)] } qw(unlinkat mkdirat symlinkat renameat)),
    renameat2  => [qw(EIO ENOSPC EACCES EROFS EINVAL)],
    openat     => [qw(EIO EACCES EMFILE ENOMEM)],
    openat2    => [qw(EIO EACCES EMFILE ENOMEM ENOSYS)],
    newfstatat => [qw(EIO EACCES ENOMEM)],
    getdents64 => [qw(EIO)],
    readlinkat => [qw(EIO EACCES)],
    fchmod     => [qw(EIO EPERM EROFS)],
    write      => [qw(EIO ENOSPC EINTR)],
    linkat     => [qw(EIO ENOSPC EPERM EMLINK)],
    sendfile   => [qw(EIO ENOSPC EINTR)],
    recvfrom   => [qw(ECONNRESET)],
    syncfs     => [qw(EIO ENOSPC)],
    fsync      => [qw(EIO ENOSPC)],
);
# What crashmon-priority brings out of quarantine.
my @released = map { "$_-0000-0000-0000-000002081225" } qw(aaaaaaaa bbbbbbbb);
# What is disturbed: a name, the program, its options, what always fails, for strace, and whether a
# scan comes between the disturbed run and the next.
our @situations = (
    ['crashmon-scan', 'crashmon-scan'], ['crashmon-priority', 'crashmon-priority'],
    ['crashmon-cleanup', 'crashmon-cleanup'],
    ['crashmon-cleanup, deleting', 'crashmon-cleanup', ['--save-successful-minidumps-to=']],
    ['crashmon-cleanup, without RENAME_NOREPLACE', 'crashmon-cleanup', [],
     ['renameat2:error=EINVAL']],
    ['crashmon-cleanup --adopt', 'crashmon-cleanup', ['--adopt']],
    ['crashmon-priority --release', 'crashmon-priority', ['--release', @released]],
    ['crashmon-priority --release, without RENAME_NOREPLACE', 'crashmon-priority',
     ['--release', @released], ['renameat2:error=EINVAL']],
    ['crashmon-priority --release, with a scan before it is repeated', 'crashmon-priority',
     ['--release', @released], [], 1],
);
our @under;    # what a run that is not traced is started with, such as valgrind
our @changing = qw(unlinkat renameat renameat2 linkat symlinkat mkdirat sendto write fsync syncfs
                   sendfile fchmod openat);
our @options;    # of the situation
my @besides;
my $scans;

sub shell {
    my ($command) = @_;
    system('bash', '-c', $command) == 0 or die "failed: $command\n";
}

# Statements; returns the rows that they yield.
sub sql { return split /\n/, Common::sql("$here/statements", @_) }

# --- the stage

my ($processors, $rows);    # what the tables hold

sub collect {
    my (@options) = @_;
    my @ids = `$tests/collector --root @options`;
    die "collector @options\n" if $?;
    chomp @ids;
    return @ids;
}

sub pathname {
    my ($root, $id) = @_;
    my $found = `find $root -name $id.json`;
    chomp $found;
    return $found =~ s/^\Q$kept\E/$live/r;
}

sub job {
    my ($root, $id, %row) = @_;
    my %value = (uuid => "'$id'", pathname => "'" . pathname($root, $id) . "'", %row);
    my @names = sort keys %value;
    $rows .= "INSERT INTO jobs (@{[join ', ', @names]}) VALUES (@{[join ', ', @value{@names}]});\n";
}

# Makes the stage for one program; the configuration is the same for all.
sub set_stage {
    my ($program, $its_options, $its_besides, $its_scans) = @_;
    @options = @{$its_options // []};
    @besides = @{$its_besides // []};
    $scans = $its_scans;
    remove_tree($kept);
    make_path(map { "$kept/$_" } qw(spool deferred archive failed));
    ($processors, $rows) = ("(1, 'ada', now()), (2, 'bob', now())", '');
    srand 1;
    { 'scan' => \&set_scan, 'priority' => \&set_priority, 'cleanup' => \&set_cleanup }
        ->{ $program =~ s/crashmon-//r }->();
    my $failed = $copy || "$live/failed";
    put_text("$here/crashmon.conf", <<END);
storage-root = $live/spool
deferred-storage-root = $live/deferred
save-successful-minidumps-to = $live/archive
save-failed-minidumps-to = $failed
log-file-pathname = $here/log
stderr-repeat-delay = 00:00:00
settle-time = 10:00:00
batch-size = 2
keep-deferred-days = 30
END
    restore();
    my ($code) = repair($program);
    die "the undisturbed run ends with $code\n" if $code > 1;
    return state($program);
}

sub set_scan {
    my $old = 20 * 3600;
    my $spool = "$kept/spool --age $old";
    collect("$spool --count 3");
    collect("$spool --depth 0 --web-heads 0 --day 20081225");
    collect("$spool --without name-link");
    job("$kept/spool", collect("$spool"));                              # its links are still there
    job("$kept/spool", collect("$spool"), storage => "'other'");        # the same crash elsewhere
    collect("$kept/spool --age 3600");                                  # not settled
    collect("$kept/spool --age " . 2 * $day . " --without $_") for qw(json dump);
    collect("$kept/spool --age " . 2 * $day . ' --without json --without dump --extra browser');
    my ($slot) = sort glob "$kept/spool/*/date/12/05/web01_0";
    shell("touch -d '3 days ago' $slot/stray; ln -s nowhere $slot/link; touch -h -d '3 days ago' $slot/link");
    make_path("$kept/spool/20080101/date/01/00/web01_0");
    shell("find $kept/spool/20080101 -exec touch -d '3 days ago' {} +");
    my ($dead, $done) = collect("$kept/spool --count 2 --without links");
    $processors .= ", (3, 'dan', now() - interval '1 hour')";
    job("$kept/spool", $dead, owner => 3, starteddatetime => 'now()');
    job("$kept/spool", $done, owner => 3, success => 'true', completeddatetime => 'now()');
    $rows .= "CREATE TABLE priority_jobs_3 (uuid varchar(50) PRIMARY KEY); INSERT INTO priority_jobs_3 VALUES ('$dead');\n";
}

sub set_quarantine {
    $rows .= "CREATE TABLE priority_jobs_$_ (uuid varchar(50) PRIMARY KEY);\n" for 1, 2;
    for my $id (@released) {
        collect("$kept/lost --id $id --age 72000 --extra browser");
        my $case = "$kept/spool/quarantine/20081225/$id";
        make_path($case, "$kept/spool/20081225");
        shell("mv $kept/lost/20081225/name/*/*/$id.* $case; echo why >$case/reason");
    }
    remove_tree("$kept/lost");
}

sub set_priority {
    return set_quarantine() if grep { $_ eq '--release' } @options;
    my $age = '--age 72000';
    my @wanted = collect("$kept/spool --count 2 $age");
    push @wanted, collect("$kept/spool $age --day 20081225 --id-day none");
    push @wanted, collect("$kept/deferred --count 2 $age --extra browser");
    push @wanted, collect("$kept/deferred $age --without links");
    push @wanted, collect("$kept/spool --age 3600");                    # not settled
    my ($queued, $done, $orphan) = collect("$kept/spool --count 3 $age --without links");
    job("$kept/spool", $queued, owner => 1);
    job("$kept/spool", $done, owner => 1, success => 'true', completeddatetime => 'now()');
    job("$kept/spool", $orphan, owner => 3);
    $processors .= ", (3, 'dan', now() - interval '1 hour')";
    $rows .= "CREATE TABLE priority_jobs_$_ (uuid varchar(50) PRIMARY KEY);\n" for 1, 2;
    $rows .= "INSERT INTO priorityjobs (uuid) VALUES ('$_');\n" for @wanted, $queued, $done, $orphan, "no''id", 'f' x 36;
    $rows .= "INSERT INTO priorityjobs VALUES ('00000000-0000-0000-0000-000002081225', now() - interval '1 day');\n";
}

sub set_cleanup {
    my $age = '--age 72000';
    $rows .= "INSERT INTO crashmon.storages (storage, place, identity, path, host)
              VALUES ('main', 'storage', gen_random_uuid(), '/before', 'another'),
                     ('main', 'failed', gen_random_uuid(), '/before', 'another');\n"
        if grep { $_ eq '--adopt' } @options;
    my %finished = (starteddatetime => 'now()', completeddatetime => 'now()', owner => 1);
    for my $success (qw(true false)) {
        job("$kept/spool", $_, %finished, success => $success)
            for collect("$kept/spool --count 2 $age --without links --extra browser"),
            collect("$kept/spool $age"),                                # its links are still there
            collect("$kept/spool $age --day 20081225 --id-day none --without links");
        job("$kept/deferred", $_, %finished, success => $success) for collect("$kept/deferred $age");
    }
    # Long-term storage has one of the id already: the same, a part of it, or another one.
    for my $of (['json', 'dump', 'browser.dump'], ['dump'], []) {
        my ($id) = collect("$kept/spool $age --without links --extra browser");
        job("$kept/spool", $id, %finished, success => 'true');
        my $here = dirname(pathname("$kept/spool", $id)) =~ s/^\Q$live\E/$kept/r;
        my $there = $here =~ s{/spool/}{/archive/}r;
        make_path($there);
        shell("cp -p $here/$id.$_ $there") for @$of;
        put_text("$there/$id.dump", 'another') if !@$of;
    }
    job("$kept/spool", collect("$kept/spool $age --without links"), owner => 1);
    job("$kept/spool", '11111111-1111-1111-1111-111112081225', %finished, success => 'true');
    job("$kept/spool", collect("$kept/spool $age --without links"), %finished, success => 'true', storage => "'other'");
    my ($throttled, $wanted) = collect("$kept/deferred --age 5200000 --count 2 --day 20081225 --extra browser");
    $rows .= "INSERT INTO priorityjobs (uuid) VALUES ('$wanted');\n";
    make_path(map { ("$_/name/22/ad", "$_/date/01/00") } map { "$kept/$_/20080101" } qw(spool deferred));
    shell("find $kept/*/20080101 -exec touch -d '3 days ago' {} +");
}

# The files that are in long-term storage before a run.
sub archived { return glob "$kept/archive/*/name/*/*/*" }

sub restore {
    remove_tree($live);
    # What has been said within the hour would not be said again.
    unlink "$here/log", "$here/log.mailed", "$ENV{TMPDIR}/crashmon-$>.mailed";
    shell("cp -a $kept $live" . ($copy ? "; find $copy -mindepth 1 -delete" : ''));
    sql("SET client_min_messages = warning; SET lock_timeout = '30s';
         DROP TABLE IF EXISTS priority_jobs_1, priority_jobs_2, priority_jobs_3;
         TRUNCATE processors, jobs, priorityjobs, crashmon.runs, crashmon.storages RESTART IDENTITY CASCADE;
         INSERT INTO processors (id, name, lastseendatetime) VALUES $processors; $rows");
}

# --- the runs

# Runs the program, with strace before it where @strace or the situation says how. Returns its exit code (128 + n
# for a signal) and what it printed.
sub run {
    my ($program, @strace) = @_;
    @strace = traced() if @besides && !@strace;
    my @command = (
        @strace ? ('strace', '-f', '-qq', '-o', "$here/trace", @strace) : @under,
        "$ENV{BUILD}/$program", "--config=$here/crashmon.conf", '--lock-wait=00:00:30', @options);
    my $pid = fork // die;
    if ($pid == 0) {
        open STDOUT, '>', "$here/output" or die;
        open STDERR, '>&', \*STDOUT or die;
        exec @command or die;
    }
    waitpid $pid, 0;
    my $code = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    return ($code, get_text("$here/output"));
}

# Runs the program with one call disturbed, one of those that calls() returns.
sub disturb {
    my ($program, $call, $number, $how) = @_;
    return run($program, traced($call), '-e', "inject=$call:$how:when=$number");
}

sub traced {
    my $names = join ',', @_, map { /(\w+)/ } @besides;
    return ('-e', "trace=$names", map { ('-e', "inject=$_") } @besides);
}

# The run after the disturbed one, a day later, which finishes what that one began. What priority has
# queued and not retired is retired by scan in the storage root, and by cleanup in the deferred one.
# What has been adopted is used.
sub repair {
    my ($program) = @_;
    sql('UPDATE crashmon.storages SET swept = NULL');
    scan_at_once() if $scans;
    my ($code, $output) = run($program);
    return ($code, $output) if $code > 1;
    return scan_at_once() if $scans;
    return ($code, $output) if grep { $_ eq '--release' } @options;
    return run('crashmon-scan') if $program eq 'crashmon-priority';
    return ($code, $output) if !grep { $_ eq '--adopt' } @options;
    local @options = ();
    return run($program);
}

sub scan_at_once {
    local @options = ('--settle-time=00:00:00');
    return run('crashmon-scan');
}

# How many crashes more or fewer are counted in the row of a run that was killed than it has queued,
# served or put away, by the tables; of those one is missing, and its row stays, and the last one is a throttled crash.
sub miscounted {
    my ($program) = @_;
    my $sum = "SELECT coalesce(sum(value::int), 0) FROM crashmon.runs, jsonb_each(outcomes) WHERE key";
    my $jobs = () = $rows =~ /INSERT INTO jobs /g;
    my $requests = () = $rows =~ /INSERT INTO priorityjobs /g;
    my %counts = (
        'crashmon-scan' => "($sum = 'queued') - (SELECT count(*) - $jobs FROM jobs)",
        'crashmon-priority' => "($sum <> 'left') - (SELECT $requests - count(*) FROM priorityjobs)",
        'crashmon-cleanup' => "($sum <> 'left') - (SELECT $jobs - count(*) FROM jobs)",
    );
    my ($more) = grep({ /^--(adopt|release)/ } @options) ? 0 : sql("SELECT $counts{$program}");
    return $program eq 'crashmon-cleanup' && $more =~ /^[12]$/ ? 0 : $more;
}

# Every call of these names that an undisturbed run makes once its configuration is read, as
# [name, its number among the calls of that name in its thread, what it was]. strace counts by
# thread, too, and meets the number in each: one that the loader has used up is none of ours.
sub calls {
    my ($program, @names) = @_;
    restore();
    run($program, traced(@names, 'openat'));
    my (%count, %known, %loader, @calls, $begun);
    open my $trace, '<', "$here/trace" or die;
    while (<$trace>) {
        next unless /^(\d+) +(\w+)\((.*)/;
        my ($thread, $name, $what) = ($1, $2, $3);
        my $number = ++$count{$thread}{$name};
        $begun ||= $what =~ /crashmon\.conf/;
        $loader{$name} = $number if !$begun;
        push @calls, [$name, $number, $what]
            if $number > ($loader{$name} // 0) && !$known{$name, $number}++
            && grep { $_ eq $name } @names;
    }
    return grep { "@besides" !~ /^$_->[0]:/ } @calls;
}

sub all { return ($ENV{FAULTS} // '') eq 'all' }

# A part of a list, spread over all of it; the whole list when FAULTS is "all".
sub sample {
    my ($size, @list) = @_;
    return @list if all() || @list <= $size;
    my $offset = int rand(@list / $size);
    return map { $list[min($#list, $offset + int($_ * @list / $size))] } 0 .. $size - 1;
}

# --- what is there

# One line for each file, link, row: all that the programs are there for. A job that waits as its pair
# is missing is none: a run that was killed may have put the pair into quarantine, which the files show. What differs between two
# good runs (times, owners, what quarantine says of the moment) is left out.
sub state {
    my ($program) = @_;
    my @state;
    for my $root ("$live/spool", "$live/deferred", "$live/archive", $copy || "$live/failed") {
        find({ no_chdir => 1, wanted => sub {
            my $name = s/^\Q$root\E//r;
            $name =~ s{/quarantine/\d{8}}{/quarantine};
            my $where = $root =~ s{.*/}{}r;
            $where = 'failed' if $copy && $root eq $copy;
            return push @state, "$where$name" if $name eq '/.crashmon';
            return if m{/\.quarantined\.}; # the row has gone, and the run was killed
            return if -l && $program eq 'crashmon-priority' && ($where eq 'deferred' || m{/name/});
            if (-l) { push @state, "$where$name -> " . readlink }
            elsif (-f) { push @state, "$where$name " . ($name =~ m{/reason$} ? '' : digest($_)) }
            elsif (!-d) { push @state, "$where$name" }
        } }, $root);
    }
    push @state, sql("
        SELECT 'job', uuid, pathname, priority, success, storage, owner IS NULL,
               starteddatetime IS NULL, missingdatetime IS NULL,
               (SELECT place FROM crashmon.storages WHERE identity = root)
        FROM jobs WHERE missingdatetime IS NULL;
        SELECT 'request', uuid FROM priorityjobs;
        SELECT 'processor', name FROM processors;
        SELECT 'place', storage, place, path FROM crashmon.storages");
    push @state, sql("SELECT 'preferred', uuid FROM priority_jobs_1 UNION SELECT 'preferred', uuid FROM priority_jobs_2")
        if $program eq 'crashmon-priority';
    return join "\n", sort @state;
}

sub digest {
    my ($file) = @_;
    return Digest::SHA->new(1)->addfile($file)->hexdigest;
}

# What a disturbed run and a second one have made different from the reference; '' for nothing.
sub difference {
    my ($reference, $now) = @_;
    my %was = map { $_ => 1 } split /\n/, $reference;
    my %is  = map { $_ => 1 } split /\n/, $now;
    return join "\n", (map { "- $_" } grep { !$is{$_} } sort keys %was), (map { "+ $_" } grep { !$was{$_} } sort keys %is);
}

sub log_text { return -e "$here/log" ? get_text("$here/log") : '' }

1;
