# Report.pm - what was measured, as a table, as JSON, and as a plot.
package Report;
use strict;
use warnings;
use JSON::PP;
use List::Util qw(max min);
use Stage;

# What a target may be about: how it is written, and how it follows from the medians of the program
# (wall) and its floors.
my %measures = (
    disk   => ['%.2f', 'x disk', sub { $_[0]{wall} / $_[0]{disk} }],
    safe   => ['%.2f', 'x safe disk', sub { $_[0]{wall} / $_[0]{safe} }],
    base   => ['%.2f', 'x database', sub { $_[0]{wall} / $_[0]{base} }],
    bare   => ['%.2f', 'x the larger of disk and database',
               sub { $_[0]{wall} / max(@{$_[0]}{qw(disk base)}) }],
    plain  => ['%.2f', 'x the sum of disk and database',
               sub { $_[0]{wall} / ($_[0]{disk} + $_[0]{base}) }],
    larger => ['%.2f', 'x the larger of safe disk and database',
               sub { $_[0]{wall} / max(@{$_[0]}{qw(safe base)}) }],
    sum    => ['%.2f', 'x the sum of safe disk and database',
               sub { $_[0]{wall} / ($_[0]{safe} + $_[0]{base}) }],
    wall   => ['%.3f', 'seconds', sub { $_[0]{wall} }],
    over   => ['%.3f', 'seconds over connecting', sub { $_[0]{wall} - $_[0]{connect} }],
);

# What shows how the cost of a crash depends on how many there are.
our @backlog_turns = ('disk floor', 'disk floor, safe', 'crashmon-scan');

