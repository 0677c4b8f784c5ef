#!/usr/bin/perl
# order - the order in which an undisturbed run changes the disk and the database, as strace sees
# it: on it alone depends what a crash leaves. Each rule is also shown a run that breaks it.
use strict;
use warnings;
use Cwd qw(realpath);
use File::Basename;
use File::Temp;
use List::Util qw(first);
use lib dirname(realpath(__FILE__));
use Faults;
use Test::More;

my $crash_id = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

# --- what the program says to the server, and hears

my (%said, %heard, %prepared);    # by connection; statements also by their name

# Takes the complete messages off a stream, as [type, body]. The first one of a client has no type.
sub messages {
    my ($stream, $typed) = @_;
    my @messages;
    while (length $$stream >= $typed + 4) {
        my $length = unpack 'N', substr $$stream, $typed, 4;
        last if length $$stream < $typed + $length;
        push @messages, [substr($$stream, 0, $typed), substr $$stream, $typed + 4, $length - 4];
        substr($$stream, 0, $typed + $length) = '';
        $typed = 1;
    }
    return @messages;
}

# What a statement is in the order of things, if anything.
sub statement {
    my ($query, @values) = @_;
    return ['ask', lc $1] if $query =~ /(?:^|;)\s*(commit|rollback)\b/i;
    return ['insert', "@values" =~ /$crash_id/g] if $query =~ /^\s*insert into crashmon ?\. ?jobs\b/i;
    return ['delete', $values[0] =~ /\d+/g] if $query =~ /\bdelete from crashmon ?\. ?jobs\b/i;
    return;
}

sub say_to_server {
    my ($connection, $data) = @_;
    my $typed = exists $said{$connection} ? 1 : 0;
    $said{$connection} .= $data;
    my @events;
    for (messages(\$said{$connection}, $typed)) {
        my ($type, $body) = @$_;
        if ($type eq 'Q') {
            push @events, statement($body);
        } elsif ($type eq 'P') {
            my ($name, $query) = unpack 'Z* Z*', $body;
            $prepared{$connection, $name} = $query;
        } elsif ($type eq 'B') {
            my (undef, $name, $rest) = unpack 'Z* Z* a*', $body;
            my $formats = 2 * unpack 'n', $rest;
            my @values = unpack "x2 x$formats n/(N/a)", $rest;
            push @events, statement($prepared{$connection, $name}, @values);
        }
    }
    return @events;
}

sub hear {
    my ($connection, $data) = @_;
    $heard{$connection} .= $data;
    return map { $_->[0] eq 'C' && $_->[1] =~ /^(COMMIT|ROLLBACK)\0/ ? ['answer', lc $1] : () }
        messages(\$heard{$connection}, 1);
}

# --- the trace as a list of events

my $string = qr/"((?:[^"\\]|\\.)*)"/;
my $file = qr/-?\w+<([^>]*)>/;
my $flush = qr/syncfs|fsync|fdatasync/;

