#!/usr/bin/perl
# repair_chaos - both repairs, with no age to wait for, beside everything else: collectors that make
# their links first or last, scans, priority runs, processors, cleanups, some of which are killed. A
# repair must find what has been stranded on purpose, and must not take anything for stranded that
# only somebody else is at work on. For REPAIR_SECONDS (5), with FAULTS=all for CHAOS_SECONDS (60)
# and a thousand repairs.
use strict;
use warnings;
use File::Find;
use File::Path qw(make_path);
use File::Temp;
use FindBin qw($RealBin);
use List::Util qw(max);
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(time sleep);
use lib "$RealBin/..";
use Common;

my $all = ($ENV{FAULTS} // '') eq 'all';
my $seconds = $all ? $ENV{CHAOS_SECONDS} // 60 : $ENV{REPAIR_SECONDS} // 5;
my ($main, %running) = ($$);
@ENV{qw(PGDATABASE PGOPTIONS)} = ("crashmon_repair_$$", '-c client_min_messages=warning');
@SIG{qw(TERM INT HUP)} = (sub { exit 1 }) x 3;
system("createdb -T crashmon_template $ENV{PGDATABASE}") == 0 or die "no database\n";
END {
    if ($$ == $main) {
        local $?;
        kill KILL => keys %running;
        waitpid $_, 0 for keys %running;
        system("dropdb --force $ENV{PGDATABASE}");
    }
}

my $here = File::Temp->newdir('crashmon-repair.XXXXXX', TMPDIR => 1);
my ($spool, $deferred, $archive, $failed) = map { "$here/$_" } qw(spool deferred archive failed);
make_path("$spool/20000101", "$deferred/20000101", $archive, $failed, "$here/notes");
put_text("$here/conf", <<"END");
storage-root = $spool
deferred-storage-root = $deferred
save-successful-minidumps-to = $archive
save-failed-minidumps-to = $failed
log-file-pathname = $here/log
stderr-repeat-delay = 00:00:00
log-file-maximum-size = 0
settle-time = 00:00:02
incomplete-age = 00:00:00
batch-size = 7
END

sub sql {
    local $ENV{PGOPTIONS} = "$ENV{PGOPTIONS} $Common::path";
    open my $psql, '-|', 'psql', '-qAtX', '-v', 'ON_ERROR_STOP=1', map { ('-c', $_) } @_ or die;
    chomp(my @rows = <$psql>);
    close $psql or die "psql: @_\n";
    return @rows;
}

# What happens to a job is witnessed by the transaction that does it.
sql(<<'END');
CREATE TABLE public.witness (uuid text, what text);
CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.witness SELECT NEW.uuid, CASE WHEN TG_OP = 'INSERT' THEN 'queued'
        WHEN OLD.success IS NULL AND NEW.message LIKE 'crashmon: %' THEN 'failed by us' END;
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT OR UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION witness();
SELECT crashmon.register_processor('p');
END

# --- the parties: each notes what it did, a line each, in a file of its own

sub jot {
    my ($file, @lines) = @_;
    open my $out, '>>', "$here/notes/$file" or die;
    print $out map { "$_\n" } @lines;
}

sub noted {
    my ($file) = @_;
    return -e "$here/notes/$file" ? split /\n/, get_text("$here/notes/$file") : ();
}

sub collector {
    my ($root, @options) = @_;
    open my $out, '-|', "$RealBin/../collector", '--root', $root, '--age', 0, '--depth', int rand 5,
        '--day', rand() < 0.5 ? 20081225 : strftime('%Y%m%d', localtime), @options or die;
    chomp(my @ids = <$out>);
    close $out or die "collector\n";
    return @ids;
}

# The files come first, the date link last, and not at once.
sub collect_links_last {
    my $id = sprintf '%08x-%04x-%04x-%04x-%05x2081224', map { rand 2 ** $_ } 32, 16, 16, 16, 20;
    my ($name, $date) = ('name/' . join('/', unpack 'a2a2', $id), 'date/10/05/web_0');
    make_path("$spool/20081224/$name");
    (put_text("$spool/20081224/$name/$id.$_", "{$_}\n"), sleep rand 0.2) for qw(json dump);
    symlink "../../../$date", "$spool/20081224/$name/$id" or die;
    for (my $try = 0; !symlink "../../../../$name", "$spool/20081224/$date/$id"; $try++) {
        die "no date link: $!\n" if $try > 5;
        make_path("$spool/20081224/$date");
    }
    return $id;
}

my $is_quiet; # nothing is killed any more
sub program {
    my ($program, @options) = @_;
    my $child = open(my $out, '-|') // die;
    if (!$child) {
        open STDERR, '>&', \*STDOUT;
        exec "$ENV{BUILD}/$program", "--config=$here/conf", @options;
    }
    if (!$is_quiet && !grep { /repair/ } @options and rand() < 0.05) {
        sleep rand 0.03;
        kill KILL => $child;
    }
    chomp(my @lines = <$out>);
    close $out;
    jot('bad', "$program @options: $?: @lines")
        if $? && !(($? >> 8) =~ /^(?:0|1|75)$/) && $? != 9;
    return @lines;
}

my %parties = (
    collector => sub { jot('crashes', collector($spool, '--count', 1 + int rand 9), collect_links_last()); sleep 0.05 },
    throttler => sub {
        my @ids = collector($deferred, '--count', 5);
        jot('throttled', @ids);
        sql(map { "SELECT crashmon.request_crash('$_')" } @ids[0, 1]);
        jot('requested', @ids[0, 1]);
    },
    strander => sub { jot('stranded', collector($spool, '--without', 'links')); sleep 0.2 },
    scan1 => sub { program('crashmon-scan') },
    scan2 => sub { program('crashmon-scan') },
    priority => sub { program('crashmon-priority') },
    cleanup1 => sub { program('crashmon-cleanup') },
    cleanup2 => sub { program('crashmon-cleanup', '--limit=5') },
    processor => sub {
        sql("SELECT CASE WHEN random() < 0.8 THEN crashmon.job_succeeded(id)
                    ELSE crashmon.job_failed(id, 'no') END FROM crashmon.take_jobs(1, 20)");
    },
    map({ my $program = $_; (
        "$program dry" => sub {
            jot('listed', program($program, '--repair', '--dry-run'));
            jot('rounds', $program);
        },
        "$program wet" => sub { program($program, '--repair'); jot('rounds', $program) },
    ) } qw(crashmon-scan crashmon-cleanup)),
);

my $end = time + $seconds;
for my $party (sort keys %parties) {
    my $pid = fork // die;
    $running{$pid} = $party, next if $pid;
    @SIG{qw(TERM INT HUP)} = ('DEFAULT') x 3;
    srand($$ ^ time);
    $parties{$party}->() while time < $end || ($all && noted('rounds') < 1000);
    POSIX::_exit(0);
}
while ((my $pid = wait) > 0) {
    is($?, 0, "$running{$pid} goes on to the end");
    delete $running{$pid};
}

# --- the quiet, and the account

sleep 2.1;
$is_quiet = 1;
program('crashmon-scan', '--repair');
sql("SELECT crashmon.heartbeat(1)");
program($_) for qw(crashmon-scan crashmon-priority);
sql("SELECT crashmon.job_succeeded(id) FROM jobs WHERE success IS NULL");
program('crashmon-cleanup') for 1 .. 3;

my %times;
my @queued = sql("SELECT uuid FROM witness WHERE what = 'queued'");
$times{$_}++ for @queued;
my @stranded = noted('stranded');
my %is_stranded = map { $_ => 1 } @stranded;
my %expected = map { $_ => 1 } noted('crashes'), noted('requested'), @stranded;
jot('found', map { /INFO - ((?:unqueued|half|dangling|deferred|nowhere|archived|twice) .*)/ ? $1 : () }
              split /\n/, get_text("$here/log"));

diag sprintf '%d repairs, %d crashes, %d of them stranded', scalar noted('rounds'), scalar keys %expected, scalar @stranded;
is_deeply([noted('bad')], [], 'no run ends badly');
is_deeply([grep { !/^unqueued (\S+) / || !$is_stranded{$1} } noted('listed')], [],
    'a dry run lists nothing but what is stranded');
is_deeply([grep { !/^unqueued (\S+) / || !$is_stranded{$1} } noted('found')], [],
    'a repair finds nothing but what is stranded');
cmp_ok(scalar(noted('found')), '>=', scalar(@stranded), 'it finds all that is') if @stranded;
is_deeply([sort keys %times], [sort keys %expected], 'what was to be queued has been');
is_deeply([grep { $times{$_} > 1 } sort keys %times], [], 'no crash is queued twice');
is_deeply([sql("SELECT uuid FROM witness WHERE what = 'failed by us'")], [], 'no job fails');
is_deeply([sql('SELECT uuid FROM jobs')], [], 'all is put away');

my %lies;
find({ no_chdir => 1, wanted => sub {
    my ($id) = m{/([0-9a-f-]{36})\.(?:json|dump)$} or return;
    $lies{ /^\Q$spool\E/ ? 'spool' : /^\Q$deferred\E/ ? 'deferred' : 'away' }{$id}++;
} }, $spool, $deferred, $archive, $failed);
is_deeply($lies{away}, { map { $_ => 2 } keys %expected }, 'all pairs are in long-term storage, whole');
is_deeply($lies{spool} // {}, {}, 'none is left in the spool, nor in quarantine');
my %requested = map { $_ => 1 } noted('requested');
is_deeply($lies{deferred} // {}, { map { $_ => 2 } grep { !$requested{$_} } noted('throttled') },
    'what was throttled, and nobody asked for, is as it was');
done_testing();