sub new {
    my ($class, %report) = @_;
    open my $load, '<', '/proc/loadavg';
    my ($before) = split ' ', <$load>;
    $report{about} = {
        version    => output("$report{build}/crashmon-scan", '--version'),
        server     => output('postgres', '--version'),
        processors => 0 + output('nproc'),
        kernel     => output('uname', '-r'),
        load       => 0 + $before,
        rounds     => 0 + $report{rounds},
    };
    return bless {%report, results => [], backlog => []}, $class;
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return ($sorted[$#sorted / 2] + $sorted[@sorted / 2]) / 2;
}

sub column { my ($turn, $name) = @_; return map { $_->{$name} } @{$turn->{taken}} }

sub summary {
    my ($size, $work, $turn) = @_;
    my @wall = column($turn, 'wall');
    return {
        crashes => $size, work => $work->{name}, name => $turn->{name},
        wall => median(@wall), wall_min => min(@wall), wall_max => max(@wall), walls => \@wall,
        cpu => median(column($turn, 'cpu')), server_cpu => median(column($turn, 'server')),
        peak_mib => max(column($turn, 'peak_kib')) / 1024,
        calls_a_crash => $turn->{calls},
        run => $turn->{is_program} ? median(column($turn, 'run')) : undef,
        is_program => $turn->{is_program},
    };
}

sub thousands { my ($text) = @_; 1 while $text =~ s/(\d)(\d{3})(?!\d)/$1,$2/; return $text }

sub print_head {
    my ($self, $size) = @_;
    my $about = $self->{about};
    if (!$self->{begun}++) {
        @$about{qw(disk memory)} = ($Stage::description, $Stage::memory);
        my $doubt = $about->{load} > 0.5 ? ' (not quiet: do not trust what follows)' : '';
        print "$about->{version}, $about->{server}\n",
              "$about->{processors} processors, load $about->{load} at the start$doubt\n",
              "$about->{disk}; the server's shared memory in $about->{memory}\n",
              "medians of $about->{rounds} rounds; system calls for each crash\n";
    }
    printf "\n%-34s %26s %15s %8s %8s\n", thousands($size) . ' crashes', 'seconds      ',
        'CPU seconds', 'peak', 'system';
    printf "%-34s %8s  %-16s %7s %7s %8s %8s\n", '', 'median', '(min-max)', 'own', 'server',
        'MiB', 'calls';
}

sub print_turn {
    my ($result) = @_;
    printf "  %-32s %8.3f  %-16s %7.2f %7.2f %8.1f %8s\n", $result->{name}, $result->{wall},
        sprintf('(%.3f-%.3f)', @$result{qw(wall_min wall_max)}), $result->{cpu},
        $result->{server_cpu}, $result->{peak_mib},
        defined $result->{calls_a_crash} ? sprintf '%.1f', $result->{calls_a_crash} : '';
}

sub print_target {
    my ($format, $value, $limit, $unit) = @_;
    my $kept = $value <= $limit;
    printf "      $format $unit, at most $format: %s\n", $value, $limit, $kept ? 'kept' : 'MISSED';
    return (at_most => $limit, is => $value, kept => $kept ? JSON::PP::true : JSON::PP::false);
}

# The program compared with itself as it was before, turn by turn, as both meet the same minutes.
sub print_before {
    my ($work, @results) = @_;
    my ($program, $before) = map { my $which = $_; grep { $_->{$which} } @{$work->{turns}} }
                             qw(is_program is_before);
    return if !$before;
    my @ratios = map { $program->{taken}[$_]{wall} / $before->{taken}[$_]{wall} }
                 0 .. $#{$before->{taken}};
    my ($result) = grep { $_->{is_program} } @results;
    my $memory = $result->{peak_mib} - max(column($before, 'peak_kib')) / 1024;
    $result->{before} = {
        print_target('%.3f', median(@ratios), 1.03, 'x the program before (median of the turns)'),
        memory_mib => $memory};
    printf "      %+.1f MiB of memory\n", $memory;
}

# What the program took compared with its floors, and whether the targets are kept.
sub judge {
    my ($work, @results) = @_;
    my ($program) = grep { $_->{is_program} } @results;
    my %seconds = (wall => $program->{wall});
    my %names = ('disk floor' => 'disk', 'disk floor, safe' => 'safe', 'database floor' => 'base',
                 'psql: SELECT 1' => 'connect');
    $seconds{$names{$_->{name}}} = $_->{wall} for grep { $names{$_->{name}} } @results;

    my @ratios = grep { defined $seconds{$_} } qw(disk safe base);
    push @ratios, 'bare', 'plain' if $seconds{disk} && $seconds{base};
    push @ratios, 'larger', 'sum' if $seconds{safe} && $seconds{base};
    $program->{ratios} = {map { $_ => $measures{$_}[2]->(\%seconds) } @ratios};
    my %target = map { $_->[0] => 1 } @{$work->{targets}};
    my @told = map { sprintf "$measures{$_}[0] $measures{$_}[1]", $program->{ratios}{$_} }
               grep { !$target{$_} } @ratios;
    print '      ', join(', ', @told), "\n" if @told;

    print_before($work, @results);
    for my $target (@{$work->{targets}}) {
        my ($what, $limit) = @$target;
        my ($format, $unit, $compute) = @{$measures{$what}};
        my $value = $compute->(\%seconds);
        push @{$program->{targets}}, {what => $what, print_target($format, $value, $limit, $unit)};
    }
}

# The results for a number of crashes.
sub add {
    my ($self, $size, @works) = @_;
    $self->print_head($size);
    for my $work (@works) {
        my @results = map { summary($size, $work, $_) } @{$work->{turns}};
        print thousands($work->{name}), "\n";
        print_turn($_) for @results;
        judge($work, @results);
        push @{$self->{results}}, @results;
    }
    $self->add_backlog($size, $works[0]) if $works[0]{name} eq 'scan';
}

sub add_backlog {
    my ($self, $size, $work) = @_;
    my %turns = map { $_->{name} => $_ } @{$work->{turns}};
    push @{$self->{backlog}},
        {crashes => $size, map { $_ => summary($size, $work, $turns{$_}) } @backlog_turns};
}

# Of a program what it took after connecting: that costs the same whatever the backlog.
sub microseconds {
    my ($result, $which) = @_;
    my $seconds = $result->{$which} - ($result->{run} ? $result->{wall} - $result->{run} : 0);
    return $seconds / $result->{crashes} * 1e6;
}

sub spread { return max(@_) / min(@_) }

# The cost of a crash, and that over its floor, which has a jump of its own and is what is judged; and
# the memory.
sub print_backlog {
    my ($self) = @_;
    my (@scans, @ratios, @peaks);
    printf "\n%-34s %12s %18s %16s %8s %8s\n", 'scan: microseconds a crash', @backlog_turns,
        'x safe', 'MiB';
    for my $at (@{$self->{backlog}}) {
        my @costs = map { microseconds($at->{$_}, 'wall') } @backlog_turns;
        push @scans, $costs[2];
        push @ratios, $costs[2] / $costs[1];
        push @peaks, $at->{'crashmon-scan'}{peak_mib};
        printf "  %32s %12.1f %18.1f %16.1f %8.2f %8.1f\n", thousands($at->{crashes}), @costs,
            $ratios[-1], $peaks[-1];
    }
    printf "      %.2f x between the largest and the smallest cost\n", spread(@scans);
    $self->{flat} = [
        {what => 'cost', print_target('%.2f', spread(@ratios), 1.3,
                                      'x between the largest and the smallest "x safe"')},
        {what => 'memory', print_target('%.1f', max(@peaks) - min(@peaks), 1,
                                        'MiB between the largest and the smallest peak')}];
}

sub plot {
    my ($self, $path) = @_;
    my $tics = join ', ', map { sprintf "'%s' %d", thousands($_), $_ }
                          map { $_->{crashes} } @{$self->{backlog}};
    my $lines = join ', ', map { "'-' using 1:2:3:4 with yerrorlines linewidth 2 title '$_'" }
                           @backlog_turns;
    my $script = <<"END";
set terminal pngcairo size 900, 560
set output '$path'
set title 'crashmon-scan and its floors: median, minimum, maximum'
set xlabel 'new crashes in the spool'
set ylabel 'microseconds a crash'
set logscale x
set xtics ($tics)
set yrange [0:]
set grid
set key bottom right
plot $lines
END
    for my $name (@backlog_turns) {
        for my $at (@{$self->{backlog}}) {
            my $result = $at->{$name};
            $script .= join(' ', $at->{crashes},
                            map { microseconds($result, $_) } qw(wall wall_min wall_max)) . "\n";
        }
        $script .= "e\n";
    }
    put_text("$Stage::work/plot", $script);
    run(['gnuplot', "$Stage::work/plot"]);
}

sub finish {
    my ($self) = @_;
    my $to = "$self->{build}/bench";
    if (@{$self->{backlog}}) {    # none, where BENCH_ONLY has left the scan out
        $self->print_backlog();
        $self->plot("$to/backlog.png");
    }
    put_text("$to/bench.json", JSON::PP->new->pretty->canonical->encode(
        {about => $self->{about}, results => $self->{results}, backlog => $self->{backlog},
         flat => $self->{flat}}));
    print "\nIn $to: ", join(', ', 'bench.json', @{$self->{backlog}} ? 'backlog.png' : ()), "\n";
}

1;