sub unescape {
    my ($text) = @_;
    my %escaped = (n => "\n", t => "\t", r => "\r", v => "\x0b", f => "\f");
    $text =~ s{\\(?:([0-7]{1,3})|(.))}{defined $1 ? chr oct $1 : $escaped{$2} // $2}ges;
    return $text;
}

# What happens when a call begins,
sub begins {
    my ($call) = @_;
    return say_to_server($1, substr unescape($2), 0, $3)
        if $call =~ /^sendto\($file, $string, .* = (\d+)$/;
    return ['remove', "$1/$2"] if $call =~ /^unlinkat\($file, $string, 0\) += 0$/;
    return ['flush', $2, $1] if $call =~ /^($flush)\($file\) += 0$/;
    return;
}

# and what has happened when it returns.
sub returns {
    my ($call) = @_;
    return hear($1, unescape($2)) if $call =~ /^recvfrom\($file, $string, .* = \d+$/;
    return ['rename', "$1/$2", "$3/$4"]
        if $call =~ /^renameat2?\($file, $string, $file, $string.*\) += 0$/;
    return ['write', $1] if $call =~ /^(?:write|sendfile)\($file, .* = \d+$/;
    return ['write', $1] if $call =~ /^openat\(.*O_CREAT.* = $file$/;
    return ['flushed', $1] if $call =~ /^(?:$flush)\($file\) += 0$/;
    return;
}

# Calls of several threads overlap; then the halves of a call are on two lines.
sub events {
    my ($path) = @_;
    my (@halves, %begun);
    open my $trace, '<', $path or die;
    while (<$trace>) {
        my ($thread, $what) = /^(\d+) +(.*)/ or next;
        if ($what =~ s/ <unfinished \.\.\.>$//) {
            push @halves, $begun{$thread} = { call => $what, begins => 1 };
        } elsif ($what =~ /^<\.\.\. \w+ resumed>(.*)/) {
            $begun{$thread}{call} .= $1;
            push @halves, { call => $begun{$thread}{call}, returns => 1 };
        } else {
            push @halves, { call => $what, begins => 1, returns => 1 };
        }
    }
    return map {
        my ($call, $begins, $returns) = @$_{qw(call begins returns)};
        ($begins ? begins($call) : (), $returns ? returns($call) : ())
    } @halves;
}

# --- what is not yet on disk

sub device {
    my ($path) = @_;
    $path = dirname $path until -e $path;
    return (stat $path)[0];
}

# The bytes of a file, or a name in its directory, that a power cut may take, until a flush that
# began later has ended.
sub track {
    my ($at_risk, $event) = @_;
    my ($what, $path, $more) = @$event;
    my $unsafe = $at_risk->{unsafe} //= {};
    if ($what eq 'write') {
        $unsafe->{"bytes $path"} = 1;
    } elsif ($what eq 'remove' || $what eq 'rename') {
        $unsafe->{"name " . ($more // $path)} = 1;
    } elsif ($what eq 'flush') {
        $at_risk->{flushing}{$path} = [grep {
            my ($kind, $of) = split / /, $_, 2;
            $more eq 'syncfs' ? device($of) == device($path)
                              : $path eq ($kind eq 'name' ? dirname $of : $of);
        } keys %$unsafe];
    } elsif ($what eq 'flushed') {
        delete @$unsafe{ @{ $at_risk->{flushing}{$path} // [] } };
    }
    return $unsafe;
}

# --- the rules; each returns how it was broken

# scan and priority: a link goes when its crash is known to be queued, or is safe in quarantine.
sub links_go_last {
    my ($known, @events) = @_;
    my (%at_risk, %quarantined, @open, @asked, @broken);
    my %queued = map { $_ => 1 } @$known;
    for my $event (@events) {
        my ($what, @about) = @$event;
        my $unsafe = track(\%at_risk, $event);
        if ($what eq 'insert') {
            push @open, @about;
        } elsif ($what eq 'ask') {
            push @asked, [splice @open];
        } elsif ($what eq 'answer') {
            my $these = shift @asked;
            @queued{@$these} = (1) x @$these if $about[0] eq 'commit';
        } elsif ($what eq 'rename' && $about[1] =~ m{/quarantine/.*($crash_id)\.[^/]*$}) {
            $quarantined{$1} = 1;
        } elsif ($what eq 'remove' && $about[0] =~ m{/($crash_id)(\.[^/]*)?$}) {
            my ($id, $suffix) = ($1, $2);
            my @unsafe = grep { m{/quarantine/.*\Q$id} } keys %$unsafe;
            push @broken, "$about[0]: a file is removed" if $suffix;
            push @broken, "$about[0]: neither queued nor in quarantine"
                if !$queued{$id} && (!$quarantined{$id} || @unsafe);
        }
    }
    return join "\n", @broken;
}

# cleanup: a row goes when all that was done to its pair is on disk; a copy gets its name when its
# bytes are, and the original goes when that name is. What was archived before is a copy, too. Of a
# crash without a row, a throttled one, the date link goes last.
sub rows_go_last {
    my ($rows, @events) = @_;
    my (%at_risk, %gone, %out_of_sight, @broken);
    my %copy = map { basename($_) => $_ } Faults::archived();
    my %has_row = map { $_ => 1 } values %$rows;
    for my $event (@events) {
        my ($what, @about) = @$event;
        my $unsafe = track(\%at_risk, $event);
        if ($what eq 'rename' && $about[0] =~ m{/\.$crash_id[^/]*$}) {
            push @broken, "$about[1]: gets its name before its bytes are flushed"
                if $unsafe->{"bytes $about[0]"};
            $copy{ basename $about[1] } = $about[1];
        } elsif ($what eq 'remove' && $about[0] =~ m{/($crash_id)[^/]*$} && !$has_row{$1}) {
            my $id = $1;
            push @broken, "$about[0]: removed after the date link" if $out_of_sight{$id};
            $out_of_sight{$id} = 1 if $about[0] =~ m{/date/};
        } elsif ($what eq 'remove' && $about[0] =~ m{/$crash_id\.[^/]*$}) {
            my $name = $copy{ basename $about[0] };
            push @broken, "$about[0]: removed before its copy is flushed"
                if !$name || $unsafe->{"name $name"};
        } elsif ($what eq 'delete') {
            for my $id (map { $rows->{$_} } @about) {
                push @broken, "$id: its row is deleted before the flush of: $_"
                    for grep { /\Q$id/ } keys %$unsafe;
                $gone{$id} = 1;
            }
        }
        push @broken, "$about[-1]: after its row was deleted"
            if $what =~ /^(?:rename|remove|write)$/ && $about[-1] =~ m{($crash_id)[^/]*$}
            && $gone{$1} && $about[-1] !~ m{/\.quarantined\.}; # the note goes last
    }
    return join "\n", @broken;
}

# --- the runs

# Returns the events of an undisturbed run, after the rows that it found.
sub run {
    my ($program) = @_;
    my $trace = File::Temp->new(TMPDIR => 1);
    Faults::set_stage($program);
    Faults::restore();
    my %rows = map { split /\|/ } Faults::sql("SELECT id, uuid FROM jobs WHERE storage = 'main'");
    my ($code, $output) = Faults::run($program, '-y', '-s', 1_000_000, '-o', $trace->filename,
        '-e', 'trace=sendto,recvfrom,unlinkat,renameat,renameat2,openat,write,sendfile,' .
        'syncfs,fsync,fdatasync');
    cmp_ok($code, '<=', 1, "$program runs under strace") or diag($output);
    return (\%rows, events($trace->filename));
}

# The events with the one at $from before the one at $to.
sub moved {
    my ($from, $to, @events) = @_;
    my ($event) = splice @events, $from, 1;
    splice @events, $to - ($from < $to), 0, $event;
    return @events;
}

# Where the first event like this is, from one on.
sub place {
    my ($like, $from, @events) = @_;
    return first { "@{ $events[$_] }" =~ $like } $from .. $#events;
}

for my $program (qw(crashmon-scan crashmon-priority)) {
    my ($rows, @events) = run($program);
    my $broken = sub { links_go_last([values %$rows], @_) };
    my @batches = grep { $_->[0] eq 'insert' } @events;
    cmp_ok(@batches, '>=', 3, "$program queues several batches");
    is($broken->(@events), '',
        "$program removes no link before the commit that queues its crash is answered");

    my $queued = join '|', map { @$_[1 .. $#$_] } @batches;
    my $removal = place(qr/^remove .*(?:$queued)$/, 0, @events);
    my $id = basename $events[$removal][1];
    my $answer = place(qr/^answer commit/, place(qr/^insert .*$id/, 0, @events), @events);
    like($broken->(moved($removal, $answer, @events)), qr/$id: neither/,
        '... one that does is seen');
    next if $program ne 'crashmon-scan';
    like($broken->(grep { "@$_" !~ m{^flush \S*/quarantine/} } @events), qr/: neither/,
        '... and one that goes before what is quarantined is flushed');
}

{
    my ($rows, @events) = run('crashmon-cleanup');
    my $breaks = sub {
        my ($from, $to, $how, $name) = @_;
        like(rows_go_last($rows, moved($from, $to, @events)), $how, $name);
    };
    my @batches = grep { $_->[0] eq 'delete' } @events;
    cmp_ok(@batches, '>=', 3, 'crashmon-cleanup deletes rows in several batches');
    is(rows_go_last($rows, @events), '',
        'crashmon-cleanup deletes no row before what it did to the pair is flushed');

    my ($move, $delete) = map { place($_, 0, @events) } qr/^rename .*$crash_id\.\w+$/, qr/^delete/;
    my $flush = place(qr/^flush/, $move, @events);
    $breaks->($move, $delete, qr/is deleted before/, '... a move after the flush is seen');
    $breaks->($move, $delete + 1, qr/after its row/, '... and one after the deletion');
    $breaks->($delete, $flush, qr/is deleted before/, '... and a deletion before the flush');
    my $row = join '|', values %$rows;
    my $last = place(qr{^remove \S*/date/\S*/(?!$row)$crash_id$}, 0, @events);
    my $throttled = basename $events[$last][1];
    $breaks->($last, place(qr{^remove \S*/$throttled\.}, 0, @events), qr/after the date link/,
        '... and a date link of a throttled crash before its files');
  SKIP: {
        my $named = place(qr{^rename \S*/\.$crash_id}, 0, @events)
            // skip 'there is no second file system', 2;
        my (undef, $copy, $final) = @{ $events[$named] };
        my $written = place(qr/^write \Q$copy/, 0, @events);
        my $removed = place(qr{^remove .*/\Q@{[basename $final]}\E$}, 0, @events);
        $breaks->($named, $written + 2, qr/before its bytes/, '... and a name before the bytes');
        $breaks->($removed, $named + 1, qr/before its copy/, '... and a removal before the copy');
    }
}
done_testing();
