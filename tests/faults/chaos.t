#!/usr/bin/perl
# chaos - everything at once. For CHAOS_SECONDS (10) a collector writes into both roots, processors
# take and finish jobs, one of them falls silent with jobs in hand, a reporter asks for crashes, and
# the three programs run several at a time; they are ended, killed, and their sessions cut. Then all
# becomes quiet, each program runs once undisturbed, and every crash must be accounted for.
# CHAOS_SEED repeats the choices of a run; who comes first is the machine's to say. Only with
# FAULTS=all.
use strict;
use warnings;
use File::Find;
use File::Temp;
use FindBin qw($RealBin);
use IPC::Open3;
use List::Util qw(min uniq);
use POSIX qw(:sys_wait_h strftime);
use Test::More;
use Time::HiRes qw(time sleep);
use lib "$RealBin/..";
use Common;
BEGIN { plan skip_all => 'only with FAULTS=all' if ($ENV{FAULTS} // '') ne 'all' }

my ($seconds, $seed) = ($ENV{CHAOS_SECONDS} // 10, $ENV{CHAOS_SEED} // int rand 1e9);
my $check_in = 2;    # seconds; a processor that is silent for twice as long is dead
my %running;         # our children that are not reaped, by process id: nobody else gets a signal
my (@runs, @codes);  # all that we have started; how the quiet runs ended
diag "CHAOS_SEED=$seed";
@ENV{qw(PGDATABASE PGOPTIONS)} = ("crashmon_chaos_$$", '-c client_min_messages=warning');
@SIG{qw(TERM INT HUP)} = (sub { exit 1 }) x 3;
system("createdb -T crashmon_template $ENV{PGDATABASE}") == 0 or die "no database\n";
END {
    local $?;
    kill KILL => keys %running;
    waitpid $_, 0 for keys %running;
    system("dropdb --force $ENV{PGDATABASE}");
}

# --- the stage
# Failed pairs go to another file system where there is one: they are copied.
my $here = File::Temp->newdir('crashmon-chaos.XXXXXX', TMPDIR => 1);
my $far  = $ENV{OTHER_DISK} ? File::Temp->newdir('crashmon-chaos.XXXXXX', DIR => $ENV{OTHER_DISK}) : $here;
my %root = (map({ $_ => "$here/$_" } qw(spool deferred archive)), failed => "$far/failed");
mkdir $_ or die for values %root;
put_text("$here/crashmon.conf", <<END);
storage-root = $root{spool}
deferred-storage-root = $root{deferred}
save-successful-minidumps-to = $root{archive}
save-failed-minidumps-to = $root{failed}
log-file-pathname = $here/log
stderr-repeat-delay = 00:00:00
log-file-maximum-size = 200000
log-file-line-format-string = %(asctime)s %(levelname)s %(name)s[%(process)d] - %(message)s
processor-check-in-time = 00:00:0$check_in
settle-time = 00:00:01
incomplete-age = 00:00:04
give-up-after = 00:00:03
batch-size = 3
END

# A session of psql: a function that answers a statement with its rows.
sub session {
    local $ENV{PGAPPNAME} = $_[0];
    local $ENV{PGOPTIONS} = $Common::path;
    open3(my $ask, my $answer, undef, qw(psql -qAtX));
    return sub {
        my ($row, @rows);
        print $ask "$_[0];\n\\echo done\n";
        $ask->flush;
        push @rows, $row while defined($row = <$answer>) && $row ne "done\n";
        chomp @rows;
        return defined $row ? @rows : die "a session has ended: @rows\n";
    };
}

my $session = session('chaos');
sub sql {
    my @rows = $session->($_[0]);
    return "@rows" =~ /ERROR: / ? die "$_[0]: @rows\n" : @rows;
}

# What happens to a job is witnessed by the transaction that does it; processors add what they miss.
sql(<<'END');
CREATE TABLE public.witness (n bigserial, at time DEFAULT clock_timestamp(), uuid text, what text);
CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.witness (uuid, what) SELECT coalesce(NEW.uuid, OLD.uuid), CASE
        WHEN TG_OP = 'INSERT' THEN 'queued'
        WHEN TG_OP = 'DELETE' THEN 'removed'
        WHEN NEW.completeddatetime IS DISTINCT FROM OLD.completeddatetime THEN concat(
            CASE WHEN OLD.success IS NOT NULL THEN 'again ' END,
            CASE WHEN NEW.success THEN 'succeeded' ELSE 'failed' END)
        ELSE format('(owner %s, priority %s, started %s)', NEW.owner, NEW.priority,
                    NEW.starteddatetime::time) END;
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT OR UPDATE OR DELETE ON jobs
    FOR EACH ROW EXECUTE FUNCTION witness();
END

sub pick { return $_[rand @_] }

# --- children
# Starts a program, or a function of ours, and returns its record.
sub launch {
    my ($what, @command) = @_;
    my $output = File::Temp->new(DIR => "$here");
    local @SIG{qw(TERM INT HUP)} = ('DEFAULT') x 3;
    my $pid = fork // die;
    return $running{$pid} = $runs[@runs] =
        { what => $what, pid => $pid, output => $output, sent => '' } if $pid;
    open $_->[0], $_->[1], $_->[2]
        for [*STDIN, '<', '/dev/null'], [*STDOUT, '>&', $output], [*STDERR, '>&', $output];
    ref $command[0] ? eval { $command[0]->(); 1 } || warn $@ : exec @command;
    POSIX::_exit(0);
}

# Completes the records of those that have ended.
sub reap {
    for my $run (values %running) {
        waitpid($run->{pid}, WNOHANG) == $run->{pid} or next;
        $run->{code}  = $? & 127 ? 128 + ($? & 127) : $? >> 8;
        $run->{ended} = time;
        $run->{said}  = get_text(delete $run->{output});
        note_lot($run) if $run->{lot};
    }
    delete @running{ grep { $running{$_}{ended} } keys %running };
}

# Waits until something is so, a minute at most, while children end.
sub await {
    my ($what, $condition) = @_;
    for (my $deadline = time + 60; !$condition->(); sleep 0.05) {
        reap();
        die "waited in vain until $what\n" if time > $deadline;
    }
}

sub signal {
    my ($signal, @runs) = @_;
    kill $signal, $_->{pid} and $_->{sent} .= $signal for grep { $running{ $_->{pid} } } @runs;
}

# --- the collector
my @days  = (strftime('%Y%m%d', localtime), map { 20081200 + $_ } 1 .. 31);
my (%crash, @ids);    # what it has written, by id and in order

# What it writes: the metadata of the n-th crash, but for the id, and a dump.
my @metadata = map { get_text((glob "$here/reference/*/name/*/$_.json")[0]) =~ s/$_/%s/r }
               split /\n/, `$RealBin/../collector --root $here/reference --count 20 --depth 1`;
sub content {
    my ($id, $file) = @_;
    return sprintf $metadata[ $crash{$id}{n} ], $id if $file =~ /\.json$/;
    return 'MDMP' . "\x93\xa7" x ($crash{$id}{size} / 2 - 4) . 'PMDM';
}

sub write_lot {
    my ($where) = @_;
    my %lot = (where => $where, day => pick(@days), depth => int rand 5, dated => rand() < 0.9,
               size => pick(64, 5000, 300_000), extra => rand() < 0.2,
               half => rand() < 0.1 && $where eq 'spool');
    my $run = launch('collector', "$RealBin/../collector", '--root', $root{$where},
        (map { ("--$_", $lot{$_}) } qw(day depth size)), '--seed', int rand 1e9,
        '--time', sprintf('%02d:00', rand 24), '--web-heads', int rand 3, '--levels', pick(1 .. 4),
        '--age', pick(0, 0, 7200), '--order', pick(qw(links files)),
        '--count', $lot{half} ? 1 : 1 + int rand 20,
        $lot{half} ? qw(--without dump) : (), $lot{extra} ? qw(--extra browser) : (),
        $lot{dated} ? () : qw(--id-day none));
    $run->{lot} = \%lot;
    return $run;
}

sub note_lot {
    my ($run) = @_;
    push @ids, $1 and $crash{$1} = { %{ $run->{lot} }, n => $run->{lines}++ }
        while $run->{said} =~ s/^([0-9a-f-]{36})\n//;
}

# --- the programs
sub run_program {
    my ($program, @options) = @_;
    return launch($program, "$ENV{BUILD}/$program", "--config=$here/crashmon.conf", @options);
}

sub run_in_danger {
    my $run = run_program($_[0], '--lock-wait=00:00:0' . int rand 3);
    @$run{qw(doom fate)} = (time + 0.01 + rand() ** 2, pick(qw(KILL TERM))) if rand() < 0.4;
    return $run;
}

my ($cuts, $sessions) = (0, "FROM pg_stat_activity WHERE datname = current_database()
                             AND application_name ~ '^crashmon-'");
sub cut_session {
    my $one = pick(sql("SELECT pid $sessions ORDER BY pid")) // return;
    $cuts += sql("SELECT pg_terminate_backend(pid) $sessions AND pid = $one");
}

# A day later, as far as directories are concerned.
sub let_a_day_pass {
    system('find', @root{qw(spool deferred)}, qw(-ignore_readdir_race -type d -exec touch -cd), '2 days ago', '{}', '+');
    sql('UPDATE crashmon.storages SET swept = NULL');
}

# --- the processors: each a process with a session, in Socorro's way or with our functions
my %socorro = (
    register => "insert into processors (name) values ('%s') returning id",
    take     => 'update processors set lastseendatetime = now() where id = %1$d;
                 select id, pathname from jobs join priority_jobs_%1$d using (uuid)
                 where starteddatetime is null;
                 delete from priority_jobs_%1$d; select id, pathname from jobs where owner = %1$d
                 and starteddatetime is null order by priority desc, queueddatetime limit 1',
    start    => 'update jobs set starteddatetime = now() where id = %d',
    finish   => 'update jobs set completeddatetime = now(), success = %2$s where id = %1$d',
);
my %modern = (
    register => "SELECT crashmon.register_processor('%s')",
    take     => 'SELECT id, pathname FROM crashmon.take_jobs(%d, 6)',
    finish   => "SELECT CASE WHEN %2\$s THEN crashmon.job_succeeded(%1\$d)
                 ELSE crashmon.job_failed(%1\$d, 'corrupt minidump') END",
);

# Works until it is told to stop. A pair that is not there while its job is unfinished is missed;
# errors are told, but for the one that says that the processor was removed.
sub work {
    my ($name, $number, $way, $mortal) = @_;
    my ($session, $me, $stop) = session("processor $name");
    srand $seed + $number;
    local @SIG{qw(TERM INT HUP)} = (sub { $stop = 1 }) x 3;
    my $ask = sub {
        my ($what, @values) = @_;
        my @rows = $session->(sprintf $way->{$what} // $what, @values);
        my ($error) = grep { /^ERROR/ } @rows or return @rows;
        undef $me if $error =~ /is not registered|"priority_jobs_\d+" does not exist/;
        return defined $me ? $session->("INSERT INTO witness (what) VALUES (\$\$$error\$\$)") : ();
    };
    while (!$stop) {
        if (!defined $me) {
            ($me) = $ask->('register', $name);
            $ask->('CREATE TABLE IF NOT EXISTS priority_jobs_%d (uuid text PRIMARY KEY)', $me);
        }
        my @jobs = uniq $ask->('take', $me);
        sleep(@jobs ? 0.02 : 0.1);
        (undef $me, sleep 2.5 * $check_in) if $mortal && @jobs && rand() < 0.1;
        for (@jobs) {
            my ($job, $json) = split /\|/;
            $ask->('start', $job) if $way->{start};
            my $whole = eval { get_text($json) =~ /\}\n\z/
                && get_text($json =~ s/\.json$/.dump/r) =~ /\AMDMP.*PMDM\z/s };
            $ask->("INSERT INTO witness (uuid, what) SELECT uuid, 'missed' FROM jobs
                    WHERE id = $job AND success IS NULL") if !$whole;
            $ask->('finish', $job, $whole && rand() < 0.7 ? 'true' : 'false');
            sleep rand 0.01;
        }
    }
}

# --- the reporter
my %requested;
sub request {
    my @deferred = grep { $crash{$_}{where} eq 'deferred' } @ids;
    my $unknown  = sprintf '%08x-dead-4bad-beef-000002081201', rand 2 ** 32;
    my $id = pick($unknown, pick(@deferred), pick(@deferred), pick(@ids), $ids[-1]) // $unknown;
    $requested{$id} = 1;
    sql("SELECT crashmon.request_crash('$id')");
    sql("INSERT INTO priorityjobs VALUES ('no''id') ON CONFLICT DO NOTHING") if rand() < 0.05;
}

# --- the play
srand $seed;
my @processors = map { my $way = $_; launch("processor $_->[0]", sub { work(@$way) }) }
    ['ada', 1, \%modern], ['bob', 2, \%modern], ['cyd', 3, \%socorro], ['dan', 4, \%modern, 1];
await('all processors are there', sub { sql('SELECT id FROM processors') == 4 });

# What is done again and again, and the longest time from one beginning to the next.
my @players = map { { act => $_->[0], with => $_->[1], pause => $_->[2], next => 0 } } (
    [\&write_lot, 'spool', 0.2], [\&write_lot, 'deferred', 0.2],
    [\&request, '', 0.2], [\&cut_session, '', 2], [\&let_a_day_pass, '', 2],
    map({ [\&run_in_danger, "crashmon-$_", 0.5] } ('scan') x 4, ('priority', 'cleanup') x 2));
for (my $end = time + $seconds; time < $end; sleep 0.01) {
    reap();
    for my $player (grep { $_->{next} < time } @players) {
        next if ref $player->{run} && !$player->{run}{ended};
        $player->{next} = time + rand $player->{pause};
        $player->{run}  = $player->{act}->($player->{with});
    }
    signal($_->{fate}, $_)
        for grep { $_->{doom} && $_->{doom} < time && !$_->{sent} } values %running;
    signal('KILL', $processors[3]) if time > $end - 0.4 * $seconds;
}

# --- the quiet
sub quiet {
    my $run = run_program(@_);
    await("$_[0] ends", sub { defined $run->{ended} });
    push @codes, $run->{code};
}

signal('TERM', grep { $_->{what} =~ /^crashmon/ } values %running);
await('the players end', sub { !grep { $_->{what} !~ /^processor/ } values %running });
my $written = time;
await('no session is left', sub { !sql("SELECT pid $sessions") });
await('dan is dead and all has settled', sub { time > $written + 1.1 && !sql("
    SELECT id FROM processors
    WHERE name = 'dan' AND lastseendatetime >= now() - 2 * interval '$check_in s'") });
quiet('crashmon-scan');
sql("UPDATE priorityjobs SET requesteddatetime = now() - interval '1 hour'");
quiet('crashmon-priority');
await('the processors finish', sub { !sql('SELECT id FROM jobs WHERE success IS NULL') });
quiet('crashmon-cleanup');
quiet('crashmon-scan', '--incomplete-age=00:00:00');
signal('TERM', values %running);
await('the processors end', sub { !%running });

# --- the account
# Everything that is there, by crash id; but why a job has failed, beside its pair. Where a scan was killed between the two links, nothing but
# the date link may be left in the end: it becomes a reason in quarantine, and costs nothing else.
my (%found, %hollow, $reasons);
for my $where (sort keys %root) {
    find({ no_chdir => 1, wanted => sub {
        return if -d && !-l || m{/(?:\.crashmon|quarantine/\.lock)$};
        my $id    = /.*([0-9a-f]{8}-[0-9a-f-]{27})/ && $crash{$1} ? $1 : 'a stranger';
        my $piece = s{^\Q$root{$where}\E}{$where}r =~ s{/date/\K.*/}{.../}r;
        return $hollow{$id}++ if $crash{$id} && m{/quarantine/.*/reason$};
        return $reasons++ if m{/\Q$id\E\.reason$} && get_text($_) eq "corrupt minidump\n";
        $piece .= ' (wrong bytes)' if !-l && $crash{$id} && get_text($_) ne content($id, $_);
        push @{ $found{$id} }, $piece;
    } }, $root{$where});
}

my %story = map { split /\|/ } sql("SELECT uuid, string_agg(what, ' ' ORDER BY n) FROM witness
                                    WHERE what NOT LIKE '(%' AND uuid <> '' GROUP BY uuid");

# Where the pieces of a crash must be, after all that the witness has seen. Socorro's processors may
# finish what another one has just finished; then either verdict will do.
sub where_it_belongs {
    my $crash = $crash{ $_[0] } or return 'nowhere';
    my ($id, $day, $depth) = ($_[0], $crash->{day}, $crash->{dated} && $crash->{depth} || 4);
    my $pair  = join '/', $day, 'name', map({ substr $id, 2 * $_, 2 } 0 .. $depth - 1), $id;
    my @files = ('.json', $crash->{half} ? () : '.dump', $crash->{extra} ? '.browser.dump' : ());
    my $story = $story{$id} // '';
    my $good  = $story =~ /succ/ && ($story !~ /fail/ || grep { /^archive/ } @{ $found{$id} });
    return map { ($good ? 'archive' : 'failed') . "/$pair$_" } @files
        if $story =~ /^queued (succeeded|failed)( again (succeeded|failed))* removed$/;
    return map { "spool/quarantine/$day/$id/$id$_" } @files if $crash->{half} && $story eq '';
    return ("deferred/$day/date/.../$id", map { "deferred/$pair$_" } @files, '')
        if $crash->{where} eq 'deferred' && $story eq '' && !$requested{$id};
    return "in another story than '$story'";
}

# All that is known of a crash, and the end of each run that speaks of it in the log.
my $log = join '', map { -e "$here/log$_" ? get_text("$here/log$_") : '' }
                   map({ ".$_" } reverse 1 .. 50), '';
sub evidence {
    my ($id) = @_;
    my @lines = $log =~ /^.*\Q$id\E.*/mg;
    my %pids  = map { /\[(\d+)\] - / ? ($1, 1) : () } @lines;
    return join "\n", "$id belongs", map({ "    $_" } sort(where_it_belongs($id))),
        'is', map({ "    $_" } sort @{ $found{$id} // [] }),
        'was', map({ "    $_" } sql("SELECT at, what FROM witness WHERE uuid = '$id' ORDER BY n")),
        map({ "$_->{what}\[$_->{pid}] $_->{sent} ended with $_->{code} at "
              . strftime('%T', localtime $_->{ended}) } grep { $pids{ $_->{pid} } } @runs), @lines;
}

sub none {
    ok(@_ == 1, shift) or diag(scalar @_, map { "\n$_" } @_[0 .. min(9, $#_)]);
}

none('every crash is whole, once, in the one place where it belongs', map { evidence($_) }
     grep { join("\n", sort @{ $found{$_} // [] }) ne join("\n", sort(where_it_belongs($_))) }
     uniq(@ids, keys %found));
my @hollow = map { evidence($_) } grep { $hollow{$_} > $crash{$_}{half} } keys %hollow;
none('no link outlives its crash, but one for each scan that was killed, or lost its lock',
     @hollow > $cuts + grep({ "$_->{what} $_->{sent}" =~ /scan.*KILL/ } @runs) ? @hollow : ());
none('no processor is disturbed', sql('SELECT at, what FROM witness WHERE uuid IS NULL'));
none('no row and no request is left',
     sql("SELECT 'job', uuid FROM jobs UNION SELECT 'request', uuid FROM priorityjobs"));
ok(!grep({ $_ > 1 } @codes) && $codes[2] == 0, "quiet runs finish all that was begun (@codes)");

# The codes that are allowed, and why; no other is.
my $uncut  = $cuts;
my %may_be = (
    0   => sub { 1 },
    1   => sub { 1 },                       # some crash is always just being written
    68  => sub { 1 },                       # the machine has let the processors starve
    69  => sub { $uncut-- > 0 },            # its session was cut
    75  => sub { 1 },                       # another run was at work
    137 => sub { $_->{sent} =~ /KILL/ },
    143 => sub { $_->{sent} =~ /TERM/ },
);
none('every process ends with a code that its fate explains',
     map { "$_->{what}\[$_->{pid}] $_->{sent} ended with $_->{code}: $_->{said}" }
     grep { !$may_be{ $_->{code} } || !$may_be{ $_->{code} }->() } @runs);
none('what ends with 0 is silent', map { $_->{code} == 0 && $_->{said} || () } @runs);

none('the rows of the runs add up, and have the codes that the log and the system have', map {
    my ($pid, $ended, $code, $difference) = split /\|/;
    my ($real, $said) = map { @$_{qw(code said)} } grep { $_->{pid} == $pid } @runs;
    my $told = $real == $code && $log =~ /\[$pid\] - .*; exit code $code /;
    my $good = $told || $real == 137 || $said =~ /connection/;    # it was killed, or cut
    $ended eq 't' && $difference || !$good ? "$_, ended with $real: $said" : ();
} sql("SELECT pid, ended IS NOT NULL, coalesce(exit_code, -1), seen - (SELECT coalesce(sum(
       value::integer), 0) FROM jsonb_each_text(outcomes)), program, outcomes FROM crashmon.runs"));
none('no line of the log is torn', grep {
    !/^\d{4}-\d\d-\d\d [\d:]{8},\d{3} [A-Z]+ crashmon-\w+\[\d+\] - \S/ } split /\n/, $log);

my %ends;
$ends{"$_->{what} with $_->{code}"}++ for @runs;
diag(join ', ', @ids . ' crashes', map({ "$ends{$_} $_" } sort keys %ends), "$cuts sessions cut",
     sql("SELECT count(*) || ' ' || what FROM witness WHERE what NOT LIKE '(%' GROUP BY what"));
done_testing();
